//! A one-time password: once, in time, by whoever it was sent to, for what it was sent.

use ring::digest::{SHA256, digest};
use time::OffsetDateTime;
use uuid::Uuid;

use super::{Case, certificates::digest_of, ensure};
use crate::{
    model::{Intent, TRIES},
    operation::Why,
    registry::{Password, Registry},
    simulation::{Answer, OnItsWay},
};

pub(super) fn judge(case: &mut Case<'_>) -> Result<(), String> {
    let used: Vec<Uuid> = changed(case.after, "password", "used");
    let confirmed: Vec<Uuid> = changed(case.after, "request", "confirmed");
    let begun = case.after.sessions.keys().filter(|hash| !case.before.sessions.contains_key(*hash)).count();
    ensure(used.len() <= 1, || "two passwords were used at once".to_owned())?;
    let revoked = revoked_by_holder(case);
    ensure(begun + confirmed.len() + revoked.len() == used.len(), || {
        let (confirmed, revoked, used) = (confirmed.len(), revoked.len(), used.len());
        format!("{begun} sessions, {confirmed} confirmations and {revoked} revocations for {used} passwords")
    })?;
    let outcome = case.outcome.as_ref();
    if let Some(outcome) = outcome {
        let late = case.came.iter().any(|code| outcome.begun.known.superseded.contains(code));
        ensure(!late, || "a message was sent whose code another one had taken the place of".to_owned())?;
    }
    if let Some(used) = used.first() {
        let step = outcome.map(|outcome| outcome.begun).ok_or("a password was used by nobody")?;
        let password = case.after.passwords.get(used).ok_or("a used password is gone")?;
        was_good(case, step, *used, password)?;
        case.model.used(&password.phone);
        return match password.subject {
            None => {
                let new = case.after.sessions.iter().find(|(hash, _)| !case.before.sessions.contains_key(*hash));
                ensure(new.is_some_and(|(_, session)| session.phone == password.phone), || {
                    "a sign-in without a session of its phone".to_owned()
                })
            }
            Some((certificate, _)) if password.purpose == "revocation" => {
                ensure(revoked == [certificate], || "another certificate was revoked".to_owned())?;
                revocation_digest_fits(case.after, certificate, password)
            }
            Some((request, _)) => {
                ensure(confirmed == [request], || "another request was confirmed".to_owned())?;
                digest_fits(case.after, request, password)
            }
        };
    }
    let Some(outcome) = outcome else { return Ok(()) };
    let Some(delivery) = &outcome.begun.delivery else { return Ok(()) };
    let code = match outcome.answer {
        Some(Answer::Reply(_, reply)) if !outcome.disturbed => Some(reply.code()),
        _ => None,
    };
    case.model.tried(delivery.person.phone(), &delivery.intent, outcome.begun.began, code.as_deref());
    Ok(())
}

fn changed(after: &Registry, kind: &str, to: &str) -> Vec<Uuid> {
    after.changes.iter().filter(|change| change.kind == kind && change.after == to).map(|change| change.row).collect()
}

/// The certificates that holders revoked in this step.
fn revoked_by_holder(case: &Case<'_>) -> Vec<Uuid> {
    let new = case.after.audit.iter().skip(case.before.audit.len());
    let theirs = new.filter(|row| row.event == "certificate revoked" && row.by.who == "holder");
    theirs.map(|row| row.subject).collect()
}

/// It was typed as it was sent, by its phone, in its session, for its request, before its time was over, and there
/// were tries left.
fn was_good(case: &Case<'_>, step: &OnItsWay, id: Uuid, password: &Password) -> Result<(), String> {
    let made = case.model.codes.get(&id);
    let code = made.map(|made| made.code.as_str());
    ensure(made.is_none_or(|made| made.met < TRIES), || "a password was used after five wrong tries at it".to_owned())?;
    let delivery = step.delivery.as_ref().ok_or("a password was used without a request")?;
    let fits = match &delivery.intent {
        Intent::SignIn { phone, typed } => {
            password.purpose == "signIn"
                && password.phone == *phone
                && password.subject.is_none()
                && code.is_none_or(|code| code == typed)
        }
        Intent::Confirm { request, session, typed } => {
            password.purpose == "confirmation"
                && password.phone == delivery.person.phone()
                && session.is_some_and(|session| password.subject == Some((*request, session)))
                && code.is_none_or(|code| code == typed)
        }
        Intent::Revoke { certificate, session, typed, why } => {
            let revoked = case.after.certificates.get(certificate).and_then(|certificate| certificate.revoked);
            password.purpose == "revocation"
                && password.phone == delivery.person.phone()
                && session.is_some_and(|session| password.subject == Some((*certificate, session)))
                && code.is_none_or(|code| code == typed)
                && revoked.is_some_and(|(_, reason)| reason == why.code())
        }
        Intent::Activate { .. } | Intent::Anything => false,
    };
    ensure(fits, || format!("{:?} used a password that was not sent for it", delivery.intent))?;
    let millis = |time: OffsetDateTime| (time.unix_timestamp_nanos() / 1_000_000) as i64;
    let (began, tenth) = (millis(step.began), password.created_at + 600_000);
    ensure(began < password.expires_at.min(tenth), || "a password was used after its ten minutes".to_owned())?;
    ensure(!step.exhausted, || "a password was used while its phone had to wait".to_owned())
}

/// The digest that was confirmed is the password's, and that of snapshot and key.
fn digest_fits(after: &Registry, request: Uuid, password: &Password) -> Result<(), String> {
    let request = after.requests.get(&request).ok_or("a confirmed request is gone")?;
    let snapshot = request.snapshot.as_deref().ok_or("nothing was frozen")?;
    let application = after.applications.get(&request.application).ok_or("an application is gone")?;
    ensure(application.holder == snapshot, || "other data were frozen than the application has".to_owned())?;
    let digest = Some(digest_of(request.application, snapshot, &request.public_key));
    ensure(digest == request.digest && digest == password.digest, || {
        "a code confirmed another digest than its own".to_owned()
    })
}

/// The digest that was confirmed is that of the certificate and of the reason for which it was revoked: SHA-256 of
/// `qcert-revocation-v1` ‖ 0x00 ‖ certificate ‖ serial ‖ reason.
fn revocation_digest_fits(after: &Registry, id: Uuid, password: &Password) -> Result<(), String> {
    let certificate = after.certificates.get(&id).ok_or("a revoked certificate is gone")?;
    let whys = [Why::Superseded, Why::KeyCompromise];
    let why = whys.into_iter().find(|why| certificate.revoked.is_some_and(|(_, reason)| reason == why.code()));
    let why = why.ok_or("a holder revoked for a reason that is not a holder's")?;
    let parts: [&[u8]; 4] =
        [b"qcert-revocation-v1\0", id.as_bytes(), certificate.serial.as_bytes(), why.name().as_bytes()];
    let digest = digest(&SHA256, &parts.concat()).as_ref().to_vec();
    ensure(password.digest == Some(digest), || "a code revoked what it was not sent for".to_owned())
}
