//! Fifty kills in every test run; `cargo xtask torture` does a thousand.

use qcert_load::{
    chance::Chance,
    torture::{Options, torture},
};

#[test]
fn servers_that_are_killed_again_and_again_issue_exactly_once() {
    let directory = tempfile::tempdir().unwrap();
    let options = Options { kills: 50, seed: Chance::any_seed(), database_url: None, servers: 1 };
    println!("seed {}", options.seed);
    println!("{}", torture(directory.path(), &options).unwrap());
}
