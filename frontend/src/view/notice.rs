//! A trouble, in words: which part failed, what happened, what to do next.

use leptos::prelude::*;

use crate::{
    trouble::Trouble,
    words::{self, Words},
};

/// Shows a trouble.
pub fn trouble(words: &'static Words, trouble: &Trouble) -> AnyView {
    let explanation = words::explain(words, trouble);
    let part = explanation.part.map(|part| view! { <p class="notice__part">{part}</p> });
    view! {
        <div class="notice notice--bad" role="alert">
            {part}
            <p class="notice__what">{explanation.what}</p>
            <p>{explanation.next}</p>
            <p class="notice__detail">{words.for_support} ": " <code>{explanation.detail}</code></p>
        </div>
    }
    .into_any()
}

/// Shows a trouble while there is one.
pub fn slot(words: &'static Words, signal: RwSignal<Option<Trouble>>) -> AnyView {
    (move || signal.with(|known| known.as_ref().map(|known| trouble(words, known)))).into_any()
}

/// Says something that is no trouble.
pub fn good(text: &'static str) -> AnyView {
    view! { <p class="notice notice--good" role="status">{text}</p> }.into_any()
}
