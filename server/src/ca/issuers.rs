//! The issuing keys that are here, and those that come while the server runs.

use std::{
    collections::HashSet,
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError, RwLock},
};

use anyhow::{Context, ensure};
use time::{Duration, OffsetDateTime};

use super::{
    Issuer,
    directory::{Certified, Directory, age, certified},
    journal::Journal,
    key::{Keys, hsm::Hsm},
};
use crate::{clock::Clock, config::Authority, store::IssuerId};

/// How long a key that came while the server runs rests before it issues. By then every server on the same directory
/// has seen it, and answers of its certificates.
const REST: Duration = Duration::seconds(15);

/// The issuing keys, and what opens others.
pub(super) struct Issuers {
    settings: Authority,
    origin: String,
    hsm: Option<Arc<Hsm>>,
    journal: Option<Arc<Journal>>,
    clock: Arc<dyn Clock>,
    held: RwLock<Held>,
    /// What was said already of files that cannot be used.
    told: Mutex<HashSet<String>>,
}

/// Replaced as a whole.
#[derive(Clone)]
struct Held {
    /// Newest first.
    all: Arc<[Arc<Issuer>]>,
    /// Where each came from.
    sources: Vec<Source>,
}

#[derive(Clone)]
struct Source {
    id: IssuerId,
    certificate: PathBuf,
    key_in_file: bool,
    issues_from: Option<OffsetDateTime>,
}

impl Issuers {
    /// Reads the authority's directory.
    ///
    /// # Errors
    /// When there is no key that issues, or a file cannot be read or used.
    pub(super) fn load(settings: &Authority, origin: &str, clock: Arc<dyn Clock>) -> anyhow::Result<Self> {
        let journal = settings.signature_journal.as_deref().map(Journal::open).transpose()?.map(Arc::new);
        let issuers = Self {
            hsm: settings.hsm.clone().map(|settings| Arc::new(Hsm::new(settings))),
            settings: settings.clone(),
            origin: origin.to_owned(),
            journal,
            clock,
            held: RwLock::new(Held { all: Arc::new([]), sources: Vec::new() }),
            told: Mutex::default(),
        };
        let mut held = Vec::new();
        for found in Directory(&settings.directory).certified()? {
            let key = found.key.clone();
            match issuers.open(found, None)? {
                Some(opened) => held.push(opened),
                None => tracing::warn!(key = %key.display(), "an issuing certificate whose key is not here"),
            }
        }
        let directory = settings.directory.display();
        ensure!(!held.is_empty(), "there is no authority in {directory}: make one with `qcert-server ca init`");
        issuers.hold(held);
        Ok(issuers)
    }

    /// All, newest first. The same allocation until another comes.
    pub(super) fn all(&self) -> Arc<[Arc<Issuer>]> {
        self.held().all
    }

    /// Has it rested, if it came while the server runs?
    pub(super) fn may_issue(&self, issuer: &Issuer, now: OffsetDateTime) -> bool {
        let held = self.held.read().unwrap_or_else(PoisonError::into_inner);
        let source = held.sources.iter().find(|source| source.id == issuer.id());
        source.is_some_and(|source| source.issues_from.is_none_or(|from| from <= now))
    }

    /// Takes what has come; answers which.
    pub(super) fn notice(&self) -> Vec<IssuerId> {
        let files = match Directory(&self.settings.directory).certificates() {
            Ok(files) => files,
            Err(error) => {
                self.tell(format!("{error:#}"));
                return Vec::new();
            }
        };
        let held = self.held();
        let issues_from = self.clock.now() + REST;
        let mut new = Vec::new();
        for file in files {
            let known = held.sources.iter().find(|source| source.certificate == file);
            // A key that was looked for in the HSM, for its file came after its certificate's.
            let is_moved = |source: &Source| !source.key_in_file && file.with_extension("key").exists();
            if known.is_some_and(|source| !is_moved(source)) {
                continue;
            }
            let shown = file.display().to_string();
            match certified(file).and_then(|found| self.open(found, Some(issues_from))) {
                Ok(Some(opened)) => new.push(opened),
                Ok(None) => self.tell(format!("{shown}: its key is not here")),
                Err(error) => self.tell(format!("{shown} cannot be used: {error:#}")),
            }
        }
        if new.is_empty() {
            return Vec::new();
        }
        let ids: Vec<IssuerId> = new.iter().map(|(issuer, _)| issuer.id()).collect();
        let kept = held.all.iter().cloned().zip(held.sources).filter(|(issuer, _)| !ids.contains(&issuer.id()));
        self.hold(kept.chain(new).collect());
        ids
    }

    fn held(&self) -> Held {
        // It is replaced whole, so a holder of the lock that panicked left a good one.
        self.held.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn hold(&self, mut held: Vec<(Arc<Issuer>, Source)>) {
        held.sort_by_cached_key(|(issuer, _)| age(issuer.chain()));
        let (all, sources): (Vec<_>, Vec<_>) = held.into_iter().unzip();
        *self.held.write().unwrap_or_else(PoisonError::into_inner) = Held { all: all.into(), sources };
    }

    /// An issuing certificate with its key; nothing if the key is not here.
    fn open(
        &self,
        found: Certified,
        issues_from: Option<OffsetDateTime>,
    ) -> anyhow::Result<Option<(Arc<Issuer>, Source)>> {
        let keys = Keys::with(&self.settings, self.hsm.clone());
        let certificate = found.chain.first().context("there is no issuing certificate")?;
        let key_in_file = found.key.exists();
        let key = match key_in_file {
            true => Some(keys.open_file(&found.key)?),
            false => keys.open_hsm(certificate.public_key()),
        };
        let Some(key) = key else { return Ok(None) };
        let (journal, clock) = (self.journal.clone(), Arc::clone(&self.clock));
        let issuer = Arc::new(Issuer::new(found.chain, key, &self.settings, &self.origin, journal, clock)?);
        let source = Source { id: issuer.id(), certificate: found.file, key_in_file, issues_from };
        Ok(Some((issuer, source)))
    }

    /// Says something once, however often it is seen.
    fn tell(&self, what: String) {
        if self.told.lock().unwrap_or_else(PoisonError::into_inner).insert(what.clone()) {
            tracing::warn!(what, "an issuing key is not taken");
        }
    }
}
