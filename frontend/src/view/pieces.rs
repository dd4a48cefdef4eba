//! Small pieces that several screens share.

use leptos::{ev, prelude::*, task::spawn_local};
use wasm_bindgen::JsCast;

use crate::{
    app::App,
    browser, countdown,
    words::{Language, Words},
};

/// Something is being fetched.
pub fn loading(words: &'static Words) -> AnyView {
    view! {
        <div class="loading" role="status">
            <progress class="bar" aria-hidden="true"></progress>
            <span>{words.loading}</span>
        </div>
    }
    .into_any()
}

/// A screen's heading; it takes the focus, so that a screen reader begins there.
pub fn heading(text: &'static str) -> AnyView {
    browser::focus("heading");
    view! { <h1 id="heading" class="heading" tabindex="-1">{text}</h1> }.into_any()
}

/// The support's telephone, as a link.
pub fn support_phone(app: App) -> AnyView {
    (move || {
        app.configuration.with(|known| {
            known.as_ref().map(|configuration| {
                let phone = configuration.support_phone.clone();
                let digits: String = phone.chars().filter(|c| c.is_ascii_digit() || *c == '+').collect();
                view! { <a class="phone" href=format!("tel:{digits}")>{phone}</a> }
            })
        })
    })
    .into_any()
}

/// `Вернуться к списку`.
pub fn back(app: App, words: &'static Words) -> AnyView {
    let go = move |event: ev::MouseEvent| {
        event.prevent_default();
        app.screen.update(|screen| {
            if let crate::wizard::Screen::Opened(opened) = screen.clone() {
                *screen = opened.back();
            }
        });
    };
    view! { <p class="back"><a href="#/" on:click=go>{words.back}</a></p> }.into_any()
}

/// The skip link moves the focus without touching the address, which names the open application.
pub fn skip(event: ev::MouseEvent) {
    event.prevent_default();
    browser::focus("main");
}

/// A button that shows that it is at work.
pub fn submit(
    busy: impl Fn() -> bool + Send + Sync + Copy + 'static,
    text: &'static str,
    working: &'static str,
) -> AnyView {
    view! {
        <button type="submit" class="button button--main" aria-disabled=move || busy().to_string()>
            {move || if busy() { working } else { text }}
        </button>
    }
    .into_any()
}

/// The textbox `Пароль из смс`, with the error beside it.
pub fn password_field(words: &'static Words, text: RwSignal<String>, error: RwSignal<Option<&'static str>>) -> AnyView {
    let typed = move |event: ev::Event| {
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
    view! {
        <div class="field">
            <label class="field__name" for="password">{words.password}</label>
            <input id="password" class="input input--code" type="text" inputmode="numeric" autocomplete="one-time-code"
                spellcheck="false" prop:value=move || text.get() on:input=typed
                aria-invalid=move || error.get().is_some().to_string()
                aria-describedby="password-hint password-error"/>
            <p id="password-hint" class="field__hint">{words.password_hint}</p>
            <p id="password-error" class="field__error" role="alert">{move || error.get()}</p>
        </div>
    }
    .into_any()
}

/// `Получить смс повторно`, which opens when its time has come.
pub fn resend<W>(
    words: &'static Words,
    deadline: RwSignal<f64>,
    order: impl Fn() -> W + Send + Sync + 'static,
) -> AnyView
where
    W: Future<Output = ()> + 'static,
{
    let time = browser::ticking();
    let busy = RwSignal::new(false);
    let left = Memo::new(move |_| countdown::seconds_left(deadline.get(), time.get()));
    let closed = move || left.get() > 0 || busy.get();
    let click = move |_| {
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
    let countdown = move || {
        waits.get().then(|| {
            view! {
                <span class="resend__time">
                    {words.resend_in} " " <span role="timer">{move || countdown::minutes(left.get())}</span>
                </span>
            }
        })
    };
    view! {
        <div class="resend">
            <button type="button" class="button button--link" disabled=closed on:click=click>{words.resend}</button>
            {countdown}
        </div>
    }
    .into_any()
}

/// A date as people write it.
pub fn date(words: &'static Words, at: time::OffsetDateTime) -> String {
    let (year, month, day) = (at.year(), u8::from(at.month()), at.day());
    match words.language {
        Language::Russian => format!("{day:02}.{month:02}.{year}"),
        Language::English => format!("{year}-{month:02}-{day:02}"),
    }
}
