//! What a log never holds: phones, codes, names, tokens of sessions.

use std::{
    io,
    sync::{Arc, Mutex},
};

use axum::{
    body::Body,
    http::{Request, header},
};
use qcert_protocol::operator::Role;
use qcert_server::{
    config::LogFormat,
    logging,
    sms::{gateway::Gateways, sender},
};
use serde_json::{Value, json};
use tokio::{io::AsyncReadExt, net::TcpListener};
use tracing_subscriber::{EnvFilter, fmt::MakeWriter};
use uuid::Uuid;

use crate::{
    behind::Step,
    support::{DEMO, PHONE, UNKNOWN_PHONE, Workplace, wrong},
};

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

/// Does the code stand in the text as a word of its own, not inside a longer number or id?
fn holds_code(text: &str, code: &str) -> bool {
    let within = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphanumeric() || c == '.');
    text.match_indices(code).any(|(at, _)| {
        let (before, after) = (text[..at].chars().next_back(), text[at + code.len()..].chars().next());
        !within(before) && !within(after)
    })
}

/// A message that is lost on its way, and another that the first gateway does not take; answers the code of the latter.
async fn through_gateways_that_fail() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let taken = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let _ = stream.read(&mut [0; 4096]).await;
    });
    let url = format!("http://127.0.0.1:{port}/{{{{phone}}}}?text={{{{text}}}}");
    let settings = format!("[sms.first]\nkind = 'http'\nurl = '{url}'\n[sms.second]\nkind = 'outbox'");
    let workplace = Workplace::with(&settings).await;
    let gateways = Gateways::open(&workplace.portal).unwrap();
    for _ in 0..2 {
        workplace.browser().post("/sign-in/password", json!({"phone": PHONE})).await;
        sender::send_waiting(&workplace.portal, &gateways, Uuid::max()).await.unwrap();
        workplace.clock.advance(time::Duration::minutes(3));
    }
    taken.await.unwrap();
    workplace.password(PHONE).await
}

/// Logs everything from now on, for the whole program: the database works on threads of its own.
fn begin(format: LogFormat) -> Log {
    let log = Log::default();
    logging::log_to(format, false, EnvFilter::new("trace"), log.clone());
    log
}

