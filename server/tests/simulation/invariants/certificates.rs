//! One certificate for an application, of what was confirmed, as it was committed.

use std::collections::BTreeSet;

use qcert_pki::{Certificate, CertificationRequest, Issuance, PublicKey, Serial, profile_check};
use qcert_protocol::{HolderData, application::IdentificationKind};
use ring::digest::{SHA256, digest};
use uuid::Uuid;

use super::{Case, ensure};
use crate::{operation::Why, registry};

pub(super) fn judge(case: &mut Case<'_>) -> Result<(), String> {
    commitments_stay(case)?;
    leases_are_kept(case)?;
    signed_is_committed(case)?;
    serials_are_random_and_unique(case)?;
    one_for_an_application(case)?;
    blocked_keys_stay_away(case)?;
    for (id, certificate) in &case.before.certificates {
        let there = case.after.certificates.get(id);
        let same = there.is_some_and(|there| there.der == certificate.der && there.serial == certificate.serial);
        ensure(same, || format!("certificate {} changed or is gone", certificate.serial))?;
    }
    for (id, certificate) in &case.after.certificates {
        if case.judged.certificates.insert(*id) {
            is_what_was_confirmed(case, certificate)?;
        }
    }
    Ok(())
}

/// Nobody takes or ends a job that is another's and whose lease has not run out, by the clock of whoever does.
fn leases_are_kept(case: &Case<'_>) -> Result<(), String> {
    for (request, before) in &case.before.issuances {
        let Some((owner, until)) = before.lease else { continue };
        if case.after.issuances.get(request).map(|after| after.lease) == Some(before.lease) {
            continue;
        }
        let step = case.outcome.as_ref().map(|outcome| outcome.begun).ok_or("a lease changed by itself")?;
        let began = step.began.unix_timestamp_nanos() / 1_000_000;
        ensure(owner == step.worker || i128::from(until) <= began, || "a leased job was taken by another".to_owned())?;
    }
    Ok(())
}

/// What was once committed is never another.
fn commitments_stay(case: &Case<'_>) -> Result<(), String> {
    for (request, before) in &case.before.issuances {
        let after = case.after.issuances.get(request).ok_or("an issuance is gone")?;
        let stays =
            before.serial.is_none() || (before.serial == after.serial && before.to_be_signed == after.to_be_signed);
        ensure(stays, || "what was committed changed".to_owned())?;
        ensure(after.serial.is_some() == after.to_be_signed.is_some(), || "half a commitment".to_owned())?;
    }
    Ok(())
}

/// The authority's key signed no certificate that was not committed before.
fn signed_is_committed(case: &mut Case<'_>) -> Result<(), String> {
    let signed = case.world.signed(case.judged.signatures);
    case.judged.signatures += signed.len();
    let hex =
        |bytes: &[u8]| digest(&SHA256, bytes).as_ref().iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    for (_, digest) in signed.iter().filter(|(kind, _)| kind == "certificate") {
        let holders = case.after.issuances.values().filter_map(|issuance| issuance.to_be_signed.as_ref());
        let committed = holders.chain(case.after.authority.values()).any(|bytes| hex(bytes) == *digest);
        ensure(committed, || "the authority's key signed what was never committed".to_owned())?;
    }
    Ok(())
}

fn serials_are_random_and_unique(case: &mut Case<'_>) -> Result<(), String> {
    let mut seen = BTreeSet::new();
    let holders = case.after.issuances.values().filter_map(|issuance| issuance.serial.as_ref());
    for serial in holders.chain(case.after.authority.keys()) {
        ensure(seen.insert(serial), || format!("serial {serial} twice"))?;
        if !case.judged.serials.insert(serial.clone()) {
            continue;
        }
        let parsed = Serial::parse(serial).ok_or_else(|| format!("{serial} is no serial"))?;
        let bytes = parsed.as_bytes();
        ensure(bytes[0] < 0x80 && (16..=20).contains(&bytes.len()), || format!("serial {serial} of no good length"))?;
        // All but a few bits of it are as they were drawn.
        let drawn = case.world.randomness.given.lock().unwrap();
        let is_drawn = drawn.iter().any(|drawn| drawn.windows(bytes.len()).any(|part| part[1..] == bytes[1..]));
        ensure(is_drawn, || format!("serial {serial} is not random"))?;
    }
    Ok(())
}

fn one_for_an_application(case: &Case<'_>) -> Result<(), String> {
    let mut applications = BTreeSet::new();
    for certificate in case.after.certificates.values() {
        ensure(applications.insert(certificate.application), || "an application has two certificates".to_owned())?;
    }
    Ok(())
}

