//! What is counted and measured, for a monitor to read (`/metrics`). Names and units are as Prometheus wants them; no
//! label has a value that somebody outside can choose, so there are never more series than routes, gateways and lists.

mod labels;
mod measured_store;
mod scrape;

use prometheus_client::{
    metrics::{
        counter::Counter,
        family::{Family, MetricConstructor},
        gauge::Gauge,
        histogram::Histogram,
        info::Info,
    },
    registry::Registry,
};
use std::sync::atomic::AtomicU64;

pub use labels::*;
pub use measured_store::MeasuredStore;
pub use scrape::{CONTENT_TYPE, scrape};

use crate::clock::{Clock, Stopwatch};

/// Counters by their labels.
pub type Counters<L> = Family<L, Counter>;
/// Gauges by their labels.
pub type Gauges<L> = Family<L, Gauge<f64, AtomicU64>>;
/// Histograms by their labels.
pub type Histograms<L> = Family<L, Histogram, Buckets>;

/// Upper bounds of a histogram's buckets, in seconds.
#[derive(Clone, Copy)]
pub struct Buckets(&'static [f64]);

impl MetricConstructor<Histogram> for Buckets {
    fn new_metric(&self) -> Histogram {
        Histogram::new(self.0.iter().copied())
    }
}

/// Of requests and signatures: an HSM takes its time.
const SECONDS: Buckets = Buckets(&[0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0]);
/// Of the store: SQLite reads in microseconds.
const MICROSECONDS: Buckets = Buckets(&[0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.01, 0.025, 0.1, 0.5, 2.5]);
/// From a confirmation to its certificate: with approval it takes days.
const DAYS: Buckets =
    Buckets(&[0.025, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 600.0, 3600.0, 21_600.0, 86_400.0, 259_200.0]);

/// All metrics of a server.
pub struct Metrics {
    registry: Registry,
    /// Requests that were answered.
    pub requests: Counters<Answered>,
    /// How long an answer took.
    pub request_duration: Histograms<Asked>,
    /// What became of one-time passwords.
    pub passwords: Counters<PasswordEvent>,
    /// What became of text messages.
    pub messages: Counters<MessageOutcome>,
    /// What became of issuances.
    pub issuances: Counters<Outcome>,
    /// From a confirmation to its certificate.
    pub issuance_duration: Histogram,
    /// Signatures.
    pub signatures: Counters<Signed>,
    /// How long a signature took.
    pub signature_duration: Histograms<Kind>,
    /// Revocations.
    pub revocations: Counters<Revocation>,
    /// Answers of OCSP.
    pub ocsp_answers: Counters<OcspAnswer>,
    /// What the store is asked.
    pub store: StoreMetrics,
    gauges: scrape::Gauges,
}

/// Of the store alone: it has no portal.
#[derive(Clone)]
pub struct StoreMetrics {
    duration: Histograms<StoreFamily>,
    errors: Counters<StoreFamily>,
}

impl Default for Metrics {
    fn default() -> Self {
        let mut registry = Registry::with_prefix("qcert");
        let version = [("version", env!("CARGO_PKG_VERSION"))];
        registry.register("build", "Which server this is", Info::new(version));
        Self {
            requests: counters(&mut registry, "http_requests", "Requests that were answered"),
            request_duration: histograms(
                &mut registry,
                "http_request_duration_seconds",
                "How long an answer took",
                SECONDS,
            ),
            passwords: counters(&mut registry, "one_time_passwords", "What became of one-time passwords"),
            messages: counters(&mut registry, "messages", "What gateways made of text messages"),
            issuances: counters(&mut registry, "issuances", "What became of issuances"),
            issuance_duration: one(
                &mut registry,
                "issuance_duration_seconds",
                "From a confirmation to its certificate",
                DAYS.new_metric(),
            ),
            signatures: counters(&mut registry, "signatures", "Signatures"),
            signature_duration: histograms(
                &mut registry,
                "signature_duration_seconds",
                "How long a signature took",
                SECONDS,
            ),
            revocations: counters(&mut registry, "revocations", "Certificates that were revoked"),
            ocsp_answers: counters(&mut registry, "ocsp_answers", "Answers about certificates' states"),
            store: StoreMetrics {
                duration: histograms(
                    &mut registry,
                    "store_call_duration_seconds",
                    "How long the store took",
                    MICROSECONDS,
                ),
                errors: counters(&mut registry, "store_errors", "Calls of the store that failed"),
            },
            gauges: scrape::Gauges::register(&mut registry),
            registry,
        }
    }
}

impl Metrics {
    /// Notes a signature, or that there was none.
    pub fn signed<T, E>(&self, kind: &'static str, stopwatch: &Stopwatch<'_>, signed: &Result<T, E>) {
        let outcome = if signed.is_ok() { "made" } else { "failed" };
        self.signatures.get_or_create(&Signed { kind, outcome }).inc();
        self.signature_duration.get_or_create(&Kind { kind }).observe(stopwatch.seconds());
    }

    /// Notes what became of an issuance.
    pub fn issuance(&self, outcome: &'static str) {
        self.issuances.get_or_create(&Outcome { outcome }).inc();
    }

    /// Notes a revocation.
    pub fn revoked(&self, by: &'static str, reason: qcert_pki::crl::Reason) {
        self.revocations.get_or_create(&Revocation { by, reason: reason.as_str() }).inc();
    }
}

impl StoreMetrics {
    /// Notes a call of the store.
    fn called<T, E>(
        &self,
        family: &'static str,
        clock: &dyn Clock,
        started: std::time::Duration,
        answer: &Result<T, E>,
    ) {
        let family = StoreFamily { family };
        let seconds = clock.ticking().saturating_sub(started).as_secs_f64();
        self.duration.get_or_create(&family).observe(seconds);
        if answer.is_err() {
            self.errors.get_or_create(&family).inc();
        }
    }
}

fn one<M: prometheus_client::registry::Metric + Clone>(
    registry: &mut Registry,
    name: &str,
    help: &str,
    metric: M,
) -> M {
    registry.register(name, help, metric.clone());
    metric
}

fn counters<L: Labels>(registry: &mut Registry, name: &str, help: &str) -> Counters<L> {
    one(registry, name, help, Counters::default())
}

fn histograms<L: Labels>(registry: &mut Registry, name: &str, help: &str, buckets: Buckets) -> Histograms<L> {
    one(registry, name, help, Histograms::new_with_constructor(buckets))
}

fn gauges<L: Labels>(registry: &mut Registry, name: &str, help: &str) -> Gauges<L> {
    one(registry, name, help, Gauges::default())
}
