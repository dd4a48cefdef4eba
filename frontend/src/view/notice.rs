//! A trouble, in words: which part failed, what happened, what to do next.

use leptos::prelude::*;

use crate::{
    app::App,
    dom::{View, el, part},
    trouble::Trouble,
    words::{self, Words},
};

/// Shows a trouble.
pub fn trouble(words: &'static Words, trouble: &Trouble) -> View {
    let explanation = words::explain(words, trouble);
    let part = explanation.part.map(|part| el("p").class("notice__part").child(part).view());
    el("div")
        .class("notice notice--bad")
        .set("role", "alert")
        .child(part)
        .child(el("p").class("notice__what").child(explanation.what))
        .child(el("p").child(explanation.next))
        .child(
            el("p")
                .class("notice__detail")
                .child(words.for_support())
                .child(": ")
                .child(el("code").child(explanation.detail)),
        )
        .view()
}

/// Each PKCS#11 module that does not work, by its name: a token that is missed may be behind it.
pub fn modules(app: App, words: &'static Words) -> View {
    part(move || {
        app.workplace.with(|workplace| {
            let modules = workplace.tokens().map(|tokens| tokens.modules.iter()).into_iter().flatten();
            let failed =
                modules.filter_map(|one| Some(Trouble { detail: Some(one.name.clone()), ..Trouble::from(one.error?) }));
            failed.map(|failed| trouble(words, &failed)).collect::<View>()
        })
    })
}

/// Shows a trouble while there is one.
pub fn slot(words: &'static Words, signal: RwSignal<Option<Trouble>>) -> View {
    part(move || signal.with(|known| known.as_ref().map(|known| trouble(words, known))))
}

/// Says something that is no trouble.
pub fn good(text: &'static str) -> View {
    el("p").class("notice notice--good").set("role", "status").child(text).view()
}
