//! One application: the server's state chooses the screen.

use leptos::prelude::*;

use super::{closed, confirmation, data, installation, installed, notice, pieces, waiting};
use crate::{
    app::App,
    dom::{View, el, part},
    preparation::Preparation,
    wizard::{self, Opened, Stage},
    words::Words,
};

/// The screen of an application.
pub fn opened(app: App, words: &'static Words, state: Opened) -> View {
    let id = state.id;
    // A row may change without changing its screen: what was typed there stays.
    let same = |before: Option<&Option<Stage>>, now: Option<&Option<Stage>>| match (before, now) {
        (Some(Some(Stage::Confirm(before))), Some(Some(Stage::Confirm(now)))) => before.id != now.id,
        (Some(Some(Stage::Install(before, _))), Some(Some(Stage::Install(now, _)))) => before.id != now.id,
        (before, now) => before != now,
    };
    let stage = Memo::new_with_compare(move |_| app.row(id).as_ref().map(wizard::stage), same);
    // What another application left unfinished is not this one's.
    app.preparation.maybe_update(|(other, preparation)| {
        let new = *other != id && matches!(preparation, Preparation::Idle | Preparation::Failed(_));
        if new {
            *other = id;
            *preparation = Preparation::Idle;
        }
        new
    });
    let unknown = Memo::new(move |_| app.rows.with(Option::is_none));
    part(move || {
        let (stage, unknown) = (stage.get(), unknown.get());
        untrack(|| match stage {
            Some(Stage::CheckData) => data::data(app, words, id),
            Some(Stage::Confirm(request)) => confirmation::confirmation(app, words, request),
            Some(Stage::Waiting(state)) => waiting::waiting(app, words, id, state),
            Some(Stage::Install(request, certificate)) => {
                installation::installation(app, words, id, request, certificate)
            }
            Some(Stage::Installed(certificate)) => installed::installed(app, words, id, certificate),
            Some(Stage::Closed(state)) => closed::closed(app, words, id, state),
            None if unknown => pieces::loading(words),
            None => missing(app, words),
        })
    })
}

fn missing(app: App, words: &'static Words) -> View {
    el("section").class("panel").child(pieces::back(app, words)).child(notice::good(words.not_found())).view()
}
