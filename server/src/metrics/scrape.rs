//! What is read when a monitor asks: how old what waits is, how long what ends lasts. It is remembered for some seconds,
//! so that nobody loads the database by asking often.

use std::time::Duration;

use prometheus_client::{encoding::prometheus_text, metrics::family::Family, registry::Registry};
use qcert_pki::Certificate;
use time::OffsetDateTime;
use tokio::{sync::Mutex, time::timeout};

use super::{AuthorityCertificate, Check, Connections, List, gauges, one};
use crate::{
    health::{self, Readiness},
    hex::hex,
    portal::Portal,
};

pub use prometheus_text::CONTENT_TYPE;

/// How long what was read is shown again.
const REMEMBERED: Duration = Duration::from_secs(5);
/// How long the database may take.
const PATIENCE: Duration = Duration::from_secs(2);

/// Of what there is one.
type NoLabels = [(&'static str, &'static str); 0];

/// What is read when somebody asks.
pub(super) struct Gauges {
    ready: super::Gauges<Check>,
    /// Without labels. A family, because what is not known is not shown.
    message: super::Gauges<NoLabels>,
    issuance: super::Gauges<NoLabels>,
    approval: super::Gauges<NoLabels>,
    connections: super::Gauges<Connections>,
    lists: super::Gauges<List>,
    certificates: super::Gauges<AuthorityCertificate>,
    read_at: Mutex<Option<Duration>>,
}

impl Gauges {
    pub(super) fn register(registry: &mut Registry) -> Self {
        let mut oldest = |name: &str, help: &str| -> super::Gauges<NoLabels> { gauges(registry, name, help) };
        Self {
            message: oldest("messages_oldest_waiting_seconds", "How long the oldest text message has waited"),
            issuance: oldest("issuances_oldest_waiting_seconds", "Since the confirmation of the oldest to be issued"),
            approval: oldest(
                "issuances_oldest_waiting_for_approval_seconds",
                "Since the confirmation of the oldest that waits for an operator",
            ),
            ready: one(registry, "ready", "Is this part of the server ready", Family::default()),
            connections: gauges(registry, "database_connections", "Connections to PostgreSQL, used and allowed"),
            lists: gauges(registry, "revocation_list_next_update_seconds", "Until the list has to be replaced"),
            certificates: gauges(registry, "ca_certificate_expiry_seconds", "Until the certificate ends"),
            read_at: Mutex::new(None),
        }
    }

    async fn read(&self, portal: &Portal) {
        let mut read_at = self.read_at.lock().await;
        let now = portal.clock.ticking();
        let age = read_at.and_then(|read_at| now.checked_sub(read_at));
        if age.is_some_and(|age| age < REMEMBERED) {
            return;
        }
        *read_at = Some(now);
        self.show(&health::readiness(portal).await, portal.clock.now());
        if let Some((used, limit)) = portal.store.connections_in_use() {
            self.connections.get_or_create(&Connections { state: "used" }).set(number(used));
            self.connections.get_or_create(&Connections { state: "limit" }).set(number(limit));
        }
        self.show_lists(portal).await;
        self.show_certificates(portal);
    }

    fn show(&self, readiness: &Readiness, now: OffsetDateTime) {
        for (check, state) in readiness.checks() {
            self.ready.get_or_create(&Check { check }).set(f64::from(u8::from(state.is_ok())));
        }
        let backlog = readiness.backlog.as_ref();
        let oldest = [
            (&self.message, backlog.map(|backlog| backlog.message)),
            (&self.issuance, backlog.map(|backlog| backlog.issuance)),
            (&self.approval, backlog.map(|backlog| backlog.approval)),
        ];
        for (gauge, since) in oldest {
            let Some(since) = since else {
                gauge.clear();
                continue;
            };
            let age = since.map_or(0.0, |since| seconds(since, now).max(0.0));
            gauge.get_or_create(&[]).set(age);
        }
    }

    async fn show_lists(&self, portal: &Portal) {
        let now = portal.clock.now();
        let shards = timeout(PATIENCE, portal.store.shards(now)).await;
        self.lists.clear();
        for shard in shards.ok().and_then(Result::ok).unwrap_or_default() {
            if let Some((_, _, next_update)) = shard.latest {
                let list = List { issuer: hex(&shard.issuer), shard: shard.shard };
                self.lists.get_or_create(&list).set(seconds(now, next_update));
            }
        }
        if let Ok(Some(list)) = portal.ca.root_list() {
            let root = List { issuer: "root".to_owned(), shard: String::new() };
            self.lists.get_or_create(&root).set(seconds(now, list.next_update()));
        }
    }

    fn show_certificates(&self, portal: &Portal) {
        let now = portal.clock.now();
        let show = |kind, certificate: &Certificate| {
            let labels = AuthorityCertificate { kind, key: hex(&certificate.key_identifier()) };
            self.certificates.get_or_create(&labels).set(seconds(now, certificate.not_after()));
        };
        for issuer in portal.ca.issuers().iter() {
            show("issuing", issuer.certificate());
            issuer.chain().last().into_iter().for_each(|root| show("root", root));
        }
    }
}

fn seconds(from: OffsetDateTime, to: OffsetDateTime) -> f64 {
    (to - from).as_seconds_f64()
}

fn number(count: usize) -> f64 {
    u32::try_from(count).map_or(f64::INFINITY, f64::from)
}

/// All metrics, in the text format of Prometheus.
pub async fn scrape(portal: &Portal) -> String {
    portal.metrics.gauges.read(portal).await;
    let mut text = String::new();
    // Writing to a text does not fail.
    let _ = prometheus_text::encode(&mut text, &portal.metrics.registry);
    text
}
