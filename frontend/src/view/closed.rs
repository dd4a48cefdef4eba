//! Rejected, expired and revoked: what it means and what comes next.

use qcert_protocol::ApplicationState;
use uuid::Uuid;

use super::{choice, pieces};
use crate::{
    app::App,
    dom::{View, el},
    words::Words,
};

/// The screen.
pub fn closed(app: App, words: &'static Words, id: Uuid, state: ApplicationState) -> View {
    let meaning = match state {
        ApplicationState::Rejected => words.closed_rejected,
        ApplicationState::Revoked => words.closed_revoked,
        _ => words.closed_expired,
    };
    let reason = app.row(id).and_then(|row| row.reason).map(|reason| {
        el("dl")
            .class("pairs")
            .child(el("div").class("pair").child(el("dt").child(words.reason)).child(el("dd").child(reason)))
            .view()
    });
    el("section")
        .class("panel")
        .set("aria-labelledby", "heading")
        .child(pieces::back(app, words))
        .child(pieces::heading(words.choice))
        .child(el("p").class("stage").child(choice::state_mark(words, state)))
        .child(reason)
        .child(el("p").child(meaning))
        .child(el("p").class("aside").child(words.support).child(" ").child(pieces::support_phone(app)))
        .view()
}
