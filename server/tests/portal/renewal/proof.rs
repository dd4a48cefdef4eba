//! What the old key signs, and that nothing else identifies anybody.

use std::process::Command;

use qcert_pki::Certificate;
use rcgen::{KeyPair, PKCS_ECDSA_P384_SHA384, PKCS_RSA_SHA256, SigningKey};

use super::{Holder, SOON, message, new_key, upload};
use crate::support::{ORIGIN, OTHER_PHONE, token};

#[tokio::test]
async fn the_old_key_identifies_its_holder_and_the_certificate_says_so() {
    let holder = Holder::new().await;
    let row = holder.renewed().await;
    let (renews, old) = (holder.renews(&row).await, holder.old.clone());
    let certificate = old.certificate.clone().unwrap();
    assert_eq!((renews.key_id, renews.not_after), (certificate.key_id, certificate.not_after));
    assert_eq!((serde_json::to_value(renews.token).unwrap(), renews.nonce.0.len()), (token(), 32));
    let row = holder.proven(&row).await;
    assert_eq!(row.state.as_str(), "preparing");
    assert_eq!(holder.row(row.id).await, row, "what is answered is the row as it stands");
    assert!(!holder.details(&row).await.identified, "the proof is of this request alone");
    assert_eq!(holder.audited(&format!("holder identified: {} by holder", certificate.serial)).await, 1);
    let row = holder.installed(&row).await;
    assert_eq!((holder.identification_kind(&old).await, holder.identification_kind(&row).await), (0, 1));
    assert_eq!(holder.details(&row).await.renews, None);
    let subject = async |row: &super::ApplicationRow| {
        let id = row.certificate.as_ref().unwrap().id;
        let der = holder.browser.clone().get(&format!("/certificates/{id}/file")).await.body;
        Certificate::parse(&der).unwrap().subject_text()
    };
    assert_eq!(subject(&row).await, subject(&old).await);
}

#[tokio::test]
async fn old_keys_of_other_kinds_identify_their_holders_as_well() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("rsa.pem");
    let made = Command::new("openssl").args(["genpkey", "-quiet", "-algorithm", "RSA", "-out"]).arg(&file).status();
    assert!(made.unwrap().success());
    let rsa = std::fs::read_to_string(file).unwrap();
    let rsa = KeyPair::from_pkcs8_pem_and_sign_algo(&rsa, &PKCS_RSA_SHA256).unwrap();
    for key in [KeyPair::generate_for(&PKCS_ECDSA_P384_SHA384).unwrap(), rsa] {
        let holder = Holder::with(SOON, key).await;
        let row = holder.renewed().await;
        holder.proven(&row).await;
        holder.installed(&row).await;
        assert_eq!(holder.identification_kind(&row).await, 1);
    }
}

#[tokio::test]
async fn a_proof_of_anything_else_is_refused_and_nothing_is_kept() {
    let holder = Holder::new().await;
    let (row, key) = (holder.renewed().await, new_key());
    let renews = holder.renews(&row).await;
    let other_session = {
        holder.workplace.clock.advance(time::Duration::minutes(3));
        let mut browser = holder.workplace.signed_in(crate::support::PHONE).await;
        browser.get(&format!("/applications/{}", row.id)).await.parsed::<super::ApplicationDetails>().renews.unwrap()
    };
    assert_ne!(other_session.nonce, renews.nonce);
    let mut other_id = renews.clone();
    other_id.key_id = qcert_protocol::KeyId::from_bytes(&[0; 20]);
    let signed = |message: &[u8]| holder.key.sign(message).unwrap();
    let right = message(ORIGIN, &renews, &key);
    let mut bent = signed(&right);
    *bent.last_mut().unwrap() ^= 1;
    for (what, proof) in [
        ("a page's own request in the place of the holder's", signed(&message(ORIGIN, &renews, &new_key()))),
        ("for another portal", signed(&message("http://localhost:8081", &renews, &key))),
        ("of another session", signed(&message(ORIGIN, &other_session, &key))),
        ("for another key on the token", signed(&message(ORIGIN, &other_id, &key))),
        ("without its prefix", signed(&right[14..])),
        ("by the new key itself", key.sign(&right).unwrap()),
        ("by anybody's key", new_key().sign(&right).unwrap()),
        ("with a bit changed", bent),
        ("that is none", b"proof".to_vec()),
        ("that is empty", Vec::new()),
        ("longer than any", vec![0x30; 4096]),
    ] {
        let refused = holder.send(&row, upload(&row, &key, Some(proof))).await;
        assert_eq!((refused.status.as_u16(), refused.code().as_str()), (422, "renewal_proof_wrong"), "{what}");
        assert_eq!(holder.row(row.id).await, row, "{what}");
    }
    let audited = holder.workplace.portal.store.audit().await.unwrap();
    let refused: Vec<_> = audited.iter().filter(|event| event.event == "identification refused").collect();
    assert_eq!(refused.len(), 1, "the others of this minute are counted");
    assert_eq!((refused[0].subject, refused[0].outcome.as_str()), (row.id, "refused renewal_proof_wrong"));
    assert_eq!(holder.send(&row, upload(&row, &key, Some(signed(&right)))).await.status, 201);
}

