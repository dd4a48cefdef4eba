//! The revocation list, made when somebody asks and the last one is past half its time.

use qcert_pki::{assemble, crl};
use time::{Duration, OffsetDateTime};
use tokio::sync::Mutex;

use super::Issuer;

pub(super) struct RevocationLists {
    lifetime: Duration,
    current: Mutex<Option<(OffsetDateTime, Vec<u8>)>>,
}

impl RevocationLists {
    pub(super) fn new(lifetime: Duration) -> Self {
        Self { lifetime, current: Mutex::new(None) }
    }

    pub(super) async fn current(&self, issuer: &Issuer, now: OffsetDateTime) -> anyhow::Result<Vec<u8>> {
        let mut current = self.current.lock().await;
        if let Some((made, der)) = &*current
            && now - *made < self.lifetime / 2
        {
            return Ok(der.clone());
        }
        let der = self.sign(issuer, now).await?;
        *current = Some((now, der.clone()));
        Ok(der)
    }

    async fn sign(&self, issuer: &Issuer, now: OffsetDateTime) -> anyhow::Result<Vec<u8>> {
        let this_update = now.replace_nanosecond(0)?;
        let list = crl::to_be_signed(&crl::RevocationList {
            issuer: issuer.certificate(),
            signature_algorithm: issuer.signature_algorithm(),
            // Grows with time, over restarts too.
            number: u64::try_from(this_update.unix_timestamp())?,
            this_update,
            next_update: this_update + self.lifetime,
            distribution_point: None,
            entries: &[],
        })?;
        let signature = issuer.sign(&list).await?;
        Ok(assemble(&list, issuer.signature_algorithm(), &signature)?)
    }
}
