//! One request and its answer, on a connection of their own: only so it is known whether a request that failed had
//! begun. A connection that was kept may be gone without anybody having said so.

use std::time::Duration;

use axum::{
    body::Bytes,
    http::{Request, Response, Uri, header},
};
use http_body_util::{BodyExt, Full, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::time::timeout;

use crate::sms::connection::{self, Stream, Trust};

/// The longest answer that is read, in bytes.
const LONGEST_ANSWER: usize = 64 * 1024;

/// Why there is no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failed {
    /// Nothing of the request has left.
    NotSent(&'static str),
    /// Something of it has.
    Unknown(&'static str),
}

/// Sends a request whose address is absolute; so much time is for the connection, and as much for the answer.
///
/// # Errors
/// When there is no connection, or no answer, within that time.
pub async fn exchange(
    request: Request<Full<Bytes>>,
    trust: &Trust,
    patience: Duration,
) -> Result<Response<Bytes>, Failed> {
    let stream = timeout(patience, connect(request.uri(), trust)).await;
    let stream = stream.map_err(|_| Failed::NotSent("connection_timeout"))?.map_err(Failed::NotSent)?;
    let request = relative(request);
    let answered = timeout(patience, ask(stream, request)).await;
    answered.unwrap_or(Err(Failed::Unknown("timeout")))
}

async fn connect(uri: &Uri, trust: &Trust) -> Result<Stream, &'static str> {
    let is_tls = uri.scheme_str() == Some("https");
    let host = uri.host().unwrap_or_default();
    let port = uri.port_u16().unwrap_or(if is_tls { 443 } else { 80 });
    connection::open(host, port, is_tls.then_some(trust)).await
}

/// The address becomes the path, as servers want it, and the header Host.
fn relative(mut request: Request<Full<Bytes>>) -> Request<Full<Bytes>> {
    let uri = request.uri().clone();
    let path = uri.path_and_query().cloned().unwrap_or_else(|| axum::http::uri::PathAndQuery::from_static("/"));
    *request.uri_mut() = Uri::from(path);
    let authority = uri.authority().and_then(|authority| authority.as_str().parse().ok());
    if let Some(host) = authority {
        request.headers_mut().insert(header::HOST, host);
    }
    request
}

async fn ask(stream: Stream, request: Request<Full<Bytes>>) -> Result<Response<Bytes>, Failed> {
    let handshake = http1::handshake(TokioIo::new(stream)).await;
    let (mut sender, connection) = handshake.map_err(|_| Failed::NotSent("connection"))?;
    let connection = tokio::spawn(connection);
    let answer = sender.send_request(request).await.map_err(|error| match error.is_canceled() {
        // Given up before a byte of it was written.
        true => Failed::NotSent("connection"),
        false => Failed::Unknown("connection_lost"),
    });
    let read = async {
        let (parts, body) = answer?.into_parts();
        let body = Limited::new(body, LONGEST_ANSWER).collect().await;
        let body = body.map_err(|_| Failed::Unknown("connection_lost"))?.to_bytes();
        Ok(Response::from_parts(parts, body))
    };
    let read = read.await;
    connection.abort();
    read
}
