//! What every part of the domain is given: the store, the clock, randomness, the authority, the settings.

use std::sync::Arc;

use qcert_protocol::holder::Phone;

use crate::{
    audit::refusals::Refusals,
    bell::Bell,
    ca::Ca,
    clock::{Clock, Stopwatch},
    config::Settings,
    events::{Announcement, Announcer},
    health::Health,
    metrics::Metrics,
    operators::desk::PhoneChanged,
    publication::Publication,
    randomness::Randomness,
    secrets::Secrets,
    store::{Change, Store},
};

/// The portal, without its surface.
pub struct Portal {
    /// What it remembers.
    pub store: Arc<dyn Store>,
    /// What time it is.
    pub clock: Arc<dyn Clock>,
    /// Unpredictable bytes.
    pub randomness: Arc<dyn Randomness>,
    /// Keyed hashes and sealing.
    pub secrets: Secrets,
    /// The authority's keys and certificates.
    pub ca: Ca,
    /// The settings.
    pub settings: Settings,
    /// Scheme, host and port as browsers see them.
    pub origin: String,
    /// Tells open pages of rows that changed.
    pub announcer: Announcer,
    /// Rings when a text message waits.
    pub message_waits: Bell,
    /// Rings when a confirmed request waits.
    pub issuance_waits: Bell,
    /// What is published about certificates, as this process remembers it.
    pub publication: Publication,
    /// What was refused in this minute, for the audit.
    pub refusals: Refusals,
    /// What is counted and measured.
    pub metrics: Metrics,
    /// What is known of whether the server is ready.
    pub health: Health,
}

impl Portal {
    /// A text message waits: wakes who sends it, here and on the other servers.
    pub fn message_waits(&self) {
        self.message_waits.ring();
        self.store.announce(Change::MessageWaits);
    }

    /// Applications have another phone: shows them to whoever is signed in with it, and nothing to the old one's pages.
    pub fn phone_changed(&self, changed: &PhoneChanged) {
        changed.sessions.iter().for_each(|session| self.announcer.announce(Announcement::SessionEnded(*session)));
        if let Ok(phone) = Phone::parse(&changed.change.new) {
            changed.applications.iter().for_each(|application| self.announcer.row(&phone, *application));
        }
    }

    /// A certificate was revoked: wakes who publishes, here and on the other servers, and forgets what was answered.
    pub fn revocation_waits(&self) {
        self.publication.revoked();
        self.store.announce(Change::RevocationWaits);
    }

    /// The server is about to end: open pages go elsewhere, and nobody new is sent here.
    pub fn close(&self) {
        self.health.close();
        self.announcer.announce(Announcement::Closing);
    }

    /// An issuing key was to sign.
    pub fn signed<T, E>(&self, kind: &'static str, stopwatch: &Stopwatch<'_>, signed: &Result<T, E>) {
        self.metrics.signed(kind, stopwatch, signed);
        self.health.signed(signed.is_ok(), self.clock.ticking());
    }

    /// A confirmed request waits: wakes who issues, here and on the other servers.
    pub fn issuance_waits(&self) {
        self.issuance_waits.ring();
        self.store.announce(Change::IssuanceWaits);
    }
}
