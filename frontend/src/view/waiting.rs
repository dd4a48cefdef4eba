//! Figure 10: the authority works. The row follows by itself, and the browser may be closed.

use leptos::{prelude::*, task::spawn_local};
use qcert_protocol::ApplicationState;
use uuid::Uuid;

use super::{choice, dialog, notice, pieces};
use crate::{
    app::App,
    dom::{View, el, flag, part},
    portal,
    trouble::Trouble,
    words::Words,
};

/// The screen.
pub fn waiting(app: App, words: &'static Words, id: Uuid, state: ApplicationState) -> View {
    let asking = RwSignal::new(false);
    // What is being issued already cannot be taken back.
    let withdraw = (state == ApplicationState::Sent).then(|| {
        el("p")
            .class("aside")
            .child(words.withdraw_why)
            .child(" ")
            .child(
                el("button")
                    .set("type", "button")
                    .class("button button--link")
                    .on("click", move |_| asking.set(true))
                    .child(words.withdraw),
            )
            .view()
    });
    el("section")
        .class("panel")
        .set("aria-labelledby", "heading")
        .child(pieces::back(app, words))
        .child(pieces::heading(words.sent))
        .child(
            el("p")
                .class("stage")
                .set("role", "status")
                .set("aria-live", "polite")
                .child(choice::state_mark(words, state)),
        )
        .child(el("progress").class("bar").set("aria-labelledby", "heading"))
        .child(el("p").child(words.sent_intro))
        .child(el("p").child(words.sent_leave))
        .child(el("p").class("aside").child(words.sent_longer).child(" ").child(pieces::support_phone(app)))
        .child(withdraw)
        .child(part(move || asking.get().then(|| confirm(app, words, id, asking))))
        .view()
}

fn confirm(app: App, words: &'static Words, id: Uuid, asking: RwSignal<bool>) -> View {
    let busy = RwSignal::new(false);
    let failed = RwSignal::new(None::<Trouble>);
    let go = move |_| {
        busy.set(true);
        failed.set(None);
        spawn_local(async move {
            match portal::withdraw(id).await {
                Ok(row) => app.take_row(row),
                Err(trouble) => {
                    busy.try_set(false);
                    failed.try_set(app.shown(trouble));
                }
            }
        });
    };
    let body = View::all([
        el("p").child(words.withdraw_sure).view(),
        notice::slot(words, failed),
        el("div")
            .class("dialog__buttons")
            .child(
                el("button")
                    .set("type", "button")
                    .class("button button--bad")
                    .set("disabled", flag(move || busy.get()))
                    .on("click", go)
                    .child(words.withdraw),
            )
            .child(
                el("button")
                    .set("type", "button")
                    .class("button")
                    .on("click", move |_| asking.set(false))
                    .child(words.cancel),
            )
            .view(),
    ]);
    dialog::dialog(words.withdraw, "", move || asking.set(false), body)
}
