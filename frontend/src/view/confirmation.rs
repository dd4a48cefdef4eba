//! Figure 9: the request is at the portal and waits for the password that confirms exactly it.

use leptos::prelude::*;
use qcert_protocol::{
    ErrorCode,
    portal::{ApplicationRow, RequestView},
    workstation::{RemoveKeyPair, Token},
};

use super::{
    password::{self, Purpose},
    pieces,
    question::Question,
};
use crate::{
    app::App,
    browser,
    devices::{self, Search},
    dom::{View, el, part},
    ordered, portal,
    trouble::Trouble,
    words::{self, Words},
    workstation,
};

/// The screen.
pub fn confirmation(app: App, words: &'static Words, request: RequestView) -> View {
    let id = request.id;
    let send = move |password| {
        let sent = portal::confirm(id, password);
        let taken = async move {
            let row = sent.await?;
            workstation::close_window();
            app.take_row(row);
            Ok(())
        };
        Box::pin(taken) as portal::Asked<()>
    };
    let purpose = Purpose {
        button: ["button button--main", words.submit(), words.sending()],
        key: ordered::key(id),
        deadline: deadline(&request),
        ordered: request.password_ordered,
        order: Box::new(move || portal::order_confirmation(id)),
        send: Box::new(send),
    };
    pieces::panel(app, words, words.request())
        .child(el("p").child(words.request_intro()))
        .child(key(words, &request))
        .child(password::password(app, words, purpose))
        .child(leave(app, words, request))
        .view()
}

/// What the portal says of the next message, and what this tab remembers since a reload: the later one.
fn deadline(request: &RequestView) -> f64 {
    let told = browser::now() + f64::from(request.resend_after_seconds) * 1000.0;
    if request.password_ordered { told.max(ordered::deadline(&ordered::key(request.id))) } else { told }
}

fn key(words: &'static Words, request: &RequestView) -> View {
    el("div")
        .class("key")
        .child(el("p").class("key__name").set("id", "key-code").child(words.key_code()))
        .child(
            el("p").class("key__code").set("aria-labelledby", "key-code").child(request.key_code.as_str().to_owned()),
        )
        .child(el("p").child(words.key_code_note()))
        .child(pieces::pairs(vec![
            (words.on_token(), token_name(words, &request.token)),
            (words.container(), request.container.as_str().to_owned()),
        ]))
        .view()
}

/// A token's label and serial number: labels alone may be the same.
pub fn token_name(words: &'static Words, name: &qcert_protocol::portal::TokenName) -> String {
    format!("{} ({})", name.label, words::fill(words.serial_short(), &name.serial))
}

/// `Отменить запрос`: the key pair goes first, where its token is; then the request.
fn leave(app: App, words: &'static Words, request: RequestView) -> View {
    let question = Question::new(app);
    let token = request.token.clone();
    let here = move || -> Option<Token> {
        app.workplace.with(|workplace| match devices::search(workplace.tokens().ok()?, &token) {
            Search::Found(token) => Some(token),
            _ => None,
        })
    };
    let found = here.clone();
    let name = token_name(words, &request.token);
    let body = move || {
        let (found, name) = (found.clone(), name.clone());
        let told = part(move || match found() {
            Some(_) => words.cancel_request_here().to_owned(),
            None => words::fill(words.cancel_request_absent(), &name),
        });
        View::all([el("p").child(words.cancel_request_sure()).view(), el("p").child(told).view()])
    };
    let act = move || Box::pin(remove_and_cancel(untrack(&here), request.clone())) as portal::Asked<ApplicationRow>;
    View::all([
        question.button(words.cancel_request()).view(),
        question.dialog(words, [words.cancel_request(), words.keep_request()], body, act),
    ])
}

async fn remove_and_cancel(token: Option<Token>, request: RequestView) -> Result<ApplicationRow, Trouble> {
    if let Some(token) = token {
        let params = RemoveKeyPair { token: token.id, key_id: request.key_id };
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
