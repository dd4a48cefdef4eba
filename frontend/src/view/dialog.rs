//! A modal dialog: the browser's own, which keeps the focus inside and makes the page behind it inert.

use leptos::{ev, html, prelude::*};

use crate::{browser, countdown, words::Words};

/// Opens a dialog for as long as the view exists. `Esc` is the same as `Отмена`.
pub fn dialog(
    title: &'static str,
    class: &'static str,
    on_cancel: impl Fn() + Send + Sync + 'static,
    content: AnyView,
) -> AnyView {
    let element = NodeRef::<html::Dialog>::new();
    Effect::new(move || {
        if let Some(element) = element.get() {
            // It fails only for a dialog that is open already or was removed again.
            let _ = element.show_modal();
        }
    });
    let cancel = move |event: ev::Event| {
        event.prevent_default();
        on_cancel();
    };
    // A browser closes a dialog at the second `Esc` whatever the page says; while the view exists, it is open.
    let stay = move |_| {
        if let Some(element) = element.get_untracked() {
            let _ = element.show_modal();
        }
    };
    view! {
        <dialog node_ref=element class=format!("dialog {class}") aria-labelledby="dialog-title" on:cancel=cancel on:close=stay>
            <h2 id="dialog-title" class="dialog__title">{title}</h2>
            {content}
        </dialog>
    }
    .into_any()
}

/// Ten minutes that run down, and what happens at their end.
pub fn limit(words: &'static Words, at_zero: impl Fn() + Send + Sync + 'static) -> AnyView {
    let deadline = browser::now() + countdown::DIALOG_MS;
    let time = browser::ticking();
    let left = Memo::new(move |_| countdown::seconds_left(deadline, time.get()));
    Effect::new(move || {
        if left.get() == 0 {
            at_zero();
        }
    });
    view! {
        <span class="dialog__time" role="timer" aria-label=words.time_left>{move || countdown::hours(left.get())}</span>
    }
    .into_any()
}
