//! The code that was handed over with the application, before its certificate can be requested.

use leptos::prelude::*;
use qcert_protocol::{ErrorCode, portal::ApplicationDetails};
use uuid::Uuid;

use super::text_form::{TextForm, text_form};
use crate::{
    app::App,
    browser,
    dom::{View, el},
    portal,
    words::{self, Words},
};

/// The longest way to write a code: with a space between any two characters.
const MAX_CHARS: usize = 40;

/// The textbox `Код активации`; `details` are those of the activated application then.
pub fn activation(app: App, words: &'static Words, id: Uuid, details: RwSignal<Option<ApplicationDetails>>) -> View {
    let [_, compare] = words::code(words, ErrorCode::ActivationCodeMistyped);
    let form = TextForm {
        id: "code",
        textbox: el("input").set("type", "text").set("autocomplete", "off").set("spellcheck", "false"),
        texts: [words.activation(), words.activation_hint()],
        longest: MAX_CHARS,
        wrong: compare,
        button: ["button button--main", words.activate(), words.entering()],
        send: Box::new(move |code| {
            Box::pin(async move {
                details.try_set(Some(portal::activate(id, code).await?));
                browser::focus("get");
                Ok(())
            })
        }),
    };
    text_form(app, words, form)
}
