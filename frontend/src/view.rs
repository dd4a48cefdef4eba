//! The views: one module per screen or dialog. No rule of the business lives here.
//!
//! A view takes its texts when it is built; a change of language builds all of them again.

mod activation;
mod carrier;
mod checkup;
mod choice;
mod closed;
mod confirmation;
mod containers;
mod data;
pub mod dialog;
mod frame;
mod installation;
mod installed;
mod mistake;
mod notice;
mod opened;
mod password;
mod pieces;
mod preparation;
mod question;
mod renewal;
mod report;
mod revocation;
pub mod sensor;
mod sign_in;
mod step_bar;
mod text_form;
mod waiting;

use leptos::prelude::*;
use wasm_bindgen_futures::spawn_local;

use crate::{
    app::{App, language},
    browser::Beside,
    dom::{self, View, part},
    wizard::Screen,
    words::Words,
};

/// Puts the wizard into the document, in the language that was chosen.
pub fn mount() {
    let Some(body) = document().body() else { return };
    spawn_local(async move {
        let there = language::fetched(language::chosen()).await;
        let owner = dom::mount(&body, || {
            let app = App::new();
            app.no_english.set(!there);
            app.start();
            page(app)
        });
        // It lives as long as the page.
        std::mem::forget(owner);
    });
}

/// The whole page.
pub fn page(app: App) -> View {
    part(move || {
        let words = app.language.get().words();
        frame::frame(app, words, move || screen(app, words))
    })
}

fn screen(app: App, words: &'static Words) -> View {
    if let Some(beside) = app.beside.get() {
        return untrack(|| match beside {
            Beside::Check => checkup::page(app, words),
            Beside::Containers => containers::page(app, words),
        });
    }
    let screen = app.screen.get();
    // What a screen reads while it is built is not what it depends on.
    untrack(|| match screen {
        Screen::Starting(_) => pieces::loading(words),
        Screen::EnterPhone(state) => sign_in::phone(app, words, state),
        Screen::EnterPassword(state) => sign_in::password(app, words, state),
        Screen::List(list) => choice::choice(app, words, list),
        Screen::Opened(state) => opened::opened(app, words, state),
    })
}