/// A key that was blocked is in no request that is taken after that, and in no certificate whose issuance began after
/// that; a compromised one is blocked.
fn blocked_keys_stay_away(case: &Case<'_>) -> Result<(), String> {
    let key = |request: &Uuid| digest(&SHA256, &case.after.requests[request].public_key).as_ref().to_vec();
    ensure(case.before.blocked.is_subset(&case.after.blocked), || "a blocked key is free again".to_owned())?;
    let mut requests = case.after.requests.keys().filter(|id| !case.before.requests.contains_key(*id));
    ensure(requests.all(|id| !case.before.blocked.contains(&key(id))), || "a blocked key was taken".to_owned())?;
    let known = case.outcome.as_ref().map(|outcome| &outcome.begun.known.blocked);
    for (id, certificate) in &case.after.certificates {
        let certified = !case.before.certificates.contains_key(id)
            && known.is_some_and(|blocked| blocked.contains(&key(&certificate.request)));
        ensure(!certified, || "a blocked key was certified".to_owned())?;
        let compromised = certificate.revoked.is_some_and(|(_, reason)| reason == Why::KeyCompromise.code());
        ensure(!compromised || case.after.blocked.contains(&key(&certificate.request)), || {
            "a compromised key is not blocked".to_owned()
        })?;
    }
    let told: Vec<&String> =
        case.after.audit.iter().filter(|row| row.event == "key blocked").map(|row| &row.detail).collect();
    ensure(told.iter().collect::<BTreeSet<_>>().len() == told.len(), || "a key was blocked twice".to_owned())
}

/// SHA-256 of `qcert-confirmation-v1` ‖ 0x00 ‖ application ‖ SHA-256 of the snapshot ‖ SHA-256 of the key.
pub(super) fn digest_of(application: Uuid, snapshot: &str, public_key: &[u8]) -> Vec<u8> {
    let sha = |bytes: &[u8]| digest(&SHA256, bytes).as_ref().to_vec();
    let parts = [
        b"qcert-confirmation-v1\0".to_vec(),
        application.as_bytes().to_vec(),
        sha(snapshot.as_bytes()),
        sha(public_key),
    ];
    sha(&parts.concat())
}

/// The certificate is its commitment under the issuer's signature, and says what the snapshot and the request's key
/// say; their digest is the one that the password confirmed.
fn is_what_was_confirmed(case: &Case<'_>, record: &registry::Certificate) -> Result<(), String> {
    let wrong = |what: &str| format!("certificate {}: {what}", record.serial);
    let issuance = case.after.issuances.get(&record.request).ok_or_else(|| wrong("was never queued"))?;
    let request = &case.after.requests[&record.request];
    let certificate = Certificate::parse(&record.der).map_err(|code| wrong(code.as_str()))?;
    ensure(Some(certificate.tbs_der()) == issuance.to_be_signed.as_deref(), || wrong("is not what was committed"))?;
    ensure(Some(&certificate.serial().to_string()) == issuance.serial.as_ref(), || wrong("has another serial"))?;
    let issuer = case.world.authority.issuer(&record.issuer).ok_or_else(|| wrong("is of no issuer"))?;
    certificate.verify_issued_by(issuer.certificate()).map_err(|code| wrong(code.as_str()))?;

    let snapshot = request.snapshot.as_ref().ok_or_else(|| wrong("has no snapshot"))?;
    let proven = CertificationRequest::parse_and_verify(&request.der).map_err(|code| wrong(code.as_str()))?;
    ensure(proven.public_key().spki_der() == request.public_key, || wrong("has another key than its request"))?;
    let digest = digest_of(request.application, snapshot, &request.public_key);
    ensure(request.digest.as_ref() == Some(&digest), || wrong("has another digest than was confirmed"))?;

    let holder: HolderData = serde_json::from_str(snapshot).map_err(|error| wrong(&error.to_string()))?;
    let identification = identification(case, request.application).ok_or_else(|| wrong("nobody was identified"))?;
    let public_key = PublicKey::from_spki_der(&request.public_key).map_err(|code| wrong(code.as_str()))?;
    let profile = issuer.profile(&record.shard);
    let expected = Issuance {
        profile: &profile,
        issuer: issuer.certificate(),
        signature_algorithm: issuer.signature_algorithm(),
        holder: &holder,
        identification,
        public_key: &public_key,
        serial: certificate.serial(),
        not_before: certificate.not_before(),
        not_after: certificate.not_after(),
    };
    profile_check::check_qualified(certificate.tbs_der(), &expected)
        .map_err(|findings| wrong(&findings.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")))
}

fn identification(case: &Case<'_>, application: Uuid) -> Option<IdentificationKind> {
    let kind = case.after.applications.get(&application)?.identification?;
    IdentificationKind::try_from(kind).ok()
}
