//! Revocation: by the holder, with an own one-time password, and by an operator. The certificate's application is
//! revoked with it, its list becomes stale, and the key of a compromised one is blocked for good: the store does all
//! of that in one transaction.

use std::net::IpAddr;

use qcert_pki::{Serial, crl::Reason};
use qcert_protocol::{
    ErrorCode,
    portal::{ApplicationRow, PasswordOrdered, RevocationReason, RevocationView},
};
use ring::digest::{Context, SHA256};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::{
    applications::{self, one_row},
    audit::Actor,
    clock::Clock,
    error::Refusal,
    one_time_password::{self, Order, Tried},
    portal::Portal,
    session::Session,
    sms,
    store::{
        Application, Certificate, NewRevocation, Overview, Password, PasswordScope, PasswordState, Purpose,
        RevokeOutcome, Revoked, Store, StoreError,
    },
};

/// The digest that the holder's password confirms: SHA-256 of `qcert-revocation-v1` ‖ 0x00 ‖ certificate id ‖ serial
/// number (upper-case hexadecimal) ‖ reason's name.
pub fn revocation_digest(certificate: Uuid, serial: &str, reason: RevocationReason) -> [u8; 32] {
    let mut context = Context::new(&SHA256);
    context.update(b"qcert-revocation-v1\0");
    context.update(certificate.as_bytes());
    context.update(serial.as_bytes());
    context.update(reason.as_str().as_bytes());
    let mut digest = [0; 32];
    digest.copy_from_slice(context.finish().as_ref());
    digest
}

/// As the holder reads it.
pub fn view(revoked: &Revoked) -> RevocationView {
    RevocationView { at: revoked.at, reason: to_protocol(revoked.reason) }
}

fn to_protocol(reason: Reason) -> RevocationReason {
    match reason {
        Reason::Unspecified => RevocationReason::Unspecified,
        Reason::KeyCompromise => RevocationReason::KeyCompromise,
        Reason::CaCompromise => RevocationReason::CaCompromise,
        Reason::AffiliationChanged => RevocationReason::AffiliationChanged,
        Reason::Superseded => RevocationReason::Superseded,
        Reason::CessationOfOperation => RevocationReason::CessationOfOperation,
        Reason::CertificateHold => RevocationReason::CertificateHold,
        Reason::PrivilegeWithdrawn => RevocationReason::PrivilegeWithdrawn,
    }
}

/// The reason with the same name.
pub fn from_protocol(reason: RevocationReason) -> Reason {
    match reason {
        RevocationReason::Unspecified => Reason::Unspecified,
        RevocationReason::KeyCompromise => Reason::KeyCompromise,
        RevocationReason::CaCompromise => Reason::CaCompromise,
        RevocationReason::AffiliationChanged => Reason::AffiliationChanged,
        RevocationReason::Superseded => Reason::Superseded,
        RevocationReason::CessationOfOperation => Reason::CessationOfOperation,
        RevocationReason::CertificateHold => Reason::CertificateHold,
        RevocationReason::PrivilegeWithdrawn => Reason::PrivilegeWithdrawn,
    }
}

fn from_holder(reason: RevocationReason) -> Result<Reason, Refusal> {
    let unsupported = || ErrorCode::RevocationReasonUnsupported.into();
    reason.is_of_holder().then(|| from_protocol(reason)).ok_or_else(unsupported)
}

/// Orders the one-time password that revokes one certificate for one reason in this session.
///
/// # Errors
/// `revocation_reason_unsupported`, `certificate_already_revoked`,
/// `application_state_forbids` if it has expired, `otp_resend_too_early`, `rate_limited`.
pub async fn order_password(
    portal: &Portal,
    session: &Session,
    found: Overview,
    reason: RevocationReason,
    address: IpAddr,
) -> Result<PasswordOrdered, Refusal> {
    let (application, certificate) = revocable(portal, found, reason)?;
    if certificate.revoked.is_some() {
        return Err(ErrorCode::CertificateAlreadyRevoked.into());
    }
    let order = Order {
        scope: scope(session, &certificate),
        digest: Some(revocation_digest(certificate.id, &certificate.serial, reason)),
        text: &sms::revocation_text(&application.holder.common_name(), &certificate.serial),
        deliver: true,
        address,
    };
    one_time_password::order(portal, &order).await
}

/// Revokes a certificate of the person. Sent twice, it revokes once, and the second gets the row as it stands.
///
/// # Errors
/// Those of [`one_time_password::try_password`], `otp_used`, `digest_changed` if the password was ordered for another
/// reason, and those of [`order_password`].
pub async fn by_holder(
    portal: &Portal,
    session: &Session,
    found: Overview,
    reason: RevocationReason,
    typed: &str,
    address: IpAddr,
) -> Result<ApplicationRow, Refusal> {
    let (application, certificate) = revocable(portal, found, reason)?;
    let id = certificate.id;
    let tried = one_time_password::try_password(portal, &scope(session, &certificate), typed, address).await;
    let password = match tried {
        Ok(Tried::Right(password)) => password,
        Ok(Tried::Used) => return revoked_before(portal, session, id).await,
        // Revoked by somebody else, or in another session: there is no password to be ordered any more.
        Err(refusal) if refusal.code == ErrorCode::OtpNotRequested && certificate.revoked.is_some() => {
            return Err(ErrorCode::CertificateAlreadyRevoked.into());
        }
        Err(refusal) => return Err(refusal),
    };
    if password.digest != Some(revocation_digest(certificate.id, &certificate.serial, reason)) {
        return Err(ErrorCode::DigestChanged.into());
    }
    let revocation = new(portal, session, &certificate, from_holder(reason)?, &password);
    match portal.store.revoke(&revocation).await? {
        RevokeOutcome::Done => {
            portal.metrics.revoked("holder", revocation.reason);
            portal.revocation_waits();
            portal.announcer.row(&session.phone, application.id);
            one_row(portal, session, application.id).await
        }
        // Sent twice at the same moment, both are right, and one is first.
        RevokeOutcome::AlreadyRevoked if is_used(portal, session, &certificate, &password).await? => {
            revoked_before(portal, session, id).await
        }
        RevokeOutcome::AlreadyRevoked => Err(ErrorCode::CertificateAlreadyRevoked.into()),
        RevokeOutcome::PasswordUsed => revoked_before(portal, session, id).await,
        RevokeOutcome::NotFound => Err(ErrorCode::CertificateNotFound.into()),
    }
}

