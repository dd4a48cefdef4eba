//! Figure 6: which token the key pair is made on.

mod inserted;
pub(super) mod orphan;

use leptos::prelude::*;
use qcert_protocol::{
    ErrorCode,
    code::Part,
    portal::ApplicationDetails,
    workstation::{Token, Tokens},
};
use wasm_bindgen::JsCast;
use web_sys::{Event, KeyboardEvent};

use super::{confirmation, dialog, notice, pieces};
use crate::{
    app::App,
    browser,
    devices::{self, Device},
    dom::{self, View, el, flag, maybe, part, state},
    preparation::{self, Choosing, Preparation},
    words::{self, Words},
};

/// The dialog.
pub fn carrier(app: App, words: &'static Words, details: ApplicationDetails, state: Choosing) -> View {
    let container = details.container.clone();
    let name = container.as_str().to_owned();
    let vouching = preparation::vouching(&details).map(|old| old.token.clone());
    let wanted = StoredValue::new(vouching.clone());
    let chosen = RwSignal::new(None::<Token>);
    // The old key vouches for the new one on its own token alone.
    let elsewhere = Memo::new(move |_| {
        wanted.with_value(|wanted| {
            chosen.with(|chosen| Some(!devices::is(chosen.as_ref()?, wanted.as_ref()?))).unwrap_or_default()
        })
    });
    let listed = Memo::new(move |_| app.workplace.with(|workplace| workplace.tokens().map(devices::devices)));
    dom::afterwards(Box::new(move || {
        let before = chosen.get_untracked().map(|token| token.id);
        let now = listed.with(|listed| {
            let list = listed.as_ref().ok()?;
            wanted.with_value(|wanted| devices::chosen(list, before.as_ref(), wanted.as_ref()))
        });
        if chosen.with_untracked(|chosen| *chosen != now) {
            chosen.set(now);
        }
    }));
    let close = move |end: Preparation| app.preparation.update(|(_, preparation)| *preparation = end);
    let submit = move || {
        if let Some(token) = chosen.get_untracked().filter(|_| !elsewhere.get_untracked()) {
            close(state.clone().chosen(token, container.clone()));
        }
    };
    let content = part(move || match listed.get() {
        Ok(list) => listbox(app, words, list, chosen),
        Err(None) => el("p").set("role", "status").child(words.looking_for_parts()).view(),
        Err(Some(code)) => notice::trouble(words, &code.into()),
    });
    let cancel = move || close(Preparation::Idle);
    let inserted = inserted::inserted(app, words, details, chosen);
    let insert = match &vouching {
        Some(token) => words::fill(words.renewal_vouches(), &confirmation::token_name(words, token)),
        None => words.carrier_insert().to_owned(),
    };
    let absent = part(move || {
        let [_, next] = words::code(words, ErrorCode::IdentificationMissing);
        let notice = || el("p").class("notice notice--bad").set("role", "status");
        elsewhere.get().then(|| notice().child(words.renewal_absent()).child(" ").child(next))
    });
    let body = el("form")
        .class("form")
        .on_submit(submit)
        .child(dialog::limit(words, move || close(Preparation::Failed(ErrorCode::DialogExpired.into()))))
        .child(
            el("p")
                .child(insert)
                .child(" ")
                .child(words.carrier_container())
                .child(" ")
                .child(el("b").class("container").child("\"").child(name).child("\"")),
        )
        .child(el("div").class("carrier").child(el("div").class("carrier__devices").child(content)).child(inserted))
        .child(absent)
        .child(
            el("div")
                .class("dialog__buttons")
                .child(
                    el("button")
                        .set("type", "submit")
                        .class("button button--main")
                        .set("disabled", flag(move || elsewhere.get() || chosen.with(Option::is_none)))
                        .child(words.ok()),
                )
                .child(pieces::button("button", words.cancel(), cancel)),
        )
        .view();
    dialog::dialog(words.carrier(), "dialog--wide", cancel, body)
}

fn listbox(app: App, words: &'static Words, list: Vec<Device>, chosen: RwSignal<Option<Token>>) -> View {
    let missing = app.workplace.with(|workplace| workplace.tokens().ok().and_then(no_token));
    let missing = missing.map(|code| notice::trouble(words, &code.into()));
    let usable: Vec<Token> = list.iter().filter_map(Device::usable).cloned().collect();
    let move_by = move |event: Event| {
        let Some(event) = event.dyn_ref::<KeyboardEvent>() else { return };
        let step = match event.key().as_str() {
            "ArrowDown" => 1,
            "ArrowUp" => usable.len().saturating_sub(1),
            _ => return,
        };
        event.prevent_default();
        let now = chosen.with_untracked(|now| usable.iter().position(|token| Some(token) == now.as_ref()));
        if let Some(token) = usable.get((now.unwrap_or_default() + step) % usable.len().max(1)) {
            chosen.set(Some(token.clone()));
        }
    };
    let active = {
        let list = list.clone();
        move || {
            let position =
                chosen.with(|chosen| list.iter().position(|device| device.token.is_some() && device.token == *chosen));
            position.map(|position| format!("device-{position}"))
        }
    };
    let options = list.into_iter().enumerate().map(|(i, device)| option(words, i, device, chosen)).collect::<View>();
    browser::focus("devices");
    View::all([
        el("h3").set("id", "devices-name").class("carrier__name").child(words.devices()).view(),
        el("ul")
            .set("id", "devices")
            .class("listbox")
            .set("role", "listbox")
            .set("tabindex", "0")
            .set("aria-labelledby", "devices-name")
            .set("aria-activedescendant", maybe(active))
            .on("keydown", move_by)
            .child(options)
            .view(),
        View::from(missing),
        notice::modules(app, words),
    ])
}

/// What is missing; a module that fails is told by its name.
fn no_token(tokens: &Tokens) -> Option<ErrorCode> {
    tokens.missing.filter(|code| code.part() != Part::Module || tokens.modules.is_empty())
}

fn option(words: &'static Words, position: usize, device: Device, chosen: RwSignal<Option<Token>>) -> View {
    let token = device.usable().cloned();
    let inside = match (&device.token, device.refused) {
        (None, _) => words.no_token().to_owned(),
        (Some(token), None) => token.name.label.clone(),
        (Some(token), Some(code)) => format!("{}. {}", token.name.label, words::code(words, code)[0]),
    };
    let selected = {
        let token = token.clone();
        move || token.is_some() && chosen.with(|chosen| *chosen == token)
    };
    let disabled = token.is_none().to_string();
    let choose = move |_| {
        if let Some(token) = &token {
            chosen.set(Some(token.clone()));
        }
    };
    el("li")
        .set("id", format!("device-{position}"))
        .class("option")
        .set("role", "option")
        .set("aria-selected", state(selected))
        .set("aria-disabled", disabled)
        .on("click", choose)
        .child(el("span").class("option__reader").child(device.reader))
        .child(" ")
        .child(el("span").class("option__token").child(inside))
        .view()
}
