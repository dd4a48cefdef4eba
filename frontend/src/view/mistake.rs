//! `Нашли ошибку?`: what is wrong in the data, for the operator.

use leptos::{ev, prelude::*, task::spawn_local};
use uuid::Uuid;

use super::{notice, pieces};
use crate::{app::App, browser, portal, trouble::Trouble, words::Words};

/// The longest report, in characters.
const MAX_CHARS: usize = 1000;

/// The button, and the form that it opens.
pub fn mistake(app: App, words: &'static Words, id: Uuid) -> AnyView {
    let open = RwSignal::new(false);
    let sent = RwSignal::new(false);
    let toggle = move |_| {
        open.update(|open| *open = !*open);
        sent.set(false);
        browser::focus("mistake");
    };
    view! {
        <div class="mistake">
            <p class="aside">
                <button type="button" class="button button--link" aria-expanded=move || open.get().to_string() on:click=toggle>
                    {words.mistake}
                </button>
                " " {words.mistake_call} " " {pieces::support_phone(app)}
            </p>
            {move || open.get().then(|| form(app, words, id, open, sent))}
            {move || sent.get().then(|| notice::good(words.mistake_thanks))}
        </div>
    }
    .into_any()
}

fn form(app: App, words: &'static Words, id: Uuid, open: RwSignal<bool>, sent: RwSignal<bool>) -> AnyView {
    let text = RwSignal::new(String::new());
    let wrong = RwSignal::new(false);
    let busy = RwSignal::new(false);
    let failed = RwSignal::new(None::<Trouble>);
    let submit = move |event: ev::SubmitEvent| {
        event.prevent_default();
        let report = text.get_untracked().trim().to_owned();
        if busy.get_untracked() {
            return;
        }
        if report.is_empty() || report.chars().count() > MAX_CHARS {
            wrong.set(true);
            return browser::focus("mistake");
        }
        busy.set(true);
        spawn_local(async move {
            match portal::report_mistake(id, report).await {
                Ok(()) => {
                    open.set(false);
                    sent.set(true);
                }
                Err(trouble) => {
                    busy.set(false);
                    failed.set(app.shown(trouble));
                }
            }
        });
    };
    view! {
        <form class="form" novalidate on:submit=submit>
            <div class="field">
                <label class="field__name" for="mistake">{words.mistake_text}</label>
                <textarea id="mistake" class="input" rows="4" aria-describedby="mistake-hint mistake-error"
                    aria-invalid=move || wrong.get().to_string()
                    on:input=move |event| { text.set(event_target_value(&event)); wrong.set(false); }></textarea>
                <p id="mistake-hint" class="field__hint">{words.mistake_hint}</p>
                <p id="mistake-error" class="field__error" role="alert">{move || wrong.get().then_some(words.mistake_empty)}</p>
            </div>
            {pieces::submit(move || busy.get(), words.mistake_send, words.sending)}
            {notice::slot(words, failed)}
        </form>
    }
    .into_any()
}
