//! Takes connections, plain or by TLS, and lets the portal answer what they ask.
//!
//! Whoever is slow costs a place and nothing else: a head, a body, a handshake and the reading of an answer all have
//! to come to an end, and when there is no place left, whoever has been asking nothing for longest makes one.

mod bodies;
mod connection;
mod places;
mod stream;
pub mod tls;

use std::{net::SocketAddr, sync::Arc, time::Duration};

use axum::Router;
use tokio::{
    net::{TcpListener, TcpStream},
    task::JoinSet,
};

use crate::{config::Server, end::End};
use connection::Connection;
use places::Places;
use tls::Tls;

/// What is wrong when no connection can be taken, as a lack of file descriptors, may pass in a moment.
const REST: Duration = Duration::from_millis(200);

/// Files that a server has open besides: those of the database, keys and pages, threads of a PKCS#11 library.
const FILES: usize = 128;

/// How much, and how long.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Connections at a time.
    pub connections: usize,
    /// How long a connection may be without asking anything: a request's head has to be there before.
    pub idle: Duration,
    /// How long a TLS handshake may take.
    pub handshake: Duration,
    /// How long a request's body may take.
    pub body: Duration,
    /// How long an answer may wait for somebody who does not read on.
    pub reading: Duration,
}

impl Limits {
    /// Those of the settings, and of what the process may have open, of which `others` are for something else.
    pub fn of(settings: &Server, others: usize) -> Self {
        let possible = files_of_the_process().saturating_sub(others + FILES).max(1);
        if possible < settings.connections {
            tracing::warn!(possible, "server.connections is more than the process may have open: see `ulimit -n`");
        }
        Self {
            connections: settings.connections.min(possible),
            idle: settings.idle,
            handshake: Duration::from_secs(10),
            body: Duration::from_secs(120),
            reading: Duration::from_secs(30),
        }
    }
}

/// Where connections come in.
pub struct Listener {
    /// The socket.
    pub socket: TcpListener,
    /// Certificate and key; `None`: a proxy has them.
    pub tls: Option<Arc<Tls>>,
    /// How much, and how long.
    pub limits: Limits,
}

impl Listener {
    /// Serves until it is told to end, and the requests of that moment have ended. Dropped before that, it cuts them off.
    pub async fn serve(self, router: Router, mut end: End) {
        let Self { socket, tls, limits } = self;
        let places = Arc::new(Places::new(limits.connections));
        let mut connections = JoinSet::new();
        loop {
            let (stream, peer) = tokio::select! {
                () = end.told() => break,
                // Those that have ended need not be remembered.
                Some(_) = connections.join_next() => continue,
                accepted = accept(&socket, &places) => accepted,
            };
            let place = tokio::select! {
                () = end.told() => break,
                place = places.take() => place,
            };
            let tls = tls.as_ref().map(|tls| tls.current());
            let connection = Connection { peer, tls, limits, router: router.clone() };
            connections.spawn(connection.serve(stream, place, end.clone()));
        }
        drop(socket);
        while connections.join_next().await.is_some() {}
    }
}

async fn accept(socket: &TcpListener, places: &Places) -> (TcpStream, SocketAddr) {
    loop {
        match socket.accept().await {
            Ok(accepted) => return accepted,
            Err(error) => {
                tracing::warn!(%error, "a connection could not be taken");
                places.make_one();
                tokio::time::sleep(REST).await;
            }
        }
    }
}

/// How many files, connections among them, the process may have open. It is not raised here: a PKCS#11 library that
/// waits by `select` would write where it should not.
fn files_of_the_process() -> usize {
    #[cfg(unix)]
    let current = rustix::process::getrlimit(rustix::process::Resource::Nofile).current;
    #[cfg(not(unix))]
    let current: Option<u64> = None;
    current.and_then(|limit| usize::try_from(limit).ok()).unwrap_or(usize::MAX)
}
