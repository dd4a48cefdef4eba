//! Fifty kills and twenty stops in every test run; `cargo xtask torture` does a thousand kills.

use qcert_load::{
    chance::Chance,
    torture::{Death, Options, torture},
};
use qcert_test_postgres::Database;

#[test]
fn a_server_on_sqlite_that_is_killed_again_and_again_issues_exactly_once() {
    torture_by(Death::Killed, 25, None, 1).unwrap();
}

#[test]
fn two_servers_on_one_postgresql_that_are_killed_again_and_again_issue_exactly_once() {
    let database = Database::new().unwrap();
    torture_by(Death::Killed, 25, Some(&database.url()), 2).unwrap();
}

#[test]
fn a_server_on_sqlite_that_is_stopped_under_load_leaves_nothing_that_it_has_begun() {
    torture_by(Death::Stopped, 10, None, 1).unwrap();
}

#[test]
fn a_server_on_postgresql_that_is_stopped_under_load_leaves_nothing_that_it_has_begun() {
    let database = Database::new().unwrap();
    torture_by(Death::Stopped, 10, Some(&database.url()), 1).unwrap();
}

fn torture_by(death: Death, kills: usize, database_url: Option<&str>, servers: usize) -> anyhow::Result<()> {
    let directory = tempfile::tempdir()?;
    let options = Options { kills, death, seed: Chance::any_seed(), database_url, servers };
    println!("seed {}", options.seed);
    println!("{}", torture(directory.path(), &options)?);
    Ok(())
}
