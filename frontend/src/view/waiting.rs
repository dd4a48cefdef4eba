//! Figure 10: the authority works. The row follows by itself, and the browser may be closed.

use qcert_protocol::ApplicationState;
use uuid::Uuid;

use super::{choice, pieces, question::Question};
use crate::{
    app::App,
    dom::{View, el},
    portal,
    words::Words,
};

/// The screen.
pub fn waiting(app: App, words: &'static Words, id: Uuid, state: ApplicationState) -> View {
    let question = Question::new(app);
    // What is being issued already cannot be taken back.
    let withdraw = (state == ApplicationState::Sent).then(|| {
        el("p").class("aside").child(words.withdraw_why()).child(" ").child(question.button(words.withdraw())).view()
    });
    let sure = || el("p").child(words.withdraw_sure()).view();
    pieces::panel(app, words, words.sent())
        .child(
            el("p")
                .class("stage")
                .set("role", "status")
                .set("aria-live", "polite")
                .child(choice::state_mark(words, state)),
        )
        .child(el("progress").class("bar").set("aria-labelledby", "heading"))
        .child(el("p").child(words.sent_intro()))
        .child(el("p").child(words.sent_leave()))
        .child(pieces::call(app, words.sent_longer()))
        .child(withdraw)
        .child(question.dialog(words, [words.withdraw(), words.cancel()], sure, move || portal::withdraw(id)))
        .view()
}
