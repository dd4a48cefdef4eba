//! `Нашли ошибку?`: what is wrong in the data, for the operator; and what was reported and answered before.

use leptos::prelude::*;
use qcert_protocol::portal::ReportedMistake;
use time::OffsetDateTime;
use uuid::Uuid;

use super::{
    notice, pieces,
    text_form::{TextForm, text_form},
};
use crate::{
    app::App,
    browser,
    dom::{View, el, part, state},
    portal,
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
            Some(answer) => View::all([said(words.mistake_answer(), words, answer.at), quote(answer.text)]),
            None => el("p").class("aside").child(words.mistake_waits()).view(),
        };
        el("li").child(said("", words, mistake.reported_at)).child(quote(mistake.text)).child(answer)
    });
    el("section")
        .class("reports")
        .set("aria-labelledby", "reports")
        .child(el("h2").set("id", "reports").child(words.mistakes()))
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
                    pieces::button("button button--link", words.mistake(), toggle)
                        .set("aria-expanded", state(move || open.get())),
                )
                .child(" ")
                .child(words.mistake_call())
                .child(" ")
                .child(pieces::support_phone(app)),
        )
        .child(part(move || open.get().then(|| form(app, words, id, open, sent))))
        .child(part(move || sent.get().then(|| notice::good(words.mistake_thanks()))))
        .view()
}

fn form(app: App, words: &'static Words, id: Uuid, open: RwSignal<bool>, sent: RwSignal<bool>) -> View {
    let form = TextForm {
        id: "mistake",
        textbox: el("textarea").set("rows", "4"),
        texts: [words.mistake_text(), words.mistake_hint()],
        longest: MAX_CHARS,
        wrong: words.mistake_empty(),
        button: ["button button--main", words.mistake_send(), words.sending()],
        send: Box::new(move |report| {
            Box::pin(async move {
                portal::report_mistake(id, report).await?;
                open.try_set(false);
                sent.try_set(true);
                Ok(())
            })
        }),
    };
    text_form(app, words, form)
}
