//! Renewals, and requests whose holder a key identifies.

use qcert_pki::crl::Reason;
use qcert_server::store::{
    Application, Certificate, ConfirmedRequest, Job, NewRenewal, Page, Prepared, Proof, Renewed, Store, TermKind,
};

use super::{
    NOW, by, claimed, confirmed, filled, holder, id, issued, ordered, phone, prepared, request,
    revocations::revocation, state,
};

async fn application(store: &dyn Store, number: u128) -> Application {
    store.application_of(&phone(), id(number)).await.unwrap().unwrap().application
}

/// Application `new` in place of application 1.
async fn renewal(store: &dyn Store, new: u128) -> NewRenewal {
    let old = application(store, 1).await;
    NewRenewal {
        id: id(new),
        numbers: ["67092365R1", "67092365R2"].map(str::to_owned).to_vec(),
        of: id(1),
        revision: old.revision,
        phone: old.phone,
        holder: old.holder,
        over: &["rejected", "revoked"],
        by: holder(),
        now: NOW,
    }
}

/// The demo's applications; the first one's certificate is installed.
async fn installed(store: &dyn Store) -> Certificate {
    filled(store).await;
    let certificate = issued(store, 1).await;
    assert!(store.install(certificate.id, true, &["readyToInstall"], &holder(), NOW).await.unwrap());
    certificate
}

/// The same, and renewed by application 50.
async fn renewed(store: &dyn Store) -> Certificate {
    let certificate = installed(store).await;
    assert_eq!(store.renew(&renewal(store, 50).await).await.unwrap(), Renewed::Done);
    certificate
}

async fn proof(store: &dyn Store, certificate: &Certificate) -> Proof {
    Proof {
        certificate: certificate.id,
        serial: certificate.serial.clone(),
        nonce: [1; 32],
        signature: vec![2; 70],
        renewed: (id(1), application(store, 1).await.revision),
        revision: application(store, 50).await.revision,
    }
}

const FROM: &[&str] = &["available", "preparing", "withdrawn"];

pub async fn a_renewal_has_what_the_old_application_has_and_a_number_of_its_own(store: &dyn Store) {
    installed(store).await;
    let old = application(store, 1).await;
    assert!(!store.application_of(&phone(), id(1)).await.unwrap().unwrap().has_successor);
    assert_eq!(store.renew(&renewal(store, 50).await).await.unwrap(), Renewed::Done);
    let found = store.application_of(&phone(), id(50)).await.unwrap().unwrap();
    let new = found.application.clone();
    assert_eq!((new.number.as_str(), new.state.as_str(), new.revision), ("67092365R1", "available", 1));
    assert_eq!((new.replaces, new.identification, found.request), (Some(id(1)), None, None));
    assert_eq!(
        (&new.phone, &new.holder_json, new.certificate_type),
        (&old.phone, &old.holder_json, old.certificate_type)
    );
    let renewed = store.application_of(&phone(), id(1)).await.unwrap().unwrap();
    assert!(renewed.has_successor && renewed.application.revision == old.revision + 1);
    for (kind, term) in [(TermKind::Snils, old.holder.snils.as_str()), (TermKind::Phone, old.phone.as_str())] {
        let page = Page::Terms { kind, after: (term.to_owned(), uuid::Uuid::nil()), to: term.to_owned() };
        let found = store.operator_store().search(&page, 10).await.unwrap();
        assert!(found.iter().any(|found| found.application.id == id(50)), "it is found by {kind:?}");
    }
    assert_eq!(store.operator_store().application(id(50)).await.unwrap().unwrap().application, new);
    assert_eq!(store.operator_store().application(id(99)).await.unwrap(), None);
}

pub async fn of_two_renewals_at_once_there_is_one(store: &dyn Store) {
    installed(store).await;
    let (one, two) = (renewal(store, 50).await, renewal(store, 51).await);
    let (one, two) = tokio::join!(store.renew(&one), store.renew(&two));
    let outcomes = [one.unwrap(), two.unwrap()];
    assert!(outcomes.contains(&Renewed::Done) && outcomes.contains(&Renewed::There), "{outcomes:?}");
    let all = store.applications().await.unwrap();
    assert_eq!(all.iter().filter(|found| found.application.replaces == Some(id(1))).count(), 1);
}

