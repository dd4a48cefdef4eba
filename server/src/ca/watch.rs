//! Looks for new issuing keys, and says in the log what of the authority ends soon, while there is time to renew it.

use std::sync::Arc;

use time::{Duration, OffsetDateTime};

use super::{Ca, hex};
use crate::portal::Portal;

const PERIOD: std::time::Duration = std::time::Duration::from_secs(6 * 3600);
/// How often new files are looked for.
const LOOK: std::time::Duration = std::time::Duration::from_secs(5);

/// A ceremony with an offline root takes weeks to arrange.
const NOTICE: Duration = Duration::days(60);

/// Looks for files every few seconds, and at the rest at the start and every few hours, until the task is dropped.
pub async fn run(portal: Arc<Portal>) {
    let (mut look, mut period) = (tokio::time::interval(LOOK), tokio::time::interval(PERIOD));
    loop {
        tokio::select! {
            _ = look.tick() => notice(&portal).await,
            _ = period.tick() => {
                for concern in portal.ca.concerns(portal.clock.now()) {
                    tracing::warn!(concern, "the authority needs its operator");
                }
            }
        }
    }
}

/// On a thread of its own: to open an encrypted key takes a while.
async fn notice(portal: &Arc<Portal>) {
    let looking = Arc::clone(portal);
    let noticed = tokio::task::spawn_blocking(move || looking.ca.notice()).await.unwrap_or_default();
    for id in noticed {
        tracing::info!(key = hex(&id), "a new issuing key is here; it issues in a moment, if it is the newest");
    }
}

impl Ca {
    /// What the operator has to do something about.
    pub fn concerns(&self, now: OffsetDateTime) -> Vec<String> {
        let current = self.current();
        let mut concerns = Vec::new();
        if let Err(error) = self.check_good(&current) {
            concerns.push(format!("{error:#}; nothing is issued"));
        }
        if current.certificate().not_after() < now + self.validity + NOTICE {
            concerns.push(format!(
                "the issuing certificate {} ends on {}, and new certificates will be cut short: `qcert-server ca rollover`",
                hex(&current.id()),
                current.certificate().not_after().date()
            ));
        }
        match self.root_list() {
            Ok(Some(list)) if list.next_update() <= now => {
                concerns.push(format!("the root's revocation list expired at {}", list.next_update()));
            }
            Ok(Some(list)) if list.next_update() - now < (list.next_update() - list.this_update()) / 4 => {
                concerns.push(format!("the root's revocation list expires at {}", list.next_update()));
            }
            Ok(_) => {}
            Err(error) => concerns.push(format!("{error:#}")),
        }
        concerns
    }
}
