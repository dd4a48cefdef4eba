//! Gateways by HTTP that do what a test tells them.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use axum::{
    Router,
    body::Body,
    http::{Request, StatusCode},
};
use qcert_server::{
    sms::{gateway::Gateways, report},
    store::MessageState,
};
use time::Duration;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};

use super::{free_port, latest, order, send, state};
use crate::support::{PHONE, Workplace};

/// A gateway that answers what it is told to, and remembers what it was asked.
struct Scripted {
    url: String,
    answer: Arc<Mutex<(u16, &'static str)>>,
    asked: Arc<Mutex<Vec<(String, String)>>>,
}

impl Scripted {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/send", listener.local_addr().unwrap());
        let (answer, asked) = (Arc::new(Mutex::new((200, r#"{"id": "g-1"}"#))), Arc::new(Mutex::new(Vec::new())));
        let (told, heard) = (Arc::clone(&answer), Arc::clone(&asked));
        let service = Router::new().fallback(move |request: axum::extract::Request| async move {
            let uri = request.uri().to_string();
            let body = axum::body::to_bytes(request.into_body(), 9999).await.unwrap();
            heard.lock().unwrap().push((uri, String::from_utf8(body.to_vec()).unwrap()));
            let (status, body) = *told.lock().unwrap();
            (StatusCode::from_u16(status).unwrap(), body)
        });
        tokio::spawn(async move { axum::serve(listener, service).await.unwrap() });
        Self { url, answer, asked }
    }

    fn says(&self, status: u16, body: &'static str) {
        *self.answer.lock().unwrap() = (status, body);
    }

    fn asked(&self) -> usize {
        self.asked.lock().unwrap().len()
    }

    /// The settings of a gateway that asks it in JSON.
    fn settings(&self, name: &str) -> String {
        format!(
            "[sms.{name}]\nkind = 'http'\nurl = '{}?n={name}'\nheaders = 'Content-Type: application/json'\n\
             body = '{{\"to\": \"{{{{phone}}}}\", \"words\": \"{{{{text}}}}\", \"own\": \"{{{{id}}}}\"}}'\n\
             reference = '/id'\nerror = '/error'\ntemporary_errors = 'busy'\ntimeout_seconds = 2\n\
             report_delivered = 'done'\nreport_undelivered = 'lost'\n",
            self.url
        )
    }
}

async fn with(settings: &str) -> (Workplace, Gateways) {
    let workplace = Workplace::with(settings).await;
    let gateways = Gateways::open(&workplace.portal).unwrap();
    (workplace, gateways)
}

#[tokio::test]
async fn a_message_is_asked_for_as_the_template_says_and_its_text_is_erased() {
    let gateway = Scripted::start().await;
    let (workplace, gateways) = with(&gateway.settings("first")).await;
    order(&workplace).await;
    assert_eq!(send(&workplace, &gateways).await, 1);
    let (uri, body) = gateway.asked.lock().unwrap().remove(0);
    assert_eq!(uri, "/send?n=first");
    let body: serde_json::Value = serde_json::from_str(&body).unwrap();
    let record = latest(&workplace).await;
    assert_eq!((body["to"].as_str(), body["own"].as_str()), (Some(PHONE), Some(record.id.to_string().as_str())));
    let text = body["words"].as_str().unwrap();
    let password = text.rsplit('#').next().unwrap();
    assert!(text.ends_with(&format!("\n@localhost #{password}")), "{text}");
    assert_eq!((record.state, record.gateway.as_deref()), (MessageState::Accepted, Some("first")));
    // Nothing that is kept says what it said.
    let kept = format!("{record:?}");
    assert!(!kept.contains(password), "{kept}");
    workplace.clock.advance(Duration::HOUR);
    assert_eq!(send(&workplace, &gateways).await, 0);
}

#[tokio::test]
async fn the_second_gateway_has_what_the_first_did_not_take() {
    let (first, second) = (Scripted::start().await, Scripted::start().await);
    first.says(200, r#"{"error": "no_money"}"#);
    let (workplace, gateways) = with(&(first.settings("first") + &second.settings("second"))).await;
    order(&workplace).await;
    send(&workplace, &gateways).await;
    assert_eq!((first.asked(), second.asked()), (1, 1));
    let record = latest(&workplace).await;
    assert_eq!((record.state, record.gateway.as_deref()), (MessageState::Accepted, Some("second")));
}

#[tokio::test]
async fn a_message_that_no_gateway_wants_is_refused() {
    let gateway = Scripted::start().await;
    gateway.says(403, "");
    let (workplace, gateways) = with(&gateway.settings("first")).await;
    order(&workplace).await;
    send(&workplace, &gateways).await;
    assert_eq!(state(&workplace).await, (MessageState::Refused, Some("status_403".into())));
    workplace.clock.advance(Duration::MINUTE);
    assert_eq!(send(&workplace, &gateways).await, 0);
}

#[tokio::test]
async fn a_message_that_was_certainly_not_sent_is_tried_again_and_rests_longer_each_time() {
    let gateway = Scripted::start().await;
    gateway.says(200, r#"{"error": "busy"}"#);
    let (workplace, gateways) = with(&gateway.settings("first")).await;
    order(&workplace).await;
    send(&workplace, &gateways).await;
    assert_eq!(state(&workplace).await, (MessageState::Waiting, Some("error_busy".into())));
    for rest in [2, 4, 8] {
        workplace.clock.advance(Duration::milliseconds(rest * 1000 - 1));
        assert_eq!(send(&workplace, &gateways).await, 0, "{rest}");
        workplace.clock.advance(Duration::MILLISECOND);
        assert_eq!(send(&workplace, &gateways).await, 1, "{rest}");
    }
    gateway.says(200, r#"{"id": "g-1"}"#);
    workplace.clock.advance(Duration::MINUTE);
    send(&workplace, &gateways).await;
    assert_eq!((state(&workplace).await, latest(&workplace).await.attempts), ((MessageState::Accepted, None), 5));
}

#[tokio::test]
async fn a_message_expires_with_its_password() {
    let dead =
        format!("[sms.first]\nkind = 'http'\nurl = 'http://127.0.0.1:{}/{{{{phone}}}}/{{{{text}}}}'", free_port());
    let (workplace, gateways) = with(&dead).await;
    order(&workplace).await;
    send(&workplace, &gateways).await;
    assert_eq!(state(&workplace).await, (MessageState::Waiting, Some("connection".into())));
    // Whatever its rest, it is looked at when its time is over.
    workplace.clock.advance(Duration::minutes(10));
    assert_eq!(send(&workplace, &gateways).await, 1);
    assert_eq!(state(&workplace).await.0, MessageState::Expired);
}

#[tokio::test]
async fn a_message_of_which_nobody_knows_is_not_sent_again() {
    // It takes the message, and dies.
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/{{{{phone}}}}/{{{{text}}}}", listener.local_addr().unwrap());
    let taken = Arc::new(Mutex::new(0));
    let counted = Arc::clone(&taken);
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let _ = stream.read(&mut [0; 4096]).await;
            *counted.lock().unwrap() += 1;
        }
    });
    let second = Scripted::start().await;
    let first = format!("[sms.first]\nkind = 'http'\nurl = '{url}'\n");
    let (workplace, gateways) = with(&(first + &second.settings("second"))).await;
    order(&workplace).await;
    send(&workplace, &gateways).await;
    assert_eq!(state(&workplace).await, (MessageState::Unknown, Some("connection_lost".into())));
    workplace.clock.advance(Duration::HOUR);
    assert_eq!(send(&workplace, &gateways).await, 0);
    assert_eq!((*taken.lock().unwrap(), second.asked()), (1, 0), "neither gateway has it again");
}

#[tokio::test]
async fn a_gateway_that_does_not_answer_in_time_may_have_sent() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/{{{{phone}}}}/{{{{text}}}}", listener.local_addr().unwrap());
    let first = format!("[sms.first]\nkind = 'http'\nurl = '{url}'\ntimeout_seconds = 1\n");
    let (workplace, gateways) = with(&first).await;
    order(&workplace).await;
    send(&workplace, &gateways).await;
    assert_eq!(state(&workplace).await, (MessageState::Unknown, Some("timeout".into())));
}

#[tokio::test]
async fn of_a_message_whose_sender_died_in_the_middle_nobody_knows() {
    let gateway = Scripted::start().await;
    let (workplace, gateways) = with(&gateway.settings("first")).await;
    order(&workplace).await;
    let now = workplace.portal.clock.now();
    let (store, dead) = (&workplace.portal.store, uuid::Uuid::nil());
    let claimed = store.claim_messages(dead, 1, now, now + Duration::SECOND).await.unwrap();
    store.begin_messages(dead, &[claimed[0].id], "first", now + Duration::SECOND).await.unwrap();
    assert_eq!(send(&workplace, &gateways).await, 0, "it is still leased");
    workplace.clock.advance(Duration::SECOND);
    send(&workplace, &gateways).await;
    assert_eq!(state(&workplace).await, (MessageState::Unknown, Some("interrupted".into())));
    assert_eq!(gateway.asked(), 0);
}

#[tokio::test]
async fn a_message_to_a_phone_that_nobody_has_goes_nowhere() {
    let gateway = Scripted::start().await;
    let (workplace, gateways) = with(&gateway.settings("first")).await;
    let unknown = serde_json::json!({"phone": crate::support::UNKNOWN_PHONE});
    workplace.browser().post("/sign-in/password", unknown).await;
    assert_eq!(send(&workplace, &gateways).await, 1);
    assert_eq!(gateway.asked(), 0);
    assert!(workplace.portal.store.messages(None, 9).await.unwrap().is_empty());
}

/// A gateway by TLS, with a certificate of its own, that takes everything; answers its port.
async fn by_tls(made: &rcgen::CertifiedKey<rcgen::KeyPair>) -> u16 {
    use tokio_rustls::rustls::{ServerConfig, crypto::ring, pki_types::PrivateKeyDer};
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()));
    let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
    let config = config.with_safe_default_protocol_versions().unwrap().with_no_client_auth();
    let config = config.with_single_cert(vec![made.cert.der().clone()], key).unwrap();
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let Ok(mut stream) = acceptor.accept(stream).await else { continue };
            let _ = stream.read(&mut [0; 4096]).await;
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await;
        }
    });
    port
}

