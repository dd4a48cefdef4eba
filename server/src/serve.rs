//! Puts the portal together and serves it.

mod signals;
mod work;

use std::{path::Path, pin::pin, sync::Arc, time::Duration};

use anyhow::Context;
use tokio::{net::TcpListener, task::JoinHandle, time::timeout};
use uuid::Uuid;

use crate::{
    api::{self, page::Pages},
    audit::{
        self, Actor, Event, Keeper, Note, Outcome,
        refusals::{self, Refusals},
    },
    bell::Bell,
    ca::{self, Ca},
    clock::{Clock, SystemClock},
    config::{Settings, SettingsError, host},
    config_check::{self, Finding},
    end::end,
    events::Announcer,
    files::{make_private_directory, make_private_file},
    health::Health,
    hex::hex,
    listener::{Limits, Listener, tls::Tls},
    metrics::{MeasuredStore, Metrics},
    neighbours,
    portal::Portal,
    publication::Publication,
    randomness::SystemRandomness,
    secrets::Secrets,
    service_manager,
    store::{Store, postgres::PostgresStore, sqlite::SqliteStore},
};
use signals::Signals;
use work::Work;

/// How long requests, and then messages, may still take after the server was told to end; and whatever else was begun.
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
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let ca = Ca::load(&settings.ca, &origin, clock.clone())?;
    let metrics = Metrics::default();
    let store = open_store(&settings).await?;
    let store: Arc<dyn Store> = Arc::new(MeasuredStore::new(store, metrics.store.clone(), clock.clone()));
    Ok(Portal {
        announcer: Announcer::telling(Arc::clone(&store)),
        store,
        secrets: Secrets::load_or_make(&settings.secret_file(), &randomness)?,
        clock,
        randomness: Arc::new(randomness),
        ca,
        settings,
        origin,
        message_waits: Bell::default(),
        issuance_waits: Bell::default(),
        publication: Publication::default(),
        refusals: Refusals::default(),
        metrics,
        health: Health::default(),
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
    let found = config_check::look_before_start(&settings).await;
    if !found.is_empty() {
        return Err(SettingsError(found.iter().map(Finding::line).collect()).into());
    }
    let listen = settings.server.listen;
    let socket = TcpListener::bind(listen).await.with_context(|| format!("cannot listen on {listen}"))?;
    let address = socket.local_addr()?;
    let origin = origin(&settings, address.port());
    let pages = Arc::new(match &settings.server.frontend {
        Some(directory) => Pages::from_directory(directory)?,
        None => Pages::embedded()?,
    });
    let tls = settings.server.tls.clone().map(|files| Tls::load(files, host(&origin))).transpose()?.map(Arc::new);
    let limits = Limits::of(&settings.server, settings.database_connections);
    // With an origin of its own there may be a proxy in front; then the address is what the operator wants to know.
    let scheme = if tls.is_some() { "https" } else { "http" };
    let shown = settings.server.origin.as_ref().map_or(origin.clone(), |_| format!("{scheme}://{address}"));
    let portal = Arc::new(portal(settings, origin).await?);
    let mut signals = Signals::new()?;
    note(&portal, Event::ServerStarted, &started(&portal)).await?;

    // A thread that nobody waits for: ending the server does not wait for it either.
    std::thread::spawn({
        let pages = Arc::clone(&pages);
        move || pages.compress()
    });
    let work = Work::begin(&portal)?;
    let watch = tokio::spawn(ca::watch::run(Arc::clone(&portal)));
    let neighbours = tokio::spawn(neighbours::listen(Arc::clone(&portal)));
    let refusals = tokio::spawn(refusals::run(Arc::clone(&portal)));
    let renewal = tls.clone().map(|tls| tokio::spawn(tls.watch()));
    let operations = operations(&portal).await?;
    let (teller, end) = end();
    let mut served = pin!(Listener { socket, tls, limits }.serve(api::router(Arc::clone(&portal), pages), end));
    println!("listening on {shown}");
    service_manager::ready();
    let pulse = tokio::spawn(service_manager::pulse());
    tokio::select! {
        () = &mut served => anyhow::bail!("nobody takes connections any more"),
        () = signals.told_to_end() => {}
    }
    service_manager::ending();
    portal.close();
    teller.tell();
    tokio::select! {
        () = work.end(served) => {}
        () = signals.told_to_end() => tracing::warn!("told to end twice: what was on its way was cut off"),
    }
    let _ = timeout(PATIENCE, stopped(&portal)).await;
    [watch, neighbours, refusals, pulse].iter().chain(&renewal).chain(&operations).for_each(JoinHandle::abort);
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

/// Answers the operations desk where the settings say, if they do, until the end.
async fn operations(portal: &Arc<Portal>) -> anyhow::Result<Option<JoinHandle<()>>> {
    let Some(listen) = portal.settings.operations_listen else { return Ok(None) };
    let listener = TcpListener::bind(listen).await.with_context(|| format!("cannot listen on {listen}"))?;
    let service = api::operations::router(Arc::clone(portal));
    Ok(Some(tokio::spawn(async move {
        if let Err(error) = axum::serve(listener, service).await {
            tracing::error!(%error, "nobody answers the operations desk any more");
        }
    })))
}
