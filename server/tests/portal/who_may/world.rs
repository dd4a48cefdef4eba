//! Everybody who may ask: nobody, an owner and a stranger, operators with each role, and who was one of them.

use axum::{
    body::Body,
    http::{HeaderMap, Method, Request, StatusCode, header, request::Builder},
};
use http_body_util::BodyExt;
use qcert_protocol::operator::Role::{self, *};
use serde_json::Value;
use time::Duration;
use tower::ServiceExt;

use crate::support::{ORIGIN, OTHER_PHONE, Workplace};

/// What whoever asks shows.
pub enum Shown {
    Nothing,
    Cookie(String),
    Token(String),
}

/// What came back, without the end that a stream does not have.
pub struct Came {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub code: String,
}

/// A portal with everybody in it.
pub struct World {
    pub workplace: Workplace,
    ids: [(&'static str, String); 3],
    pub owner: Shown,
    pub stranger: Shown,
    /// Was somebody, and is nobody any more.
    pub gone: [Shown; 3],
    pub operators: Vec<(Role, Shown)>,
    /// An operator with every role.
    pub everything: Shown,
}

impl World {
    pub async fn new() -> Self {
        let workplace = Workplace::new().await;
        let expired = workplace.operator("expired", &Role::ALL).await.token;
        workplace.clock.advance(Duration::DAY);
        let removed = workplace.operator("removed", &Role::ALL).await.token;
        let administrator = workplace.operator("chief", &[Administrator]).await;
        assert_eq!(administrator.call(Method::DELETE, "/operators/removed", Value::Null).await.status, 204);
        let everything = Shown::Token(workplace.operator("everything", &Role::ALL).await.token);
        let mut operators = Vec::new();
        for role in Role::ALL {
            operators.push((role, Shown::Token(workplace.operator(role.as_str(), &[role]).await.token)));
        }
        let (mut owner, certificate) = workplace.with_certificate().await;
        let row = owner.rows().await.remove(0);
        let ids = [
            ("applications", row.id.to_string()),
            ("requests", row.request.unwrap().id.to_string()),
            ("certificates", certificate.id.to_string()),
        ];
        let mut ended = workplace.signed_in(OTHER_PHONE).await;
        let before = ended.cookie.clone().unwrap();
        assert_eq!(ended.delete("/session").await.status, 204);
        workplace.clock.advance(Duration::minutes(3));
        let stranger = workplace.signed_in(OTHER_PHONE).await;
        Self {
            ids,
            owner: Shown::Cookie(owner.cookie.unwrap()),
            stranger: Shown::Cookie(stranger.cookie.unwrap()),
            gone: [Shown::Cookie(before), Shown::Token(expired), Shown::Token(removed)],
            operators,
            everything,
            workplace,
        }
    }

    /// Asks as a page or a program would.
    pub async fn ask(&self, shown: &Shown, operation: &str, body: &str) -> Came {
        let (method, path) = operation.split_once(' ').unwrap();
        let mut request = Request::builder().method(method).uri(self.address(path));
        if !body.is_empty() {
            request = request.header(header::CONTENT_TYPE, "application/json");
        }
        self.send(shown, request, body.as_bytes().to_vec()).await
    }

    /// Sends what was built, from our own page. No answer is ever one of a fault of ours.
    pub async fn send(&self, shown: &Shown, request: Builder, body: Vec<u8>) -> Came {
        let mut request = request.header(header::ORIGIN, ORIGIN);
        request = match shown {
            Shown::Nothing => request,
            Shown::Cookie(cookie) => request.header(header::COOKIE, cookie),
            Shown::Token(token) => request.header(header::AUTHORIZATION, format!("Bearer {token}")),
        };
        if !body.is_empty() {
            request = request.header(header::CONTENT_LENGTH, body.len());
        }
        let request = request.body(Body::from(body)).unwrap();
        let asked = format!("{} {}", request.method(), request.uri());
        let (parts, answer) = self.workplace.router.clone().oneshot(request).await.unwrap().into_parts();
        assert!(parts.status.as_u16() < 500, "{asked}: {}", parts.status);
        // A stream has no end.
        let is_problem = parts.headers.get(header::CONTENT_TYPE).is_some_and(|it| it == "application/problem+json");
        let bytes = if is_problem { answer.collect().await.unwrap().to_bytes() } else { Default::default() };
        let problem: Value = serde_json::from_slice(&bytes).unwrap_or_default();
        let code = problem["code"].as_str().unwrap_or_default().to_owned();
        Came { status: parts.status, headers: parts.headers, code }
    }

    /// The address with names of things in it: of the owner's, or of what is not there.
    pub fn address(&self, template: &str) -> String {
        let own = self.ids.iter().find(|(of, _)| template.starts_with(&format!("/api/v1/{of}/{{id}}")));
        let id = own.map_or("019ca000-0000-7000-8000-000000000000", |(_, id)| id);
        let mut address = template.replace("{id}", id);
        for (name, word) in [("{number}", "1"), ("{serial}", "00"), ("{name}", "nobody")] {
            address = address.replace(name, word);
        }
        address.replace(['{', '}'], "")
    }
}
