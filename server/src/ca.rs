//! The authority: its keys and certificates, the profile that it issues by, its revocation list.

pub mod init;
mod key;
mod revocation_list;

use std::path::Path;

use anyhow::{Context, bail, ensure};
use qcert_pki::{Certificate, Profile, Signer};
use time::OffsetDateTime;

use crate::config::Authority;
use key::FileKey;
use revocation_list::RevocationLists;

const ROOT_KEY: &str = "root.key";
const ROOT_CERTIFICATE: &str = "root.pem";
const ISSUING_KEY: &str = "issuing.key";
const ISSUING_CERTIFICATE: &str = "issuing.pem";

/// The issuing authority. The root's key is not read: nothing that serves needs it, and it belongs elsewhere.
pub struct Ca {
    chain: [Certificate; 2],
    signer: FileKey,
    profile: Profile,
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
        let signer = FileKey::load(&directory.join(ISSUING_KEY))?;
        root.verify_issued_by(&root).context("the root certificate is not its own issuer's")?;
        issuing.verify_issued_by(&root).context("the issuing certificate is not the root's")?;
        ensure!(signer.public_key() == issuing.public_key(), "the issuing key is not the issuing certificate's");
        let profile = profile(settings, origin);
        profile.check()?;
        Ok(Self { chain: [issuing, root], signer, profile, lists: RevocationLists::new(settings.crl) })
    }

    /// The issuing certificate, then the root.
    pub fn chain(&self) -> &[Certificate] {
        &self.chain
    }

    /// The issuing certificate.
    pub fn issuing(&self) -> &Certificate {
        &self.chain[0]
    }

    /// The root.
    pub fn root(&self) -> &Certificate {
        &self.chain[1]
    }

    /// The issuing key.
    pub fn signer(&self) -> &dyn Signer {
        &self.signer
    }

    /// What every certificate gets from the configuration.
    pub fn profile(&self) -> &Profile {
        &self.profile
    }

    /// The revocation list, DER; a new one when the last is past half its time.
    ///
    /// # Errors
    /// When it cannot be signed.
    pub fn revocation_list(&self, now: OffsetDateTime) -> anyhow::Result<Vec<u8>> {
        self.lists.current(self.issuing(), &self.signer, now)
    }
}

fn profile(settings: &Authority, origin: &str) -> Profile {
    Profile {
        subject_sign_tool: settings.subject_sign_tool.clone(),
        issuer_sign_tool: settings.issuer_sign_tool.clone(),
        class: settings.tool_class,
        crl_urls: vec![format!("{origin}/crl/issuing.crl")],
        ca_issuers_urls: vec![format!("{origin}/ca/issuing.cer")],
        ocsp_urls: Vec::new(),
    }
}

fn read_certificate(path: &Path) -> anyhow::Result<Certificate> {
    let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    let certificates =
        Certificate::parse_pem(&text).with_context(|| format!("{} is no certificate", path.display()))?;
    certificates.into_iter().next().with_context(|| format!("{} is empty", path.display()))
}
