//! A gateway that is reached by HTTP, as its settings describe it.

mod answer;
mod exchange;
pub mod template;

pub use answer::word;

use std::time::Duration;

use async_trait::async_trait;
use axum::{
    body::Bytes,
    http::{HeaderValue, Request, header},
};
use futures_util::future::join_all;
use http_body_util::Full;
use zeroize::Zeroizing;

use super::{
    connection::Trust,
    gateway::{Gateway, Outgoing, Sent},
};
use crate::config::Http;
use exchange::{Failed, exchange};

/// The gateway.
pub struct HttpGateway {
    /// Its name in the settings.
    pub name: &'static str,
    /// What is asked, and how answers are read.
    pub settings: Http,
    /// How long an answer may take.
    pub timeout: Duration,
    /// Whose certificate it shows.
    pub trust: Trust,
    /// Its password.
    pub secret: Option<Zeroizing<String>>,
    /// Where it reports to.
    pub report: String,
}

#[async_trait]
impl Gateway for HttpGateway {
    fn name(&self) -> &str {
        self.name
    }

    /// The connection may take as long as the answer.
    fn patience(&self) -> Option<Duration> {
        Some(self.timeout * 2)
    }

    async fn send(&self, messages: &[Outgoing]) -> Vec<Sent> {
        join_all(messages.iter().map(|outgoing| self.send_one(outgoing))).await
    }
}

impl HttpGateway {
    async fn send_one(&self, outgoing: &Outgoing) -> Sent {
        let own = outgoing.id.to_string();
        let Some(request) = self.request(outgoing, &own) else { return Sent::Refused("request".to_owned()) };
        match exchange(request, &self.trust, self.timeout).await {
            Ok(response) => {
                let retry_after = response.headers().get(header::RETRY_AFTER).and_then(seconds);
                answer::read(&self.settings.answer, response.status().as_u16(), retry_after, response.body(), &own)
            }
            Err(Failed::NotSent(problem)) => Sent::NotNow(problem.to_owned(), None),
            Err(Failed::Unknown(problem)) => {
                Sent::Unknown(problem.to_owned(), answer::own_reference(&self.settings.answer, &own))
            }
        }
    }

    /// The request; none if a value does not fit where its template puts it.
    fn request(&self, outgoing: &Outgoing, own: &str) -> Option<Request<Full<Bytes>>> {
        let phone = outgoing.message.to.as_str();
        let value = |name: &str| match name {
            "phone" => phone,
            "digits" => phone.trim_start_matches('+'),
            "text" => &outgoing.message.text,
            "id" => own,
            "secret" => self.secret.as_ref().map_or("", |secret| secret),
            "report" => &self.report,
            // A template asks for no others.
            _ => "",
        };
        let mut request = Request::builder().method(&self.settings.method).uri(self.settings.url.filled(value));
        for (name, template) in &self.settings.headers {
            let mut header = HeaderValue::from_str(&template.filled(value)).ok()?;
            header.set_sensitive(true);
            request = request.header(name, header);
        }
        request.body(Full::new(Bytes::from(self.settings.body.filled(value)))).ok()
    }
}

/// RFC 9110 §10.2.3, in seconds; a date is not asked about.
fn seconds(header: &HeaderValue) -> Option<Duration> {
    header.to_str().ok()?.trim().parse().ok().map(Duration::from_secs)
}
