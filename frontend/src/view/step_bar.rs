//! The step bar: an ordered list, the current step marked, the finished ones ticked.

use leptos::prelude::*;

use crate::{app::App, wizard::Step, words::Words};

/// The five steps.
pub fn step_bar(app: App, words: &'static Words) -> AnyView {
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
        let done = move || (step < current.get()).then(|| view! { <span class="unseen">{words.step_done}</span> });
        view! {
            <li class=class aria-current=mark>
                <span class="step__mark" aria-hidden="true"></span>
                <span class="step__name">{name(words, step)}</span>
                {done}
            </li>
        }
    };
    view! {
        <nav class="steps" aria-label=words.steps>
            <ol class="steps__list">{Step::ALL.map(item).collect_view()}</ol>
        </nav>
    }
    .into_any()
}

fn name(words: &'static Words, step: Step) -> &'static str {
    match step {
        Step::SignIn => words.step_sign_in,
        Step::Choice => words.step_choice,
        Step::Receiving => words.step_receiving,
        Step::Installation => words.step_installation,
        Step::Done => words.step_all_done,
    }
}
