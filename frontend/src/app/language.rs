//! The language: what a person chose, and the English texts, which are fetched when they are wanted.

use leptos::{prelude::*, task::spawn_local};

use super::App;
use crate::{
    browser::{self, Shelf},
    dom, portal,
    words::{Language, english},
};

const CHOICE: &str = "qcert.language";

/// What the person chose.
pub fn chosen() -> Language {
    Language::of_tag(Shelf::Browser.get(CHOICE).as_deref())
}

/// Fetches what the language lacks. False if it did not come.
pub async fn fetched(language: Language) -> bool {
    language.words().language == language || portal::english_texts().await.is_some_and(english::take)
}

impl App {
    /// `English` or `Русский`: once its texts are here.
    pub fn change_language(self) {
        let other = self.language.get_untracked().other();
        spawn_local(async move {
            let there = fetched(other).await;
            self.no_english.set(!there);
            if there {
                Shelf::Browser.set(CHOICE, other.tag());
                self.language.set(other);
            }
        });
    }

    pub(super) fn follow_language(self) {
        dom::afterwards(Box::new(move || {
            let words = self.language.get().words();
            browser::describe(words.language.tag(), words.title());
        }));
    }
}
