//! Small pieces that several screens share.

use leptos::{prelude::*, task::spawn_local};
use wasm_bindgen::JsCast;

use crate::{
    app::App,
    browser, countdown,
    dom::{View, el, flag, part, state},
    words::{Language, Words},
};

/// Something is being fetched.
pub fn loading(words: &'static Words) -> View {
    el("div")
        .class("loading")
        .set("role", "status")
        .child(el("progress").class("bar").set("aria-hidden", "true"))
        .child(el("span").child(words.loading))
        .view()
}

/// A screen's heading; it takes the focus, so that a screen reader begins there.
pub fn heading(text: &'static str) -> View {
    browser::focus("heading");
    el("h1").set("id", "heading").class("heading").set("tabindex", "-1").child(text).view()
}

/// The support's telephone, as a link.
pub fn support_phone(app: App) -> View {
    part(move || {
        app.configuration.with(|known| {
            known.as_ref().map(|configuration| {
                let phone = configuration.support_phone.clone();
                let digits: String = phone.chars().filter(|c| c.is_ascii_digit() || *c == '+').collect();
                el("a").class("phone").set("href", format!("tel:{digits}")).child(phone).view()
            })
        })
    })
}

/// `Вернуться к списку`.
pub fn back(app: App, words: &'static Words) -> View {
    let go = move |event: web_sys::Event| {
        event.prevent_default();
        app.screen.update(|screen| {
            if let crate::wizard::Screen::Opened(opened) = screen.clone() {
                *screen = opened.back();
            }
        });
    };
    el("p").class("back").child(el("a").set("href", "#/").on("click", go).child(words.back)).view()
}

/// The skip link moves the focus without touching the address, which names the open application.
pub fn skip(event: web_sys::Event) {
    event.prevent_default();
    browser::focus("main");
}

/// A button that shows that it is at work.
pub fn submit(
    busy: impl Fn() -> bool + Send + Sync + Copy + 'static,
    text: &'static str,
    working: &'static str,
) -> View {
    el("button")
        .set("type", "submit")
        .class("button button--main")
        .set("aria-disabled", state(busy))
        .child(part(move || if busy() { working } else { text }))
        .view()
}

/// The textbox `Пароль из смс`, with the error beside it.
pub fn password_field(words: &'static Words, text: RwSignal<String>, error: RwSignal<Option<&'static str>>) -> View {
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
        .child(el("label").class("field__name").set("for", "password").child(words.password))
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
        .child(el("p").set("id", "password-hint").class("field__hint").child(words.password_hint))
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
pub fn resend<W>(words: &'static Words, deadline: RwSignal<f64>, order: impl Fn() -> W + Send + Sync + 'static) -> View
where
    W: Future<Output = ()> + 'static,
{
    let time = browser::ticking();
    let busy = RwSignal::new(false);
    let left = Memo::new(move |_| countdown::seconds_left(deadline.get(), time.get()));
    let closed = move || left.get() > 0 || busy.get();
    let press = move |_| {
        if closed() {
            return;
        }
        busy.set(true);
        let order = order();
        spawn_local(async move {
            order.await;
            busy.set(false);
        });
    };
    let waits = Memo::new(move |_| left.get() > 0);
    let countdown = part(move || {
        waits.get().then(|| {
            el("span")
                .class("resend__time")
                .child(words.resend_in)
                .child(" ")
                .child(el("span").set("role", "timer").child(part(move || countdown::minutes(left.get()))))
                .view()
        })
    });
    el("div")
        .class("resend")
        .child(
            el("button")
                .set("type", "button")
                .class("button button--link")
                .set("disabled", flag(closed))
                .on("click", press)
                .child(words.resend),
        )
        .child(countdown)
        .view()
}

/// A date as people write it.
pub fn date(words: &'static Words, at: time::OffsetDateTime) -> String {
    let (year, month, day) = (at.year(), u8::from(at.month()), at.day());
    match words.language {
        Language::Russian => format!("{day:02}.{month:02}.{year}"),
        Language::English => format!("{year}-{month:02}-{day:02}"),
    }
}
