//! `продлить`: another certificate in the place of one that ends soon.

use leptos::{prelude::*, task::spawn_local};
use uuid::Uuid;

use super::{notice, pieces};
use crate::{
    app::App,
    dom::{View, el, flag},
    portal,
    trouble::Trouble,
    words::Words,
};

/// The button; the new application's screen follows.
pub fn renewal(app: App, words: &'static Words, old: Uuid) -> View {
    let busy = RwSignal::new(false);
    let failed = RwSignal::new(None::<Trouble>);
    let press = move || {
        busy.set(true);
        failed.set(None);
        spawn_local(async move {
            match portal::renew(old).await {
                Ok(row) => {
                    let id = row.id;
                    app.take_row(row);
                    app.screen.update(|screen| *screen = screen.clone().renewing(id));
                }
                Err(trouble) => {
                    busy.try_set(false);
                    failed.try_set(app.shown(trouble));
                }
            }
        });
    };
    // In the list it stands inside a row, which opens what is renewed.
    el("div")
        .on("click", |event| event.stop_propagation())
        .child(
            pieces::button("button button--main", words.action_renew(), press)
                .set("disabled", flag(move || busy.get())),
        )
        .child(notice::slot(words, failed))
        .view()
}
