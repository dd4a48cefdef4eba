//! The clusters that other tests lean on.

use std::{
    pin::pin,
    process::Command,
    task::{Context, Poll, Waker},
};

use qcert_test_postgres::{Cluster, Database, End};

fn answer(url: &str, statement: &str) -> anyhow::Result<String> {
    let output = Command::new("psql").args(["-At", "-c", statement, url]).output()?;
    anyhow::ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Ok(String::from_utf8(output.stdout)?.trim().to_owned())
}

#[test]
fn two_databases_of_one_run_are_on_one_cluster_and_fsync_is_on() {
    let (one, other) = (Database::new().unwrap(), Database::new().unwrap());
    let started = "SELECT pg_postmaster_start_time()";
    assert_eq!(answer(&one.url(), started).unwrap(), answer(&other.url(), started).unwrap());
    assert_ne!(
        answer(&one.url(), "SELECT current_database()").unwrap(),
        answer(&other.url(), "SELECT current_database()").unwrap()
    );
    assert_eq!(answer(&one.url(), "SHOW fsync").unwrap(), "on");
}

#[test]
fn what_was_committed_is_there_after_postgres_was_killed() {
    let mut cluster = Cluster::start().unwrap();
    let url = cluster.create_database("kept").unwrap();
    answer(&url, "CREATE TABLE t AS SELECT 7 AS x").unwrap();
    cluster.end(End::Killed).unwrap();
    cluster.start_again().unwrap();
    assert_eq!(answer(&url, "SELECT x FROM t").unwrap(), "7");
    cluster.end(End::Fast).unwrap();
    cluster.start_again().unwrap();
    assert_eq!(answer(&url, "SELECT x FROM t").unwrap(), "7");
}

#[test]
fn a_database_is_filled_once_and_copied_as_often_as_it_is_wanted() {
    let mut filled = 0;
    let mut copy = || {
        let copied = Database::copy_of("seven", async |url: String| {
            filled += 1;
            answer(&url, "CREATE TABLE t AS SELECT 7 AS x").map(drop)
        });
        finished(copied).unwrap()
    };
    let (one, other) = (copy(), copy());
    answer(&one.url(), "UPDATE t SET x = 8").unwrap();
    assert_eq!(answer(&other.url(), "SELECT x FROM t").unwrap(), "7");
    assert_eq!(filled, 1);
}

/// The value of a future that waits for nothing.
fn finished<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => value,
        Poll::Pending => panic!("it waits for something"),
    }
}
