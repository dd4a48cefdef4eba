//! The revocation list, made when somebody asks and the last one is past half its time.

use std::sync::{Mutex, PoisonError};

use qcert_pki::{Certificate, Signer, assemble, crl};
use time::{Duration, OffsetDateTime};

pub(super) struct RevocationLists {
    lifetime: Duration,
    current: Mutex<Option<(OffsetDateTime, Vec<u8>)>>,
}

impl RevocationLists {
    pub(super) fn new(lifetime: Duration) -> Self {
        Self { lifetime, current: Mutex::new(None) }
    }

    pub(super) fn current(
        &self,
        issuer: &Certificate,
        signer: &dyn Signer,
        now: OffsetDateTime,
    ) -> anyhow::Result<Vec<u8>> {
        // The list is replaced whole, so a holder of the lock that panicked left a good one.
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((made, der)) = &*current
            && now - *made < self.lifetime / 2
        {
            return Ok(der.clone());
        }
        let der = self.sign(issuer, signer, now)?;
        *current = Some((now, der.clone()));
        Ok(der)
    }

    fn sign(&self, issuer: &Certificate, signer: &dyn Signer, now: OffsetDateTime) -> anyhow::Result<Vec<u8>> {
        let this_update = now.replace_nanosecond(0)?;
        let list = crl::to_be_signed(&crl::RevocationList {
            issuer,
            signature_algorithm: signer.signature_algorithm(),
            // Grows with time, over restarts too.
            number: u64::try_from(this_update.unix_timestamp())?,
            this_update,
            next_update: this_update + self.lifetime,
            entries: &[],
        })?;
        let signature = signer.sign(&list)?;
        Ok(assemble(&list, signer.signature_algorithm(), &signature)?)
    }
}
