//! Keys in an HSM, by PKCS#11. Its calls are made by threads of their own, each with a session, so that a slow HSM
//! keeps no other task waiting; and they are given up after a time, so that one that hangs is an error like any other.

mod crew;
mod generate;
mod module;
mod signing;

use std::sync::Arc;

use anyhow::anyhow;
use async_trait::async_trait;
use qcert_pki::{Algorithm, PublicKey};

use super::Key;
use crate::config::Hsm as Settings;
use crew::{Answer, Crew};
use module::Module;
use signing::Order;

/// An HSM: one token of one PKCS#11 module, and the threads that talk to it.
pub(in crate::ca) struct Hsm {
    module: Arc<Module>,
    crew: Crew,
}

impl Hsm {
    /// Nothing is loaded yet: a server starts while its HSM is away, and signs when it is back.
    pub(in crate::ca) fn new(settings: Settings) -> Self {
        let (sessions, patience) = (settings.sessions, settings.patience);
        let module = Arc::new(Module::new(settings));
        Self { crew: Crew::new(Arc::clone(&module), sessions, patience), module }
    }

    /// Makes a key pair on the token, that never leaves it; answers its public half. CKA_ID is the subject key
    /// identifier.
    ///
    /// # Errors
    /// When the token is not there, refuses the PIN, or cannot make such a pair.
    pub(in crate::ca) fn generate(&self, algorithm: Algorithm) -> anyhow::Result<PublicKey> {
        generate::generate(&self.module, algorithm)
    }
}

/// A key in the HSM.
pub(super) struct HsmKey {
    hsm: Arc<Hsm>,
    public_key: PublicKey,
}

impl HsmKey {
    pub(super) fn new(hsm: Arc<Hsm>, public_key: PublicKey) -> Self {
        Self { hsm, public_key }
    }

    fn verified(&self, message: &[u8], signature: Vec<u8>) -> anyhow::Result<Vec<u8>> {
        // An HSM that errs, or another key of the same name, is found out before anybody has the signature.
        let verified = self.public_key.verify(self.signature_algorithm(), message, &signature);
        verified.map_err(|_| anyhow!("the HSM's signature is not by the certificate's key"))?;
        Ok(signature)
    }
}

#[async_trait]
impl Key for HsmKey {
    fn public_key(&self) -> &PublicKey {
        &self.public_key
    }

    fn sign_here(&self, message: &[u8]) -> anyhow::Result<Vec<u8>> {
        let signature = signing::sign_alone(&self.hsm.module, &Order::new(&self.public_key, message)?)?;
        self.verified(message, signature)
    }

    async fn look_for(&self) -> anyhow::Result<()> {
        self.hsm.crew.sign(Order::to_look(&self.public_key)).await.map(drop)
    }

    async fn sign(&self, message: &[u8]) -> anyhow::Result<Vec<u8>> {
        let signature = self.hsm.crew.sign(Order::new(&self.public_key, message)?).await?;
        self.verified(message, signature)
    }
}
