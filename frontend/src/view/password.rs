//! The password from a text message (figures 2, 3 and 9, and revocation): its field, its button, and ordering another.

use std::{pin::Pin, rc::Rc};

use leptos::{prelude::*, task::spawn_local};
use qcert_protocol::portal::PasswordOrdered;
use wasm_bindgen::JsCast;

use super::{notice, pieces};
use crate::{
    app::App,
    browser, countdown,
    dom::{View, el, flag, part, state},
    ordered,
    portal::{self, Asked},
    trouble::Trouble,
    wizard::Screen,
    words::Words,
};

/// What a password is good for.
pub struct Purpose {
    /// The button's class, its text, and its text at work.
    pub button: [&'static str; 3],
    /// Under which key it is kept when another can be ordered.
    pub key: String,
    /// From when another can be ordered (milliseconds since 1970).
    pub deadline: f64,
    /// Is one on its way? Else one is ordered at once.
    pub ordered: bool,
    /// Orders one.
    pub order: Box<dyn Fn() -> Asked<PasswordOrdered>>,
    /// Hands it in; what follows is on screen already when this ends well.
    pub send: Box<dyn Fn(String) -> Asked<()>>,
}

#[derive(Clone, Copy)]
struct Form {
    app: App,
    text: RwSignal<String>,
    error: RwSignal<Option<&'static str>>,
    failed: RwSignal<Option<Trouble>>,
    resent: RwSignal<bool>,
    busy: RwSignal<bool>,
    deadline: RwSignal<f64>,
}

/// The form.
pub fn password(app: App, words: &'static Words, purpose: Purpose) -> View {
    let form = Form {
        app,
        text: RwSignal::new(String::new()),
        error: RwSignal::new(None),
        failed: RwSignal::new(None),
        resent: RwSignal::new(false),
        busy: RwSignal::new(false),
        deadline: RwSignal::new(purpose.deadline),
    };
    let purpose = Rc::new(purpose);
    if !purpose.ordered {
        // Once in a session: the portal remembers it, and answers a second order with the time that is left.
        spawn_local(form.order(purpose.clone(), false));
    }
    let button = purpose.button;
    let again = purpose.clone();
    let submit = move || {
        if form.busy.get_untracked() {
            return;
        }
        let password = form.text.get_untracked();
        if password.len() < 6 {
            form.error.set(Some(words.password_short()));
            return browser::focus("password");
        }
        form.busy.set(true);
        form.failed.set(None);
        form.resent.set(false);
        spawn_local(form.send((purpose.send)(password)));
    };
    View::all([
        el("form")
            .class("form")
            .set("novalidate", "")
            .on_submit(submit)
            .child(field(words, form.text, form.error))
            .child(pieces::submit(move || form.busy.get(), button))
            .view(),
        notice::slot(words, form.failed),
        part(move || form.resent.get().then(|| notice::good(words.resent()))),
        resend(words, form.deadline, move || Box::pin(form.order(again.clone(), true))),
        pieces::call(app, words.no_message()),
    ])
}

impl Form {
    async fn order(self, purpose: Rc<Purpose>, again: bool) {
        self.failed.set(None);
        self.resent.set(false);
        let answer = (purpose.order)().await;
        let wait = match &answer {
            Ok(ordered) => Some(ordered.resend_after_seconds),
            Err(trouble) => trouble.retry_after_seconds,
        };
        if let Some(seconds) = wait {
            self.deadline.try_set(ordered::keep(&purpose.key, seconds));
        }
        match answer {
            Ok(_) if again => {
                self.resent.try_set(true);
                browser::focus("password");
            }
            Ok(_) => {}
            Err(trouble) => drop(self.failed.try_set(self.app.shown(trouble))),
        }
    }

    async fn send(self, sent: Asked<()>) {
        let Err(trouble) = sent.await else { return };
        self.busy.try_set(false);
        self.text.try_set(String::new());
        self.failed.try_set(self.app.shown(trouble));
        browser::focus("password");
        // Another window may have moved the row on.
        if self.app.screen.with_untracked(Screen::inside) {
            portal::live::ask(self.app).await;
        }
    }
}

/// The textbox `Пароль из смс`, with the error beside it.
fn field(words: &'static Words, text: RwSignal<String>, error: RwSignal<Option<&'static str>>) -> View {
    let typed = move |event: web_sys::Event| {
        let Some(input) = event.target().and_then(|target| target.dyn_into::<web_sys::HtmlInputElement>().ok()) else {
            return;
        };
        let digits: String = input.value().chars().filter(char::is_ascii_digit).take(6).collect();
        if digits != input.value() {
            input.set_value(&digits);
        }
        text.set(digits);
        error.set(None);
    };
    browser::focus("password");
    el("div")
        .class("field")
        .child(el("label").class("field__name").set("for", "password").child(words.password()))
        .child(
            el("input")
                .set("id", "password")
                .class("input input--code")
                .set("type", "text")
                .set("inputmode", "numeric")
                .set("autocomplete", "one-time-code")
                .set("spellcheck", "false")
                .text_of_field(text)
                .on("input", typed)
                .set("aria-invalid", state(move || error.get().is_some()))
                .set("aria-describedby", "password-hint password-error"),
        )
        .child(el("p").set("id", "password-hint").class("field__hint").child(words.password_hint()))
        .child(
            el("p")
                .set("id", "password-error")
                .class("field__error")
                .set("role", "alert")
                .child(part(move || error.get())),
        )
        .view()
}

/// `Получить смс повторно`, which opens when its time has come.
fn resend(
    words: &'static Words,
    deadline: RwSignal<f64>,
    order: impl Fn() -> Pin<Box<dyn Future<Output = ()>>> + 'static,
) -> View {
    let time = browser::ticking();
    let busy = RwSignal::new(false);
    let left = Memo::new(move |_| countdown::seconds_left(deadline.get(), time.get()));
    let closed = move || left.get() > 0 || busy.get();
    let press = move || {
        if closed() {
            return;
        }
        busy.set(true);
        let order = order();
        spawn_local(async move {
            order.await;
            busy.try_set(false);
        });
    };
    let waits = Memo::new(move |_| left.get() > 0);
    let countdown = part(move || {
        waits.get().then(|| {
            el("span")
                .class("resend__time")
                .child(words.resend_in())
                .child(" ")
                .child(el("span").set("role", "timer").child(part(move || countdown::minutes(left.get()))))
                .view()
        })
    });
    el("div")
        .class("resend")
        .child(pieces::button("button button--link", words.resend(), press).set("disabled", flag(closed)))
        .child(countdown)
        .view()
}
