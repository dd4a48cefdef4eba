//! Figures 1 to 3: the telephone number, then the password from the text message.

use leptos::{prelude::*, task::spawn_local};
use qcert_protocol::{ErrorCode, holder::Phone};
use wasm_bindgen::JsCast;

use super::{
    checkup, notice,
    password::{self, Purpose},
    pieces,
};
use crate::{
    app::App,
    browser,
    dom::{View, el, part, state},
    ordered, phone, portal,
    trouble::Trouble,
    wizard::{EnterPassword, EnterPhone, Screen},
    words::{self, Words},
};

/// Figure 1.
pub fn phone(app: App, words: &'static Words, state: EnterPhone) -> View {
    let text = RwSignal::new(ordered::typed());
    let error = RwSignal::new(None::<String>);
    let failed = RwSignal::new(None::<Trouble>);
    let busy = RwSignal::new(false);
    let ended =
        state.session_ended.then(|| el("p").class("notice").set("role", "status").child(words.session_ended()).view());
    let submit = move || {
        if busy.get_untracked() {
            return;
        }
        let Ok(phone) = Phone::parse(&text.get_untracked()) else {
            error.set(Some(words::code(words, ErrorCode::PhoneInvalid).join(" ")));
            return browser::focus("phone");
        };
        busy.set(true);
        failed.set(None);
        let state = state.clone();
        spawn_local(async move {
            let answer = portal::order_password(&phone).await;
            busy.set(false);
            match answer {
                Ok(ordered) => arrive(app, state, phone, ordered.resend_after_seconds),
                // One is on its way already: it can be typed.
                Err(Trouble { code: ErrorCode::OtpResendTooEarly, retry_after_seconds, .. }) => {
                    arrive(app, state, phone, retry_after_seconds.unwrap_or_default());
                }
                Err(trouble) if trouble.code == ErrorCode::PhoneInvalid => {
                    error.set(Some(words::code(words, trouble.code).join(" ")));
                }
                Err(trouble) => failed.set(Some(trouble)),
            }
        });
    };
    browser::focus("phone");
    let inside = View::all([
        ended.into(),
        el("p").child(words.sign_in_intro()).view(),
        el("form")
            .class("form")
            .set("novalidate", "")
            .on_submit(submit)
            .child(phone_field(words, text, error))
            .child(pieces::submit(move || busy.get(), ["button button--main", words.get_password(), words.sending()]))
            .view(),
        notice::slot(words, failed),
        pieces::call(app, words.no_message()),
    ]);
    columns(app, words, inside)
}

fn arrive(app: App, state: EnterPhone, phone: Phone, seconds: u32) {
    ordered::keep_sign_in(&phone, seconds);
    app.screen.set(state.password_ordered(phone));
}

fn phone_field(words: &'static Words, text: RwSignal<String>, error: RwSignal<Option<String>>) -> View {
    let typed = move |event: web_sys::Event| {
        let Some(input) = event.target().and_then(|target| target.dyn_into::<web_sys::HtmlInputElement>().ok()) else {
            return;
        };
        let value = input.value();
        let caret = input.selection_start().ok().flatten().unwrap_or(u32::MAX);
        let (formatted, caret) = phone::typed(&value, caret);
        if formatted != value {
            input.set_value(&formatted);
            // A caret can be set in every text field that is shown.
            let _ = input.set_selection_range(caret, caret);
        }
        text.set(formatted);
        error.set(None);
    };
    el("div")
        .class("field")
        .child(el("label").class("field__name").set("for", "phone").child(words.phone()))
        .child(
            el("input")
                .set("id", "phone")
                .class("input")
                .set("type", "tel")
                .set("inputmode", "tel")
                .set("autocomplete", "tel")
                .set("spellcheck", "false")
                .set("value", text.get_untracked())
                .on("input", typed)
                .set("aria-invalid", state(move || error.with(Option::is_some)))
                .set("aria-describedby", "phone-hint phone-error"),
        )
        .child(el("p").set("id", "phone-hint").class("field__hint").child(words.phone_hint()))
        .child(
            el("p")
                .set("id", "phone-error")
                .class("field__error")
                .set("role", "alert")
                .child(part(move || error.get())),
        )
        .view()
}

/// Figures 2 and 3.
pub fn password(app: App, words: &'static Words, state: EnterPassword) -> View {
    let phone = state.phone.clone();
    let change = {
        let state = state.clone();
        move || {
            ordered::forget_sign_in();
            app.screen.set(state.clone().change_number());
        }
    };
    let ordered = state.phone.clone();
    let purpose = Purpose {
        button: ["button button--main", words.enter(), words.entering()],
        key: ordered::SIGN_IN.to_owned(),
        deadline: ordered::deadline(ordered::SIGN_IN),
        ordered: true,
        order: Box::new(move || portal::order_password(&ordered)),
        send: Box::new(move |password| Box::pin(sign_in(app, state.clone(), password))),
    };
    let inside = View::all([
        el("p")
            .class("given")
            .child(el("span").class("given__value").child(phone.pretty()))
            .child(pieces::button("button button--link", words.change_number(), change))
            .view(),
        el("p").child(words::fill(words.sent_to(), &phone.pretty())).view(),
        password::password(app, words, purpose),
    ]);
    columns(app, words, inside)
}

async fn sign_in(app: App, state: EnterPassword, password: String) -> Result<(), Trouble> {
    let session = portal::sign_in(&state.phone, password).await?;
    ordered::forget_sign_in();
    app.session.set(Some(session));
    app.screen.maybe_update(|screen| {
        let here = matches!(screen, Screen::EnterPassword(_));
        if here {
            *screen = state.signed_in();
        }
        here
    });
    Ok(())
}

/// The panel of signing in, and the check of the workstation beside it.
fn columns(app: App, words: &'static Words, inside: View) -> View {
    el("div")
        .class("columns")
        .child(
            el("section")
                .class("panel")
                .set("aria-labelledby", "heading")
                .child(el("h1").set("id", "heading").class("heading").set("tabindex", "-1").child(words.sign_in()))
                .child(inside),
        )
        .child(checkup::checkup(app, words))
        .view()
}
