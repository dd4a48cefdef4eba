//! The authority: its issuing keys and certificates, the profile that they issue by, their revocation lists.

pub mod init;
mod issuer;
mod key;
mod revocation_list;

use std::{path::Path, sync::Arc};

use anyhow::{Context, bail};
use qcert_pki::Certificate;
use time::OffsetDateTime;

pub use issuer::Issuer;

use crate::{config::Authority, store::IssuerId};
use key::FileKey;
use revocation_list::RevocationLists;

const ROOT_KEY: &str = "root.key";
const ROOT_CERTIFICATE: &str = "root.pem";
const ISSUING_KEY: &str = "issuing.key";
const ISSUING_CERTIFICATE: &str = "issuing.pem";

/// The authority. The root's key is not read: nothing that serves needs it, and it belongs elsewhere.
pub struct Ca {
    issuers: Vec<Arc<Issuer>>,
    lists: RevocationLists,
}

impl Ca {
    /// Reads the authority's directory.
    ///
    /// # Errors
    /// When there is no authority yet, its files cannot be read, or they do not belong together.
    pub fn load(settings: &Authority, origin: &str) -> anyhow::Result<Self> {
        let directory = &settings.directory;
        if !directory.join(ISSUING_KEY).exists() {
            bail!("there is no authority in {}: make one with `qcert-server ca init`", directory.display());
        }
        let root = read_certificate(&directory.join(ROOT_CERTIFICATE))?;
        let issuing = read_certificate(&directory.join(ISSUING_CERTIFICATE))?;
        let key = FileKey::load(&directory.join(ISSUING_KEY))?;
        let issuer = Issuer::new(vec![issuing, root], key, settings, origin)?;
        Ok(Self { issuers: vec![Arc::new(issuer)], lists: RevocationLists::new(settings.crl) })
    }

    /// The one that issues now.
    pub fn current(&self) -> &Arc<Issuer> {
        &self.issuers[0]
    }

    /// All whose key we have, newest first.
    pub fn issuers(&self) -> &[Arc<Issuer>] {
        &self.issuers
    }

    /// The one with this identifier.
    pub fn issuer(&self, id: &IssuerId) -> Option<&Arc<Issuer>> {
        self.issuers.iter().find(|issuer| issuer.id() == *id)
    }

    /// The revocation list, DER; a new one when the last is past half its time.
    ///
    /// # Errors
    /// When it cannot be signed.
    pub async fn revocation_list(&self, now: OffsetDateTime) -> anyhow::Result<Vec<u8>> {
        self.lists.current(self.current(), now).await
    }
}

fn read_certificate(path: &Path) -> anyhow::Result<Certificate> {
    let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    let certificates =
        Certificate::parse_pem(&text).with_context(|| format!("{} is no certificate", path.display()))?;
    certificates.into_iter().next().with_context(|| format!("{} is empty", path.display()))
}
