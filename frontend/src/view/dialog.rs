//! A modal dialog: the browser's own, which keeps the focus inside and makes the page behind it inert.

use leptos::prelude::*;
use wasm_bindgen::JsCast;
use web_sys::{Event, HtmlDialogElement};

use crate::{
    browser, countdown,
    dom::{self, View, el, part},
    words::Words,
};

/// Opens a dialog for as long as the view exists. `Esc` is the same as `Отмена`.
pub fn dialog(
    title: &'static str,
    class: &'static str,
    on_cancel: impl Fn() + Send + Sync + 'static,
    content: View,
) -> View {
    let dialog = el("dialog");
    let element: HtmlDialogElement = dialog.element().unchecked_into();
    let shown = element.clone();
    // Once it is in the document. It fails only for a dialog that is open already or was removed again.
    dom::afterwards(Box::new(move || drop(shown.show_modal())));
    let cancel = move |event: Event| {
        event.prevent_default();
        on_cancel();
    };
    // A browser closes a dialog at the second `Esc` whatever the page says; while the view exists, it is open.
    let stay = move |_| drop(element.show_modal());
    dialog
        .class(format!("dialog {class}"))
        .set("aria-labelledby", "dialog-title")
        .on("cancel", cancel)
        .on("close", stay)
        .child(el("h2").set("id", "dialog-title").class("dialog__title").child(title))
        .child(content)
        .view()
}

/// Ten minutes that run down, and what happens at their end.
pub fn limit(words: &'static Words, at_zero: impl Fn() + Send + Sync + 'static) -> View {
    let deadline = browser::now() + countdown::DIALOG_MS;
    let time = browser::ticking();
    let left = Memo::new(move |_| countdown::seconds_left(deadline, time.get()));
    dom::afterwards(Box::new(move || {
        if left.get() == 0 {
            at_zero();
        }
    }));
    el("span")
        .class("dialog__time")
        .set("role", "timer")
        .set("aria-label", words.time_left())
        .child(part(move || countdown::hours(left.get())))
        .view()
}
