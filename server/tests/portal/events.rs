//! Live rows.

use std::time::Duration;

use axum::{body::Body, http::Request};
use http_body_util::BodyExt;
use qcert_protocol::{operator::Role, portal::ApplicationRow};
use tower::ServiceExt;

use crate::support::{Browser, OTHER_PHONE, PHONE, Workplace};

/// An open stream of rows.
pub struct Stream {
    body: Body,
    text: String,
}

impl Stream {
    pub async fn open(browser: &Browser) -> Self {
        let request = Request::get("/api/v1/events").header("cookie", browser.cookie.as_deref().unwrap());
        let response = browser.router.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        Self { body: response.into_body(), text: String::new() }
    }

    /// The next row; `None` when the stream has ended.
    pub async fn next(&mut self) -> Option<ApplicationRow> {
        loop {
            if let Some((event, rest)) = self.text.split_once("\n\n") {
                let data =
                    event.strip_prefix("event: application\ndata: ").map(|data| serde_json::from_str(data).unwrap());
                self.text = rest.to_owned();
                if data.is_some() {
                    return data;
                }
                continue;
            }
            let frame = tokio::time::timeout(Duration::from_secs(10), self.body.frame()).await.unwrap()?;
            self.text += std::str::from_utf8(&frame.unwrap().into_data().unwrap()).unwrap();
        }
    }
}

#[tokio::test]
async fn a_stream_begins_with_all_rows_and_goes_on_with_those_that_change() {
    let workplace = Workplace::new().await;
    let mut browser = workplace.signed_in(PHONE).await;
    let mut stream = Stream::open(&browser).await;
    for row in browser.rows().await {
        assert_eq!(stream.next().await, Some(row));
    }
    workplace.sent(&mut browser).await;
    workplace.work().await.unwrap();
    let mut revision = 0;
    loop {
        let row = stream.next().await.unwrap();
        assert!(row.revision >= revision, "an older copy follows a newer one");
        revision = row.revision;
        if row.state.as_str() == "readyToInstall" {
            assert!(row.certificate.is_some());
            break;
        }
    }
}

#[tokio::test]
async fn a_stream_is_silent_about_other_people() {
    let workplace = Workplace::new().await;
    let mut browser = workplace.signed_in(PHONE).await;
    let mut stream = Stream::open(&workplace.signed_in(OTHER_PHONE).await).await;
    for _ in 0..2 {
        assert!(stream.next().await.unwrap().number.starts_with("67093"));
    }
    workplace.sent(&mut browser).await;
    let heard = tokio::time::timeout(Duration::from_millis(300), stream.next()).await;
    assert!(heard.is_err(), "{heard:?}");
}

#[tokio::test]
async fn a_stream_ends_with_its_session() {
    let workplace = Workplace::new().await;
    let mut browser = workplace.signed_in(PHONE).await;
    let mut stream = Stream::open(&browser).await;
    for _ in 0..4 {
        assert!(stream.next().await.is_some());
    }
    browser.delete("/session").await;
    assert_eq!(stream.next().await, None);
}

#[tokio::test]
async fn a_stream_ends_when_its_session_is_idle() {
    let workplace = Workplace::new().await;
    let browser = workplace.signed_in(PHONE).await;
    let mut stream = Stream::open(&browser).await;
    for _ in 0..4 {
        assert!(stream.next().await.is_some());
    }
    workplace.clock.advance(time::Duration::minutes(31));
    assert_eq!(stream.next().await, None);
}

#[tokio::test]
async fn a_row_that_another_program_changed_is_sent_too() {
    let workplace = Workplace::new().await;
    let browser = workplace.signed_in(PHONE).await;
    let mut stream = Stream::open(&browser).await;
    for _ in 0..4 {
        assert!(stream.next().await.is_some());
    }
    workplace.sql("UPDATE applications SET revision = 9 WHERE number = '67092411'").await;
    let row = stream.next().await.unwrap();
    assert_eq!((row.number.as_str(), row.revision), ("67092411", 9));
}

#[tokio::test]
async fn a_row_is_sent_when_something_in_it_is_reported_and_when_that_is_answered() {
    let workplace = Workplace::new().await;
    let anna = workplace.operator("anna", &[Role::Registrar]).await;
    let mut browser = workplace.signed_in(PHONE).await;
    let row = browser.rows().await.remove(0);
    let mut stream = Stream::open(&browser).await;
    for _ in 0..4 {
        assert!(stream.next().await.is_some());
    }
    // Sooner than the stream would look by itself.
    let soon = Duration::from_secs(2);
    let report = serde_json::json!({"text": "Фамилия не та"});
    assert_eq!(browser.post(&format!("/applications/{}/mistakes", row.id), report).await.status, 204);
    let reported = tokio::time::timeout(soon, stream.next()).await.unwrap().unwrap();
    assert!(reported.id == row.id && reported.revision > row.revision, "{reported:?}");
    let open = anna.get("/mistakes").await.json();
    let path = format!("/mistakes/{}/answer", open[0]["id"].as_str().unwrap());
    assert_eq!(anna.post(&path, serde_json::json!({"text": "Исправили"})).await.status, 204);
    let answered = tokio::time::timeout(soon, stream.next()).await.unwrap().unwrap();
    assert!(answered.id == row.id && answered.revision > reported.revision, "{answered:?}");
}

#[tokio::test]
async fn a_stream_ends_at_once_when_its_browser_signs_in_as_somebody() {
    let workplace = Workplace::new().await;
    let mut browser = workplace.signed_in(PHONE).await;
    let mut stream = Stream::open(&browser).await;
    for _ in 0..4 {
        assert!(stream.next().await.is_some());
    }
    assert!(tokio::time::timeout(Duration::from_millis(300), stream.next()).await.is_err());
    browser.post("/sign-in/password", serde_json::json!({"phone": OTHER_PHONE})).await;
    let password = workplace.password(OTHER_PHONE).await;
    let body = serde_json::json!({"phone": OTHER_PHONE, "password": password});
    assert_eq!(browser.post("/sign-in", body).await.status, 200);
    let ended = tokio::time::timeout(Duration::from_secs(2), stream.next()).await;
    assert_eq!(ended.ok(), Some(None));
}
