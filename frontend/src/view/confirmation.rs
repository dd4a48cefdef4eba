//! Figure 9: the request is at the portal and waits for the password that confirms exactly it.

use leptos::{ev, prelude::*, task::spawn_local};
use qcert_protocol::{
    ErrorCode,
    portal::RequestView,
    workstation::{RemoveKeyPair, Token},
};
use uuid::Uuid;

use super::{dialog, notice, pieces};
use crate::{
    app::App,
    browser,
    devices::{self, Search},
    ordered, portal,
    trouble::Trouble,
    words::{self, Words},
    workstation,
};

/// The screen.
pub fn confirmation(app: App, words: &'static Words, request: RequestView) -> AnyView {
    let text = RwSignal::new(String::new());
    let error = RwSignal::new(None);
    let failed = RwSignal::new(None::<Trouble>);
    let resent = RwSignal::new(false);
    let busy = RwSignal::new(false);
    let leaving = RwSignal::new(false);
    let deadline = RwSignal::new(deadline(&request));
    let request_id = request.id;
    let order = move || order(app, request_id, deadline, failed);
    if !request.password_ordered {
        // Once in a session: the portal remembers it, and answers a second order with the time that is left.
        spawn_local(order());
    }
    let order_again = move || async move {
        resent.set(false);
        order().await;
        resent.set(failed.with_untracked(Option::is_none));
        browser::focus("password");
    };
    let submit = move |event: ev::SubmitEvent| {
        event.prevent_default();
        if busy.get_untracked() {
            return;
        }
        let password = text.get_untracked();
        if password.len() < 6 {
            error.set(Some(words.password_short));
            return browser::focus("password");
        }
        busy.set(true);
        failed.set(None);
        resent.set(false);
        spawn_local(async move {
            match portal::confirm(request_id, password).await {
                Ok(row) => {
                    workstation::close_window();
                    app.take_row(row);
                }
                Err(trouble) => {
                    busy.set(false);
                    text.set(String::new());
                    failed.set(app.shown(trouble));
                    // Another window may have moved the row on.
                    portal::live::ask(app).await;
                }
            }
        });
    };
    let close = {
        let request = request.clone();
        move || leaving.get().then(|| leave(app, words, request.clone(), leaving))
    };
    view! {
        <section class="panel" aria-labelledby="heading">
            {pieces::back(app, words)}
            <h1 id="heading" class="heading" tabindex="-1">{words.request}</h1>
            <p>{words.request_intro}</p>
            {key(words, &request)}
            <form class="form" novalidate on:submit=submit>
                {pieces::password_field(words, text, error)}
                {pieces::submit(move || busy.get(), words.submit, words.sending)}
            </form>
            {notice::slot(words, failed)}
            {move || resent.get().then(|| notice::good(words.resent))}
            {pieces::resend(words, deadline, order_again)}
            <p class="aside">{words.no_message} " " {pieces::support_phone(app)}</p>
            <button type="button" class="button button--link" on:click=move |_| leaving.set(true)>{words.cancel_request}</button>
            {close}
        </section>
    }
    .into_any()
}

/// What the portal says of the next message, and what this tab remembers since a reload: the later one.
fn deadline(request: &RequestView) -> f64 {
    let told = browser::now() + f64::from(request.resend_after_seconds) * 1000.0;
    if request.password_ordered { told.max(ordered::confirmation(request.id)) } else { told }
}

async fn order(app: App, request: Uuid, deadline: RwSignal<f64>, failed: RwSignal<Option<Trouble>>) {
    failed.set(None);
    match portal::order_confirmation(request).await {
        Ok(answer) => deadline.set(ordered::keep_confirmation(request, answer.resend_after_seconds)),
        Err(trouble) => {
            if let Some(seconds) = trouble.retry_after_seconds {
                deadline.set(ordered::keep_confirmation(request, seconds));
            }
            failed.set(app.shown(trouble));
        }
    }
}

fn key(words: &'static Words, request: &RequestView) -> AnyView {
    view! {
        <div class="key">
            <p class="key__name" id="key-code">{words.key_code}</p>
            <p class="key__code" aria-labelledby="key-code">{request.key_code.as_str().to_owned()}</p>
            <p>{words.key_code_note}</p>
            <dl class="pairs">
                <div class="pair"><dt>{words.on_token}</dt><dd>{token_name(words, &request.token)}</dd></div>
                <div class="pair"><dt>{words.container}</dt><dd>{request.container.as_str().to_owned()}</dd></div>
            </dl>
        </div>
    }
    .into_any()
}

/// A token's label and serial number: labels alone may be the same.
pub fn token_name(words: &'static Words, name: &qcert_protocol::portal::TokenName) -> String {
    format!("{} ({})", name.label, words::fill(words.serial_short, &name.serial))
}

/// `Отменить запрос`: the key pair goes first, where its token is; then the request.
fn leave(app: App, words: &'static Words, request: RequestView, leaving: RwSignal<bool>) -> AnyView {
    let busy = RwSignal::new(false);
    let failed = RwSignal::new(None::<Trouble>);
    let token = request.token.clone();
    let here = move || -> Option<Token> {
        app.workplace.with(|workplace| match devices::search(workplace.tokens().ok()?, &token) {
            Search::Found(token) => Some(token),
            _ => None,
        })
    };
    let found = here.clone();
    let name = token_name(words, &request.token);
    let told = move || match found() {
        Some(_) => words.cancel_request_here.to_owned(),
        None => words::fill(words.cancel_request_absent, &name),
    };
    let go = move |_| {
        busy.set(true);
        failed.set(None);
        let token = here();
        let request = request.clone();
        spawn_local(async move {
            match remove_and_cancel(token, &request).await {
                Ok(row) => {
                    app.take_row(row);
                    leaving.try_set(false);
                }
                Err(trouble) => {
                    busy.try_set(false);
                    failed.try_set(app.shown(trouble));
                }
            }
        });
    };
    let body = view! {
        <p>{words.cancel_request_sure}</p>
        <p>{told}</p>
        {move || busy.get().then(|| view! { <progress class="bar" aria-label=words.cancel_request></progress> })}
        {notice::slot(words, failed)}
        <div class="dialog__buttons">
            <button type="button" class="button button--bad" disabled=move || busy.get() on:click=go>{words.cancel_request}</button>
            <button type="button" class="button" disabled=move || busy.get() on:click=move |_| leaving.set(false)>{words.keep_request}</button>
        </div>
    };
    let escape = move || {
        if !busy.get_untracked() {
            leaving.set(false);
        }
    };
    dialog::dialog(words.cancel_request, "", escape, body.into_any())
}

async fn remove_and_cancel(
    token: Option<Token>,
    request: &RequestView,
) -> Result<qcert_protocol::portal::ApplicationRow, Trouble> {
    if let Some(token) = token {
        let params = RemoveKeyPair { token: token.id, key_id: request.key_id.clone() };
        match workstation::remove_key_pair(&params)?.end().await {
            Ok(_) => {}
            // Removed before, by a try that did not reach the portal.
            Err(trouble) if trouble.code == ErrorCode::KeyNotFound => {}
            Err(trouble) => return Err(trouble),
        }
    }
    workstation::close_window();
    portal::cancel_request(request.id).await
}
