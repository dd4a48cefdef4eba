//! Puts the portal together and serves it.

use std::{net::SocketAddr, path::Path, sync::Arc, time::Duration};

use anyhow::Context;
use tokio::{
    net::TcpListener,
    sync::{Notify, oneshot, watch},
    task::JoinHandle,
};
use uuid::Uuid;

use crate::{
    api::{self, page::Pages},
    audit::{
        self, Actor, Event, Keeper, Note, Outcome,
        refusals::{self, Refusals},
    },
    ca::{self, Ca},
    clock::SystemClock,
    config::Settings,
    events::{Announcement, Announcer},
    files::{make_private_directory, make_private_file},
    hex::hex,
    issuance::worker,
    neighbours,
    portal::Portal,
    publication::{Publication, lists},
    randomness::SystemRandomness,
    secrets::Secrets,
    sms::{gateway::Gateways, sender},
    store::{Store, postgres::PostgresStore, sqlite::SqliteStore},
};

/// How long requests may still take after the server was told to end.
const PATIENCE: Duration = Duration::from_secs(5);

/// Opens the store that the settings name.
///
/// # Errors
/// When it cannot be opened.
pub async fn open_store(settings: &Settings) -> anyhow::Result<Arc<dyn Store>> {
    let keeper = keeper(settings)?;
    let url = &settings.database_url;
    let cannot = || format!("cannot open {url}");
    if url.is_postgres() {
        let store = PostgresStore::open(url, settings.database_connections, keeper).await;
        return Ok(Arc::new(store.with_context(cannot)?));
    }
    if let Some(file) = settings.database_file() {
        make_private_directory(file.parent().unwrap_or(Path::new("")))?;
        // SQLite gives its other files the rights of the first.
        make_private_file(&file)?;
    }
    Ok(Arc::new(SqliteStore::open(url, keeper).await.with_context(cannot)?))
}

/// What the settings say of how the audit is kept. The secret is made if it is not there.
///
/// # Errors
/// When the secret cannot be read, or the head is none.
pub fn keeper(settings: &Settings) -> anyhow::Result<Keeper> {
    let secret = settings.secret_file();
    let head = settings.audit.head_file(&secret);
    // One that cannot be read is said now, not when it is wanted.
    audit::head::read(&head)?;
    let key = Secrets::load_or_make(&secret, &SystemRandomness::new())?.audit_key();
    Ok(Keeper { node: settings.audit.node(), key, head: Some(head) })
}

/// The portal on the machine's own clock and randomness.
///
/// # Errors
/// When the store, the secret or the authority cannot be read.
pub async fn portal(settings: Settings, origin: String) -> anyhow::Result<Portal> {
    let randomness = SystemRandomness::new();
    let clock = Arc::new(SystemClock);
    let ca = Ca::load(&settings.ca, &origin, clock.clone())?;
    let store = open_store(&settings).await?;
    Ok(Portal {
        announcer: Announcer::telling(Arc::clone(&store)),
        store,
        secrets: Secrets::load_or_make(&settings.secret_file(), &randomness)?,
        clock,
        randomness: Arc::new(randomness),
        ca,
        settings,
        origin,
        message_waits: Notify::new(),
        issuance_waits: Notify::new(),
        publication: Publication::default(),
        refusals: Refusals::default(),
    })
}

/// The origin that browsers see: the one that is set, else localhost with the port.
pub fn origin(settings: &Settings, port: u16) -> String {
    settings.server.origin.clone().unwrap_or_else(|| format!("http://localhost:{port}"))
}