#[tokio::test]
async fn a_gateway_by_tls_is_believed_if_its_authority_is() {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let port = by_tls(&made).await;
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("ca.pem");
    std::fs::write(&file, made.cert.pem()).unwrap();
    let gateway = format!("[sms.first]\nkind = 'http'\nurl = 'https://localhost:{port}/{{{{phone}}}}/{{{{text}}}}'\n");
    let trusted = format!("{gateway}ca_file = '{}'", file.display());
    for (settings, expected) in
        [(trusted, (MessageState::Accepted, None)), (gateway, (MessageState::Waiting, Some("tls".to_owned())))]
    {
        let (workplace, gateways) = with(&settings).await;
        order(&workplace).await;
        send(&workplace, &gateways).await;
        assert_eq!(state(&workplace).await, expected);
    }
}

/// Reports to a workplace, as a gateway does; answers the status.
async fn report(workplace: &Workplace, token: &str, request: Request<Body>) -> u16 {
    let (mut parts, body) = request.into_parts();
    let query = parts.uri.query().unwrap_or_default();
    parts.uri = format!("{}?{query}", report::address("", "first", token)).parse().unwrap();
    workplace.browser().send(Request::from_parts(parts, body)).await.status.as_u16()
}

#[tokio::test]
async fn a_report_is_read_from_the_address_a_form_or_json_and_let_in_by_its_key_alone() {
    let gateway = Scripted::start().await;
    let (workplace, gateways) = with(&gateway.settings("first")).await;
    order(&workplace).await;
    send(&workplace, &gateways).await;
    let token = workplace.portal.secrets.report_token("first");
    let get = |query: &str| Request::get(format!("/{query}")).body(Body::empty()).unwrap();
    let post = |media: &str, body: &str| {
        Request::post("/?x=1").header("content-type", media).body(Body::from(body.to_owned())).unwrap()
    };
    let another = workplace.portal.secrets.report_token("second");
    for wrong in ["0", another.as_str()] {
        assert_eq!(report(&workplace, wrong, get("?id=g-1&status=done")).await, 404);
    }
    assert_eq!(report(&workplace, &token, get("?id=g-1")).await, 400);
    assert_eq!(report(&workplace, &token, get("?id=g-1&status=queued")).await, 200);
    assert_eq!(state(&workplace).await.0, MessageState::Accepted);
    let form = "application/x-www-form-urlencoded";
    assert_eq!(report(&workplace, &token, post(form, "id=g-1&status=lost")).await, 200);
    assert_eq!(state(&workplace).await, (MessageState::Undelivered, Some("report_lost".into())));
    let json = BTreeMap::from([("id", "g-1"), ("status", "done")]);
    let json = serde_json::to_string(&json).unwrap();
    assert_eq!(report(&workplace, &token, post("application/json", &json)).await, 200);
    assert_eq!(state(&workplace).await, (MessageState::Delivered, None));
}
