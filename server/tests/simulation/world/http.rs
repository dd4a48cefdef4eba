//! What goes between a browser and a server.

use std::net::SocketAddr;

use axum::{
    Router,
    body::Body,
    extract::connect_info::MockConnectInfo,
    http::{Method, Request},
};
use http_body_util::BodyExt;
use serde_json::Value;
use tower::ServiceExt;

use super::ORIGIN;

/// What a browser sends, so that it can be sent again.
#[derive(Clone, Debug)]
pub struct Sent {
    pub method: Method,
    pub path: String,
    pub body: Value,
    pub cookie: Option<String>,
}

impl Sent {
    pub fn http(&self) -> Request<Body> {
        request(self.method.clone(), &self.path, &self.body, self.cookie.as_deref())
    }
}

/// Everybody asks from one address, as behind a proxy that says nothing of them.
pub(super) fn one_address() -> MockConnectInfo<SocketAddr> {
    MockConnectInfo(SocketAddr::from(([127, 0, 0, 1], 1)))
}

pub(super) fn request(method: Method, path: &str, body: &Value, cookie: Option<&str>) -> Request<Body> {
    let mut request = Request::builder().method(method).uri(format!("/api/v1{path}")).header("origin", ORIGIN);
    if let Some(cookie) = cookie {
        request = request.header("cookie", cookie);
    }
    if body.is_null() {
        return request.body(Body::empty()).unwrap();
    }
    let body = body.to_string();
    request.header("content-type", "application/json").header("content-length", body.len()).body(body.into()).unwrap()
}

/// What came back.
#[derive(Debug)]
pub struct Reply {
    pub status: u16,
    pub cookie: Option<String>,
    pub body: Vec<u8>,
}

impl Reply {
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or(Value::Null)
    }

    /// The code of a problem, or nothing.
    pub fn code(&self) -> String {
        self.json()["code"].as_str().unwrap_or_default().to_owned()
    }
}

/// Carries a request to a server.
pub async fn deliver(router: Router, request: Request<Body>) -> Reply {
    let (parts, body) = router.oneshot(request).await.unwrap().into_parts();
    let cookie = parts.headers.get("set-cookie").and_then(|cookie| cookie.to_str().ok()?.split(';').next());
    let cookie = cookie.map(str::to_owned);
    let body = body.collect().await.unwrap().to_bytes().to_vec();
    Reply { status: parts.status.as_u16(), cookie, body }
}