#[tokio::test]
async fn a_proof_for_an_application_that_renews_nothing_is_refused_though_an_operator_identified_the_holder() {
    let holder = Holder::new().await;
    let other = holder.browser.clone().rows().await.into_iter().find(|row| row.number == "67092366").unwrap();
    let details = holder.details(&other).await;
    assert_eq!((details.identified, details.renews), (true, None));
    let (row, key) = (holder.renewed().await, new_key());
    let proof = holder.proof(&row, &key).await;
    assert_eq!(holder.send(&other, upload(&other, &key, Some(proof))).await.code(), "renewal_proof_wrong");
    assert_eq!(holder.state(&other).await, "available");
    assert_eq!(holder.send(&other, upload(&other, &key, None)).await.status, 201);
}

#[tokio::test]
async fn without_a_proof_nobody_is_identified_and_another_request_needs_another() {
    let holder = Holder::new().await;
    let (row, key) = (holder.renewed().await, new_key());
    assert_eq!(holder.send(&row, upload(&row, &key, None)).await.code(), "identification_missing");
    let proof = holder.proof(&row, &key).await;
    let body = upload(&row, &key, Some(proof.clone()));
    let first = holder.send(&row, body.clone()).await;
    assert_eq!(first.status, 201);
    // A page that puts its own request in the place of the holder's has nothing that vouches for it.
    let own = new_key();
    assert_eq!(holder.send(&row, upload(&row, &own, None)).await.code(), "identification_missing");
    assert_eq!(holder.send(&row, upload(&row, &own, Some(proof))).await.code(), "renewal_proof_wrong");
    assert_eq!(holder.row(row.id).await, first.parsed());
    let again = holder.send(&row, body).await;
    assert_eq!((again.status.as_u16(), again.json()), (201, first.json()), "the same twice is as good as once");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_proven_request_many_times_at_once_is_one() {
    let holder = Holder::new().await;
    let (row, key) = (holder.renewed().await, new_key());
    let body = upload(&row, &key, Some(holder.proof(&row, &key).await));
    let sent = (0..5).map(|_| {
        let (mut browser, path, body) =
            (holder.browser.clone(), format!("/applications/{}/requests", row.id), body.clone());
        tokio::spawn(async move { browser.post(&path, body).await })
    });
    let mut answers = Vec::new();
    for reply in sent.collect::<Vec<_>>() {
        let reply = reply.await.unwrap();
        assert_eq!(reply.status, 201, "{:?}", reply.json());
        answers.push(reply.json());
    }
    answers.dedup();
    assert_eq!(answers.len(), 1, "{answers:?}");
    assert_eq!(holder.confirm(&row).await.status, 200);
}

#[tokio::test]
async fn a_withdrawn_request_is_followed_by_another_with_a_proof_of_its_own() {
    let holder = Holder::new().await;
    let row = holder.renewed().await;
    holder.proven(&row).await;
    assert_eq!(holder.confirm(&row).await.status, 200);
    let withdrawal = format!("/applications/{}/withdrawal", row.id);
    assert_eq!(holder.browser.clone().post(&withdrawal, serde_json::Value::Null).await.status, 200);
    assert!(holder.row(holder.old.id).await.renewable);
    assert_eq!(holder.renewed().await, holder.row(row.id).await, "it goes on with its next request");
    assert_eq!(holder.send(&row, upload(&row, &new_key(), None)).await.code(), "identification_missing");
    holder.workplace.clock.advance(time::Duration::minutes(3));
    holder.proven(&row).await;
    holder.installed(&row).await;
    assert_eq!(holder.identification_kind(&row).await, 1);
    assert!(!holder.row(holder.old.id).await.renewable);
}

#[tokio::test]
async fn a_removed_request_takes_its_proof_along() {
    let holder = Holder::new().await;
    let row = holder.renewed().await;
    let request = holder.proven(&row).await.request.unwrap().id;
    assert_eq!(holder.browser.clone().delete(&format!("/requests/{request}")).await.status, 200);
    assert_eq!(holder.send(&row, upload(&row, &new_key(), None)).await.code(), "identification_missing");
    assert_eq!(holder.renews(&row).await.not_after, holder.old.certificate.as_ref().unwrap().not_after);
}

#[tokio::test]
async fn another_person_proves_nothing_with_a_renewal_that_is_not_theirs() {
    let holder = Holder::new().await;
    let (row, key) = (holder.renewed().await, new_key());
    let body = upload(&row, &key, Some(holder.proof(&row, &key).await));
    let mut other = holder.workplace.signed_in(OTHER_PHONE).await;
    let refused = other.post(&format!("/applications/{}/requests", row.id), body).await;
    assert_eq!(refused.code(), "application_not_found");
}
