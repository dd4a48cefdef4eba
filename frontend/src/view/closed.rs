//! Rejected, expired and revoked: what it means and what comes next.

use qcert_protocol::ApplicationState;
use uuid::Uuid;

use super::{choice, pieces};
use crate::{
    app::App,
    dom::{View, el},
    words::{self, Words},
};

/// The screen.
pub fn closed(app: App, words: &'static Words, id: Uuid, state: ApplicationState) -> View {
    let meaning = match state {
        ApplicationState::Rejected => words.closed_rejected(),
        ApplicationState::Revoked => words.closed_revoked(),
        _ => words.closed_expired(),
    };
    let mut told = Vec::new();
    if let Some(row) = app.row(id) {
        told.extend(row.reason.map(|reason| (words.reason(), reason)));
        if let Some((serial, revoked)) = row.certificate.and_then(|known| Some((known.serial, known.revoked?))) {
            told.push((words.revoked_at(), pieces::moment(words, revoked.at)));
            told.push((words.reason(), words::revocation(words, revoked.reason).to_owned()));
            told.push((words.serial_number(), serial));
        }
    }
    pieces::panel(app, words, words.choice())
        .child(el("p").class("stage").child(choice::state_mark(words, state)))
        .child((!told.is_empty()).then(|| pieces::pairs(told)))
        .child(el("p").child(meaning))
        .child(pieces::call(app, words.support()))
        .view()
}
