//! The check of the workstation, on the first screen.

use leptos::prelude::*;

use crate::{
    app::App,
    checkup::{self, Line},
    dom::{View, el, part},
    words::{self, Words},
};

/// The panel.
pub fn checkup(app: App, words: &'static Words) -> View {
    let names = [words.extension, words.host, words.module, words.token];
    let lines = part(move || {
        let lines = app.workplace.with(checkup::lines);
        names.into_iter().zip(lines).map(|(name, line)| self::line(words, name, line)).collect::<View>()
    });
    let note = part(move || if app.workplace.with(checkup::ready) { words.checkup_ready } else { words.checkup_note });
    el("section")
        .class("panel checkup")
        .set("aria-labelledby", "checkup-title")
        .child(el("h2").set("id", "checkup-title").class("panel__title").child(words.checkup))
        .child(el("p").class("panel__note").child(note))
        .child(el("ul").class("checkup__lines").set("aria-live", "polite").child(lines))
        .view()
}

fn line(words: &'static Words, name: &'static str, line: Line) -> View {
    let (class, state) = match &line {
        Line::Checking => ("check check--checking", words.line_checking),
        Line::Good(_) => ("check check--good", words.line_good),
        Line::Missing(_) => ("check check--bad", words.line_missing),
        Line::Unknown => ("check", words.line_unknown),
    };
    let more = match line {
        Line::Good(detail) if !detail.is_empty() => Some(el("p").class("check__more").child(detail).view()),
        Line::Missing(code) => {
            let [what, next] = words::code(words, code);
            Some(el("p").class("check__more").child(el("b").child(what)).child(" ").child(next).view())
        }
        _ => None,
    };
    el("li")
        .class(class)
        .child(el("span").class("check__mark").set("aria-hidden", "true"))
        .child(
            el("div")
                .class("check__text")
                .child(el("span").class("check__name").child(name))
                .child(" ")
                .child(el("span").class("check__state").child(state))
                .child(more),
        )
        .view()
}
