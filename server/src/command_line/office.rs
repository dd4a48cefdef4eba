//! What the commands of an operator work with.

use std::sync::Arc;

use crate::{
    audit::Actor, clock::SystemClock, config::Settings, operators::desk::Desk, randomness::SystemRandomness,
    secrets::Secrets, serve, store::Store,
};

/// Everything that [`Desk`] borrows.
pub(super) struct Office<'a> {
    store: Arc<dyn Store>,
    randomness: SystemRandomness,
    secrets: Secrets,
    settings: &'a Settings,
}

impl<'a> Office<'a> {
    pub(super) async fn open(settings: &'a Settings) -> anyhow::Result<Self> {
        let randomness = SystemRandomness::new();
        let secrets = Secrets::load_or_make(&settings.secret_file(), &randomness)?;
        Ok(Self { store: serve::open_store(settings).await?, randomness, secrets, settings })
    }

    pub(super) fn desk<'d>(&'d self, by: &'d Actor) -> Desk<'d> {
        Desk {
            store: &*self.store,
            clock: &SystemClock,
            randomness: &self.randomness,
            secrets: &self.secrets,
            settings: self.settings,
            by,
        }
    }
}
