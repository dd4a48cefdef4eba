//! One issuing key: its certificate, its chain, and what is signed by it.

use anyhow::{Context, ensure};
use qcert_pki::{Certificate, IssuerSignTool, Profile, SignatureAlgorithm, Signer, ToolClass};

use super::key::FileKey;
use crate::{config::Authority, store::IssuerId};

/// A key that issues, or has issued.
pub struct Issuer {
    id: IssuerId,
    chain: Vec<Certificate>,
    key: FileKey,
    origin: String,
    subject_sign_tool: String,
    issuer_sign_tool: IssuerSignTool,
    class: ToolClass,
}

impl Issuer {
    /// Puts a certificate, those above it (the root last) and its key together.
    pub(super) fn new(
        chain: Vec<Certificate>,
        key: FileKey,
        settings: &Authority,
        origin: &str,
    ) -> anyhow::Result<Self> {
        let certificate = chain.first().context("there is no issuing certificate")?;
        for (below, above) in chain.iter().zip(chain.iter().skip(1)) {
            below.verify_issued_by(above).context("the issuing certificate is not the root's")?;
        }
        if let Some(root) = chain.last() {
            root.verify_issued_by(root).context("the root certificate is not its own issuer's")?;
        }
        ensure!(key.public_key() == certificate.public_key(), "the issuing key is not the issuing certificate's");
        let id = IssuerId::try_from(certificate.key_identifier());
        let issuer = Self {
            id: id.ok().context("the issuing certificate's key identifier is not 20 octets long")?,
            chain,
            key,
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

    /// Signs; the signature is as X.509 wants it.
    ///
    /// # Errors
    /// When the key cannot be used now.
    pub async fn sign(&self, to_be_signed: &[u8]) -> anyhow::Result<Vec<u8>> {
        Ok(self.key.sign(to_be_signed)?)
    }

    /// What a certificate gets from the configuration; `shard` names the revocation list that will speak of it. The
    /// empty one is the list of certificates that were issued before there were several.
    pub fn profile(&self, shard: &str) -> Profile {
        let (origin, id) = (&self.origin, hex(&self.id));
        let (list, certificate) = match shard {
            "" => (format!("{origin}/crl/issuing.crl"), format!("{origin}/ca/issuing.cer")),
            shard => (format!("{origin}/crl/{id}/{shard}.crl"), format!("{origin}/ca/{id}.cer")),
        };
        Profile {
            subject_sign_tool: self.subject_sign_tool.clone(),
            issuer_sign_tool: self.issuer_sign_tool.clone(),
            class: self.class,
            crl_urls: vec![list],
            ca_issuers_urls: vec![certificate],
            ocsp_urls: Vec::new(),
        }
    }
}

/// Lower-case hexadecimal, as addresses have it.
fn hex(id: &IssuerId) -> String {
    id.iter().map(|octet| format!("{octet:02x}")).collect()
}
