//! The check of the workstation, on the first screen.

use leptos::prelude::*;

use crate::{
    app::App,
    checkup::{self, Line},
    words::{self, Words},
};

/// The panel.
pub fn checkup(app: App, words: &'static Words) -> AnyView {
    let names = [words.extension, words.host, words.module, words.token];
    let lines = move || {
        let lines = app.workplace.with(checkup::lines);
        names.into_iter().zip(lines).map(|(name, line)| self::line(words, name, line)).collect_view()
    };
    let note = move || if app.workplace.with(checkup::ready) { words.checkup_ready } else { words.checkup_note };
    view! {
        <section class="panel checkup" aria-labelledby="checkup-title">
            <h2 id="checkup-title" class="panel__title">{words.checkup}</h2>
            <p class="panel__note">{note}</p>
            <ul class="checkup__lines" aria-live="polite">{lines}</ul>
        </section>
    }
    .into_any()
}

fn line(words: &'static Words, name: &'static str, line: Line) -> AnyView {
    let (class, state) = match &line {
        Line::Checking => ("check check--checking", words.line_checking),
        Line::Good(_) => ("check check--good", words.line_good),
        Line::Missing(_) => ("check check--bad", words.line_missing),
        Line::Unknown => ("check", words.line_unknown),
    };
    let more = match line {
        Line::Good(detail) if !detail.is_empty() => Some(view! { <p class="check__more">{detail}</p> }.into_any()),
        Line::Missing(code) => {
            let [what, next] = words::code(words, code);
            Some(view! { <p class="check__more"><b>{what}</b> " " {next}</p> }.into_any())
        }
        _ => None,
    };
    view! {
        <li class=class>
            <span class="check__mark" aria-hidden="true"></span>
            <div class="check__text">
                <span class="check__name">{name}</span> " " <span class="check__state">{state}</span>
                {more}
            </div>
        </li>
    }
    .into_any()
}
