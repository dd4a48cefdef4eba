//! `Нашли ошибку?`: what is wrong in the data, for the operator; and what was reported and answered before.

use leptos::{prelude::*, task::spawn_local};
use qcert_protocol::portal::ReportedMistake;
use time::OffsetDateTime;
use uuid::Uuid;

use super::{notice, pieces};
use crate::{
    app::App,
    browser,
    dom::{View, el, part, state},
    portal,
    trouble::Trouble,
    words::Words,
};

/// The longest report, in characters.
const MAX_CHARS: usize = 1000;

/// What was reported, as it is answered.
pub fn reported(words: &'static Words, mistakes: Vec<ReportedMistake>) -> View {
    if mistakes.is_empty() {
        return View::nothing();
    }
    let told = mistakes.into_iter().map(|mistake| {
        let answer = match mistake.answer {
            Some(answer) => View::all([said(words.mistake_answer, words, answer.at), quote(answer.text)]),
            None => el("p").class("aside").child(words.mistake_waits).view(),
        };
        el("li").child(said("", words, mistake.reported_at)).child(quote(mistake.text)).child(answer)
    });
    el("section")
        .class("reports")
        .set("aria-labelledby", "reports")
        .child(el("h2").set("id", "reports").child(words.mistakes))
        .child(el("ul").set("aria-live", "polite").child(told.collect::<View>()))
        .view()
}

fn said(what: &'static str, words: &'static Words, at: OffsetDateTime) -> View {
    el("p").class("aside").child(what).child(" ").child(pieces::moment(words, at)).view()
}

fn quote(text: String) -> View {
    el("p").class("reports__text").child(text).view()
}

/// The button, and the form that it opens.
pub fn mistake(app: App, words: &'static Words, id: Uuid) -> View {
    let open = RwSignal::new(false);
    let sent = RwSignal::new(false);
    let toggle = move || {
        open.update(|open| *open = !*open);
        sent.set(false);
        browser::focus("mistake");
    };
    el("div")
        .class("mistake")
        .child(
            el("p")
                .class("aside")
                .child(
                    pieces::button("button button--link", words.mistake, toggle)
                        .set("aria-expanded", state(move || open.get())),
                )
                .child(" ")
                .child(words.mistake_call)
                .child(" ")
                .child(pieces::support_phone(app)),
        )
        .child(part(move || open.get().then(|| form(app, words, id, open, sent))))
        .child(part(move || sent.get().then(|| notice::good(words.mistake_thanks))))
        .view()
}

fn form(app: App, words: &'static Words, id: Uuid, open: RwSignal<bool>, sent: RwSignal<bool>) -> View {
    let text = RwSignal::new(String::new());
    let wrong = RwSignal::new(false);
    let busy = RwSignal::new(false);
    let failed = RwSignal::new(None::<Trouble>);
    let submit = move || {
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
    el("form")
        .class("form")
        .set("novalidate", "")
        .on_submit(submit)
        .child(
            el("div")
                .class("field")
                .child(el("label").class("field__name").set("for", "mistake").child(words.mistake_text))
                .child(
                    el("textarea")
                        .set("id", "mistake")
                        .class("input")
                        .set("rows", "4")
                        .set("aria-describedby", "mistake-hint mistake-error")
                        .set("aria-invalid", state(move || wrong.get()))
                        .on("input", move |event| {
                            text.set(event_target_value(&event));
                            wrong.set(false);
                        }),
                )
                .child(el("p").set("id", "mistake-hint").class("field__hint").child(words.mistake_hint))
                .child(
                    el("p")
                        .set("id", "mistake-error")
                        .class("field__error")
                        .set("role", "alert")
                        .child(part(move || wrong.get().then_some(words.mistake_empty))),
                ),
        )
        .child(pieces::submit(move || busy.get(), ["button button--main", words.mistake_send, words.sending]))
        .child(notice::slot(words, failed))
        .view()
}
