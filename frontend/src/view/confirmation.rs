//! Figure 9: the request is at the portal and waits for the password that confirms exactly it.

use leptos::{prelude::*, task::spawn_local};
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
    dom::{View, el, flag, part},
    ordered, portal,
    trouble::Trouble,
    words::{self, Words},
    workstation,
};

/// The screen.
pub fn confirmation(app: App, words: &'static Words, request: RequestView) -> View {
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
        spawn_local(async move {
            order().await;
        });
    }
    let order_again = move || async move {
        resent.set(false);
        if order().await {
            resent.set(true);
            browser::focus("password");
        }
    };
    let submit = move || {
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
    el("section")
        .class("panel")
        .set("aria-labelledby", "heading")
        .child(pieces::back(app, words))
        .child(el("h1").set("id", "heading").class("heading").set("tabindex", "-1").child(words.request))
        .child(el("p").child(words.request_intro))
        .child(key(words, &request))
        .child(
            el("form")
                .class("form")
                .set("novalidate", "")
                .on_submit(submit)
                .child(pieces::password_field(words, text, error))
                .child(pieces::submit(move || busy.get(), words.submit, words.sending)),
        )
        .child(notice::slot(words, failed))
        .child(part(move || resent.get().then(|| notice::good(words.resent))))
        .child(pieces::resend(words, deadline, order_again))
        .child(el("p").class("aside").child(words.no_message).child(" ").child(pieces::support_phone(app)))
        .child(
            el("button")
                .set("type", "button")
                .class("button button--link")
                .on("click", move |_| leaving.set(true))
                .child(words.cancel_request),
        )
        .child(part(close))
        .view()
}

/// What the portal says of the next message, and what this tab remembers since a reload: the later one.
fn deadline(request: &RequestView) -> f64 {
    let told = browser::now() + f64::from(request.resend_after_seconds) * 1000.0;
    if request.password_ordered { told.max(ordered::confirmation(request.id)) } else { told }
}

async fn order(app: App, request: Uuid, deadline: RwSignal<f64>, failed: RwSignal<Option<Trouble>>) -> bool {
    failed.set(None);
    match portal::order_confirmation(request).await {
        Ok(answer) => {
            deadline.set(ordered::keep_confirmation(request, answer.resend_after_seconds));
            true
        }
        Err(trouble) => {
            if let Some(seconds) = trouble.retry_after_seconds {
                deadline.set(ordered::keep_confirmation(request, seconds));
            }
            failed.set(app.shown(trouble));
            false
        }
    }
}

fn key(words: &'static Words, request: &RequestView) -> View {
    el("div")
        .class("key")
        .child(el("p").class("key__name").set("id", "key-code").child(words.key_code))
        .child(
            el("p").class("key__code").set("aria-labelledby", "key-code").child(request.key_code.as_str().to_owned()),
        )
        .child(el("p").child(words.key_code_note))
        .child(
            el("dl")
                .class("pairs")
                .child(
                    el("div")
                        .class("pair")
                        .child(el("dt").child(words.on_token))
                        .child(el("dd").child(token_name(words, &request.token))),
                )
                .child(
                    el("div")
                        .class("pair")
                        .child(el("dt").child(words.container))
                        .child(el("dd").child(request.container.as_str().to_owned())),
                ),
        )
        .view()
}

/// A token's label and serial number: labels alone may be the same.
pub fn token_name(words: &'static Words, name: &qcert_protocol::portal::TokenName) -> String {
    format!("{} ({})", name.label, words::fill(words.serial_short, &name.serial))
}

/// `Отменить запрос`: the key pair goes first, where its token is; then the request.
fn leave(app: App, words: &'static Words, request: RequestView, leaving: RwSignal<bool>) -> View {
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
    let told = part(move || match found() {
        Some(_) => words.cancel_request_here.to_owned(),
        None => words::fill(words.cancel_request_absent, &name),
    });
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
    let body = View::all([
        el("p").child(words.cancel_request_sure).view(),
        el("p").child(told).view(),
        part(move || busy.get().then(|| el("progress").class("bar").set("aria-label", words.cancel_request).view())),
        notice::slot(words, failed),
        el("div")
            .class("dialog__buttons")
            .child(
                el("button")
                    .set("type", "button")
                    .class("button button--bad")
                    .set("disabled", flag(move || busy.get()))
                    .on("click", go)
                    .child(words.cancel_request),
            )
            .child(
                el("button")
                    .set("type", "button")
                    .class("button")
                    .set("disabled", flag(move || busy.get()))
                    .on("click", move |_| leaving.set(false))
                    .child(words.keep_request),
            )
            .view(),
    ]);
    let escape = move || {
        if !busy.get_untracked() {
            leaving.set(false);
        }
    };
    dialog::dialog(words.cancel_request, "", escape, body)
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
