//! The authority: can its keys be opened, and are they there?

use std::sync::Arc;

use super::{Findings, places};
use crate::{
    ca::{Ca, secret},
    clock::SystemClock,
    config::{Authority, SecretSource, Settings},
    serve,
};

/// Opens what serving opens.
pub(super) fn look(settings: &Settings, findings: &mut Findings) {
    let ca = &settings.ca;
    if let Some(journal) = &ca.signature_journal {
        findings.take("ca.signature_journal", places::can_be_appended_to(journal));
    }
    let passphrase = ca.passphrase.as_ref();
    let is_readable =
        passphrase.is_none_or(|source| findings.take(&named("ca.passphrase", source), secret::read(source)).is_some());
    // Without it every key would be told once more.
    if is_readable {
        findings.take("ca.directory", load(settings));
    }
}

/// Looks for keys in an HSM, which may be away while a server starts.
pub(super) async fn look_for_keys(settings: &Settings, findings: &mut Findings) {
    let Some(hsm) = &settings.ca.hsm else { return };
    if !hsm.module.is_file() {
        return findings.passes("hsm.module", format!("there is no {}", hsm.module.display()));
    }
    if let Err(error) = secret::read(&hsm.pin) {
        return findings.passes(&named("hsm.pin", &hsm.pin), format!("{error:#}"));
    }
    // What keeps it from being loaded was told.
    let Ok(ca) = load(settings) else { return };
    if let Err(error) = ca.current().look_for_key().await {
        findings.passes("hsm.token", format!("{error:#}"));
    }
}

fn load(settings: &Settings) -> anyhow::Result<Ca> {
    // A journal is made when it is opened.
    let without_journal = Authority { signature_journal: None, ..settings.ca.clone() };
    let origin = serve::origin(settings, settings.server.listen.port());
    Ca::load(&without_journal, &origin, Arc::new(SystemClock))
}

/// The setting that names this secret.
pub(super) fn named(setting: &str, source: &SecretSource) -> String {
    match source {
        SecretSource::File(_) => format!("{setting}_file"),
        SecretSource::Credential(_) => format!("{setting}_credential"),
    }
}
