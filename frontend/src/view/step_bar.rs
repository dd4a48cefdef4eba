//! The step bar: an ordered list, the current step marked, the finished ones ticked.

use leptos::prelude::*;

use crate::{
    app::App,
    dom::{View, attribute, el, maybe, part},
    wizard::Step,
    words::Words,
};

/// The five steps.
pub fn step_bar(app: App, words: &'static Words) -> View {
    let current = Memo::new(move |_| {
        let row =
            app.screen.with(|screen| if screen.inside() { screen.open() } else { None }).and_then(|id| app.row(id));
        app.screen.with(|screen| screen.step(row.as_ref()))
    });
    let item = move |step: Step| {
        let class = move || match step.cmp(&current.get()) {
            std::cmp::Ordering::Less => "step step--done",
            std::cmp::Ordering::Equal => "step step--current",
            std::cmp::Ordering::Greater => "step",
        };
        let mark = move || (step == current.get()).then_some("step");
        let done =
            part(move || (step < current.get()).then(|| el("span").class("unseen").child(words.step_done()).view()));
        el("li")
            .class(attribute(class))
            .set("aria-current", maybe(mark))
            .child(el("span").class("step__mark").set("aria-hidden", "true"))
            .child(el("span").class("step__name").child(name(words, step)))
            .child(done)
            .view()
    };
    el("nav")
        .class("steps")
        .set("aria-label", words.steps())
        .child(el("ol").class("steps__list").child(Step::ALL.into_iter().map(item).collect::<View>()))
        .view()
}

fn name(words: &'static Words, step: Step) -> &'static str {
    match step {
        Step::SignIn => words.step_sign_in(),
        Step::Choice => words.step_choice(),
        Step::Receiving => words.step_receiving(),
        Step::Installation => words.step_installation(),
        Step::Done => words.step_all_done(),
    }
}
