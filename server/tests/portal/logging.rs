//! What a log never holds: phones, codes, names, tokens of sessions.

use std::{
    io,
    sync::{Arc, Mutex},
};

use axum::http::header;
use qcert_server::sms::{gateway::Gateways, sender};
use serde_json::{Value, json};
use tokio::{io::AsyncReadExt, net::TcpListener};
use tracing_subscriber::{EnvFilter, fmt::MakeWriter};
use uuid::Uuid;

use crate::support::{PHONE, Workplace, wrong};

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

#[tokio::test]
async fn a_log_of_everything_names_nobody_and_no_code() {
    let log = Log::default();
    // For the whole program: the database works on threads of its own.
    let everything = tracing_subscriber::fmt().with_ansi(false).without_time().with_writer(log.clone());
    everything.with_env_filter(EnvFilter::new("trace")).init();

    let workplace = Workplace::new().await;
    let mut browser = workplace.browser();
    browser.post("/sign-in/password", json!({"phone": PHONE})).await;
    let mut secrets = vec![workplace.password(PHONE).await];
    browser.post("/sign-in", json!({"phone": PHONE, "password": wrong(&secrets[0])})).await;
    let session = browser.post("/sign-in", json!({"phone": PHONE, "password": secrets[0]})).await;
    let cookie = session.headers[header::SET_COOKIE].to_str().unwrap().to_owned();
    let (_, request) = workplace.sent(&mut browser).await;
    secrets.push(workplace.password(PHONE).await);
    let mistakes = format!("/applications/{}/mistakes", browser.rows().await[0].id);
    browser.post(&mistakes, json!({"text": "Улица названа неверно"})).await;
    // Failures are what is logged most.
    workplace.sql("CREATE TRIGGER fault BEFORE INSERT ON certificates BEGIN SELECT RAISE(ABORT, 'fault'); END").await;
    assert!(workplace.work().await.is_err());
    workplace.sql("DROP TRIGGER fault").await;
    workplace.clock.advance(time::Duration::MINUTE);
    workplace.sql("UPDATE requests SET snapshot = snapshot || ' '").await;
    workplace.work().await.unwrap();
    browser.post(&format!("/requests/{request}/password"), Value::Null).await;

    secrets.push(through_gateways_that_fail().await);

    let text = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    assert!(
        text.contains("a gateway cannot be reached") && text.contains("connection_lost"),
        "gateways were not caught"
    );
    assert!(text.contains("issuance refused"), "what is logged was not caught");
    let token = cookie.split(['=', ';']).nth(1).unwrap();
    for private in ["9222114545", "Иван", "АвтоСпор", "avtospor", "Улица", "07500122105", "661234567874", token]
    {
        let line = text.lines().find(|line| line.contains(private));
        assert_eq!(line, None, "{private}");
    }
    for code in secrets {
        let line = text.lines().find(|line| holds_code(line, &code));
        assert_eq!(line, None, "{code}");
    }
}
