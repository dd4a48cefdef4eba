//! Several servers on one PostgreSQL: a browser may talk to another one at every request.

use std::{collections::HashSet, time::Duration as StdDuration};

use qcert_protocol::portal::ApplicationRow;
use qcert_server::{
    audit,
    issuance::worker,
    sms::{gateway::Gateways, sender},
    store::{Change, Store, postgres::PostgresStore},
};
use qcert_test_postgres::{Cluster, Database, End};
use serde_json::{Value, json};
use sqlx::Connection;
use time::Duration;
use uuid::Uuid;

use crate::{
    events::Stream,
    renewal,
    store_suite::keeper,
    support::{Browser, PHONE, Workplace, certification_request, wrong},
};

/// The person's browser at another server.
fn at(workplace: &Workplace, browser: &Browser) -> Browser {
    Browser { router: workplace.router.clone(), cookie: browser.cookie.clone() }
}

/// Uploads and confirms a request for each application of the person, each step at the other server.
async fn all_sent(one: &Workplace, two: &Workplace) -> Vec<ApplicationRow> {
    let mut browser = one.signed_in(PHONE).await;
    let mut other = at(two, &browser);
    let rows = browser.rows().await;
    for row in &rows {
        let uploaded = other.upload(row, &certification_request()).await;
        assert_eq!(uploaded.status, 201, "{uploaded:?}");
        let request = uploaded.parsed::<ApplicationRow>().request.unwrap().id;
        assert_eq!(browser.post(&format!("/requests/{request}/password"), Value::Null).await.status, 202);
        let confirmed = other.confirm(request, &two.password(PHONE).await).await;
        assert_eq!(confirmed.status, 200, "{confirmed:?}");
    }
    rows
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_begun_at_one_server_is_good_at_the_other_and_ends_at_both() {
    let one = Workplace::on_postgres("").await;
    let two = one.beside().await;
    let mut browser = one.browser();
    assert_eq!(browser.post("/sign-in/password", json!({"phone": PHONE})).await.status, 202);
    let password = two.password(PHONE).await;
    let mut other = at(&two, &browser);
    let session = other.post("/sign-in", json!({"phone": PHONE, "password": password})).await;
    assert_eq!(session.status, 200, "{session:?}");
    let mut browser = at(&one, &other);
    assert_eq!(browser.rows().await.len(), 4);
    let mut stream = Stream::open(&other).await;
    for _ in 0..4 {
        assert!(stream.next().await.is_some());
    }
    assert_eq!(browser.delete("/session").await.status, 204);
    assert_eq!(other.get("/applications").await.status, 401);
    assert_eq!(stream.next().await, None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn signing_out_everywhere_at_one_server_ends_sessions_and_open_pages_at_the_other() {
    let one = Workplace::on_postgres("").await;
    let two = one.beside().await;
    let mut here = one.signed_in(PHONE).await;
    one.clock.advance(Duration::minutes(2));
    let mut there = at(&two, &one.signed_in(PHONE).await);
    let mut stream = Stream::open(&there).await;
    assert_eq!(here.delete("/sessions").await.status, 204);
    let told = async { while stream.next().await.is_some() {} };
    tokio::time::timeout(StdDuration::from_secs(3), told).await.unwrap();
    assert_eq!(there.get("/session").await.code(), "session_required");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn failures_in_a_row_are_counted_across_servers_and_processes() {
    let one = Workplace::on_postgres("[otp]\nfailures = 7").await;
    let two = one.beside().await;
    let mut browsers = [one.browser(), two.browser()];
    let mut codes = Vec::new();
    for turn in 0..8 {
        if turn == 0 || turn == 5 {
            one.clock.advance(Duration::DAY);
            let ordered = browsers[turn % 2].post("/sign-in/password", json!({"phone": PHONE})).await;
            assert_eq!(ordered.status, 202);
        }
        let reply = browsers[turn % 2].post("/sign-in", json!({"phone": PHONE, "password": "none"})).await;
        codes.push(reply.code());
    }
    let wrong = "otp_wrong";
    assert_eq!(codes, [wrong, wrong, wrong, wrong, "otp_tries_exhausted", wrong, "phone_locked", "phone_locked"]);
    for browser in &mut browsers {
        assert_eq!(browser.post("/sign-in/password", json!({"phone": PHONE})).await.code(), "phone_locked");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tries_and_limits_hold_across_servers() {
    let one = Workplace::on_postgres("").await;
    let two = one.beside().await;
    let mut browsers = [one.browser(), two.browser()];
    assert_eq!(browsers[0].post("/sign-in/password", json!({"phone": PHONE})).await.status, 202);
    let early = browsers[1].post("/sign-in/password", json!({"phone": PHONE})).await;
    assert_eq!(early.code(), "otp_resend_too_early");
    let wrong = json!({"phone": PHONE, "password": wrong(&one.password(PHONE).await)});
    let mut codes = Vec::new();
    for turn in 0..6 {
        codes.push(browsers[turn % 2].post("/sign-in", wrong.clone()).await.code());
    }
    assert!(codes[..4].iter().all(|code| code == "otp_wrong"), "{codes:?}");
    assert!(codes[4..].iter().all(|code| code == "otp_tries_exhausted"), "{codes:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_at_one_server_shows_at_once_what_the_other_changed() {
    let one = Workplace::on_postgres("").await;
    let two = one.beside().await;
    let mut browser = one.signed_in(PHONE).await;
    let mut stream = Stream::open(&at(&two, &browser)).await;
    for _ in 0..4 {
        assert!(stream.next().await.is_some());
    }
    let shown = async {
        one.sent(&mut browser).await;
        one.work().await.unwrap();
        while stream.next().await.unwrap().state.as_str() != "readyToInstall" {}
    };
    // Without being told, a stream looks every five seconds.
    tokio::time::timeout(StdDuration::from_secs(4), shown).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn workers_of_two_servers_share_the_queue_and_do_nothing_twice() {
    let one = Workplace::on_postgres("").await;
    let two = one.beside().await;
    let rows = all_sent(&one, &two).await;
    let (first, second, third) = tokio::join!(one.work(), two.work(), one.work());
    first.and(second).and(third).unwrap();
    let certificates = two.portal.store.certificates().await.unwrap();
    let applications: HashSet<Uuid> = certificates.iter().map(|certificate| certificate.application_id).collect();
    assert_eq!((certificates.len(), applications.len()), (rows.len(), rows.len()));
    let (chain, same) = tokio::join!(one.portal.store.audit(), two.portal.store.audit());
    let chain = chain.unwrap();
    assert_eq!(chain, same.unwrap());
    assert!(audit::verify::is_whole(&one.audit_key(), &chain));
    assert_eq!(chain.iter().filter(|row| row.event == "certificate issued").count(), rows.len());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_renewal_that_is_begun_at_two_servers_at_once_is_one() {
    let one = Workplace::on_postgres(renewal::SOON).await;
    let two = one.beside().await;
    let holder = renewal::Holder::of(one, renewal::new_key()).await;
    renewal::begun::at_once(&holder, &[&holder.workplace, &two]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_dead_server_had_begun_is_taken_over_after_its_lease() {
    let one = Workplace::on_postgres("").await;
    let two = one.beside().await;
    let mut browser = one.signed_in(PHONE).await;
    one.sent(&mut browser).await;
    let now = one.portal.clock.now();
    let dead = worker::name(&one.portal).unwrap();
    assert!(one.portal.store.claim_issuances(dead, 1, now, now, now + Duration::seconds(15)).await.unwrap().len() == 1);
    two.work().await.unwrap();
    assert!(two.portal.store.certificates().await.unwrap().is_empty());
    two.clock.advance(Duration::seconds(15));
    two.work().await.unwrap();
    assert_eq!(one.portal.store.certificates().await.unwrap().len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_text_message_is_sent_once_by_whichever_server() {
    let one = Workplace::on_postgres("").await;
    let two = one.beside().await;
    for number in 0..40 {
        let phone = format!("+7922211{number:04}");
        let mut browser = if number % 2 == 0 { one.browser() } else { two.browser() };
        assert_eq!(browser.post("/sign-in/password", json!({"phone": phone})).await.status, 202);
    }
    assert_eq!(one.browser().post("/sign-in/password", json!({"phone": PHONE})).await.status, 202);
    let outbox = Gateways::outbox(one.portal.settings.sms.outbox.clone());
    let send = async |workplace: &Workplace, owner| {
        let mut sent = 0;
        loop {
            match sender::send_waiting(&workplace.portal, &outbox, Uuid::from_u128(owner)).await.unwrap() {
                0 => return sent,
                some => sent += some,
            }
        }
    };
    let (by_one, by_two) = tokio::join!(send(&one, 1), send(&two, 2));
    assert_eq!(by_one + by_two, 41);
    // Phones that nobody has get none.
    assert_eq!(one.messages().await.len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_goes_on_when_postgres_comes_back() {
    let mut cluster = Cluster::start().unwrap();
    let one = Workplace::at("", cluster.create_database("qcert").unwrap()).await;
    let two = one.beside().await;
    let mut browser = one.signed_in(PHONE).await;
    one.sent(&mut browser).await;
    for end in [End::Killed, End::Fast] {
        cluster.end(end).unwrap();
        let refused = async {
            assert!(one.work().await.is_err());
            assert!(browser.get("/applications").await.status.is_server_error());
        };
        tokio::time::timeout(StdDuration::from_secs(12), refused).await.unwrap();
        cluster.start_again().unwrap();
        assert_eq!(browser.rows().await.len(), 4, "the first request after it came back");
    }
    // What it asked on a connection from before may have been done, so it says that it failed, and its worker asks again.
    let issued = async { while two.work().await.is_err() {} };
    tokio::time::timeout(StdDuration::from_secs(12), issued).await.unwrap();
    assert_eq!(one.portal.store.certificates().await.unwrap().len(), 1);
    // The servers hear each other again.
    let mut heard = two.portal.store.changes();
    let hear = async {
        loop {
            one.portal.store.announce(Change::IssuanceWaits);
            if let Ok(change) = tokio::time::timeout(StdDuration::from_millis(200), heard.recv()).await {
                return change.unwrap();
            }
        }
    };
    assert_eq!(tokio::time::timeout(StdDuration::from_secs(20), hear).await.unwrap(), Change::IssuanceWaits);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn servers_that_start_at_once_bring_the_tables_up_to_date_once() {
    let database = Database::new().unwrap();
    let url = database.url();
    let open = || PostgresStore::open(&url, 2, keeper(None));
    let (one, two, three) = tokio::join!(open(), open(), open());
    for store in [one, two, three] {
        store.unwrap().ping().await.unwrap();
    }
    let mut connection = sqlx::PgConnection::connect(&url).await.unwrap();
    sqlx::query("UPDATE _sqlx_migrations SET version = 999 WHERE version = 2").execute(&mut connection).await.unwrap();
    assert!(open().await.is_err(), "a later version has changed the tables");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_postgres_that_may_lose_what_was_committed_is_refused() {
    for name in ["fsync", "synchronous_commit", "full_page_writes"] {
        let setting = format!("{name}=off");
        let cluster = Cluster::with(&[&setting]).unwrap();
        let url = cluster.create_database("qcert").unwrap();
        let Err(refused) = PostgresStore::open(&url, 2, keeper(None)).await else { panic!("{setting} was accepted") };
        assert!(refused.to_string().contains(name), "{refused}");
    }
}

#[tokio::test]
async fn an_error_does_not_say_the_password() {
    for url in ["postgres://qcert:hidden@127.0.0.1:1/qcert", "postgres://qcert:hidden@:x/qcert?sslmode=hidden"] {
        let Err(refused) = PostgresStore::open(url, 2, keeper(None)).await else { panic!("nobody listens there") };
        assert!(!refused.to_string().contains("hidden"), "{refused}");
    }
}
