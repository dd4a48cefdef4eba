//! Fifty kills in every test run; `cargo xtask torture` does a thousand.

use qcert_load::{
    chance::Chance,
    torture::{Options, torture},
};
use qcert_test_postgres::Database;

#[test]
fn a_server_on_sqlite_that_is_killed_again_and_again_issues_exactly_once() {
    kill(None, 1).unwrap();
}

#[test]
fn two_servers_on_one_postgresql_that_are_killed_again_and_again_issue_exactly_once() {
    let database = Database::new().unwrap();
    kill(Some(&database.url()), 2).unwrap();
}

fn kill(database_url: Option<&str>, servers: usize) -> anyhow::Result<()> {
    let directory = tempfile::tempdir()?;
    let options = Options { kills: 25, seed: Chance::any_seed(), database_url, servers };
    println!("seed {}", options.seed);
    println!("{}", torture(directory.path(), &options)?);
    Ok(())
}
