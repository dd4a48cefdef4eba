//! Figure 6: which token the key pair is made on.

use leptos::{ev, prelude::*, task::spawn_local};
use qcert_protocol::{
    ErrorCode,
    portal::ApplicationDetails,
    workstation::{RemoveKeyPair, Token, TokenDetails, Tokens},
};

use super::{dialog, notice};
use crate::{
    app::App,
    browser,
    devices::{self, Device},
    preparation::{Choosing, Preparation},
    trouble::Trouble,
    words::{self, Words},
    workstation,
};

/// The dialog.
pub fn carrier(app: App, words: &'static Words, details: ApplicationDetails, state: Choosing) -> AnyView {
    let container = details.container.as_str().to_owned();
    let chosen = RwSignal::new(None::<Token>);
    let listed = Memo::new(move |_| app.workplace.with(|workplace| workplace.tokens().map(devices::devices)));
    Effect::new(move || {
        let before = chosen.get_untracked().map(|token| token.id);
        let now = listed.with(|listed| listed.as_ref().ok().and_then(|list| devices::chosen(list, before.as_ref())));
        if chosen.with_untracked(|chosen| *chosen != now) {
            chosen.set(now);
        }
    });
    let close = move |end: Preparation| app.preparation.update(|(_, preparation)| *preparation = end);
    let submit = move |event: ev::SubmitEvent| {
        event.prevent_default();
        if let Some(token) = chosen.get_untracked() {
            close(state.clone().chosen(token));
        }
    };
    let content = move || match listed.get() {
        Ok(list) => listbox(app, words, list, chosen),
        Err(None) => view! { <p role="status">{words.looking_for_parts}</p> }.into_any(),
        Err(Some(code)) => notice::trouble(words, &code.into()),
    };
    let cancel = move || close(Preparation::Idle);
    let inserted = self::inserted(app, words, details, chosen);
    let body = view! {
        <form class="form" on:submit=submit>
            {dialog::limit(words, move || close(Preparation::Failed(ErrorCode::DialogExpired.into())))}
            <p>{words.carrier_insert} " " <b class="container">"\"" {container} "\""</b></p>
            <div class="carrier">
                <div class="carrier__devices">{content}</div>
                {inserted}
            </div>
            <div class="dialog__buttons">
                <button type="submit" class="button button--main" disabled=move || chosen.with(Option::is_none)>{words.ok}</button>
                <button type="button" class="button" on:click=move |_| cancel()>{words.cancel}</button>
            </div>
        </form>
    };
    dialog::dialog(words.carrier, "dialog--wide", cancel, body.into_any())
}

