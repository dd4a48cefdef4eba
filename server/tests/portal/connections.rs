//! Clients that are slow, or never come to an end, over real sockets.

use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

use axum::{
    Router,
    body::Bytes,
    routing::{get, post},
};
use qcert_server::{
    end::{Teller, end},
    listener::{Limits, Listener},
};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
    time::{sleep, timeout},
};

const SHORT: Duration = Duration::from_millis(300);
const LONG: Duration = Duration::from_secs(20);
/// Where one of them is short the others are not, so that it is known which one ended a connection.
const PATIENT: Limits = Limits { connections: 8, idle: LONG, handshake: LONG, body: LONG, reading: LONG };

struct Served {
    address: SocketAddr,
    teller: Teller,
    served: JoinHandle<()>,
}

impl Served {
    async fn with(limits: Limits) -> Self {
        // Larger than what sockets take unread.
        let large = "x".repeat(32 * 1024 * 1024);
        let router = Router::new()
            .route("/healthz", get("ok"))
            .route("/large", get(async || large))
            .route("/taken", post(async |body: Bytes| body.len().to_string()));
        let socket = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = socket.local_addr().unwrap();
        let (teller, end) = end();
        let served = tokio::spawn(Listener { socket, tls: None, limits }.serve(router, end));
        Self { address, teller, served }
    }

    async fn open(&self, octets: &str) -> TcpStream {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        stream.write_all(octets.as_bytes()).await.unwrap();
        stream
    }

    /// Is somebody who asks now served?
    async fn serves(&self) -> bool {
        let mut stream = self.open("GET /healthz HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").await;
        let mut answer = String::new();
        let read = timeout(Duration::from_secs(5), stream.read_to_string(&mut answer)).await;
        read.is_ok() && answer.starts_with("HTTP/1.1 200")
    }
}

/// What is still sent until the other side ends the connection, and how long that takes.
#[allow(clippy::disallowed_methods)]
async fn rest(mut stream: impl AsyncRead + Unpin) -> (String, Duration) {
    let begun = Instant::now();
    let mut answer = Vec::new();
    let _ = timeout(LONG / 2, stream.read_to_end(&mut answer)).await;
    (String::from_utf8_lossy(&answer).into_owned(), begun.elapsed())
}

#[tokio::test]
async fn connections_that_ask_nothing_or_half_make_place_for_whoever_asks() {
    let served = Served::with(PATIENT).await;
    let mut idle = Vec::new();
    for n in 0..500 {
        let beginnings = ["", "GET /healthz HT", "GET /healthz HTTP/1.1\r\nhost: x\r\n"];
        let bodies = "POST /taken HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\n{";
        idle.push(served.open(if n % 4 == 3 { bodies } else { beginnings[n % 4] }).await);
    }
    for _ in 0..20 {
        assert!(served.serves().await);
    }
}

#[tokio::test]
async fn a_connection_that_is_being_answered_does_not_make_place() {
    let served = Served::with(PATIENT).await;
    let mut reading = served.open("GET /large HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").await;
    let mut first = [0; 1];
    reading.read_exact(&mut first).await.unwrap();
    let mut idle = Vec::new();
    for _ in 0..50 {
        idle.push(served.open("GET /").await);
    }
    assert!(served.serves().await);
    let (answer, _) = rest(reading).await;
    assert!(answer.len() > 32 * 1024 * 1024, "{}", answer.len());
}

#[tokio::test]
async fn a_head_that_does_not_come_to_its_end_ends_the_connection() {
    let served = Served::with(Limits { idle: SHORT, ..PATIENT }).await;
    for begun in ["", "GET /healthz HT"] {
        let (_, after) = rest(served.open(begun).await).await;
        assert!(after < LONG / 4, "{begun}: {after:?}");
    }
    let kept = served.open("GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n").await;
    let (answer, after) = rest(kept).await;
    assert!(answer.starts_with("HTTP/1.1 200") && after < LONG / 4, "{after:?}: {answer}");
}

#[tokio::test]
async fn a_body_that_comes_drop_by_drop_is_not_waited_for() {
    let served = Served::with(Limits { body: SHORT, ..PATIENT }).await;
    let head = "POST /taken HTTP/1.1\r\nhost: x\r\ncontent-length: 100000\r\n\r\n";
    let stream = served.open(head).await;
    let (reading, mut writing) = stream.into_split();
    let dropping = tokio::spawn(async move {
        while writing.write_all(b" ").await.is_ok() {
            sleep(SHORT / 10).await;
        }
    });
    let (answer, after) = rest(reading).await;
    assert!(answer.starts_with("HTTP/1.1 400") && after < LONG / 4, "{after:?}: {answer}");
    dropping.abort();
}

#[tokio::test]
async fn whoever_does_not_read_its_answer_is_not_waited_for() {
    let served = Served::with(Limits { reading: SHORT, ..PATIENT }).await;
    let stream = served.open("GET /large HTTP/1.1\r\nhost: x\r\n\r\n").await;
    sleep(SHORT * 5).await;
    let (answer, after) = rest(stream).await;
    assert!(answer.len() < 32 * 1024 * 1024 && after < LONG / 4, "{after:?} {}", answer.len());
}

#[tokio::test]
async fn told_to_end_a_server_takes_nobody_and_answers_what_was_asked() {
    let served = Served::with(PATIENT).await;
    let mut reading = served.open("GET /large HTTP/1.1\r\nhost: x\r\n\r\n").await;
    reading.read_exact(&mut [0; 1]).await.unwrap();
    let quiet = served.open("").await;
    assert!(served.serves().await);
    served.teller.tell();
    let (nothing, after) = rest(quiet).await;
    assert!(nothing.is_empty() && after < LONG / 4, "{after:?}");
    assert!(!served.served.is_finished());
    assert!(TcpStream::connect(served.address).await.is_err());
    let (answer, after) = rest(reading).await;
    assert!(answer.len() > 32 * 1024 * 1024 && after < LONG / 2, "{after:?} {}", answer.len());
    timeout(LONG, served.served).await.unwrap().unwrap();
}
