//! Gateways of text messages: their secrets, the certificates that they are believed by, their names in the DNS.

use std::time::Duration;

use anyhow::Context;
use tokio::{net::lookup_host, time::timeout};

use super::{Findings, authority::named, places};
use crate::{
    ca::secret,
    config::{GatewaySettings, Settings, Way},
    sms::{connection::Trust, smpp},
};

/// How long the DNS may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// Reads what serving reads.
pub(super) fn look(settings: &Settings, findings: &mut Findings) {
    for gateway in &settings.sms.gateways {
        if let Some(file) = &gateway.ca_file {
            findings.take(&key(gateway, "ca_file"), Trust::of(Some(file)));
        }
        if let Some(source) = &gateway.secret {
            let read = secret::read(source).and_then(|secret| match gateway.way {
                Way::Smpp(_) => smpp::checked(secret),
                Way::Outbox | Way::Http(_) => Ok(secret),
            });
            findings.take(&named(&key(gateway, "secret"), source), read);
        }
        if matches!(gateway.way, Way::Outbox) {
            findings.take("sms.outbox", places::can_be_appended_to(&settings.sms.outbox));
        }
    }
}

/// Looks up their hosts. A server starts without them, and tries again.
pub(super) async fn look_for_hosts(settings: &Settings, findings: &mut Findings) {
    for gateway in &settings.sms.gateways {
        let (setting, host, port) = match &gateway.way {
            Way::Outbox => continue,
            Way::Http(http) => ("url", http.host(), 443),
            Way::Smpp(smpp) => ("address", smpp.host.clone(), smpp.port),
        };
        if let Err(error) = resolve(&host, port).await {
            findings.passes(&key(gateway, setting), format!("{error:#}"));
        }
    }
}

async fn resolve(host: &str, port: u16) -> anyhow::Result<()> {
    // An address of IPv6 has brackets in a URL, and nowhere else.
    let plain = host.trim_start_matches('[').trim_end_matches(']');
    let unknown = || format!("nobody knows the host {host}");
    let found = timeout(PATIENCE, lookup_host((plain, port))).await.with_context(unknown)?.with_context(unknown)?;
    anyhow::ensure!(found.count() > 0, unknown());
    Ok(())
}

fn key(gateway: &GatewaySettings, key: &str) -> String {
    format!("sms.{}.{key}", gateway.name)
}
