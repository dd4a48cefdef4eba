//! From `Получить сертификат` to the uploaded request: the button, and the dialogs one after the other.

use leptos::{prelude::*, task::spawn_local};
use qcert_protocol::{
    Base64, ContainerName, ErrorCode,
    portal::{ApplicationDetails, RequestUpload},
    workstation::{Container, CreateRequest, CreatedRequest, OldKey, RemoveKeyPair, RenewRequest, RequestAgain, Token},
};

use super::{carrier, dialog, notice, pieces, question, sensor};
use crate::{
    app::App,
    browser,
    dom::{View, el, flag, part},
    portal,
    preparation::{self, Making, NotUploaded, Pair, Preparation, Uploading},
    trouble::Trouble,
    wizard::{Opened, Screen},
    words::{self, Words},
    workstation,
};

/// `Получить сертификат` and what follows from it.
pub fn begin(app: App, words: &'static Words, details: ApplicationDetails) -> View {
    let id = details.row.id;
    let press = move || {
        let (whose, preparation) = app.preparation.get_untracked();
        if whose == id || matches!(preparation, Preparation::Idle | Preparation::Failed(_)) {
            app.preparation.set((id, preparation.begin()));
        } else {
            // A key pair of another application waits for its upload: that comes first.
            app.screen.set(Screen::Opened(Opened { id: whose }));
        }
    };
    let stage = Memo::new(move |_| app.preparation.get());
    let shown = part(move || match stage.get() {
        (whose, _) if whose != id => View::nothing(),
        (_, Preparation::Idle) => View::nothing(),
        (_, Preparation::Failed(trouble)) => notice::trouble(words, &trouble),
        (_, Preparation::Choosing(state)) => carrier::carrier(app, words, details.clone(), state),
        (_, Preparation::Sensing(state)) => {
            let details = details.clone();
            sensor::sensor(app, words, state, move |state| make(app, details.clone(), state))
        }
        (_, Preparation::Making(Making { pair: Pair::New(_), .. })) => {
            waiting_for_window(app, words, words.pin_window())
        }
        (_, Preparation::Making(_)) => waiting_for_window(app, words, words.request()),
        (_, Preparation::Uploading(_)) => uploading(words),
        (_, Preparation::NotUploaded(state)) => not_uploaded(app, words, details.clone(), state),
    });
    el("div")
        .class("begin")
        .child(el("p").child(words.insert_and_press()))
        .child(pieces::button("button button--main button--large", words.get_certificate(), press).set("id", "get"))
        .child(shown)
        .view()
}

fn go(app: App, next: Preparation) {
    app.preparation.update(|(_, preparation)| *preparation = next);
}

/// Figure 8, seen from the page: the extension's window asks, the page waits and tells what happens. It begins where
/// the state is entered and not where it is shown, for a view may be built twice.
fn make(app: App, details: ApplicationDetails, state: Making) {
    app.progress.set(None);
    go(app, Preparation::Making(state.clone()));
    spawn_local(async move {
        match create(app, &details, &state).await {
            Ok(created) => upload(app, details, state.made(created)),
            Err(trouble) => go(app, state.failed(trouble)),
        }
    });
}

async fn create(app: App, details: &ApplicationDetails, state: &Making) -> Result<CreatedRequest, Trouble> {
    let (token, container) = (state.token.id.clone(), state.container.clone());
    let common_name = details.data.common_name();
    let sensor = match &state.pair {
        Pair::New(sensor) => Base64(sensor.clone()),
        Pair::Left(key_id) => {
            let params = RequestAgain { token, container, key_id: key_id.clone(), common_name };
            return app.operate(workstation::request_again(&params)).await;
        }
    };
    let algorithm = app.configuration.with_untracked(|known| known.as_ref().map(|known| known.key_algorithm));
    let algorithm = algorithm.ok_or(ErrorCode::PortalUnavailable)?;
    let operation = match preparation::vouching(details) {
        Some(old) => {
            let renews = OldKey { key_id: old.key_id.clone(), nonce: old.nonce.clone() };
            workstation::renew_request(&RenewRequest { token, container, common_name, algorithm, sensor, renews })
        }
        None => workstation::create_request(&CreateRequest { token, container, common_name, algorithm, sensor }),
    };
    app.operate(operation).await
}

