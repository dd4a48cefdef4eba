//! Decisions by the API: the same functions as on the command line, and whoever works in this process hears of it.

use qcert_protocol::{
    ErrorCode,
    holder::FieldReason,
    operator::{ApplicationRecord, CertificateRecord, KeyBlocked},
    portal::RevocationReason,
};

use super::{Operator, application_view, certificate_view};
use crate::{
    approval::{self, ApprovalError},
    blocked_key,
    error::Refusal,
    hex::hex,
    portal::Portal,
    revocation::{self, RevocationError},
    store::Overview,
};

/// Approves a request that waits.
///
/// # Errors
/// `application_not_found`, `application_state_forbids`, `second_operator_required`.
pub async fn approve(portal: &Portal, operator: &Operator, number: &str) -> Result<ApplicationRecord, Refusal> {
    let needed = portal.settings.issuance_approvals;
    let found = approval::approve(&*portal.store, &*portal.clock, number, &operator.actor, needed).await?;
    portal.issuance_waits();
    decided(portal, found).await
}

/// Rejects a request that waits.
///
/// # Errors
/// `application_not_found`, `application_state_forbids`, `field_invalid`.
pub async fn reject(
    portal: &Portal,
    operator: &Operator,
    number: &str,
    reason: &str,
) -> Result<ApplicationRecord, Refusal> {
    let found = approval::reject(&*portal.store, &*portal.clock, number, reason, &operator.actor).await?;
    decided(portal, found).await
}

async fn decided(portal: &Portal, found: Overview) -> Result<ApplicationRecord, Refusal> {
    portal.announcer.row(&found.application.phone, found.application.id);
    Ok(application_view(&*portal.store, found).await?)
}

/// Revokes a certificate.
///
/// # Errors
/// `certificate_not_found`, `certificate_already_revoked`, `revocation_reason_unsupported`,
/// `application_state_forbids` if it has expired.
pub async fn revoke(
    portal: &Portal,
    operator: &Operator,
    serial: &str,
    reason: RevocationReason,
) -> Result<CertificateRecord, Refusal> {
    let reason = revocation::from_protocol(reason);
    let (application, certificate) =
        revocation::by_operator(&*portal.store, &*portal.clock, serial, reason, &operator.actor).await?;
    portal.metrics.revoked("operator", reason);
    portal.revocation_waits();
    portal.announcer.row(&application.phone, application.id);
    Ok(certificate_view(&certificate))
}

/// Blocks a key; twice is as good as once.
///
/// # Errors
/// `field_invalid`.
pub async fn block_key(portal: &Portal, operator: &Operator, key: &str) -> Result<KeyBlocked, Refusal> {
    let digest =
        blocked_key::key_digest(key.trim().as_bytes()).map_err(|_| Refusal::field("key", FieldReason::Form))?;
    let newly = portal.store.block_key(&digest, &operator.actor, portal.clock.now()).await?;
    Ok(KeyBlocked { key_sha256: hex(&digest), newly })
}

impl From<ApprovalError> for Refusal {
    fn from(error: ApprovalError) -> Self {
        match error {
            ApprovalError::NotFound(_) => ErrorCode::ApplicationNotFound.into(),
            ApprovalError::NotWaiting { .. } => ErrorCode::ApplicationStateForbids.into(),
            ApprovalError::Repeated { .. } => ErrorCode::SecondOperatorRequired.into(),
            ApprovalError::Reason => Self::field("reason", FieldReason::Form),
            ApprovalError::Store(error) => error.into(),
        }
    }
}

impl From<RevocationError> for Refusal {
    fn from(error: RevocationError) -> Self {
        match error {
            RevocationError::NoSerial(_) | RevocationError::NotFound(_) => ErrorCode::CertificateNotFound.into(),
            RevocationError::AlreadyRevoked(_) => ErrorCode::CertificateAlreadyRevoked.into(),
            RevocationError::Expired(_) => ErrorCode::ApplicationStateForbids.into(),
            RevocationError::Hold => ErrorCode::RevocationReasonUnsupported.into(),
            RevocationError::Store(error) => error.into(),
        }
    }
}
