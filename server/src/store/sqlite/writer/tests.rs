use std::{path::PathBuf, sync::mpsc};

use tempfile::TempDir;

use super::*;
use crate::store::sqlite::{connection, rows::execute};

/// A table of numbers with a writer; its jobs wait until they are let go.
struct Bench {
    directory: TempDir,
    writer: Writer,
    /// Holds the first job, and with it the transaction that all are in.
    gate: mpsc::Sender<()>,
}

impl Bench {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let connection = connection::writing(&directory.path().join("file")).unwrap();
        connection
            .execute_batch(
                "CREATE TABLE numbers (n INTEGER PRIMARY KEY, bytes BLOB); \
                 CREATE TABLE followers (n INTEGER PRIMARY KEY REFERENCES numbers (n) DEFERRABLE INITIALLY DEFERRED)",
            )
            .unwrap();
        let writer = Writer::start(connection, None).unwrap();
        let (gate, held) = mpsc::channel();
        let job: Job = Box::new(move |_| {
            held.recv().unwrap();
            (false, Box::new(|_| {}))
        });
        writer.jobs.as_ref().unwrap().send(job).unwrap();
        Self { directory, writer, gate }
    }

    fn file(&self) -> PathBuf {
        self.directory.path().join("file")
    }

    async fn insert(&self, n: i64) -> Stored<()> {
        self.writer
            .write(move |connection| {
                execute(connection, "INSERT INTO numbers (n) VALUES (?)", [n])?;
                Ok(Effect::Kept(()))
            })
            .await
    }

    /// Lets all go that wait by now; the jobs of one transaction were sent before it goes on.
    async fn let_go(&self) {
        self.gate.send(()).unwrap();
    }

    /// What a program finds that opens the files as they are on the disk at this moment.
    fn on_disk(&self) -> Vec<i64> {
        let copy = tempfile::tempdir().unwrap();
        for name in ["file", "file-wal"] {
            std::fs::copy(self.directory.path().join(name), copy.path().join(name)).unwrap();
        }
        let connection = Connection::open(copy.path().join("file")).unwrap();
        let mut statement = connection.prepare("SELECT n FROM numbers ORDER BY n").unwrap();
        statement.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
    }
}

#[tokio::test]
async fn a_job_is_answered_when_what_it_wrote_is_on_the_disk() {
    let bench = Bench::new();
    bench.let_go().await;
    for n in 1..4 {
        bench.insert(n).await.unwrap();
        assert_eq!(bench.on_disk(), (1..=n).collect::<Vec<_>>());
    }
}

#[tokio::test]
async fn what_waits_is_one_commit_and_a_failure_in_it_is_its_jobs_own() {
    let bench = Bench::new();
    let refused = async {
        let job = |connection: &Connection| {
            execute(connection, "INSERT INTO numbers (n) VALUES (?)", [20])?;
            Ok(Effect::Undone("no"))
        };
        bench.writer.write(job).await
    };
    let panics = bench.writer.write(|connection| -> Stored<Effect<()>> {
        execute(connection, "INSERT INTO numbers (n) VALUES (?)", [30])?;
        panic!("a defect")
    });
    let file = bench.file();
    let seen_by_others = bench.writer.write(move |_| {
        let others = connection::reading(&file)?;
        Ok(Effect::Kept(others.query_row("SELECT count(*) FROM numbers", [], |row| row.get::<_, i64>(0))?))
    });
    let (first, again, refused, panics, seen, last, ()) = tokio::join!(
        bench.insert(1),
        bench.insert(1),
        refused,
        panics,
        seen_by_others,
        bench.insert(2),
        bench.let_go()
    );
    assert!(first.is_ok() && last.is_ok());
    assert!(again.unwrap_err().to_string().contains("UNIQUE"));
    assert_eq!(refused.unwrap(), "no");
    assert!(panics.is_err());
    assert_eq!(seen.unwrap(), 0, "nobody is told of what is not committed");
    assert_eq!(bench.on_disk(), [1, 2]);
}

#[tokio::test]
async fn a_commit_that_fails_is_the_failure_of_every_job_in_it() {
    let bench = Bench::new();
    let dangling = bench.writer.write(|connection| {
        execute(connection, "INSERT INTO followers (n) VALUES (?)", [99])?;
        Ok(Effect::Kept(()))
    });
    let (first, dangling, last, ()) = tokio::join!(bench.insert(1), dangling, bench.insert(2), bench.let_go());
    for result in [first, dangling, last] {
        assert!(matches!(result, Err(StoreError::Unavailable(why)) if why.contains("FOREIGN KEY")));
    }
    assert!(bench.on_disk().is_empty());
    bench.insert(3).await.unwrap();
    assert_eq!(bench.on_disk(), [3]);
}

#[tokio::test]
async fn a_full_disk_is_an_error_and_nothing_is_half_done() {
    let bench = Bench::new();
    let too_large = bench.writer.write(|connection| {
        connection.query_row("PRAGMA max_page_count = 10", [], |_| Ok(()))?;
        execute(connection, "INSERT INTO numbers (n) VALUES (?)", [20])?;
        execute(connection, "INSERT INTO numbers (n, bytes) VALUES (?, zeroblob(1000000))", [21])?;
        Ok(Effect::Kept(()))
    });
    let (first, too_large, last, ()) = tokio::join!(bench.insert(1), too_large, bench.insert(2), bench.let_go());
    assert!(too_large.is_err());
    // Its neighbours are done or told that they are not.
    let done: Vec<i64> = [(1, first), (2, last)].into_iter().filter(|(_, told)| told.is_ok()).map(|(n, _)| n).collect();
    assert_eq!(bench.on_disk(), done);
    bench.insert(3).await.unwrap();
    assert!(bench.on_disk().contains(&3));
}