/// `продолжить`, beside a pair that an earlier try left on a token: the request is made by it.
pub fn finish(app: App, details: ApplicationDetails, token: Token, orphan: &Container) {
    let Some(container) = ContainerName::parse(&orphan.label) else { return };
    let id = details.row.id;
    let (whose, preparation) = app.preparation.get_untracked();
    match preparation.begin() {
        Preparation::Choosing(choosing) => {
            app.preparation.set((id, Preparation::Idle));
            browser::go_to(&id.to_string());
            make(app, details, choosing.finish(token, container, orphan.key_id.clone()));
        }
        // A key pair waits for its upload: that comes first.
        _ => browser::go_to(&whose.to_string()),
    }
}

fn upload(app: App, details: ApplicationDetails, state: Uploading) {
    go(app, Preparation::Uploading(state.clone()));
    spawn_local(async move {
        let request = RequestUpload {
            certification_request: state.created.certification_request.clone(),
            container: state.container.clone(),
            token: state.created.token.clone(),
            proof: state.created.proof.clone(),
        };
        match portal::upload(details.row.id, &request).await {
            Ok(row) => {
                go(app, state.taken());
                app.take_row(row);
            }
            Err(trouble) => {
                let ended = trouble.code == ErrorCode::SessionRequired;
                go(app, state.refused(trouble));
                // The request stays in this page's memory: after signing in again it can be sent.
                if ended {
                    app.session_ended();
                }
            }
        }
    });
}

/// While the extension's window is open: what it waits for, what the token does, and a way out.
pub fn waiting_for_window(app: App, words: &'static Words, title: &'static str) -> View {
    let cancelling = RwSignal::new(false);
    let cancel = move || {
        if let Some(operation) = app.operation.get_untracked() {
            cancelling.set(true);
            workstation::cancel(operation);
        }
    };
    let told = part(move || if cancelling.get() { words.cancelling() } else { words.cancel() });
    let stage = part(move || app.progress.get().map_or(words.pin_enter(), |stage| words::progress(words, stage)));
    let body = View::all([
        el("p").class("stage").set("role", "status").child(stage).view(),
        el("progress").class("bar").set("aria-label", title).view(),
        el("p").class("aside").child(words.pin_safe()).view(),
        el("div")
            .class("dialog__buttons")
            .child(pieces::button("button", told, cancel).set("disabled", flag(move || cancelling.get())))
            .view(),
    ]);
    dialog::dialog(title, "", cancel, body)
}

fn uploading(words: &'static Words) -> View {
    let body = View::all([
        el("p").class("stage").set("role", "status").child(words.uploading()).view(),
        el("progress").class("bar").set("aria-label", words.uploading()).view(),
    ]);
    dialog::dialog(words.request(), "", || {}, body)
}

fn not_uploaded(app: App, words: &'static Words, details: ApplicationDetails, state: NotUploaded) -> View {
    let busy = RwSignal::new(false);
    let failed = RwSignal::new(None::<Trouble>);
    let retry = {
        let state = state.clone();
        move || upload(app, details.clone(), state.clone().retry())
    };
    let trouble = notice::trouble(words, &state.trouble);
    let remove = move || {
        busy.set(true);
        failed.set(None);
        let state = state.clone();
        spawn_local(async move {
            let params =
                RemoveKeyPair { token: state.kept.token.id.clone(), key_id: state.kept.created.key_id.clone() };
            let ended = match workstation::remove_key_pair(&params) {
                Ok(operation) => operation.end().await.map(drop),
                Err(trouble) => Err(trouble),
            };
            busy.set(false);
            match ended {
                Ok(()) => go(app, state.removed()),
                // It is not there any more: removed by hand, or the token was cleared.
                Err(trouble) if trouble.code == ErrorCode::KeyNotFound => go(app, state.removed()),
                Err(trouble) => failed.set(Some(trouble)),
            }
        });
    };
    let body = View::all([
        trouble,
        el("p").child(words.not_uploaded_next()).view(),
        part(move || busy.get().then(|| el("p").set("role", "status").child(words.removing()).view())),
        notice::slot(words, failed),
        question::answers(
            busy,
            pieces::button("button button--main", words.send_again(), retry),
            pieces::button("button", words.remove_pair(), remove),
        ),
    ]);
    dialog::dialog(words.not_uploaded(), "", || {}, body)
}
