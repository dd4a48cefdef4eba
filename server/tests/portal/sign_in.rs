//! One-time passwords and sessions.

use axum::http::header;
use serde_json::json;
use time::Duration;
use uuid::Uuid;

use crate::support::{Browser, PHONE, Reply, UNKNOWN_PHONE, Workplace, wrong};

async fn order(browser: &mut Browser, phone: &str) -> Reply {
    browser.post("/sign-in/password", json!({"phone": phone})).await
}

async fn sign_in(browser: &mut Browser, phone: &str, password: &str) -> Reply {
    browser.post("/sign-in", json!({"phone": phone, "password": password})).await
}

#[tokio::test]
async fn the_password_from_the_message_begins_a_session() {
    let workplace = Workplace::new().await;
    let mut browser = workplace.browser();
    assert_eq!(browser.get("/session").await.code(), "session_required");
    assert_eq!(order(&mut browser, "8 (922) 211-45-45").await.status, 202);
    let password = workplace.password(PHONE).await;
    let reply = sign_in(&mut browser, "89222114545", &password).await;
    let cookie = reply.headers[header::SET_COOKIE].to_str().unwrap();
    assert!(cookie.starts_with("qcert=") && cookie.ends_with("; Path=/; HttpOnly; SameSite=Strict"), "{cookie}");
    assert_eq!(browser.get("/session").await.json()["phone"], "+7 922 ··· ··45");
}

#[tokio::test]
async fn the_message_can_be_filled_in_by_a_browser() {
    let workplace = Workplace::new().await;
    order(&mut workplace.browser(), PHONE).await;
    let password = workplace.password(PHONE).await;
    let (_, text) = workplace.messages().await.remove(0);
    assert!(text.ends_with(&format!(" {password}\n@localhost #{password}")), "{text}");
}

#[tokio::test]
async fn what_is_no_phone_is_told_so() {
    let workplace = Workplace::new().await;
    let reply = order(&mut workplace.browser(), "112").await;
    assert_eq!((reply.status.as_u16(), reply.code().as_str()), (422, "phone_invalid"));
}

#[tokio::test]
async fn a_wrong_password_says_how_many_tries_are_left_until_there_are_none() {
    let workplace = Workplace::new().await;
    let mut browser = workplace.browser();
    order(&mut browser, PHONE).await;
    let password = workplace.password(PHONE).await;
    for left in [4, 3, 2, 1] {
        let reply = sign_in(&mut browser, PHONE, &wrong(&password)).await;
        assert_eq!((reply.code().as_str(), &reply.json()["triesLeft"]), ("otp_wrong", &json!(left)));
    }
    assert_eq!(sign_in(&mut browser, PHONE, &wrong(&password)).await.code(), "otp_tries_exhausted");
    let right = sign_in(&mut browser, PHONE, &password).await;
    assert_eq!(right.code(), "otp_tries_exhausted");
    assert_eq!(right.json()["retryAfterSeconds"], 600);
    assert_eq!(right.headers[header::RETRY_AFTER], "600");
}

#[tokio::test]
async fn a_resent_code_does_not_reset_the_tries() {
    let workplace = Workplace::new().await;
    let mut browser = workplace.browser();
    order(&mut browser, PHONE).await;
    for _ in 0..3 {
        let password = workplace.password(PHONE).await;
        sign_in(&mut browser, PHONE, &wrong(&password)).await;
    }
    workplace.clock.advance(Duration::seconds(120));
    assert_eq!(order(&mut browser, PHONE).await.status, 202);
    let password = workplace.password(PHONE).await;
    assert_eq!(sign_in(&mut browser, PHONE, &wrong(&password)).await.json()["triesLeft"], 1);
    assert_eq!(sign_in(&mut browser, PHONE, &wrong(&password)).await.code(), "otp_tries_exhausted");
    // Another message would be of no use before the tries begin anew.
    workplace.clock.advance(Duration::seconds(120));
    let reply = order(&mut browser, PHONE).await;
    assert_eq!((reply.code().as_str(), &reply.json()["retryAfterSeconds"]), ("otp_resend_too_early", &json!(360)));
    workplace.clock.advance(Duration::seconds(360));
    assert_eq!(order(&mut browser, PHONE).await.status, 202);
    let password = workplace.password(PHONE).await;
    assert_eq!(sign_in(&mut browser, PHONE, &password).await.status, 200);
}

#[tokio::test]
async fn a_resend_makes_the_earlier_password_too_old() {
    let workplace = Workplace::new().await;
    let mut browser = workplace.browser();
    order(&mut browser, PHONE).await;
    let first = workplace.password(PHONE).await;
    let early = order(&mut browser, PHONE).await;
    assert_eq!((early.code().as_str(), &early.json()["retryAfterSeconds"]), ("otp_resend_too_early", &json!(120)));
    workplace.clock.advance(Duration::seconds(120));
    order(&mut browser, PHONE).await;
    assert_eq!(sign_in(&mut browser, PHONE, &first).await.code(), "otp_expired");
    let second = workplace.password(PHONE).await;
    assert_eq!(sign_in(&mut browser, PHONE, &second).await.status, 200);
}

