//! The check of the workstation: a panel on the first screen, and a page of its own with every part.

use js_sys::JSON;
use leptos::{prelude::*, task::spawn_local};
use qcert_protocol::{ErrorCode, code::Part};

use super::{pieces, report};
use crate::{
    app::App,
    browser::{self, Beside},
    checkup::{self, Entry, Line, State},
    dom::{self, View, el, part},
    portal, told, user_agent,
    words::Words,
    workstation,
};

/// How often the page of the check looks again, in milliseconds.
const LOOK_MS: i32 = 3_000;

/// Every how many of these looks the portal is asked for its time.
const CLOCK_LOOKS: u32 = 10;

/// The panel.
pub fn checkup(app: App, words: &'static Words) -> View {
    let entries = move || {
        let lines = app.workplace.with(checkup::lines);
        checkup::OF_THE_FIRST_SCREEN
            .into_iter()
            .zip(lines)
            .map(|(part, line)| Entry::of(words, part, line))
            .collect::<Vec<_>>()
    };
    let note =
        part(move || if app.workplace.with(checkup::ready) { words.checkup_ready() } else { words.checkup_note() });
    el("section")
        .class("panel checkup")
        .set("aria-labelledby", "checkup-title")
        .child(el("h2").set("id", "checkup-title").class("panel__title").child(words.checkup()))
        .child(el("p").class("panel__note").child(note))
        .child(list(app, words, Box::new(entries)))
        .child(el("p").child(el("a").set("href", Beside::Check.address()).child(words.check_all())))
        .view()
}

/// The page.
pub fn page(app: App, words: &'static Words) -> View {
    let told = RwSignal::new(String::new());
    let clock = RwSignal::new(None::<String>);
    spawn_local(keep_looking(app, told, clock));
    // What is plugged in or pulled out is shown at once.
    dom::afterwards(Box::new(move || {
        app.workplace.track();
        spawn_local(diagnose(app, told));
    }));
    let entries = move || entries(app, words, told, clock);
    let note = part(move || if checkup::suffices(&entries()) { words.checkup_ready() } else { words.checkup_note() });
    let reading = RwSignal::new(false);
    let report =
        part(move || reading.get().then(|| report::report(words, untrack(entries), move || reading.set(false))));
    el("section")
        .class("panel checkup")
        .set("aria-labelledby", "heading")
        .child(pieces::heading(words.checkup()))
        .child(el("p").child(note).child(" ").child(words.check_watches()))
        .child(list(app, words, Box::new(entries)))
        .child(
            el("div")
                .class("checkup__buttons")
                .child(pieces::button("button button--main", words.report(), move || reading.set(true)))
                .child(pieces::button("button", words.close(), move || app.leave_beside())),
        )
        .child(report)
        .view()
}

/// All parts, in the order from the browser to the clock. Those behind the host are the host's to judge, if it is there
/// and knows how: one of protocol 1.0 does not.
#[inline(never)]
fn entries(app: App, words: &'static Words, told: RwSignal<String>, clock: RwSignal<Option<String>>) -> Vec<Entry> {
    let (name, supported) = user_agent::browser(&browser::user_agent());
    let here = if supported { Line::Good(name) } else { Line::Doubtful(name, ErrorCode::BrowserUnsupported) };
    let clock = match clock.get() {
        None => Line::Checking,
        Some(ahead) if ahead.is_empty() => Line::Good(ahead),
        Some(ahead) => Line::Doubtful(ahead, ErrorCode::ClockWrong),
    };
    let lines = app.workplace.with(checkup::lines);
    let mut all = vec![Entry::of(words, "browser", here)];
    all.extend(checkup::OF_THE_FIRST_SCREEN.into_iter().zip(lines).map(|(part, line)| Entry::of(words, part, line)));
    if let Ok(told) = JSON::parse(&told.get()) {
        all.truncate(3);
        all[2].subject += &[", ", &told::program(&told)].concat();
        all.extend(told::entries(words, &told));
    }
    all.push(Entry::of(words, "clock", clock));
    all
}

/// Until the page is left, which is when its signals are gone.
async fn keep_looking(app: App, told: RwSignal<String>, clock: RwSignal<Option<String>>) {
    for look in 0_u32.. {
        if look % CLOCK_LOOKS == 0 {
            let asked = browser::now();
            if let Ok(configuration) = portal::configuration().await {
                // The answer's time is that of some moment in between.
                let here = (asked + browser::now()) / 2000.0;
                clock.try_set(Some(checkup::clock(here as i64 - configuration.now.unix_timestamp())));
            }
        }
        diagnose(app, told).await;
        if told.is_disposed() {
            return;
        }
        browser::sleep(LOOK_MS).await;
    }
}

async fn diagnose(app: App, told: RwSignal<String>) {
    let connected = app.workplace.with_untracked(|workplace| workplace.tokens().is_ok());
    let answer = if connected { workstation::diagnose(true, false).await.ok() } else { None };
    let text = answer.and_then(|answer| JSON::stringify(&answer).ok()).map(String::from).unwrap_or_default();
    if told.try_with_untracked(|told| *told != text).unwrap_or_default() {
        told.set(text);
    }
}

#[inline(never)]
fn list(app: App, words: &'static Words, entries: Box<dyn Fn() -> Vec<Entry>>) -> View {
    let lines = part(move || entries().into_iter().map(|one| entry(app, words, one)).collect::<View>());
    el("ul").class("checkup__lines").set("aria-live", "polite").child(lines).view()
}

#[inline(never)]
fn entry(app: App, words: &'static Words, entry: Entry) -> View {
    let (class, state) = match entry.state {
        State::Ok => ("check check--good", words.line_good()),
        State::Warning => ("check check--warn", words.line_warning()),
        State::Missing => ("check check--bad", words.line_missing()),
        State::Checking => ("check check--checking", words.line_checking()),
        State::Unknown => ("check", words.line_unknown()),
    };
    let paragraph = || el("p").class("check__more");
    let [what, next] = entry.advice;
    let subject = (!entry.subject.is_empty()).then(|| paragraph().child(entry.subject));
    let advice = (!what.is_empty()).then(|| paragraph().child(el("b").child(what)).child(" ").child(next));
    let links = match (entry.state, entry.code) {
        (State::Missing, Some(code)) => links(app, words, code),
        _ => View::nothing(),
    };
    el("li")
        .class(class)
        .child(el("span").class("check__mark").set("aria-hidden", "true"))
        .child(
            el("div")
                .class("check__text")
                .child(el("span").class("check__name").child(checkup::name(words, entry.part)))
                .child(" ")
                .child(el("span").class("check__state").child(state))
                .child(subject)
                .child(advice)
                .child(links),
        )
        .view()
}

/// The packages that put this right, or who has them.
fn links(app: App, words: &'static Words, code: ErrorCode) -> View {
    let of_host = match code.part() {
        Part::Extension => false,
        Part::Host => true,
        _ => return View::nothing(),
    };
    let inside = part(move || {
        app.configuration.with(|known| {
            let links = known.as_ref().map(|known| user_agent::links(&browser::user_agent(), &known.packages, of_host));
            let links = links.into_iter().flatten().flatten();
            let links: Vec<View> = links.map(|(name, link)| package(words, name, link)).collect();
            if links.is_empty() { words.ask_administrator().into() } else { links.into_iter().collect::<View>() }
        })
    });
    el("p").class("check__more").child(inside).view()
}

fn package(words: &'static Words, name: &'static str, link: &str) -> View {
    let text = [words.download(), name].join(" ");
    el("a").class("check__package").set("href", link.to_owned()).child(text).view()
}
