//! What is revoked stays revoked, is on the next list of its shard until it expires, and its key comes back never.

use std::collections::BTreeSet;

use qcert_pki::crl::CertificateList;
use qcert_server::{
    ca::{Ca, Issuer},
    store::IssuerId,
};
use time::OffsetDateTime;

use super::{Case, ensure};
use crate::{
    model::Intent,
    registry::{Certificate, List},
    simulation::Answer,
    world::Reply,
};

pub(super) fn judge(case: &mut Case<'_>) -> Result<(), String> {
    for (id, before) in &case.before.certificates {
        let after = case.after.certificates.get(id).and_then(|certificate| certificate.revoked);
        ensure(before.revoked.is_none() || after == before.revoked, || "a revocation changed".to_owned())?;
    }
    for certificate in case.after.certificates.values() {
        let state = case.after.applications[&certificate.application].state.as_str();
        ensure(certificate.revoked.is_some() == (state == "revoked"), || {
            format!("an application is {state}, and its certificate's revocation is {:?}", certificate.revoked)
        })?;
    }
    decided_in_time(case)?;
    once(case)?;
    whoever_was_told_so(case)?;
    revoked_keys_stay_away(case)?;
    lists(case)
}

fn lists(case: &mut Case<'_>) -> Result<(), String> {
    for (of, before) in &case.before.lists {
        let number = case.after.lists.get(of).map(|list| list.number);
        ensure(number >= Some(before.number), || format!("a list's number went back to {number:?}"))?;
    }
    for (of @ (issuer, shard), list) in &case.after.lists {
        if case.judged.lists.insert((*issuer, shard.clone(), list.number)) {
            tells_the_truth(case, of, list)?;
        } else if let Some(before) = case.before.lists.get(of) {
            ensure(before.der == list.der, || "a list changed under its number".to_owned())?;
        }
    }
    Ok(())
}

/// The audit tells of each revocation once, and of no other.
fn once(case: &Case<'_>) -> Result<(), String> {
    let told: Vec<_> = case.after.audit.iter().filter(|row| row.event == "certificate revoked").collect();
    let subjects: BTreeSet<_> = told.iter().map(|row| row.subject).collect();
    let revoked = case.after.certificates.iter().filter(|(_, one)| one.revoked.is_some()).map(|(id, _)| *id);
    ensure(told.len() == subjects.len() && revoked.collect::<BTreeSet<_>>() == subjects, || {
        "the audit has other revocations than the registry".to_owned()
    })
}

/// Whose revocation was answered with success is revoked.
fn whoever_was_told_so(case: &Case<'_>) -> Result<(), String> {
    let Some(outcome) = &case.outcome else { return Ok(()) };
    let certificate = match (outcome.answer, &outcome.begun.delivery) {
        (Some(Answer::Reply(_, reply)), Some(delivery)) if reply.status == 200 => match &delivery.intent {
            Intent::Revoke { certificate, .. } => case.after.certificates.get(certificate),
            _ => return Ok(()),
        },
        (Some(Answer::Revoked(serial)), _) => case.after.by_serial(serial),
        _ => return Ok(()),
    };
    ensure(certificate.is_some_and(|one| one.revoked.is_some()), || {
        "a certificate was called revoked, and is not".to_owned()
    })
}

/// Whoever revoked did so by a clock that said that the certificate's time was not over.
fn decided_in_time(case: &Case<'_>) -> Result<(), String> {
    for row in case.after.audit.iter().skip(case.before.audit.len()).filter(|row| row.event == "certificate revoked") {
        let certificate = case.after.certificates.get(&row.subject).ok_or("what is no certificate was revoked")?;
        ensure(row.millis() < certificate.not_after, || {
            "a certificate was revoked after its time was over".to_owned()
        })?;
    }
    Ok(())
}

/// No request is taken with a key whose certificate was revoked before.
fn revoked_keys_stay_away(case: &Case<'_>) -> Result<(), String> {
    let revoked = case.before.certificates.values().filter(|certificate| certificate.revoked.is_some());
    let keys: BTreeSet<_> = revoked.map(|one| &case.before.requests[&one.request].public_key).collect();
    let mut new = case.after.requests.iter().filter(|(id, _)| !case.before.requests.contains_key(*id));
    ensure(new.all(|(_, request)| !keys.contains(&request.public_key)), || {
        "the key of a revoked certificate was taken".to_owned()
    })
}

/// Its signature is the issuer's, it is the list that certificates name; it names what was revoked when it was made, and
/// nothing else.
fn tells_the_truth(case: &Case<'_>, (issuer, shard): &(IssuerId, String), list: &List) -> Result<(), String> {
    let signer = case.world.authority.issuer(issuer).ok_or("a list is of no issuer")?;
    let read = read(&list.der, &signer)?;
    let urls = read.distribution_point().map(|point| point.urls.as_slice());
    ensure(urls == Some(&signer.profile(shard).crl_urls), || format!("a list of {shard} calls itself {urls:?}"))?;
    let named: BTreeSet<String> = read.entries().iter().map(|entry| entry.serial.to_string()).collect();
    let is_its = |one: &Certificate| one.shard == *shard && one.issuer == *issuer;
    for serial in &named {
        let known = case.after.by_serial(serial);
        ensure(known.is_some_and(|one| one.revoked.is_some() && is_its(one)), || {
            format!("a list names {serial}, which is not revoked or another list's")
        })?;
    }
    let due = |one: &&Certificate| {
        is_its(one) && one.not_after > list.this_update && one.revoked.is_some_and(|(at, _)| at < list.this_update)
    };
    let missed = case.after.certificates.values().filter(due).find(|one| !named.contains(&one.serial));
    ensure(missed.is_none(), || "a list leaves a revoked certificate out".to_owned())
}

fn read(der: &[u8], signer: &Issuer) -> Result<CertificateList, String> {
    let read = CertificateList::parse(der).map_err(|error| error.to_string())?;
    read.verify(signer.certificate()).map_err(|error| error.to_string())?;
    Ok(read)
}

/// The address of the list that a certificate names.
pub fn list_address(certificate: &Certificate) -> Result<String, String> {
    let start = certificate.der.windows(4).position(|bytes| bytes == b"/crl");
    let address = start.and_then(|start| {
        let length = certificate.der[start..].windows(4).position(|bytes| bytes == b".crl")?;
        String::from_utf8(certificate.der[start..start + length + 4].to_vec()).ok()
    });
    address.ok_or_else(|| format!("certificate {} names no list", certificate.serial))
}

/// Once everything is published, the list that a certificate names says whether it is revoked.
///
/// # Errors
/// When it does not, or is not the issuer's.
pub fn named_list(certificate: &Certificate, reply: &Reply, now: OffsetDateTime, authority: &Ca) -> Result<(), String> {
    let signer = authority.issuer(&certificate.issuer).ok_or("a certificate is of no issuer")?;
    let is_over = i128::from(certificate.not_after) <= now.unix_timestamp_nanos() / 1_000_000;
    if is_over && reply.status == 404 {
        return Ok(());
    }
    ensure(reply.status == 200, || format!("a certificate's list is answered {}", reply.status))?;
    let list = read(&reply.body, &signer)?;
    let entry = list.entries().iter().find(|entry| entry.serial.to_string() == certificate.serial);
    let told = entry.map(|entry| (entry.revoked_at.unix_timestamp(), i64::from(entry.reason.code())));
    let revoked = certificate.revoked.map(|(at, reason)| (at / 1000, reason));
    ensure(told == revoked || is_over && told.is_none(), || {
        format!("{} is revoked {revoked:?}, and the list that it names says {told:?}", certificate.serial)
    })
}