#[tokio::test]
async fn a_password_is_too_old_after_its_lifetime() {
    let workplace = Workplace::new().await;
    let mut browser = workplace.browser();
    order(&mut browser, PHONE).await;
    let password = workplace.password(PHONE).await;
    workplace.clock.advance(Duration::seconds(600));
    assert_eq!(sign_in(&mut browser, PHONE, &password).await.code(), "otp_expired");
    assert_eq!(sign_in(&mut browser, PHONE, &wrong(&password)).await.code(), "otp_expired");
}

#[tokio::test]
async fn a_password_works_once() {
    let workplace = Workplace::new().await;
    let mut browser = workplace.browser();
    order(&mut browser, PHONE).await;
    let password = workplace.password(PHONE).await;
    assert_eq!(sign_in(&mut browser, PHONE, &password).await.status, 200);
    assert_eq!(sign_in(&mut workplace.browser(), PHONE, &password).await.code(), "otp_used");
}

#[tokio::test]
async fn a_password_that_nobody_ordered_is_told_so() {
    let workplace = Workplace::new().await;
    assert_eq!(sign_in(&mut workplace.browser(), PHONE, "123456").await.code(), "otp_not_requested");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_password_used_many_times_at_once_gives_one_session() {
    let workplace = Workplace::with("[otp]\ntries = 100").await;
    order(&mut workplace.browser(), PHONE).await;
    let password = workplace.password(PHONE).await;
    let attempts = (0..8).map(|_| {
        let (mut browser, password) = (workplace.browser(), password.clone());
        tokio::spawn(async move { sign_in(&mut browser, PHONE, &password).await })
    });
    let mut codes = Vec::new();
    for attempt in attempts.collect::<Vec<_>>() {
        let reply = attempt.await.unwrap();
        codes.push(if reply.status == 200 { "session".to_owned() } else { reply.code() });
    }
    assert_eq!(codes.iter().filter(|code| *code == "session").count(), 1, "{codes:?}");
    assert_eq!(codes.iter().filter(|code| *code == "otp_used").count(), 7, "{codes:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn tries_at_the_same_moment_are_all_counted() {
    let workplace = Workplace::new().await;
    order(&mut workplace.browser(), PHONE).await;
    let password = wrong(&workplace.password(PHONE).await);
    let attempts = (0..12).map(|_| {
        let (mut browser, password) = (workplace.browser(), password.clone());
        tokio::spawn(async move { sign_in(&mut browser, PHONE, &password).await.code() })
    });
    let mut compared = 0;
    for attempt in attempts.collect::<Vec<_>>() {
        compared += usize::from(attempt.await.unwrap() == "otp_wrong");
    }
    assert_eq!(compared, 4);
}

/// A reply without what differs between any two replies.
fn shape(reply: &Reply) -> (u16, Vec<(String, String)>, Vec<u8>) {
    let headers = reply.headers.iter().map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned()));
    (reply.status.as_u16(), headers.collect(), reply.body.clone())
}

#[tokio::test]
async fn an_unknown_phone_looks_like_a_known_one_at_every_step() {
    let workplace = Workplace::new().await;
    let (mut known, mut unknown) = (workplace.browser(), workplace.browser());
    for step in 0..9 {
        let (known, unknown) = match step {
            0 | 1 => (order(&mut known, PHONE).await, order(&mut unknown, UNKNOWN_PHONE).await),
            2 => {
                workplace.clock.advance(Duration::seconds(120));
                (order(&mut known, PHONE).await, order(&mut unknown, UNKNOWN_PHONE).await)
            }
            _ => {
                let password = wrong(&workplace.password(PHONE).await);
                (sign_in(&mut known, PHONE, &password).await, sign_in(&mut unknown, UNKNOWN_PHONE, &password).await)
            }
        };
        assert_eq!(shape(&known), shape(&unknown), "step {step}");
    }
    let messages = workplace.messages().await;
    assert!(messages.iter().all(|(to, _)| to == PHONE));
    assert_eq!(messages.len(), 2);
}

#[tokio::test]
async fn an_unknown_phone_is_answered_in_the_same_time() {
    let limits = "[otp]\nhourly_by_phone = 1000\nhourly_by_address = 1000\nresend_seconds = 1";
    let workplace = Workplace::with(limits).await;
    let mut browser = workplace.browser();
    let mut times = [Vec::new(), Vec::new()];
    for _ in 0..60 {
        for (times, phone) in times.iter_mut().zip([PHONE, UNKNOWN_PHONE]) {
            workplace.clock.advance(Duration::seconds(1));
            // The hand-driven clock stands still while a request is answered.
            #[allow(clippy::disallowed_methods)]
            let started = std::time::Instant::now();
            assert_eq!(order(&mut browser, phone).await.status, 202);
            times.push(started.elapsed());
        }
    }
    // The fastest half: what the machine does besides makes the others slow.
    let [known, unknown] = times.map(|mut times| {
        times.sort();
        times[..30].iter().sum::<std::time::Duration>().as_secs_f64()
    });
    assert!((0.67..1.5).contains(&(known / unknown)), "{known} {unknown}");
}

