//! Operators: who may do what, and what they do.

mod applications;
mod authorization;
mod decisions;
mod people;
mod search;

use std::num::NonZeroU32;

use axum::{
    body::Body,
    http::{Method, Request, header},
};
use qcert_protocol::operator::Role;
use qcert_server::{audit::Actor, operators, store::AuditRow};
use serde_json::Value;

use crate::support::{Reply, Workplace};

/// Somebody with a token.
pub struct Caller<'a> {
    workplace: &'a Workplace,
    pub token: String,
}

impl Workplace {
    /// An operator with a token for a day.
    pub async fn operator(&self, name: &str, roles: &[Role]) -> Caller<'_> {
        let portal = &self.portal;
        let with = (&*portal.store, &*portal.clock, &*portal.randomness, &portal.secrets);
        let day = NonZeroU32::MIN;
        let (_, token) = operators::add(with, name, roles, day, &Actor::at_command_line("tester")).await.unwrap();
        Caller { workplace: self, token: token.0 }
    }

    /// What stands in the audit, as `event: detail by whom`.
    pub async fn audited(&self) -> Vec<String> {
        let rows = self.portal.store.audit().await.unwrap();
        let line = |row: AuditRow| {
            let detail = if row.detail.is_empty() { String::new() } else { format!(": {}", row.detail) };
            format!("{}{detail} by {}", row.event, row.by.who)
        };
        rows.into_iter().map(line).collect()
    }
}

impl Caller<'_> {
    pub async fn send(&self, method: Method, path: &str, content_type: &str, body: impl Into<Body>) -> Reply {
        let request = Request::builder()
            .method(method)
            .uri(format!("/api/v1/operator{path}"))
            .header(header::AUTHORIZATION, format!("Bearer {}", self.token))
            .header(header::CONTENT_TYPE, content_type);
        self.workplace.browser().send(request.body(body.into()).unwrap()).await
    }

    pub async fn call(&self, method: Method, path: &str, body: Value) -> Reply {
        let body = if body.is_null() { Body::empty() } else { Body::from(body.to_string()) };
        self.send(method, path, "application/json", body).await
    }

    pub async fn get(&self, path: &str) -> Reply {
        self.call(Method::GET, path, Value::Null).await
    }

    pub async fn post(&self, path: &str, body: Value) -> Reply {
        self.call(Method::POST, path, body).await
    }

    pub async fn put(&self, path: &str, body: Value) -> Reply {
        self.call(Method::PUT, path, body).await
    }
}
