//! The support bundle: read before it is saved.

use leptos::{prelude::*, task::spawn_local};
use wasm_bindgen::JsCast;

use super::{dialog, pieces};
use crate::{
    browser,
    checkup::Entry,
    dom::{View, el, part},
    report,
    words::Words,
};

/// The dialog.
pub fn report(words: &'static Words, entries: Vec<Entry>, close: impl Fn() + Copy + Send + Sync + 'static) -> View {
    let text = RwSignal::new(None::<String>);
    let make = move |personal| {
        let entries = entries.clone();
        spawn_local(async move {
            let made = report::bundle(&entries, personal).await;
            text.try_set(Some(made));
        });
    };
    make(false);
    let consent = move |event: web_sys::Event| {
        if let Some(input) = event.target().and_then(|it| it.dyn_into::<web_sys::HtmlInputElement>().ok()) {
            text.set(None);
            make(input.checked());
        }
    };
    let save = move || {
        if let Some(text) = text.get_untracked() {
            browser::save("qcert-report.json", &text);
            close();
        }
    };
    let shown = part(move || text.get().unwrap_or_else(|| words.loading().to_owned()));
    let body = View::all([
        el("p").child(words.report_intro()).view(),
        el("pre")
            .class("report")
            .set("tabindex", "0")
            .set("role", "region")
            .set("aria-label", words.report())
            .child(shown)
            .view(),
        el("label")
            .class("report__consent")
            .child(el("input").set("type", "checkbox").on("change", consent))
            .child(words.report_personal())
            .view(),
        el("div")
            .class("dialog__buttons")
            .child(pieces::button("button button--main", words.save(), save))
            .child(pieces::button("button", words.cancel(), close))
            .view(),
    ]);
    dialog::dialog(words.report(), "dialog--wide", close, body)
}
