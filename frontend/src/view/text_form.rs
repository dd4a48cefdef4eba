//! A form with one textbox: what it asks for, its button, and what came of it.

use leptos::{prelude::*, task::spawn_local};

use super::{notice, pieces};
use crate::{
    app::App,
    browser,
    dom::{Build, View, el, part, state},
    portal::Asked,
    trouble::Trouble,
    words::Words,
};

/// What is asked for, and what is done with it.
pub struct TextForm {
    /// The id of the textbox.
    pub id: &'static str,
    /// The textbox itself, as far as it differs.
    pub textbox: Build,
    /// What stands above it, and below it.
    pub texts: [&'static str; 2],
    /// How many characters it takes, and what is said of more or of none.
    pub longest: usize,
    pub wrong: &'static str,
    /// The button's class, its text, and its text at work.
    pub button: [&'static str; 3],
    /// Hands it in; what follows is on screen already when this ends well.
    pub send: Box<dyn Fn(String) -> Asked<()>>,
}

/// The form.
pub fn text_form(app: App, words: &'static Words, form: TextForm) -> View {
    let TextForm { id, textbox, texts: [name, hint], longest, wrong, button, send } = form;
    let text = RwSignal::new(String::new());
    let is_wrong = RwSignal::new(false);
    let busy = RwSignal::new(false);
    let failed = RwSignal::new(None::<Trouble>);
    let submit = move || {
        let typed = text.get_untracked().trim().to_owned();
        if busy.get_untracked() {
            return;
        }
        if typed.is_empty() || typed.chars().count() > longest {
            is_wrong.set(true);
            return browser::focus(id);
        }
        busy.set(true);
        failed.set(None);
        let sent = send(typed);
        spawn_local(async move {
            if let Err(trouble) = sent.await {
                busy.try_set(false);
                failed.try_set(app.shown(trouble));
                browser::focus(id);
            }
        });
    };
    let [hint_id, error_id] = ["hint", "error"].map(|part| format!("{id}-{part}"));
    let textbox = textbox
        .set("id", id)
        .class("input")
        .set("aria-describedby", format!("{hint_id} {error_id}"))
        .set("aria-invalid", state(move || is_wrong.get()))
        .on("input", move |event| {
            text.set(event_target_value(&event));
            is_wrong.set(false);
        });
    let field = el("div")
        .class("field")
        .child(el("label").class("field__name").set("for", id).child(name))
        .child(textbox)
        .child(el("p").set("id", hint_id).class("field__hint").child(hint))
        .child(
            el("p")
                .set("id", error_id)
                .class("field__error")
                .set("role", "alert")
                .child(part(move || is_wrong.get().then_some(wrong))),
        );
    el("form")
        .class("form")
        .set("novalidate", "")
        .on_submit(submit)
        // Above the textbox, which takes the focus: what is below it may be below the window's end.
        .child(notice::slot(words, failed))
        .child(field)
        .child(pieces::submit(move || busy.get(), button))
        .view()
}