pub async fn a_renewal_of_what_changed_or_without_a_number_is_none(store: &dyn Store) {
    installed(store).await;
    let stale = renewal(store, 50).await;
    store.add_mistake(id(60), id(1), "text", &holder(), NOW).await.unwrap();
    assert_eq!(store.renew(&stale).await.unwrap(), Renewed::Changed);
    let taken = application(store, 2).await.number;
    let taken = NewRenewal { numbers: vec![taken], ..renewal(store, 50).await };
    assert_eq!(store.renew(&taken).await.unwrap(), Renewed::NumbersTaken);
    assert_eq!(store.renew(&NewRenewal { of: id(99), ..taken }).await.unwrap(), Renewed::Changed);
    assert!(store.application_of(&phone(), id(50)).await.unwrap().is_none());
}

pub async fn a_renewal_that_does_not_go_on_is_followed_by_another(store: &dyn Store) {
    renewed(store).await;
    assert_eq!(store.renew(&renewal(store, 51).await).await.unwrap(), Renewed::There);
    confirmed(store, 50, true).await;
    assert!(store.reject_issuance(id(50), "reason", &by("operator"), NOW).await.unwrap());
    assert!(!store.application_of(&phone(), id(1)).await.unwrap().unwrap().has_successor);
    assert_eq!(store.renew(&renewal(store, 51).await).await.unwrap(), Renewed::Done);
    assert_eq!(application(store, 51).await.number, "67092365R2", "the first number is taken");
    confirmed(store, 51, false).await;
    assert!(store.withdraw(id(51), &holder(), NOW).await.unwrap());
    assert!(!store.application_of(&phone(), id(1)).await.unwrap().unwrap().has_successor, "it can be taken up again");
    assert_eq!(store.renew(&renewal(store, 52).await).await.unwrap(), Renewed::There);
}

pub async fn a_proven_request_names_the_certificate_that_vouched(store: &dyn Store) {
    let certificate = renewed(store).await;
    let proof = proof(store, &certificate).await;
    let done = store.prepare_proven_request(&request(10, 50, 9), &proof, FROM, &holder()).await.unwrap();
    assert_eq!(done, Prepared::Done(application(store, 50).await.revision));
    let found = store.application_of(&phone(), id(50)).await.unwrap().unwrap();
    let kept = found.request.unwrap();
    assert_eq!((kept.id, kept.vouched_by, state(store, 50).await), (id(10), Some(certificate.id), "preparing"));
    let told: Vec<_> =
        store.audit().await.unwrap().into_iter().filter(|row| row.event == "holder identified").collect();
    assert_eq!((told.len(), told[0].subject, told[0].detail.as_str()), (1, id(10), certificate.serial.as_str()));
    // Another request takes its place, and has no proof.
    let plain = store.prepare_request(&request(11, 50, 8), FROM, &holder()).await.unwrap();
    assert!(matches!(plain, Prepared::Done(_)));
    let found = store.application_of(&phone(), id(50)).await.unwrap().unwrap();
    assert_eq!(found.request.map(|request| (request.id, request.vouched_by)), Some((id(11), None)));
}

pub async fn a_proof_of_what_changed_since_prepares_nothing(store: &dyn Store) {
    let certificate = renewed(store).await;
    let now = proof(store, &certificate).await;
    let prepare = async |proof: Proof, key| {
        store.prepare_proven_request(&request(10, 50, key), &proof, FROM, &holder()).await.unwrap()
    };
    assert_eq!(prepare(Proof { revision: now.revision + 1, ..now.clone() }, 9).await, Prepared::Changed);
    assert_eq!(prepare(Proof { renewed: (id(1), now.renewed.1 - 1), ..now.clone() }, 9).await, Prepared::Changed);
    assert_eq!(prepare(Proof { renewed: (id(2), now.renewed.1), ..now.clone() }, 9).await, Prepared::Changed);
    // The old key is somebody's already, and one that is blocked nobody's.
    assert_eq!(prepare(now.clone(), 1).await, Prepared::KeyInUse);
    assert!(store.block_key(&[7; 32], &by("operator"), NOW).await.unwrap());
    assert_eq!(prepare(now.clone(), 7).await, Prepared::KeyBlocked);
    let blocked = store.block_key(&[1; 32], &by("operator"), NOW).await.unwrap();
    assert_eq!((blocked, prepare(now.clone(), 9).await), (true, Prepared::VoucherBlocked));
    store.revoke(&revocation(certificate.id, Reason::Superseded)).await.unwrap();
    assert_eq!(prepare(now, 9).await, Prepared::Changed);
    assert_eq!(state(store, 50).await, "available");
    assert!(store.audit().await.unwrap().iter().all(|row| row.event != "holder identified"));
}