impl Log {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

/// What must not be in the log: words anywhere, codes as words of their own.
struct Private {
    words: Vec<String>,
    codes: Vec<String>,
}

/// A journey of a holder, and what goes wrong in it.
async fn of_a_holder(workplace: &Workplace) -> Private {
    let mut browser = workplace.browser();
    browser.post("/sign-in/password", json!({"phone": PHONE})).await;
    let mut codes = vec![workplace.password(PHONE).await];
    browser.post("/sign-in", json!({"phone": PHONE, "password": wrong(&codes[0])})).await;
    codes.push(wrong(&codes[0]));
    let session = browser.post("/sign-in", json!({"phone": PHONE, "password": codes[0]})).await;
    let cookie = session.headers[header::SET_COOKIE].to_str().unwrap().to_owned();
    let (_, request) = workplace.sent(&mut browser).await;
    codes.push(workplace.password(PHONE).await);
    let mistakes = format!("/applications/{}/mistakes", browser.rows().await[0].id);
    browser.post(&mistakes, json!({"text": "Улица названа неверно"})).await;
    // Failures are what is logged most.
    workplace.let_fail(Step::Store).await;
    assert!(workplace.work().await.is_err());
    workplace.let_pass(Step::Store).await;
    workplace.clock.advance(time::Duration::MINUTE);
    workplace.change_snapshots("snapshot || ' '").await;
    workplace.work().await.unwrap();
    browser.post(&format!("/requests/{request}/password"), Value::Null).await;
    // Addresses that somebody invents, with words in them.
    let uri = "/page/%2B79222114545?name=avtospor";
    browser.send(Request::get(uri).header("user-agent", "79222114545").body(Body::empty()).unwrap()).await;
    browser.get("/applications/+79222114545").await;
    let token = cookie.split(['=', ';']).nth(1).unwrap().to_owned();
    Private { words: vec![token], codes }
}

/// What operators do with the same people; answers their tokens.
async fn of_operators(workplace: &Workplace) -> Vec<String> {
    let anna = workplace.operator("anna", &[Role::Registrar, Role::Revoker]).await;
    let boris = workplace.operator("boris", &[Role::Approver, Role::Auditor]).await;
    for (by, value) in [("phone", PHONE), ("name", "Иван"), ("organization", "АвтоСпор"), ("snils", "07500122105")]
    {
        let found = anna.post("/search", json!({"by": by, "value": value})).await;
        assert_eq!(found.status, 200, "{by}: {}", found.json());
    }
    let applications: Value = serde_json::from_str(DEMO).unwrap();
    let number = applications[0]["number"].as_str().unwrap();
    assert_eq!(anna.get(&format!("/applications/{number}")).await.status, 200);
    anna.post("/import", json!([{"number": "1", "phone": PHONE, "surname": "Иванов"}])).await;
    let proposed = anna.post(&format!("/applications/{number}/phone"), json!({"phone": UNKNOWN_PHONE})).await.json();
    boris.post(&format!("/phone-changes/{}/confirmation", proposed["id"].as_str().unwrap()), Value::Null).await;
    anna.post("/phones/unlock", json!({"phone": PHONE})).await;
    let open = anna.get("/mistakes").await.json();
    let answer = format!("/mistakes/{}/answer", open[0]["id"].as_str().unwrap());
    assert_eq!(anna.post(&answer, json!({"text": "Улица исправлена"})).await.status, 204);
    boris.get("/audit").await;
    boris.post("/phones/unlock", json!({"phone": PHONE})).await;
    vec![anna.token.clone(), boris.token.clone()]
}

/// Everything that a portal does, and everything of it that is somebody's.
async fn everything() -> Private {
    let workplace = Workplace::new().await;
    let mut private = of_a_holder(&workplace).await;
    private.words.extend(of_operators(&workplace).await);
    private.codes.push(through_gateways_that_fail().await);
    logging::log_panics();
    let _ = std::thread::spawn(|| panic!("{PHONE} of Иванов")).join();
    // What a test says of itself is to be read.
    drop(std::panic::take_hook());
    let known = ["9222114545", "9990000000", "Иван", "АвтоСпор", "avtospor", "Улица", "07500122105", "661234567874"];
    private.words.extend(known.map(str::to_owned));
    private
}

fn names_nobody(text: &str, private: &Private) {
    for caught in ["a gateway cannot be reached", "connection_lost", "issuance refused", "a thread panicked", "anna"] {
        assert!(text.contains(caught), "what is logged was not caught: {caught}");
    }
    for word in &private.words {
        let line = text.lines().find(|line| line.contains(word.as_str()));
        assert_eq!(line, None, "{word}");
    }
    for code in &private.codes {
        let line = text.lines().find(|line| holds_code(line, code));
        assert_eq!(line, None, "{code}");
    }
    let long = text.lines().find(|line| line.len() > 8192);
    assert_eq!(long, None, "a line has an end");
    assert!(!text.contains('\u{1b}'), "nothing that a terminal obeys");
}

#[tokio::test]
async fn a_log_of_everything_names_nobody_and_no_code() {
    let log = begin(LogFormat::Text);
    let private = everything().await;
    names_nobody(&log.text(), &private);
}

#[tokio::test]
async fn the_same_in_json_and_every_line_is_an_object() {
    let log = begin(LogFormat::Json);
    let private = everything().await;
    let text = log.text();
    names_nobody(&text, &private);
    for line in text.lines() {
        let event: Value = serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
        assert!(event["level"].is_string() && event["timestamp"].is_string(), "{line}");
    }
}

#[tokio::test]
async fn a_request_has_a_name_in_its_answer_and_in_every_line_of_it() {
    let log = begin(LogFormat::Json);
    let workplace = Workplace::with("").await;
    let mut browser = workplace.browser();
    workplace.sql("ALTER TABLE rates RENAME TO gone").await;
    let reply = browser.post("/sign-in/password", json!({"phone": PHONE})).await;
    assert_eq!(reply.status.as_u16(), 503, "{:?}", reply.json());
    let id = reply.headers["x-request-id"].to_str().unwrap().to_owned();
    assert_eq!(Uuid::parse_str(&id).unwrap().get_version_num(), 7);
    let events: Vec<Value> = log.text().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let of_it = |message: &str| events.iter().find(|event| event["message"] == message && event["span"]["id"] == id);
    assert!(of_it("the store failed").is_some(), "{id}: {events:#?}");
    let answered = of_it("answered").unwrap();
    assert_eq!((&answered["route"], &answered["status"]), (&json!("/api/v1/sign-in/password"), &json!(503)));
    assert_eq!((&answered["method"], &answered["target"]), (&json!("POST"), &json!("access")));
    assert_ne!(browser.get("/configuration").await.headers["x-request-id"].to_str().unwrap(), id);
}

#[tokio::test]
async fn a_trusted_proxy_names_a_request_and_a_stranger_does_not() {
    let given = "0123456789abcdef0123456789abcdef";
    let named = async |settings: &str, given: &str| {
        let workplace = Workplace::with(settings).await;
        let request = Request::get("/healthz").header("x-request-id", given).body(Body::empty()).unwrap();
        workplace.browser().send(request).await.headers["x-request-id"].to_str().unwrap().to_owned()
    };
    // Tests connect from here.
    let trusted = "[server]\ntrusted_proxies = '127.0.0.1'";
    assert_eq!(named(trusted, given).await, given);
    assert_ne!(named("", given).await, given);
    for words in ["79222114545", "Ivan", "x".repeat(32).as_str(), "{0123456789abcdef0123456789abcdef}"] {
        assert_ne!(named(trusted, words).await, words);
    }
}
