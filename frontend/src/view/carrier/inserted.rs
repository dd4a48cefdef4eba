//! The token that is chosen: what it is called, what it can, and what an earlier try left on it.

use std::rc::Rc;

use leptos::{prelude::*, task::spawn_local};
use qcert_protocol::{
    portal::ApplicationDetails,
    workstation::{Container, Token, TokenDetails},
};

use super::orphan::{self, Rest};
use crate::{
    app::App,
    devices,
    dom::{self, View, el, flag, part, state},
    trouble::Trouble,
    view::{notice, pieces, preparation},
    words::{self, Words},
    workstation,
};

/// `Вставленный носитель`: label, state, and on demand all that the host knows of it.
pub fn inserted(
    app: App,
    words: &'static Words,
    application: ApplicationDetails,
    chosen: RwSignal<Option<Token>>,
) -> View {
    let details = RwSignal::new(None::<TokenDetails>);
    let failed = RwSignal::new(None::<Trouble>);
    let open = RwSignal::new(false);
    let fetch = move |token: Token| {
        details.set(None);
        failed.set(None);
        spawn_local(async move {
            let answer = workstation::token_details(&token.id).await;
            // Another one may have been chosen in the meantime, or the dialog closed.
            if chosen.try_get_untracked().flatten().is_some_and(|now| now.id == token.id) {
                match answer {
                    Ok(found) => details.set(Some(found)),
                    Err(trouble) => failed.set(Some(trouble)),
                }
            }
        });
    };
    dom::afterwards(Box::new(move || match chosen.get() {
        Some(token) => fetch(token),
        None => details.set(None),
    }));
    let shown = part(move || match chosen.get() {
        None => el("p").child(words.no_token()).view(),
        Some(token) => View::all([
            el("p").class("carrier__label").child(token.name.label).view(),
            el("p").child(words.inserted_state()).child(": ").child(words.can_be_chosen()).view(),
            el("p").class("aside").child(words::carrier(words, token.carrier)).view(),
        ]),
    });
    let orphans = part(move || {
        let found = details.get()?;
        let row = app.row(application.row.id).unwrap_or_else(|| application.row.clone());
        let orphans = devices::orphans(&found, &row);
        let token = found.token.clone();
        let again: Rc<dyn Fn()> = Rc::new(move || fetch(token.clone()));
        let tell = |orphan: Container| {
            // Nobody but an operator vouches for a key that is there already.
            let finish = application.identified.then(|| {
                let (application, token, orphan) = (application.clone(), found.token.clone(), orphan.clone());
                Box::new(move || preparation::finish(app, application.clone(), token.clone(), &orphan)) as Box<dyn Fn()>
            });
            orphan::orphan(app, words, found.token.id.clone(), orphan, Rest::Orphan(finish), again.clone())
        };
        Some(orphans.into_iter().map(tell).collect::<View>())
    });
    let more = part(move || {
        (open.get() && chosen.with(Option::is_some)).then(|| match (details.get(), failed.get()) {
            (Some(found), _) => list_details(words, found),
            (None, Some(trouble)) => notice::trouble(words, &trouble),
            (None, None) => el("p").set("role", "status").child(words.loading()).view(),
        })
    });
    el("div")
        .class("carrier__inserted")
        .child(el("h3").class("carrier__name").child(words.inserted()))
        .child(shown)
        .child(
            pieces::button("button", words.details(), move || open.update(|open| *open = !*open))
                .set("aria-expanded", state(move || open.get()))
                .set("disabled", flag(move || chosen.with(Option::is_none))),
        )
        .child(more)
        .child(orphans)
        .view()
}

fn list_details(words: &'static Words, found: TokenDetails) -> View {
    let token = &found.token;
    let mut pin = words::token_tries(words, token.pin.tries).to_owned();
    for (applies, sentence) in [(token.pin.to_be_changed, words.pin_factory()), (token.pin.pad, words.pin_pad())] {
        if applies {
            pin.push(' ');
            pin.push_str(sentence);
        }
    }
    let memory =
        found.free_memory.map_or_else(|| words.not_told().to_owned(), |free| format!("{free} {}", words.bytes()));
    pieces::pairs(vec![
        (words.serial(), token.name.serial.clone()),
        (words.model(), token.name.model.clone()),
        (words.manufacturer(), found.manufacturer.clone()),
        (words.firmware(), found.firmware.clone()),
        (words.free_memory(), memory),
        (words.pin_state(), pin),
        (words.mechanisms(), found.mechanisms.join(", ")),
    ])
}
