//! What the servers on one database tell each other, by LISTEN and NOTIFY: hints, without personal data.
//!
//! NOTIFY inside a transaction would make all commits wait for each other, so hints are collected for a moment and sent
//! together, apart from what they tell of.

use std::{collections::HashSet, time::Duration};

use sqlx::postgres::PgListener;
use tokio::{
    sync::{broadcast, mpsc},
    task::AbortHandle,
    time::{sleep, timeout},
};
use uuid::Uuid;

use super::connections::Connections;
use crate::store::Change;

const CHANNEL: &str = "qcert_changes";
/// How long hints are collected.
const MOMENT: Duration = Duration::from_millis(25);
/// How long a lost connection rests.
const REST: Duration = Duration::from_millis(500);
/// How long nothing may be heard before the connection is asked whether it lives.
const SILENCE: Duration = Duration::from_secs(30);
/// PostgreSQL takes 8000 bytes at a time.
const LONGEST: usize = 7900;
/// How many changes who listens may fall behind.
const CAPACITY: usize = 1024;

/// Tells and hears.
pub(super) struct Changes {
    told: mpsc::UnboundedSender<Change>,
    heard: broadcast::Sender<Change>,
    tasks: [AbortHandle; 2],
}

impl Drop for Changes {
    fn drop(&mut self) {
        self.tasks.iter().for_each(AbortHandle::abort);
    }
}

impl Changes {
    /// Starts the two tasks.
    pub(super) fn start(connections: &Connections, url: String, sender: Uuid) -> Self {
        let (told, waiting) = mpsc::unbounded_channel();
        let (heard, _) = broadcast::channel(CAPACITY);
        let tasks = [
            tokio::spawn(tell(connections.clone(), waiting, sender)).abort_handle(),
            tokio::spawn(hear(connections.clone(), url, heard.clone(), sender)).abort_handle(),
        ];
        Self { told, heard, tasks }
    }

    /// Tells the other servers, a moment later.
    pub(super) fn announce(&self, change: Change) {
        let _ = self.told.send(change);
    }

    /// Hears from now on.
    pub(super) fn listen(&self) -> broadcast::Receiver<Change> {
        self.heard.subscribe()
    }
}

async fn tell(connections: Connections, mut waiting: mpsc::UnboundedReceiver<Change>, sender: Uuid) {
    while let Some(first) = waiting.recv().await {
        sleep(MOMENT).await;
        let mut said: HashSet<String> = HashSet::from([write(&first)]);
        while let Ok(change) = waiting.try_recv() {
            said.insert(write(&change));
        }
        let payloads = payloads(sender, &said);
        let told = connections
            .write(|| {
                sqlx::query("SELECT pg_notify($1, payload) FROM unnest($2::text[]) payload")
                    .bind(CHANNEL)
                    .bind(&payloads)
            })
            .await;
        if let Err(error) = told {
            // They were hints; who misses them looks for itself.
            tracing::debug!(%error, "the other servers were not told");
        }
    }
}

/// The sender, then as many hints as fit, a space before each.
fn payloads(sender: Uuid, said: &HashSet<String>) -> Vec<String> {
    let mut payloads = Vec::new();
    let mut payload = sender.simple().to_string();
    for hint in said {
        if payload.len() + 1 + hint.len() > LONGEST {
            payloads.push(std::mem::replace(&mut payload, sender.simple().to_string()));
        }
        payload.push(' ');
        payload.push_str(hint);
    }
    payloads.push(payload);
    payloads
}

async fn hear(connections: Connections, url: String, heard: broadcast::Sender<Change>, sender: Uuid) {
    let own = sender.simple().to_string();
    loop {
        if let Err(error) = listen(&url, &heard, &own).await {
            tracing::warn!(%error, "the connection to PostgreSQL that hears the other servers was lost");
        }
        // The others of its age are lost too.
        connections.renew();
        sleep(REST).await;
    }
}

/// Listens until the connection is lost.
async fn listen(url: &str, heard: &broadcast::Sender<Change>, own: &str) -> Result<(), sqlx::Error> {
    let mut listener = PgListener::connect(url).await?;
    listener.eager_reconnect(false);
    listener.listen(CHANNEL).await?;
    loop {
        let Ok(notification) = timeout(SILENCE, listener.try_recv()).await else {
            // A connection that a firewall forgot is silent for ever.
            let answer = timeout(SILENCE, sqlx::query("SELECT 1").execute(&mut listener)).await;
            answer.map_err(|_| sqlx::Error::Io(std::io::ErrorKind::TimedOut.into()))??;
            continue;
        };
        let Some(notification) = notification? else { return Ok(()) };
        let mut words = notification.payload().split(' ');
        if words.next() != Some(own) {
            words.filter_map(read).for_each(|change| drop(heard.send(change)));
        }
    }
}

fn write(change: &Change) -> String {
    match change {
        Change::Row(id) => format!("r{}", id.simple()),
        Change::SessionEnded(id) => format!("s{}", id.simple()),
        Change::IssuanceWaits => "i".to_owned(),
        Change::MessageWaits => "m".to_owned(),
        Change::RevocationWaits => "v".to_owned(),
    }
}

/// Reads [`write()`]; what a later version says that we do not know is passed over.
fn read(hint: &str) -> Option<Change> {
    let id = || Uuid::try_parse(hint.get(1..)?).ok();
    match hint.get(..1)? {
        "r" => id().map(Change::Row),
        "s" => id().map(Change::SessionEnded),
        "i" => Some(Change::IssuanceWaits),
        "m" => Some(Change::MessageWaits),
        "v" => Some(Change::RevocationWaits),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hint_is_read_as_it_was_written() {
        let id = Uuid::from_u128(7);
        let changes = [
            Change::Row(id),
            Change::SessionEnded(id),
            Change::IssuanceWaits,
            Change::MessageWaits,
            Change::RevocationWaits,
        ];
        for change in changes {
            assert_eq!(read(&write(&change)), Some(change));
        }
        assert_eq!(read("x"), None);
    }

    #[test]
    fn a_payload_is_never_longer_than_postgres_takes() {
        let said = (0..1000).map(|number| write(&Change::Row(Uuid::from_u128(number)))).collect();
        let payloads = payloads(Uuid::nil(), &said);
        assert!(payloads.iter().all(|payload| payload.len() < 8000));
        assert_eq!(payloads.iter().map(|payload| payload.split(' ').count() - 1).sum::<usize>(), 1000);
    }
}