pub async fn of_a_proof_and_a_revocation_at_once_the_second_sees_the_first(store: &dyn Store) {
    let certificate = renewed(store).await;
    let (proof, new) = (proof(store, &certificate).await, request(10, 50, 9));
    let (holder, revocation) = (holder(), revocation(certificate.id, Reason::KeyCompromise));
    let (prepared, revoked) =
        tokio::join!(store.prepare_proven_request(&new, &proof, FROM, &holder), store.revoke(&revocation));
    revoked.unwrap();
    let stands = store.application_of(&phone(), id(50)).await.unwrap().unwrap().request.is_some();
    match prepared.unwrap() {
        Prepared::Done(_) => assert!(stands),
        Prepared::Changed => assert!(!stands),
        other => panic!("{other:?}"),
    }
}

pub async fn a_job_tells_whether_the_certificate_was_revoked_that_vouched(store: &dyn Store) {
    let (certificate, job) = vouched(store).await;
    let other = issued_beside(store).await;
    store.revoke(&revocation(other.id, Reason::Superseded)).await.unwrap();
    store.release_issuance(&job, NOW).await.unwrap();
    assert!(!claimed(store, 20).await.unwrap().voucher_lost, "another certificate was revoked");
    store.revoke(&revocation(certificate.id, Reason::Superseded)).await.unwrap();
    store.release_issuance(&job, NOW).await.unwrap();
    assert!(claimed(store, 20).await.unwrap().voucher_lost);
}

pub async fn a_job_tells_whether_the_key_was_blocked_that_vouched(store: &dyn Store) {
    let (_, job) = vouched(store).await;
    assert!(store.block_key(&[1; 32], &by("operator"), NOW).await.unwrap());
    store.release_issuance(&job, NOW).await.unwrap();
    let job = claimed(store, 20).await.unwrap();
    assert_eq!((job.voucher_lost, job.key_blocked), (true, false));
}

/// A leased job of a proven request, and the certificate that vouched for its holder.
async fn vouched(store: &dyn Store) -> (Certificate, Job) {
    let certificate = renewed(store).await;
    let proof = proof(store, &certificate).await;
    let proven = store.prepare_proven_request(&request(10, 50, 9), &proof, FROM, &holder()).await.unwrap();
    assert!(matches!(proven, Prepared::Done(_)));
    let confirmed = ConfirmedRequest {
        password: ordered(store, 30).await,
        request: id(10),
        snapshot: application(store, 50).await.holder_json,
        digest: [3; 32],
        held: false,
        by: holder(),
        now: NOW,
    };
    store.confirm_request(&confirmed).await.unwrap();
    let job = claimed(store, 20).await.unwrap();
    assert_eq!((job.request.vouched_by, job.voucher_lost), (Some(certificate.id), false));
    (certificate, job)
}

/// The certificate of application 2, while another job is leased.
async fn issued_beside(store: &dyn Store) -> Certificate {
    let confirmed = prepared(store, 2, false).await;
    store.confirm_request(&confirmed).await.unwrap();
    let job = claimed(store, 21).await.unwrap();
    let certificate = super::certificate(&job, 2);
    assert!(super::committed(store, &job, &super::commitment(&certificate.serial), NOW).await);
    assert!(super::completed(store, &job, &certificate).await);
    certificate
}
