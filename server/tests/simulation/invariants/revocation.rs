//! What is revoked stays revoked, is on the next list of its shard until it expires, and its key comes back never.

use std::collections::BTreeSet;

use qcert_pki::crl::CertificateList;
use time::OffsetDateTime;

use super::{Case, ensure};
use crate::{
    operation::Server,
    registry::{Certificate, List, Registry},
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
    revoked_keys_stay_away(case)?;
    for (shard, before) in &case.before.lists {
        let number = case.after.lists.get(shard).map(|list| list.number);
        ensure(number >= Some(before.number), || format!("a list's number went back to {number:?}"))?;
    }
    for (shard, list) in &case.after.lists {
        if case.judged.lists.insert((shard.clone(), list.number)) {
            tells_the_truth(case, shard, list)?;
        } else if let Some(before) = case.before.lists.get(shard) {
            ensure(before.der == list.der, || "a list changed under its number".to_owned())?;
        }
    }
    Ok(())
}

/// Whoever revoked did so by a clock that said that the certificate's time was not over.
fn decided_in_time(case: &Case<'_>) -> Result<(), String> {
    for row in case.after.audit.iter().skip(case.before.audit.len()).filter(|row| row.event == "certificate revoked") {
        let certificate = case.after.certificates.get(&row.subject).ok_or("what is no certificate was revoked")?;
        ensure(row.at < certificate.not_after, || "a certificate was revoked after its time was over".to_owned())?;
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

/// Its signature is the issuer's; it names what was revoked when it was made, and nothing else.
fn tells_the_truth(case: &Case<'_>, shard: &str, list: &List) -> Result<(), String> {
    let read = CertificateList::parse(&list.der).map_err(|error| error.to_string())?;
    let issuer = case.world.server(Server::First).portal.ca.current();
    read.verify(issuer.certificate()).map_err(|error| error.to_string())?;
    let named: BTreeSet<String> = read.entries().iter().map(|entry| entry.serial.to_string()).collect();
    for serial in &named {
        let known = case.after.certificates.values().find(|certificate| certificate.serial == *serial);
        ensure(known.is_some_and(|one| one.revoked.is_some() && one.shard == shard), || {
            format!("a list names {serial}, which is not revoked")
        })?;
    }
    let due = |one: &&Certificate| {
        one.shard == shard
            && one.not_after > list.this_update
            && one.revoked.is_some_and(|(at, _)| at < list.this_update)
    };
    let missed = case.after.certificates.values().filter(due).find(|one| !named.contains(&one.serial));
    ensure(missed.is_none(), || "a list leaves a revoked certificate out".to_owned())
}

/// Once everything is published, every revoked certificate that has not expired is on the latest list of its shard.
pub(super) fn published(registry: &Registry, now: OffsetDateTime) -> Result<(), String> {
    let now = now.unix_timestamp_nanos() / 1_000_000;
    let due = |one: &&Certificate| one.revoked.is_some() && i128::from(one.not_after) > now;
    for certificate in registry.certificates.values().filter(due) {
        let list = registry.lists.get(&certificate.shard).ok_or("a shard with a revoked certificate has no list")?;
        let read = CertificateList::parse(&list.der).map_err(|error| error.to_string())?;
        let named = read.entries().iter().any(|entry| entry.serial.to_string() == certificate.serial);
        ensure(named, || "the faults are over, and a revoked certificate is on no list".to_owned())?;
    }
    Ok(())
}