fn listbox(app: App, words: &'static Words, list: Vec<Device>, chosen: RwSignal<Option<Token>>) -> AnyView {
    let missing = app.workplace.with(|workplace| workplace.tokens().ok().and_then(no_token));
    let missing = missing.map(|code| notice::trouble(words, &code.into()));
    let usable: Vec<Token> = list.iter().filter_map(Device::usable).cloned().collect();
    let move_by = move |event: ev::KeyboardEvent| {
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
    let options = list.into_iter().enumerate().map(|(i, device)| option(words, i, device, chosen)).collect_view();
    browser::focus("devices");
    view! {
        <h3 id="devices-name" class="carrier__name">{words.devices}</h3>
        <ul id="devices" class="listbox" role="listbox" tabindex="0" aria-labelledby="devices-name"
            aria-activedescendant=active on:keydown=move_by>
            {options}
        </ul>
        {missing}
    }
    .into_any()
}

fn no_token(tokens: &Tokens) -> Option<ErrorCode> {
    tokens.missing.or_else(|| {
        let empty = tokens.readers.iter().all(|reader| reader.token.is_none());
        empty.then_some(ErrorCode::TokenMissing)
    })
}

fn option(words: &'static Words, position: usize, device: Device, chosen: RwSignal<Option<Token>>) -> AnyView {
    let token = device.usable().cloned();
    let inside = match (&device.token, device.refused) {
        (None, _) => words.no_token.to_owned(),
        (Some(token), None) => token.name.label.clone(),
        (Some(token), Some(code)) => format!("{}. {}", token.name.label, words::code(words, code)[0]),
    };
    let selected = {
        let token = token.clone();
        move || (token.is_some() && chosen.with(|chosen| *chosen == token)).to_string()
    };
    let disabled = token.is_none().to_string();
    let choose = move |_| {
        if let Some(token) = &token {
            chosen.set(Some(token.clone()));
        }
    };
    view! {
        <li id=format!("device-{position}") class="option" role="option" aria-selected=selected aria-disabled=disabled on:click=choose>
            <span class="option__reader">{device.reader}</span> " "
            <span class="option__token">{inside}</span>
        </li>
    }
    .into_any()
}

/// `Вставленный носитель`: label, state, and on demand all that the host knows of it.
fn inserted(
    app: App,
    words: &'static Words,
    application: ApplicationDetails,
    chosen: RwSignal<Option<Token>>,
) -> AnyView {
    let details = RwSignal::new(None::<TokenDetails>);
    let failed = RwSignal::new(None::<Trouble>);
    let open = RwSignal::new(false);
    let fetch = move || {
        details.set(None);
        failed.set(None);
        let Some(token) = chosen.get() else { return };
        spawn_local(async move {
            let answer = workstation::token_details(&token.id).await;
            // Another one may have been chosen in the meantime.
            if chosen.try_get_untracked().flatten().is_some_and(|now| now.id == token.id) {
                match answer {
                    Ok(found) => details.set(Some(found)),
                    Err(trouble) => failed.set(Some(trouble)),
                }
            }
        });
    };
    Effect::new(fetch);
    let shown = move || match chosen.get() {
        None => view! { <p>{words.no_token}</p> }.into_any(),
        Some(token) => view! {
            <p class="carrier__label">{token.name.label}</p>
            <p>{words.inserted_state} ": " {words.can_be_chosen}</p>
        }
        .into_any(),
    };
    let orphans = move || {
        let found = details.get()?;
        let row = app.row(application.row.id).unwrap_or_else(|| application.row.clone());
        let orphans = devices::orphans(&found, &row);
        Some(
            orphans
                .into_iter()
                .map(|orphan| self::orphan(app, words, found.token.clone(), orphan, fetch))
                .collect_view(),
        )
    };
    let more = move || {
        open.get().then(|| match (details.get(), failed.get()) {
            (Some(found), _) => list_details(words, found),
            (None, Some(trouble)) => notice::trouble(words, &trouble),
            (None, None) => view! { <p role="status">{words.loading}</p> }.into_any(),
        })
    };
    view! {
        <div class="carrier__inserted">
            <h3 class="carrier__name">{words.inserted}</h3>
            {shown}
            <button type="button" class="button" aria-expanded=move || open.get().to_string()
                disabled=move || chosen.with(Option::is_none) on:click=move |_| open.update(|open| *open = !*open)>
                {words.details}
            </button>
            {more}
            {orphans}
        </div>
    }
    .into_any()
}

fn orphan(
    app: App,
    words: &'static Words,
    token: Token,
    orphan: qcert_protocol::workstation::Container,
    again: impl Fn() + Copy + Send + Sync + 'static,
) -> AnyView {
    let busy = RwSignal::new(false);
    let failed = RwSignal::new(None::<Trouble>);
    let key_id = orphan.key_id.clone();
    let remove = move |_| {
        busy.set(true);
        failed.set(None);
        let params = RemoveKeyPair { token: token.id.clone(), key_id: key_id.clone() };
        spawn_local(async move {
            let ended = match workstation::remove_key_pair(&params) {
                Ok(operation) => {
                    app.operation.set(Some(operation.id()));
                    operation.end().await.map(drop)
                }
                Err(trouble) => Err(trouble),
            };
            busy.set(false);
            match ended {
                Ok(()) => again(),
                Err(trouble) => failed.set(Some(trouble)),
            }
        });
    };
    view! {
        <div class="notice orphan">
            <p>{words.orphan} " " <b class="container">{orphan.label}</b></p>
            <p>{words.orphan_note}</p>
            <button type="button" class="button" disabled=move || busy.get() on:click=remove>{words.remove}</button>
            {move || busy.get().then(|| view! { <p role="status">{words.removing}</p> })}
            {notice::slot(words, failed)}
        </div>
    }
    .into_any()
}

fn list_details(words: &'static Words, found: TokenDetails) -> AnyView {
    let token = &found.token;
    let mut pin = words::token_tries(words, token.pin.tries).to_owned();
    for (applies, sentence) in [(token.pin.to_be_changed, words.pin_factory), (token.pin.pad, words.pin_pad)] {
        if applies {
            pin.push(' ');
            pin.push_str(sentence);
        }
    }
    let memory = found.free_memory.map_or_else(|| words.not_told.to_owned(), |free| format!("{free} {}", words.bytes));
    let pairs = [
        (words.serial, token.name.serial.clone()),
        (words.model, token.name.model.clone()),
        (words.manufacturer, found.manufacturer.clone()),
        (words.firmware, found.firmware.clone()),
        (words.free_memory, memory),
        (words.pin_state, pin),
        (words.mechanisms, found.mechanisms.join(", ")),
    ];
    let pairs =
        pairs.map(|(name, value)| view! { <div class="pair"><dt>{name}</dt><dd>{value}</dd></div> }).collect_view();
    view! { <dl class="pairs">{pairs}</dl> }.into_any()
}