async fn is_used(
    portal: &Portal,
    session: &Session,
    certificate: &Certificate,
    password: &Password,
) -> Result<bool, Refusal> {
    let passwords = portal.store.passwords(&scope(session, certificate)).await?;
    Ok(passwords.iter().any(|known| known.id == password.id && known.state == PasswordState::Used))
}

fn new(
    portal: &Portal,
    session: &Session,
    certificate: &Certificate,
    reason: Reason,
    password: &Password,
) -> NewRevocation {
    NewRevocation {
        certificate: certificate.id,
        reason,
        password: Some(password.id),
        by: session.actor.clone(),
        now: portal.clock.now(),
    }
}

/// A certificate of the person that can be revoked for this reason, or was revoked.
fn revocable(
    portal: &Portal,
    found: Overview,
    reason: RevocationReason,
) -> Result<(Application, Certificate), Refusal> {
    let (application, certificate) = applications::of_application(found)?;
    from_holder(reason)?;
    if certificate.revoked.is_none() && certificate.not_after <= portal.clock.now() {
        return Err(ErrorCode::ApplicationStateForbids.into());
    }
    Ok((application, certificate))
}

/// The password was used already: if it revoked this certificate, the first answer may have been lost.
async fn revoked_before(portal: &Portal, session: &Session, id: Uuid) -> Result<ApplicationRow, Refusal> {
    let (application, certificate) = applications::certificate(portal, session, id).await?;
    match certificate.revoked {
        Some(_) => one_row(portal, session, application.id).await,
        None => Err(ErrorCode::OtpUsed.into()),
    }
}

fn scope(session: &Session, certificate: &Certificate) -> PasswordScope {
    PasswordScope {
        phone: session.phone.clone(),
        purpose: Purpose::Revocation,
        subject: Some((certificate.id, session.id)),
    }
}

/// Why an operator's revocation was not done.
#[derive(Debug, thiserror::Error)]
pub enum RevocationError {
    /// What was typed is no serial number.
    #[error("{0:?} is no serial number: it is hexadecimal, with or without colons")]
    NoSerial(String),
    /// No certificate has it.
    #[error("no certificate has the serial number {0}")]
    NotFound(String),
    /// It was revoked before; nothing changed.
    #[error("the certificate was revoked on {} for the reason {}", .0.at.date(), .0.reason)]
    AlreadyRevoked(Revoked),
    /// Its time is over; lists do not speak of it.
    #[error("the certificate expired on {}", .0.date())]
    Expired(OffsetDateTime),
    /// Nothing lifts a hold, so it would be a revocation under another name.
    #[error("certificateHold is not taken: a certificate is revoked for good, or not at all")]
    Hold,
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Revokes a certificate, by its serial number as programs print it.
///
/// # Errors
/// [`RevocationError`].
pub async fn by_operator(
    store: &dyn Store,
    clock: &dyn Clock,
    typed: &str,
    reason: Reason,
    by: &Actor,
) -> Result<(Application, Certificate), RevocationError> {
    if reason == Reason::CertificateHold {
        return Err(RevocationError::Hold);
    }
    let digits: String = typed.chars().filter(|c| !c.is_whitespace() && *c != ':').collect();
    let serial = Serial::parse(&digits).ok_or_else(|| RevocationError::NoSerial(typed.to_owned()))?.to_string();
    let not_found = || RevocationError::NotFound(serial.clone());
    let (application, certificate) = store.certificate(&serial).await?.ok_or_else(not_found)?;
    let now = clock.now();
    if let Some(revoked) = certificate.revoked {
        return Err(RevocationError::AlreadyRevoked(revoked));
    }
    if certificate.not_after <= now {
        return Err(RevocationError::Expired(certificate.not_after));
    }
    let revocation = NewRevocation { certificate: certificate.id, reason, password: None, by: by.clone(), now };
    let revoked = Revoked { at: now, reason };
    match store.revoke(&revocation).await? {
        RevokeOutcome::Done => Ok((application, Certificate { revoked: Some(revoked), ..certificate })),
        RevokeOutcome::AlreadyRevoked => Err(RevocationError::AlreadyRevoked(revoked)),
        RevokeOutcome::PasswordUsed | RevokeOutcome::NotFound => Err(not_found()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_digest_depends_on_certificate_serial_and_reason() {
        let digest = revocation_digest(Uuid::nil(), "0A", RevocationReason::Superseded);
        assert_ne!(digest, revocation_digest(Uuid::max(), "0A", RevocationReason::Superseded));
        assert_ne!(digest, revocation_digest(Uuid::nil(), "0B", RevocationReason::Superseded));
        assert_ne!(digest, revocation_digest(Uuid::nil(), "0A", RevocationReason::KeyCompromise));
    }

    #[test]
    fn a_holder_gives_a_holders_reasons_alone() {
        for reason in Reason::ALL.iter().copied() {
            let theirs = from_holder(to_protocol(reason)).ok();
            assert_eq!(theirs, to_protocol(reason).is_of_holder().then_some(reason));
        }
    }
}