/// Serves until the process is told to end.
///
/// # Errors
/// When something that it needs is missing.
pub async fn serve(settings: Settings) -> anyhow::Result<()> {
    let listen = settings.server.listen;
    let listener = TcpListener::bind(listen).await.with_context(|| format!("cannot listen on {listen}"))?;
    let address = listener.local_addr()?;
    let origin = origin(&settings, address.port());
    let pages = Arc::new(match &settings.server.frontend {
        Some(directory) => Pages::from_directory(directory)?,
        None => Pages::embedded()?,
    });
    // With an origin of its own there is a proxy in front; then the address is what the operator wants to know.
    let shown = settings.server.origin.as_ref().map_or(origin.clone(), |_| format!("http://{address}"));
    let portal = Arc::new(portal(settings, origin).await?);
    note(&portal, Event::ServerStarted, &started(&portal)).await?;

    // A thread that nobody waits for: ending the server does not wait for it either.
    std::thread::spawn({
        let pages = Arc::clone(&pages);
        move || pages.compress()
    });
    let (end_sending, ended) = watch::channel(false);
    let gateways = Gateways::open(&portal)?;
    let names = sender::names(&portal, &gateways)?;
    let mut sender = tokio::spawn(sender::run(Arc::clone(&portal), gateways, names, ended));
    let worker = tokio::spawn(worker::run(Arc::clone(&portal), worker::names(&portal)?));
    let publisher = tokio::spawn(lists::run(Arc::clone(&portal)));
    let watch = tokio::spawn(ca::watch::run(Arc::clone(&portal)));
    let neighbours = tokio::spawn(neighbours::listen(Arc::clone(&portal)));
    let refusals = tokio::spawn(refusals::run(Arc::clone(&portal)));
    let announcer = portal.announcer.clone();
    let service = api::router(Arc::clone(&portal), pages).into_make_service_with_connect_info::<SocketAddr>();
    println!("listening on {shown}");
    let (told, heard) = oneshot::channel();
    let served = axum::serve(listener, service).with_graceful_shutdown(async move {
        told_to_end().await;
        announcer.announce(Announcement::Closing);
        let _ = told.send(());
    });
    tokio::select! {
        served = served.into_future() => served?,
        () = patience_ends(heard) => tracing::warn!("requests that did not come to their end were cut off"),
    }
    // Of a message that is cut off nobody would know whether it was sent.
    end_sending.send_replace(true);
    let _ = tokio::time::timeout(PATIENCE, &mut sender).await;
    let _ = tokio::time::timeout(PATIENCE, stopped(&portal)).await;
    // A step of theirs that is cut off here is finished after the next start.
    [sender, worker, publisher, watch, neighbours, refusals].iter().for_each(JoinHandle::abort);
    Ok(())
}

/// The version, and what is set.
fn started(portal: &Portal) -> String {
    format!("version {}, settings {}", env!("CARGO_PKG_VERSION"), hex(&portal.settings.digest()))
}

async fn note(portal: &Portal, event: Event, detail: &str) -> anyhow::Result<()> {
    let (subject, by, outcome) = (Uuid::nil(), Actor::server(), Outcome::Done);
    let note = Note { event, subject, detail: detail.to_owned(), by, outcome };
    Ok(portal.store.operator_store().note(&note, portal.clock.now()).await?)
}

/// The last that the audit tells of this server, and its head is where it ends. What fails is only said.
async fn stopped(portal: &Portal) {
    refusals::flush(portal).await;
    if let Err(error) = note(portal, Event::ServerStopped, "").await {
        tracing::error!(%error, "that the server stops is not in the audit");
    }
    if let Err(error) = portal.store.operator_store().close_audit().await {
        tracing::error!(%error, "the audit's head is not written down");
    }
}

/// Whoever sends half a request must not keep the server from ending.
async fn patience_ends(told: oneshot::Receiver<()>) {
    if told.await.is_err() {
        std::future::pending::<()>().await;
    }
    tokio::time::sleep(PATIENCE).await;
}

async fn told_to_end() {
    let interrupted = async {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    };
    #[cfg(unix)]
    let terminated = async {
        match tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()) {
            Ok(mut signal) => drop(signal.recv().await),
            Err(_) => std::future::pending().await,
        }
    };
    #[cfg(not(unix))]
    let terminated = std::future::pending::<()>();
    tokio::select! {
        () = interrupted => {}
        () = terminated => {}
    }
}
