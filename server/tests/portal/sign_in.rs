//! One-time passwords.

use axum::http::header;
use qcert_server::issuance::worker;
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
    // Another message would be of no use before there are tries again.
    workplace.clock.advance(Duration::seconds(120));
    let reply = order(&mut browser, PHONE).await;
    assert_eq!((reply.code().as_str(), &reply.json()["retryAfterSeconds"]), ("otp_tries_exhausted", &json!(480)));
    workplace.clock.advance(Duration::seconds(480));
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

/// Orders a password and types so many wrong ones in its place; answers the last reply.
async fn fail(workplace: &Workplace, phone: &str, count: u32) -> Reply {
    let mut browser = workplace.browser();
    assert_eq!(order(&mut browser, phone).await.status, 202);
    let password = wrong(&workplace.password(phone).await);
    for _ in 1..count {
        assert_eq!(sign_in(&mut browser, phone, &password).await.code(), "otp_wrong");
    }
    sign_in(&mut browser, phone, &password).await
}

#[tokio::test]
async fn a_phone_waits_twice_as_long_after_each_five_wrong_passwords_up_to_a_day() {
    let workplace = Workplace::new().await;
    for minutes in [10, 20, 40, 80, 160, 320, 640, 1280, 1440, 1440] {
        let last = fail(&workplace, PHONE, 5).await;
        assert_eq!((last.status.as_u16(), last.code().as_str()), (403, "otp_tries_exhausted"));
        assert_eq!(last.json()["retryAfterSeconds"], minutes * 60);
        workplace.clock.advance(Duration::minutes(minutes) - Duration::SECOND);
        let early = order(&mut workplace.browser(), PHONE).await;
        assert_eq!((early.code().as_str(), &early.json()["retryAfterSeconds"]), ("otp_tries_exhausted", &json!(1)));
        workplace.clock.advance(Duration::SECOND);
    }
    workplace.signed_in(PHONE).await;
    workplace.clock.advance(Duration::minutes(2));
    assert_eq!(fail(&workplace, PHONE, 5).await.json()["retryAfterSeconds"], 600, "a right one begins anew");
}

#[tokio::test]
async fn failures_in_a_row_lock_a_phone_until_an_operator_opens_it_and_an_unknown_one_alike() {
    let workplace = Workplace::with("[otp]\nfailures = 12").await;
    let mut replies = Vec::new();
    for phone in [PHONE, UNKNOWN_PHONE] {
        let mut browser = workplace.browser();
        for wrong in 1..=12 {
            if wrong % 5 == 1 {
                workplace.clock.advance(Duration::DAY);
                assert_eq!(order(&mut browser, phone).await.status, 202);
            }
            replies.push(shape(&sign_in(&mut browser, phone, "no password").await));
        }
        workplace.clock.advance(Duration::days(400));
        worker::tidy(&workplace.portal).await;
        replies.push(shape(&sign_in(&mut browser, phone, "no password").await));
        let locked = order(&mut browser, phone).await;
        assert_eq!((locked.status.as_u16(), locked.code().as_str()), (403, "phone_locked"));
        assert_eq!(locked.headers.get(header::RETRY_AFTER), None, "waiting does not help");
        replies.push(shape(&locked));
    }
    let (known, unknown) = replies.split_at(replies.len() / 2);
    assert_eq!(known, unknown);
    assert!(String::from_utf8_lossy(&known[11].2).contains("phone_locked"), "the twelfth says so already");

    let anna = workplace.operator("anna", &[qcert_protocol::operator::Role::Registrar]).await;
    assert_eq!(anna.post("/phones/unlock", json!({"phone": PHONE})).await.json(), json!({"wasLocked": true}));
    workplace.signed_in(PHONE).await;
    assert_eq!(order(&mut workplace.browser(), UNKNOWN_PHONE).await.code(), "phone_locked");
}

#[tokio::test]
async fn five_tries_a_code_hold_although_another_code_was_right_meanwhile() {
    let workplace = Workplace::new().await;
    let mut signed_in = workplace.signed_in(PHONE).await;
    workplace.clock.advance(Duration::minutes(2));
    let mut browser = workplace.browser();
    order(&mut browser, PHONE).await;
    let password = workplace.password(PHONE).await;
    for left in [4, 3, 2] {
        assert_eq!(sign_in(&mut browser, PHONE, &wrong(&password)).await.json()["triesLeft"], left);
    }
    workplace.sent(&mut signed_in).await;
    // The phone has five again, and the code two.
    assert_eq!(sign_in(&mut browser, PHONE, &wrong(&password)).await.json()["triesLeft"], 1);
    assert_eq!(sign_in(&mut browser, PHONE, &wrong(&password)).await.code(), "otp_tries_exhausted");
    assert_eq!(sign_in(&mut browser, PHONE, &password).await.code(), "otp_tries_exhausted");
    assert_eq!(order(&mut browser, PHONE).await.status, 202);
    let password = workplace.password(PHONE).await;
    assert_eq!(sign_in(&mut browser, PHONE, &password).await.status, 200);
}

#[tokio::test]
async fn a_message_that_waits_is_not_sent_once_its_password_has_a_successor() {
    let workplace = Workplace::new().await;
    let mut browser = workplace.browser();
    for _ in 0..3 {
        assert_eq!(order(&mut browser, PHONE).await.status, 202);
        workplace.clock.advance(Duration::minutes(2));
    }
    let messages = workplace.messages().await;
    assert_eq!(messages.len(), 1, "{messages:?}");
    assert_eq!(sign_in(&mut browser, PHONE, &workplace.password(PHONE).await).await.status, 200);
}

/// A reply without what differs between any two replies.
fn shape(reply: &Reply) -> (u16, Vec<(String, String)>, Vec<u8>) {
    // Of a request's name nothing but its length can be alike.
    assert_eq!(reply.headers["x-request-id"].len(), 36);
    let headers = reply.headers.iter().filter(|(name, _)| *name != "x-request-id");
    let headers = headers.map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned()));
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
    assert_eq!(messages.len(), 1);
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
