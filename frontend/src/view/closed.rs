//! Rejected, expired and revoked: what it means and what comes next.

use leptos::prelude::*;
use qcert_protocol::ApplicationState;
use uuid::Uuid;

use super::{choice, pieces};
use crate::{app::App, words::Words};

/// The screen.
pub fn closed(app: App, words: &'static Words, id: Uuid, state: ApplicationState) -> AnyView {
    let meaning = match state {
        ApplicationState::Rejected => words.closed_rejected,
        ApplicationState::Revoked => words.closed_revoked,
        _ => words.closed_expired,
    };
    let reason = app.row(id).and_then(|row| row.reason).map(|reason| {
        view! { <dl class="pairs"><div class="pair"><dt>{words.reason}</dt><dd>{reason}</dd></div></dl> }
    });
    view! {
        <section class="panel" aria-labelledby="heading">
            {pieces::back(app, words)}
            {pieces::heading(words.choice)}
            <p class="stage">{choice::state_mark(words, state)}</p>
            {reason}
            <p>{meaning}</p>
            <p class="aside">{words.support} " " {pieces::support_phone(app)}</p>
        </section>
    }
    .into_any()
}
