//! Connections that read. A point query takes some ten microseconds, less than a way to another thread and back, so it
//! is made where it is asked for; what reads whole tables goes to a thread where it may take its time.

use std::{
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
};

use rusqlite::Connection;

use super::{StoreError, Stored, connection};

/// Idle connections, as many as ever read at one moment.
#[derive(Clone)]
pub(super) struct Readers {
    file: Arc<PathBuf>,
    idle: Arc<Mutex<Vec<Connection>>>,
}

impl Readers {
    pub(super) fn new(file: PathBuf) -> Self {
        Self { file: Arc::new(file), idle: Arc::default() }
    }

    /// Reads a few rows, here and now.
    pub(super) fn read<T>(&self, query: impl FnOnce(&Connection) -> Stored<T>) -> Stored<T> {
        // A list of connections is whole whoever panicked while holding it.
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let connection = idle.map_or_else(|| connection::reading(&self.file), Ok)?;
        let result = query(&connection);
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(connection);
        result
    }

    /// Reads a few rows by several statements, all of the same moment.
    pub(super) fn read_together<T>(&self, query: impl FnOnce(&Connection) -> Stored<T>) -> Stored<T> {
        self.read(|connection| {
            connection.prepare_cached("BEGIN")?.execute([])?;
            let result = query(connection);
            connection.prepare_cached("COMMIT")?.execute([])?;
            result
        })
    }

    /// Reads many rows, on another thread.
    pub(super) async fn read_long<T: Send + 'static>(
        &self,
        query: impl FnOnce(&Connection) -> Stored<T> + Send + 'static,
    ) -> Stored<T> {
        let readers = self.clone();
        let read = tokio::task::spawn_blocking(move || readers.read(query)).await;
        read.unwrap_or_else(|error| Err(StoreError::Unavailable(error.to_string())))
    }
}
