//! When a renewal is offered, and that there is one.

use qcert_pki::crl::Reason;
use qcert_protocol::{operator::Role::Registrar, portal::ApplicationRow};
use qcert_server::{applications::search::search, issuance::worker};
use serde_json::json;
use time::Duration;

use super::{Holder, NUMBER, SOON, entry, new_key};
use crate::{
    events::Stream,
    support::{OTHER_PHONE, Workplace},
};

async fn renewable(holder: &Holder) -> bool {
    let row = holder.row(holder.old.id).await;
    let refused = holder.renew(&row).await;
    assert_eq!((refused.status == 200, refused.code() == "renewal_not_open"), (row.renewable, !row.renewable));
    row.renewable
}

#[tokio::test]
async fn a_renewal_is_an_application_of_the_same_holder_with_a_number_of_its_own() {
    let holder = Holder::new().await;
    assert!(holder.old.renewable);
    let before = holder.details(&holder.old).await;
    let row = holder.renewed().await;
    assert_eq!(
        (row.number.as_str(), row.state.as_str(), row.replaces),
        ("67092365R1", "available", Some(holder.old.id))
    );
    let details = holder.details(&row).await;
    assert_eq!((details.data, details.certificate_type), (before.data, before.certificate_type));
    assert_eq!((details.identified, details.row.renewable), (false, false));
    let old = holder.row(holder.old.id).await;
    assert!(!old.renewable && old.revision > holder.old.revision, "a copy of it knows that it changed");
    assert_eq!(holder.audited("renewal begun: 67092365R1 by holder").await, 1);
    let asked = serde_json::from_value(json!({"by": "snils", "value": "07500122105"})).unwrap();
    let found = search(&*holder.workplace.portal.store, &asked).await.unwrap().applications;
    assert!(found.iter().any(|found| found.number == "67092365R1"), "an operator finds it as any other");
}

#[tokio::test]
async fn an_open_page_is_shown_the_renewal_and_the_row_that_it_renews() {
    let holder = Holder::new().await;
    let mut stream = Stream::open(&holder.browser).await;
    for _ in 0..4 {
        stream.next().await.unwrap();
    }
    let row = holder.renewed().await;
    let mut shown = [stream.next().await.unwrap(), stream.next().await.unwrap()];
    shown.sort_by_key(|shown| shown.id == row.id);
    assert_eq!((&shown[1], shown[0].id, shown[0].renewable), (&row, holder.old.id, false));
}

#[tokio::test]
async fn an_open_page_is_shown_at_once_that_a_certificate_can_be_renewed_again() {
    let holder = Holder::new().await;
    let row = holder.renewed().await;
    holder.proven(&row).await;
    assert_eq!(holder.confirm(&row).await.status, 200);
    let mut stream = Stream::open(&holder.browser).await;
    while stream.next().await.unwrap().id != row.id {}
    let withdrawal = format!("/applications/{}/withdrawal", row.id);
    assert_eq!(holder.browser.clone().post(&withdrawal, serde_json::Value::Null).await.status, 200);
    let shown = async {
        loop {
            let shown = stream.next().await.unwrap();
            if shown.id == holder.old.id {
                return shown.renewable;
            }
        }
    };
    // Without being told, a stream looks every five seconds.
    assert!(tokio::time::timeout(std::time::Duration::from_secs(4), shown).await.unwrap());
}

#[tokio::test]
async fn a_certificate_is_renewed_only_when_it_ends_soon_and_not_when_it_is_over() {
    let mut holder = Holder::with("", new_key()).await;
    assert!(!renewable(&holder).await);
    holder.workplace.clock.advance(Duration::days(334));
    holder.back().await;
    assert!(!renewable(&holder).await, "more than thirty days are left");
    holder.workplace.clock.advance(Duration::days(31));
    holder.back().await;
    assert!(!renewable(&holder).await, "it has expired, and nobody noted it yet");
    worker::tidy(&holder.workplace.portal).await;
    assert!(!renewable(&holder).await);
    assert_eq!(holder.state(&holder.old).await, "expired");
}

#[tokio::test]
async fn a_certificate_in_its_last_thirty_days_is_renewed() {
    let mut holder = Holder::with("", new_key()).await;
    holder.workplace.clock.advance(Duration::days(335));
    holder.back().await;
    assert!(renewable(&holder).await);
}

#[tokio::test]
async fn an_authority_that_offers_no_renewal_renews_nothing() {
    let holder = Holder::with(&format!("{SOON}[renewal]\noffered_days = 0"), new_key()).await;
    assert!(!renewable(&holder).await);
}

