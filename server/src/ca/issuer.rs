//! One issuing key: its certificate, its chain, and what is signed by it.

use std::sync::Arc;

use anyhow::{Context, ensure};
use qcert_pki::{Certificate, IssuerSignTool, Profile, SignatureAlgorithm, ToolClass};

use super::{hex, journal::Journal, key::Key};
use crate::{clock::Clock, config::Authority, store::IssuerId};

/// A key that issues, or has issued.
pub struct Issuer {
    id: IssuerId,
    chain: Vec<Certificate>,
    key: Arc<dyn Key>,
    journal: Option<Arc<Journal>>,
    clock: Arc<dyn Clock>,
    origin: String,
    subject_sign_tool: String,
    issuer_sign_tool: IssuerSignTool,
    class: ToolClass,
}

impl Issuer {
    /// Puts a certificate, those above it (the root last) and its key together.
    pub(super) fn new(
        chain: Vec<Certificate>,
        key: Arc<dyn Key>,
        settings: &Authority,
        origin: &str,
        journal: Option<Arc<Journal>>,
        clock: Arc<dyn Clock>,
    ) -> anyhow::Result<Self> {
        let certificate = chain.first().context("there is no issuing certificate")?;
        for (below, above) in chain.iter().zip(chain.iter().skip(1)) {
            below.verify_issued_by(above).context("an issuing certificate is not of those above it")?;
        }
        if let Some(root) = chain.last() {
            root.verify_issued_by(root).context("the root certificate is not its own issuer's")?;
        }
        ensure!(key.public_key() == certificate.public_key(), "the issuing key is not the issuing certificate's");
        let issuer = Self {
            id: identifier(certificate)?,
            chain,
            key,
            journal,
            clock,
            origin: origin.to_owned(),
            subject_sign_tool: settings.subject_sign_tool.clone(),
            issuer_sign_tool: settings.issuer_sign_tool.clone(),
            class: settings.tool_class,
        };
        issuer.profile("").check()?;
        Ok(issuer)
    }

    /// Which: the certificate's subject key identifier.
    pub fn id(&self) -> IssuerId {
        self.id
    }

    /// Its certificate.
    pub fn certificate(&self) -> &Certificate {
        &self.chain[0]
    }

    /// Its certificate, then those above it, the root last.
    pub fn chain(&self) -> &[Certificate] {
        &self.chain
    }

    /// The algorithm of every signature that its key makes.
    pub fn signature_algorithm(&self) -> SignatureAlgorithm {
        self.key.signature_algorithm()
    }

    /// Signs, having noted it in the journal; the signature is as X.509 wants it.
    ///
    /// # Errors
    /// When the key cannot be used now.
    pub async fn sign(&self, to_be_signed: &[u8]) -> anyhow::Result<Vec<u8>> {
        if let Some(journal) = &self.journal {
            journal.note(self.clock.now(), &self.id, to_be_signed)?;
        }
        self.key.sign(to_be_signed).await
    }

    /// Is its key there? Nothing is signed to find out.
    ///
    /// # Errors
    /// When the key cannot be used now.
    pub async fn look_for_key(&self) -> anyhow::Result<()> {
        self.key.look_for().await
    }

    /// What a certificate gets from the configuration; `shard` names the revocation list that will speak of it. The
    /// empty one is the list of certificates that were issued before there were several.
    pub fn profile(&self, shard: &str) -> Profile {
        let (origin, id) = (&self.origin, hex(&self.id));
        let (list, certificate, responders) = match shard {
            "" => (format!("{origin}/crl/issuing.crl"), format!("{origin}/ca/issuing.cer"), Vec::new()),
            shard => (
                format!("{origin}/crl/{id}/{shard}.crl"),
                format!("{origin}/ca/{id}.cer"),
                vec![format!("{origin}/ocsp")],
            ),
        };
        Profile {
            subject_sign_tool: self.subject_sign_tool.clone(),
            issuer_sign_tool: self.issuer_sign_tool.clone(),
            class: self.class,
            crl_urls: vec![list],
            ca_issuers_urls: vec![certificate],
            ocsp_urls: responders,
        }
    }
}

/// Which issuer a certificate is of.
pub(super) fn identifier(certificate: &Certificate) -> anyhow::Result<IssuerId> {
    let id = IssuerId::try_from(certificate.key_identifier());
    id.ok().context("the issuing certificate's key identifier is not 20 octets long")
}
