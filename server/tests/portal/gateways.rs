//! Text messages on their way out: what gateways make of them, and what is remembered of it.

mod by_http;
mod by_smpp;
mod kannel;

use std::{future::Future, time::Duration};

use axum::{body::Body, http::Request};
use qcert_server::{
    sms::{gateway::Gateways, sender},
    store::{MessageRecord, MessageState},
};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::{PHONE, Reply, Workplace};

/// A port that nobody listens on.
fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// Posts as the portal's own page does, whatever its origin is.
async fn post(workplace: &Workplace, path: &str, body: Value) -> Reply {
    let body = body.to_string();
    let request = Request::post(format!("/api/v1{path}"))
        .header("origin", &workplace.portal.origin)
        .header("content-type", "application/json")
        .header("content-length", body.len());
    workplace.browser().send(request.body(Body::from(body)).unwrap()).await
}

/// Orders a password for signing in.
async fn order(workplace: &Workplace) {
    let ordered = post(workplace, "/sign-in/password", json!({"phone": PHONE})).await;
    assert_eq!(ordered.status, 202, "{:?}", ordered.json());
}

/// Signs in with the password at a message's end.
async fn sign_in(workplace: &Workplace, words: &str) {
    let password = words.rsplit('#').next().unwrap();
    let signed_in = post(workplace, "/sign-in", json!({"phone": PHONE, "password": password})).await;
    assert_eq!(signed_in.status, 200, "{:?}", signed_in.json());
}

/// Sends what waits, once.
async fn send(workplace: &Workplace, gateways: &Gateways) -> usize {
    sender::send_waiting(&workplace.portal, gateways, Uuid::max()).await.unwrap()
}

/// What is known of the latest message.
async fn latest(workplace: &Workplace) -> MessageRecord {
    workplace.portal.store.messages(None, 1).await.unwrap().remove(0)
}

async fn state(workplace: &Workplace) -> (MessageState, Option<String>) {
    let latest = latest(workplace).await;
    (latest.state, latest.problem)
}

/// Waits until there is something, for half a minute at most.
async fn eventually<T, F: Future<Output = Option<T>>>(what: &str, mut look: impl FnMut() -> F) -> T {
    for _ in 0..300 {
        if let Some(found) = look().await {
            return found;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("there was never {what}");
}

/// Waits until the latest message is in a state.
async fn becomes(workplace: &Workplace, wanted: MessageState) {
    eventually(wanted.as_str(), || async { (latest(workplace).await.state == wanted).then_some(()) }).await;
}