#[tokio::test]
async fn what_is_stored_for_an_unknown_phone_is_of_the_same_size() {
    let workplace = Workplace::new().await;
    order(&mut workplace.browser(), PHONE).await;
    order(&mut workplace.browser(), UNKNOWN_PHONE).await;
    let now = workplace.portal.clock.now();
    let waiting = workplace.portal.store.claim_messages(Uuid::max(), 10, now, now).await.unwrap();
    // `"deliver":true` and `"deliver":false` differ by one.
    assert!(waiting[0].sealed.len().abs_diff(waiting[1].sealed.len()) <= 1);
}

#[tokio::test]
async fn messages_to_one_phone_are_limited_by_the_hour() {
    let workplace = Workplace::with("[otp]\nhourly_by_phone = 2\nresend_seconds = 1").await;
    let mut browser = workplace.browser();
    for _ in 0..2 {
        assert_eq!(order(&mut browser, PHONE).await.status, 202);
        workplace.clock.advance(Duration::seconds(10));
    }
    let reply = order(&mut browser, PHONE).await;
    assert_eq!((reply.status.as_u16(), reply.code().as_str()), (429, "rate_limited"));
    assert_eq!(reply.json()["retryAfterSeconds"], 3580);
    workplace.clock.advance(Duration::HOUR);
    assert_eq!(order(&mut browser, PHONE).await.status, 202);
}

#[tokio::test]
async fn messages_ordered_from_one_address_are_limited_by_the_hour() {
    let workplace = Workplace::with("[otp]\nhourly_by_address = 1").await;
    let mut browser = workplace.browser();
    assert_eq!(order(&mut browser, PHONE).await.status, 202);
    assert_eq!(order(&mut browser, UNKNOWN_PHONE).await.code(), "rate_limited");
}

#[tokio::test]
async fn signing_in_again_ends_the_session_before() {
    let workplace = Workplace::new().await;
    let mut browser = workplace.signed_in(PHONE).await;
    let mut before = browser.clone();
    order(&mut browser, PHONE).await;
    let password = workplace.password(PHONE).await;
    assert_eq!(sign_in(&mut browser, PHONE, &password).await.status, 200);
    assert_ne!(before.cookie, browser.cookie);
    assert_eq!(before.get("/session").await.code(), "session_required");
    assert_eq!(browser.get("/session").await.status, 200);
}

#[tokio::test]
async fn a_session_ends_when_it_is_idle_and_when_it_is_old() {
    let workplace = Workplace::with("[session]\nidle_minutes = 30\nabsolute_hours = 1").await;
    let mut browser = workplace.signed_in(PHONE).await;
    for _ in 0..2 {
        workplace.clock.advance(Duration::minutes(29));
        assert_eq!(browser.get("/session").await.status, 200);
    }
    workplace.clock.advance(Duration::minutes(2));
    assert_eq!(browser.get("/session").await.code(), "session_required");

    let mut idle = workplace.signed_in(PHONE).await;
    workplace.clock.advance(Duration::minutes(30));
    assert_eq!(idle.get("/session").await.code(), "session_required");
}

#[tokio::test]
async fn signing_out_ends_the_session_on_the_server_too() {
    let workplace = Workplace::new().await;
    let mut browser = workplace.signed_in(PHONE).await;
    let mut stolen = browser.clone();
    assert_eq!(browser.delete("/session").await.status, 204);
    assert_eq!(stolen.get("/applications").await.code(), "session_required");
    assert_eq!(browser.delete("/session").await.status, 204);
}

#[tokio::test]
async fn outside_localhost_the_cookie_is_secure_and_bound_to_its_host() {
    let workplace = Workplace::with("[server]\norigin = 'https://qcert.example'").await;
    let mut browser = workplace.browser();
    let post = |path: &str, body: serde_json::Value| {
        axum::http::Request::post(format!("/api/v1{path}"))
            .header("origin", "https://qcert.example")
            .header("content-type", "application/json")
            .body(axum::body::Body::from(body.to_string()))
            .unwrap()
    };
    browser.send(post("/sign-in/password", json!({"phone": PHONE}))).await;
    let password = workplace.password(PHONE).await;
    let reply = browser.send(post("/sign-in", json!({"phone": PHONE, "password": password}))).await;
    let cookie = reply.headers[header::SET_COOKIE].to_str().unwrap();
    assert!(cookie.starts_with("__Host-qcert="), "{cookie}");
    assert!(cookie.ends_with("; Path=/; HttpOnly; SameSite=Strict; Secure"), "{cookie}");
    assert_eq!(browser.get("/session").await.status, 200);
}

#[tokio::test]
async fn signing_out_is_not_told_done_while_the_session_goes_on() {
    let workplace = Workplace::new().await;
    let mut browser = workplace.signed_in(PHONE).await;
    workplace.sql("ALTER TABLE sessions RENAME TO gone").await;
    assert_eq!(browser.delete("/session").await.code(), "portal_unavailable");
    workplace.sql("ALTER TABLE gone RENAME TO sessions").await;
    assert_eq!(browser.get("/session").await.status, 200);
}
