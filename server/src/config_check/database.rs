//! The database: does it answer, is it one that this server can use or bring up to date?

use anyhow::Context;

use super::{Findings, places};
use crate::{
    config::Settings,
    store::{postgres, sqlite},
};

pub(super) async fn look(settings: &Settings, findings: &mut Findings) {
    let url = &settings.database_url;
    let looked = if url.is_postgres() {
        postgres::look(url).await.with_context(|| format!("cannot use {url}"))
    } else {
        match settings.database_file() {
            Some(file) if file.exists() => sqlite::look(&file).with_context(|| format!("cannot use {url}")),
            Some(file) => places::can_be_made(&file),
            None => Err(anyhow::anyhow!("its address is not sqlite: and the path of a file")),
        }
    };
    findings.take("database.url", looked);
}
