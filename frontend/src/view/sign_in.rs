//! Figures 1 to 3: the telephone number, then the password from the text message.

use leptos::{prelude::*, task::spawn_local};
use qcert_protocol::{ErrorCode, holder::Phone};
use wasm_bindgen::JsCast;

use super::{checkup, notice, pieces};
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
        state.session_ended.then(|| el("p").class("notice").set("role", "status").child(words.session_ended).view());
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
    el("div")
        .class("columns")
        .child(
            el("section")
                .class("panel")
                .set("aria-labelledby", "heading")
                .child(el("h1").set("id", "heading").class("heading").set("tabindex", "-1").child(words.sign_in))
                .child(ended)
                .child(el("p").child(words.sign_in_intro))
                .child(
                    el("form")
                        .class("form")
                        .set("novalidate", "")
                        .on_submit(submit)
                        .child(phone_field(words, text, error))
                        .child(pieces::submit(move || busy.get(), words.get_password, words.sending)),
                )
                .child(notice::slot(words, failed))
                .child(el("p").class("aside").child(words.no_message).child(" ").child(pieces::support_phone(app))),
        )
        .child(checkup::checkup(app, words))
        .view()
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
        .child(el("label").class("field__name").set("for", "phone").child(words.phone))
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
        .child(el("p").set("id", "phone-hint").class("field__hint").child(words.phone_hint))
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
    let deadline = RwSignal::new(ordered::sign_in().map_or(0.0, |(_, deadline)| deadline));
    let text = RwSignal::new(String::new());
    let error = RwSignal::new(None);
    let failed = RwSignal::new(None::<Trouble>);
    let resent = RwSignal::new(false);
    let busy = RwSignal::new(false);
    let phone = state.phone.clone();
    let change = {
        let state = state.clone();
        move |_| {
            ordered::forget_sign_in();
            app.screen.set(state.clone().change_number());
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
        spawn_local(sign_in(app, state.clone(), password, busy, text, failed));
    };
    let order = {
        let phone = phone.clone();
        move || order_again(phone.clone(), deadline, resent, failed)
    };
    let sent_to = words::fill(words.sent_to, &phone.pretty());
    el("div")
        .class("columns")
        .child(
            el("section")
                .class("panel")
                .set("aria-labelledby", "heading")
                .child(el("h1").set("id", "heading").class("heading").set("tabindex", "-1").child(words.sign_in))
                .child(
                    el("p").class("given").child(el("span").class("given__value").child(phone.pretty())).child(
                        el("button")
                            .set("type", "button")
                            .class("button button--link")
                            .on("click", change)
                            .child(words.change_number),
                    ),
                )
                .child(el("p").child(sent_to))
                .child(
                    el("form")
                        .class("form")
                        .set("novalidate", "")
                        .on_submit(submit)
                        .child(pieces::password_field(words, text, error))
                        .child(pieces::submit(move || busy.get(), words.enter, words.entering)),
                )
                .child(notice::slot(words, failed))
                .child(part(move || resent.get().then(|| notice::good(words.resent))))
                .child(pieces::resend(words, deadline, order))
                .child(el("p").class("aside").child(words.no_message).child(" ").child(pieces::support_phone(app))),
        )
        .child(checkup::checkup(app, words))
        .view()
}

async fn sign_in(
    app: App,
    state: EnterPassword,
    password: String,
    busy: RwSignal<bool>,
    text: RwSignal<String>,
    failed: RwSignal<Option<Trouble>>,
) {
    let answer = portal::sign_in(&state.phone, password).await;
    match answer {
        Ok(session) => {
            ordered::forget_sign_in();
            app.session.set(Some(session));
            app.screen.maybe_update(|screen| {
                let here = matches!(screen, Screen::EnterPassword(_));
                if here {
                    *screen = state.signed_in();
                }
                here
            });
        }
        Err(trouble) => {
            busy.set(false);
            text.set(String::new());
            failed.set(Some(trouble));
            browser::focus("password");
        }
    }
}

async fn order_again(phone: Phone, deadline: RwSignal<f64>, resent: RwSignal<bool>, failed: RwSignal<Option<Trouble>>) {
    failed.set(None);
    resent.set(false);
    match portal::order_password(&phone).await {
        Ok(ordered) => {
            deadline.set(ordered::keep_sign_in(&phone, ordered.resend_after_seconds));
            resent.set(true);
            browser::focus("password");
        }
        Err(trouble) => {
            if let Some(seconds) = trouble.retry_after_seconds {
                deadline.set(ordered::keep_sign_in(&phone, seconds));
            }
            failed.set(Some(trouble));
        }
    }
}
