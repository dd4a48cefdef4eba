//! Small pieces that several screens share.

use leptos::prelude::*;

use crate::{
    app::App,
    browser,
    dom::{Build, View, el, part, state},
    words::{Language, Words},
};

/// Something is being fetched.
pub fn loading(words: &'static Words) -> View {
    el("div")
        .class("loading")
        .set("role", "status")
        .child(el("progress").class("bar").set("aria-hidden", "true"))
        .child(el("span").child(words.loading()))
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
    el("p").class("back").child(el("a").set("href", "#/").on("click", go).child(words.back())).view()
}

/// The skip link moves the focus without touching the address, which names the open application.
pub fn skip(event: web_sys::Event) {
    event.prevent_default();
    browser::focus("main");
}

/// A form's button that shows that it is at work: its class, its text, and its text at work.
pub fn submit(busy: impl Fn() -> bool + Copy + 'static, [class, text, working]: [&'static str; 3]) -> View {
    el("button")
        .set("type", "submit")
        .class(class)
        .set("aria-disabled", state(busy))
        .child(part(move || if busy() { working } else { text }))
        .view()
}

/// A button that does what it says at once.
pub fn button(class: &'static str, text: impl Into<View>, press: impl Fn() + 'static) -> Build {
    plain_button(class, text.into(), Box::new(press))
}

#[inline(never)]
fn plain_button(class: &'static str, text: View, press: Box<dyn Fn()>) -> Build {
    el("button").set("type", "button").class(class).on("click", move |_| press()).child(text)
}

/// The panel of an open application: the way back, the heading, and what follows.
#[inline(never)]
pub fn panel(app: App, words: &'static Words, text: &'static str) -> Build {
    el("section").class("panel").set("aria-labelledby", "heading").child(back(app, words)).child(heading(text))
}

/// Names and what stands beside them.
#[inline(never)]
pub fn pairs(pairs: Vec<(&'static str, String)>) -> View {
    let pairs = pairs
        .into_iter()
        .map(|(name, value)| {
            el("div").class("pair").child(el("dt").child(name)).child(el("dd").class("number").child(value)).view()
        })
        .collect::<View>();
    el("dl").class("pairs").child(pairs).view()
}

/// A sentence, and the support's telephone.
#[inline(never)]
pub fn call(app: App, text: &'static str) -> View {
    el("p").class("aside").child(text).child(" ").child(support_phone(app)).view()
}

/// A date as people write it.
pub fn date(words: &'static Words, at: time::OffsetDateTime) -> String {
    day(words, &written(at, 0.0))
}

/// A moment as people write it, by this computer's clock.
pub fn moment(words: &'static Words, at: time::OffsetDateTime) -> String {
    let here = js_sys::Date::new(&(at.unix_timestamp() as f64 * 1000.0).into());
    let written = written(at, here.get_timezone_offset());
    [&day(words, &written), ", ", written.get(11..16).unwrap_or_default()].concat()
}

/// As `2026-11-22T19:13:00.000Z`, so many minutes behind UTC, by the browser's calendar.
fn written(at: time::OffsetDateTime, behind: f64) -> String {
    let milliseconds = (at.unix_timestamp() as f64 - behind * 60.0) * 1000.0;
    js_sys::Date::new(&milliseconds.into()).to_iso_string().into()
}

fn day(words: &'static Words, written: &str) -> String {
    let part = |range| written.get(range).unwrap_or_default();
    match words.language {
        Language::Russian => [part(8..10), ".", part(5..7), ".", part(0..4)].concat(),
        Language::English => part(0..10).to_owned(),
    }
}
