//! One connection, from its first octet to its last.

use std::{net::SocketAddr, pin::pin, sync::Arc};

use axum::{Router, body::Body, extract::ConnectInfo};
use hyper::{Request, Response, body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
};
use tokio_io_timeout::TimeoutStream;
use tokio_rustls::{TlsAcceptor, rustls::ServerConfig};
use tower::ServiceExt;

use super::{
    Limits,
    bodies::{Arriving, Leaving},
    places::Place,
    stream::Noting,
};
use crate::end::End;

/// The largest head of a request, in octets; ours have about two thousand.
const MAX_HEAD: usize = 64 * 1024;

/// The place was lost before the request was looked at.
#[derive(Debug, thiserror::Error)]
#[error("the connection was given up")]
struct GivenUp;

/// Who connects, and what awaits there.
pub(super) struct Connection {
    pub(super) peer: SocketAddr,
    pub(super) tls: Option<Arc<ServerConfig>>,
    pub(super) limits: Limits,
    pub(super) router: Router,
}

impl Connection {
    /// Serves until the other side has enough, is too slow, or loses its place; told to end, until the request of that
    /// moment is answered.
    pub(super) async fn serve(self, stream: TcpStream, place: Place, end: End) {
        // Answers and events are whole when they are written; nothing is won by waiting for more.
        let _ = stream.set_nodelay(true);
        let mut stream = TimeoutStream::new(stream);
        stream.set_write_timeout(Some(self.limits.reading));
        let place = Arc::new(place);
        tokio::select! {
            () = self.shake_hands(Box::pin(stream), &place, end) => {}
            () = place.lost() => tracing::debug!(peer = %self.peer, "a connection that asked nothing made place"),
        }
    }

    async fn shake_hands(&self, stream: impl AsyncRead + AsyncWrite + Unpin, place: &Arc<Place>, mut end: End) {
        let Some(tls) = &self.tls else { return self.talk(stream, place, end).await };
        let handshake = TlsAcceptor::from(Arc::clone(tls)).accept(stream);
        tokio::select! {
            () = end.told() => {}
            shaken = tokio::time::timeout(self.limits.handshake, handshake) => match shaken {
                Ok(Ok(stream)) => self.talk(stream, place, end).await,
                Ok(Err(error)) => tracing::debug!(peer = %self.peer, %error, "a TLS handshake failed"),
                Err(_) => tracing::debug!(peer = %self.peer, "a TLS handshake took too long"),
            },
        }
    }

    async fn talk(&self, stream: impl AsyncRead + AsyncWrite + Unpin, place: &Arc<Place>, mut end: End) {
        let service = service_fn(|request| self.answer(request, place));
        let mut builder = http1::Builder::new();
        builder.timer(TokioTimer::new()).header_read_timeout(self.limits.idle).max_buf_size(MAX_HEAD);
        let mut connection = pin!(builder.serve_connection(TokioIo::new(Noting::new(stream, place)), service));
        let ended = tokio::select! {
            ended = connection.as_mut() => ended,
            () = end.told() => {
                connection.as_mut().graceful_shutdown();
                connection.await
            }
        };
        if let Err(error) = ended {
            tracing::debug!(peer = %self.peer, %error, "a connection broke");
        }
    }

    async fn answer(&self, request: Request<Incoming>, place: &Arc<Place>) -> Result<Response<Leaving>, GivenUp> {
        let (mut parts, body) = request.into_parts();
        let body = Arriving::new(body, place, self.limits.body).ok_or(GivenUp)?;
        parts.extensions.insert(ConnectInfo(self.peer));
        let Ok(response) = self.router.clone().oneshot(Request::from_parts(parts, Body::new(body))).await;
        Ok(response.map(|body| Leaving::new(body, place)))
    }
}
