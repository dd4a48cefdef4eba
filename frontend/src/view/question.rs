//! A dialog that asks before something is done that cannot be taken back.

use leptos::{prelude::*, task::spawn_local};
use qcert_protocol::portal::ApplicationRow;

use super::{dialog, notice, pieces};
use crate::{
    app::App,
    dom::{Build, View, el, flag, part},
    portal::Asked,
    trouble::Trouble,
    words::Words,
};

/// What is asked, and how it stands.
#[derive(Clone, Copy)]
pub struct Question {
    app: App,
    open: RwSignal<bool>,
    busy: RwSignal<bool>,
    failed: RwSignal<Option<Trouble>>,
}

impl Question {
    /// Nobody has asked yet.
    pub fn new(app: App) -> Self {
        Self { app, open: RwSignal::new(false), busy: RwSignal::new(false), failed: RwSignal::new(None) }
    }

    /// The button that asks it.
    pub fn button(self, text: &'static str) -> Build {
        pieces::button("button button--link", text, move || {
            self.failed.set(None);
            self.open.set(true);
        })
    }

    /// The dialog while it is open: what is asked, the two answers, and what the first one does. The screen follows
    /// the row that the portal answers with.
    pub fn dialog(
        self,
        words: &'static Words,
        [yes, no]: [&'static str; 2],
        body: impl Fn() -> View + 'static,
        act: impl Fn() -> Asked<ApplicationRow> + 'static,
    ) -> View {
        let act = std::rc::Rc::new(act);
        part(move || {
            let act = act.clone();
            self.open.get().then(|| {
                let leave = move || {
                    if !self.busy.get_untracked() {
                        self.open.set(false);
                    }
                };
                let body = View::all([
                    body(),
                    part(move || self.busy.get().then(|| el("progress").class("bar").set("aria-label", yes).view())),
                    notice::slot(words, self.failed),
                    answers(
                        self.busy,
                        pieces::button("button button--bad", yes, move || self.act(act())),
                        pieces::button("button", no, leave),
                    ),
                ]);
                dialog::dialog(yes, "", leave, body)
            })
        })
    }

    fn act(self, acting: Asked<ApplicationRow>) {
        self.busy.set(true);
        self.failed.set(None);
        spawn_local(async move {
            match acting.await {
                Ok(row) => self.app.take_row(row),
                Err(trouble) => {
                    self.busy.try_set(false);
                    self.failed.try_set(self.app.shown(trouble));
                }
            }
        });
    }
}

/// The two buttons of a dialog; neither can be pressed while one of them is at work.
pub fn answers(busy: RwSignal<bool>, yes: Build, no: Build) -> View {
    el("div")
        .class("dialog__buttons")
        .child(yes.set("disabled", flag(move || busy.get())))
        .child(no.set("disabled", flag(move || busy.get())))
        .view()
}
