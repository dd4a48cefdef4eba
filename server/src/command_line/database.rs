//! Copies of the embedded database.

use std::path::PathBuf;

use anyhow::Context;
use tokio::task::spawn_blocking;

use crate::{config::Settings, store::sqlite::backup};

pub(super) async fn back_up(settings: &Settings, file: PathBuf) -> anyhow::Result<()> {
    let (database, to) = (database(settings)?, file.clone());
    spawn_blocking(move || backup::backup(&database, &to)).await??;
    println!("copied the database to {}, and checked the copy", file.display());
    println!(
        "Not in it, and to be kept separately: the secret {} and the authority's directory {}",
        settings.secret_file().display(),
        settings.ca.directory.display()
    );
    Ok(())
}

pub(super) async fn restore(settings: &Settings, file: PathBuf, replace: bool) -> anyhow::Result<()> {
    let (database, from) = (database(settings)?, file.clone());
    let kept = spawn_blocking(move || backup::restore(&from, &database, replace)).await??;
    println!("{} is the database now", file.display());
    if let Some(kept) = kept {
        println!("The one before is {}: remove it when you do not need it any more", kept.display());
    }
    println!("What was issued or revoked after the backup is not in it: compare it with the signature journal");
    println!("`qcert-server audit verify` says what the audit has lost, `audit accept` goes on without it");
    Ok(())
}

fn database(settings: &Settings) -> anyhow::Result<PathBuf> {
    settings.database_file().context("database.url names no file: PostgreSQL has pg_dump and pg_restore for this")
}
