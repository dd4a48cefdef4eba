//! What hands text messages over: the outbox file, or a gateway of somebody else's. They are tried in their order, the
//! second with what the first certainly did not take.

use std::{path::PathBuf, sync::Arc, time::Duration};

use anyhow::Context;
use async_trait::async_trait;
use time::OffsetDateTime;

use super::{Message, connection::Trust, http::HttpGateway, outbox::Outbox, report, smpp};
use crate::{
    ca::secret,
    config::{GatewaySettings, Way},
    portal::Portal,
};

/// A message on its way out.
#[derive(Clone, Debug)]
pub struct Outgoing {
    /// Which.
    pub id: i64,
    /// The phone and the words.
    pub message: Message,
    /// When its password is too old.
    pub expires_at: OffsetDateTime,
}

/// What a gateway made of a message. A problem is a code, as `connection` or `status_403`: what a gateway says in words
/// may repeat the message.
#[derive(Clone, Debug, PartialEq)]
pub enum Sent {
    /// It took it, and calls it, or its parts, so in its reports.
    Accepted(Vec<String>),
    /// It certainly did not take it, and may the next time; not before so long, if it said so.
    NotNow(String, Option<Duration>),
    /// It certainly did not take it, and never will.
    Refused(String),
    /// Nobody knows whether it took it. If it did, it calls it so in its reports.
    Unknown(String, Vec<String>),
}

impl Sent {
    /// Its name among metrics.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Accepted(_) => "accepted",
            Self::NotNow(..) => "not_now",
            Self::Refused(_) => "refused",
            Self::Unknown(..) => "unknown",
        }
    }
}

/// A way out for messages.
#[async_trait]
pub trait Gateway: Send + Sync {
    /// Its name in the settings: `first` or `second`.
    fn name(&self) -> &str;
    /// How long it may take over a batch. None if a message may be handed to it twice, so that nobody needs to remember
    /// that it was.
    fn patience(&self) -> Option<Duration>;
    /// Hands a batch over; answers what became of each, in their order.
    async fn send(&self, messages: &[Outgoing]) -> Vec<Sent>;
    /// Does it have the session that it needs? None if it needs none.
    fn has_session(&self) -> Option<bool> {
        None
    }
    /// Takes leave, before the server ends.
    async fn close(&self) {}
}

/// The gateways, in their order.
#[derive(Clone)]
pub struct Gateways(Vec<Arc<dyn Gateway>>);

impl Gateways {
    /// These.
    pub fn new(gateways: Vec<Arc<dyn Gateway>>) -> Self {
        Self(gateways)
    }

    /// The outbox alone.
    pub fn outbox(path: PathBuf) -> Self {
        Self(vec![Arc::new(Outbox::new(path))])
    }

    /// Those of the settings.
    ///
    /// # Errors
    /// When a gateway's secret or its authorities cannot be read.
    pub fn open(portal: &Portal) -> anyhow::Result<Self> {
        let sms = &portal.settings.sms;
        let gateways = sms.gateways.iter().map(|gateway| open(portal, gateway).context(gateway.name));
        Ok(Self(gateways.collect::<anyhow::Result<_>>()?))
    }

    /// In their order.
    pub fn iter(&self) -> impl Iterator<Item = &dyn Gateway> {
        self.0.iter().map(|gateway| &**gateway)
    }
}

fn open(portal: &Portal, gateway: &GatewaySettings) -> anyhow::Result<Arc<dyn Gateway>> {
    let password = || gateway.secret.as_ref().map(secret::read).transpose();
    Ok(match &gateway.way {
        Way::Outbox => Arc::new(Outbox::new(portal.settings.sms.outbox.clone())),
        Way::Http(http) => Arc::new(HttpGateway {
            name: gateway.name,
            settings: (**http).clone(),
            timeout: gateway.timeout,
            trust: Trust::of(gateway.ca_file.as_deref())?,
            secret: password()?,
            report: report::address(&portal.origin, gateway.name, &portal.secrets.report_token(gateway.name)),
        }),
        Way::Smpp(settings) => Arc::new(smpp::SmppGateway::open(smpp::Parts {
            name: gateway.name,
            settings: settings.clone(),
            timeout: gateway.timeout,
            trust: Trust::of(gateway.ca_file.as_deref())?,
            password: smpp::checked(password()?.unwrap_or_default())?,
            store: Arc::clone(&portal.store),
            clock: Arc::clone(&portal.clock),
        })),
    })
}
