//! Revocation lists: what is on them, when there is a new one, how they are served.

use std::collections::HashSet;

use axum::{body::Body, http::Request};
use qcert_pki::{Certificate, Serial, crl::CertificateList, crl::Reason};
use qcert_server::{
    publication::lists,
    store::{IssuerId, RevocationList, ShardState},
};
use time::Duration;

use crate::support::{PHONE, Reply, Workplace};

impl Workplace {
    /// Publishes what is due; answers how many lists.
    pub async fn publish(&self) -> usize {
        lists::publish_due(&self.portal).await.unwrap()
    }

    /// What anybody gets.
    pub async fn public(&self, path: &str, headers: &[(&str, &str)]) -> Reply {
        let mut request = Request::get(path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        self.browser().send(request.body(Body::empty()).unwrap()).await
    }

    fn issuer(&self) -> IssuerId {
        self.portal.ca.current().id()
    }

    /// The path of a list of the current issuer.
    pub fn list_path(&self, shard: &str) -> String {
        let id: String = self.issuer().iter().map(|octet| format!("{octet:02x}")).collect();
        format!("/crl/{id}/{shard}.crl")
    }

    pub async fn list(&self, shard: &str) -> CertificateList {
        let reply = self.public(&self.list_path(shard), &[]).await;
        assert_eq!(reply.status, 200);
        let list = CertificateList::parse(&reply.body).unwrap();
        list.verify(self.portal.ca.current().certificate()).unwrap();
        list
    }

    async fn shards(&self) -> Vec<ShardState> {
        self.portal.store.shards(self.portal.clock.now()).await.unwrap()
    }

    async fn number(&self, shard: &str) -> i64 {
        self.shards().await.into_iter().find(|state| state.shard == shard).unwrap().latest.unwrap().0
    }
}

#[tokio::test]
async fn a_revoked_certificate_is_on_the_list_that_its_distribution_point_names() {
    let workplace = Workplace::with("[ca]\ncrl_shards = 8").await;
    let (_, view) = workplace.with_certificate().await;
    let (_, stored) = workplace.portal.store.certificate(&view.serial).await.unwrap().unwrap();
    let serial = Serial::parse(&view.serial).unwrap();
    assert_eq!(stored.shard, lists::shard_of(&serial, 8));
    assert_eq!(workplace.publish().await, 1);
    assert!(workplace.list(&stored.shard).await.entry(&serial).is_none());

    workplace.clock.advance(Duration::SECOND);
    workplace.revoked_by_operator(&view.serial, Reason::KeyCompromise).await.unwrap();
    assert_eq!((workplace.publish().await, workplace.publish().await), (1, 0));
    let list = workplace.list(&stored.shard).await;
    let entry = list.entry(&serial).unwrap();
    assert_eq!((entry.reason, entry.revoked_at), (Reason::KeyCompromise, workplace.portal.clock.now()));
    let url = format!("{}{}", crate::support::ORIGIN, workplace.list_path(&stored.shard));
    assert_eq!(list.distribution_point().unwrap().urls, std::slice::from_ref(&url));
    let text = String::from_utf8_lossy(&stored.der).into_owned();
    assert!(text.contains(&url) && text.contains(&format!("{}/ocsp", crate::support::ORIGIN)));
}

#[tokio::test]
async fn a_certificate_that_was_revoked_and_expired_before_the_first_list_is_on_that_list() {
    let workplace = Workplace::new().await;
    let (_, view) = workplace.with_certificate().await;
    workplace.revoked_by_operator(&view.serial, Reason::KeyCompromise).await.unwrap();
    workplace.clock.advance(Duration::days(366));
    assert!(workplace.list("1-0").await.entry(&Serial::parse(&view.serial).unwrap()).is_some());
}

#[tokio::test]
async fn a_list_is_made_anew_at_half_its_time_and_its_number_grows() {
    let workplace = Workplace::new().await;
    let (_, view) = workplace.with_certificate().await;
    workplace.publish().await;
    let mut number = workplace.number("1-0").await;
    assert!(number >= workplace.portal.clock.now().unix_timestamp(), "the numbers of the version before were seconds");
    workplace.clock.advance(Duration::hours(11));
    assert_eq!(workplace.publish().await, 0);
    for reason in [None, Some(Reason::Superseded)] {
        match reason {
            Some(reason) => workplace.revoked_by_operator(&view.serial, reason).await.unwrap(),
            None => workplace.clock.advance(Duration::hours(1)),
        }
        assert_eq!(workplace.publish().await, 1);
        let next = workplace.number("1-0").await;
        assert!(next > number);
        number = next;
    }
    let list = workplace.list("1-0").await;
    assert_eq!(list.next_update() - list.this_update(), Duration::hours(24));
}

#[tokio::test]
async fn a_list_that_another_server_published_meanwhile_is_not_replaced() {
    let workplace = Workplace::new().await;
    let (_, view) = workplace.with_certificate().await;
    workplace.publish().await;
    workplace.revoked_by_operator(&view.serial, Reason::Superseded).await.unwrap();
    let before = workplace.number("1-0").await;
    let both = tokio::join!(lists::publish_due(&workplace.portal), lists::publish_due(&workplace.portal));
    assert_eq!(both.0.unwrap() + both.1.unwrap(), 1);
    assert_eq!(workplace.number("1-0").await, before + 1);
    let now = workplace.portal.clock.now();
    let late = RevocationList {
        issuer: workplace.issuer(),
        shard: "1-0".to_owned(),
        number: before + 9,
        der: Vec::new(),
        this_update: now,
        next_update: now + Duration::HOUR,
    };
    assert!(!workplace.portal.store.publish_revocation_list(&late, before).await.unwrap());
}

#[tokio::test]
async fn an_entry_goes_after_one_list_beyond_its_certificates_end() {
    let workplace = Workplace::new().await;
    let (_, view) = workplace.with_certificate().await;
    let serial = Serial::parse(&view.serial).unwrap();
    workplace.revoked_by_operator(&view.serial, Reason::Superseded).await.unwrap();
    workplace.publish().await;
    let end = view.not_after - workplace.portal.clock.now();
    workplace.clock.advance(end - Duration::HOUR);
    workplace.publish().await;
    assert!(workplace.list("1-0").await.entry(&serial).is_some());
    workplace.clock.advance(Duration::hours(13));
    assert_eq!(workplace.publish().await, 1);
    assert!(workplace.list("1-0").await.entry(&serial).is_some(), "on one list that was issued after its end");
    workplace.clock.advance(Duration::hours(13));
    assert_eq!(workplace.publish().await, 1);
    assert!(workplace.list("1-0").await.entry(&serial).is_none());
}

#[tokio::test]
async fn a_change_of_the_shards_touches_new_certificates_only_and_old_lists_go_on() {
    let workplace = Workplace::with("[ca]\ncrl_shards = 4").await;
    let (_, old) = workplace.with_certificate().await;
    workplace.publish().await;
    let workplace = workplace.reopened("[ca]\ncrl_shards = 16").await;
    workplace.clock.advance(Duration::hours(12));
    let mut browser = workplace.signed_in(PHONE).await;
    workplace.sent_of(&mut browser, 1).await;
    workplace.work().await.unwrap();
    let new = browser.rows().await[1].certificate.clone().unwrap();
    assert_eq!(workplace.publish().await, 2);
    for (view, count) in [(old, 4), (new, 16)] {
        let serial = Serial::parse(&view.serial).unwrap();
        let shard = lists::shard_of(&serial, count);
        workplace.clock.advance(Duration::SECOND);
        workplace.revoked_by_operator(&view.serial, Reason::Superseded).await.unwrap();
        assert_eq!(workplace.publish().await, 1);
        assert!(workplace.list(&shard).await.entry(&serial).is_some());
    }
}

#[tokio::test]
async fn serials_are_spread_over_the_shards() {
    let serials = (0..=255u8).map(|octet| Serial::from_random([octet.wrapping_mul(151); 20]));
    let shards: HashSet<String> = serials.map(|serial| lists::shard_of(&serial, 8)).collect();
    assert_eq!(shards.len(), 8);
}

#[tokio::test]
async fn a_list_is_served_with_its_type_and_for_how_long_it_may_be_kept() {
    let workplace = Workplace::new().await;
    // The first one is made when somebody asks.
    let reply = workplace.public(&workplace.list_path("1-0"), &[]).await;
    assert_eq!(reply.headers["content-type"], "application/pkix-crl");
    assert_eq!(reply.headers["cache-control"], "public, max-age=60");
    assert_eq!(reply.headers["last-modified"], "Mon, 02 Mar 2026 09:00:00 GMT");
    let tag = reply.headers["etag"].to_str().unwrap();
    let again = workplace.public(&workplace.list_path("1-0"), &[("if-none-match", tag)]).await;
    assert_eq!((again.status.as_u16(), again.body.len()), (304, 0));
    workplace.clock.advance(Duration::days(2));
    let old = workplace.public(&workplace.list_path("1-0"), &[]).await;
    assert_eq!(old.headers["cache-control"], "public, max-age=0");
}

#[tokio::test]
async fn certificates_from_before_have_their_list_where_it_was() {
    let workplace = Workplace::new().await;
    let reply = workplace.public("/crl/issuing.crl", &[]).await;
    let list = CertificateList::parse(&reply.body).unwrap();
    list.verify(workplace.portal.ca.current().certificate()).unwrap();
    assert_eq!(list.distribution_point().unwrap().urls, [format!("{}/crl/issuing.crl", crate::support::ORIGIN)]);
}

#[tokio::test]
async fn a_list_that_nobody_names_is_not_there() {
    let workplace = Workplace::new().await;
    let unknown = format!("/crl/{}/1-0.crl", "00".repeat(20));
    let paths = ["2-0", "1-1", "1-00", "x", ""].map(|shard| workplace.list_path(shard));
    for path in
        paths.iter().chain([&unknown, &"/crl/issuing/1-0.crl".to_owned(), &workplace.list_path("1-0")[..50].to_owned()])
    {
        assert_eq!(workplace.public(path, &[]).await.status, 404, "{path}");
    }
    assert!(workplace.shards().await.is_empty());
}

#[tokio::test]
async fn a_certificate_names_the_addresses_under_which_it_is_spoken_of() {
    let workplace = Workplace::new().await;
    let (_, view) = workplace.with_certificate().await;
    let (_, stored) = workplace.portal.store.certificate(&view.serial).await.unwrap().unwrap();
    let certificate = Certificate::parse(&stored.der).unwrap();
    certificate.verify_issued_by(workplace.portal.ca.current().certificate()).unwrap();
    assert_eq!(stored.issuer, workplace.issuer());
    let text = String::from_utf8_lossy(&stored.der).into_owned();
    let id = workplace.list_path("1-0")[5..45].to_owned();
    assert!(text.contains(&format!("{}/ca/{id}.cer", crate::support::ORIGIN)), "{id}");
}