#[tokio::test]
async fn a_certificate_that_is_not_installed_or_is_revoked_is_not_renewed() {
    let workplace = Workplace::with(SOON).await;
    let (mut browser, certificate) = workplace.with_certificate().await;
    let row = browser.rows().await.remove(0);
    let path = format!("/applications/{}/renewal", row.id);
    assert_eq!((row.state.as_str(), row.renewable), ("readyToInstall", false));
    assert_eq!(browser.post(&path, serde_json::Value::Null).await.code(), "renewal_not_open");
    workplace.revoked_by_operator(&certificate.serial, Reason::Superseded).await.unwrap();
    assert_eq!(browser.post(&path, serde_json::Value::Null).await.code(), "renewal_not_open");
    let never = browser.rows().await.remove(1);
    let never = browser.post(&format!("/applications/{}/renewal", never.id), serde_json::Value::Null).await;
    assert_eq!(never.code(), "renewal_not_open");

    let holder = Holder::new().await;
    let serial = holder.old.certificate.as_ref().unwrap().serial.clone();
    holder.workplace.revoked_by_operator(&serial, Reason::Superseded).await.unwrap();
    assert!(!renewable(&holder).await);
}

#[tokio::test]
async fn another_persons_certificate_is_not_there_to_be_renewed() {
    let holder = Holder::new().await;
    let mut other = holder.workplace.signed_in(OTHER_PHONE).await;
    let path = format!("/applications/{}/renewal", holder.old.id);
    assert_eq!(other.post(&path, serde_json::Value::Null).await.code(), "application_not_found");
    assert!(holder.row(holder.old.id).await.renewable);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_renewal_that_is_begun_many_times_at_once_is_one() {
    let holder = Holder::new().await;
    at_once(&holder, &[&holder.workplace]).await;
}

/// Asks each server three times at the same moment, and once more when it is done.
pub async fn at_once(holder: &Holder, servers: &[&Workplace]) {
    let path = format!("/applications/{}/renewal", holder.old.id);
    let asked = servers.iter().cycle().take(3 * servers.len()).map(|server| {
        let mut browser = server.browser();
        browser.cookie.clone_from(&holder.browser.cookie);
        let path = path.clone();
        tokio::spawn(async move { browser.post(&path, serde_json::Value::Null).await })
    });
    let mut ids = Vec::new();
    for reply in asked.collect::<Vec<_>>() {
        let reply = reply.await.unwrap();
        assert_eq!(reply.status, 200, "{:?}", reply.json());
        ids.push(reply.parsed::<ApplicationRow>().id);
    }
    ids.push(holder.renewed().await.id);
    ids.dedup();
    assert_eq!(ids.len(), 1, "{ids:?}");
    let rows = holder.browser.clone().rows().await;
    assert_eq!(rows.iter().filter(|row| row.replaces == Some(holder.old.id)).count(), 1);
}

#[tokio::test]
async fn a_renewal_is_answered_as_it_stands_whatever_became_of_it() {
    let holder = Holder::new().await;
    let row = holder.renewed().await;
    holder.proven(&row).await;
    let row = holder.installed(&row).await;
    assert_eq!(holder.renewed().await, row);
}

#[tokio::test]
async fn a_renewal_is_renewed_by_its_own_key() {
    let mut holder = Holder::new().await;
    let row = holder.renewed().await;
    let key = new_key();
    let proof = holder.proof(&row, &key).await;
    assert_eq!(holder.send(&row, super::upload(&row, &key, Some(proof))).await.status, 201);
    let row = holder.installed(&row).await;
    assert!(row.renewable);
    (holder.old, holder.key) = (row.clone(), key);
    let next = holder.renewed().await;
    assert_eq!((next.number.as_str(), next.replaces), ("67092365R2", Some(row.id)));
    assert_eq!(holder.renews(&next).await.key_id, row.request.unwrap().key_id);
    holder.proven(&next).await;
    holder.installed(&next).await;
    assert_eq!(holder.identification_kind(&next).await, 1);
}

#[tokio::test]
async fn a_number_that_somebody_has_is_passed_over() {
    let holder = Holder::new().await;
    let anna = holder.workplace.operator("anna", &[Registrar]).await;
    let taken = entry(|entry| entry["number"] = json!(format!("{NUMBER}R1")));
    assert_eq!(anna.put(&format!("/applications/{NUMBER}R1"), taken).await.status, 201);
    assert_eq!(holder.renewed().await.number, format!("{NUMBER}R2"));
}
