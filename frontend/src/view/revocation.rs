//! A holder has the certificate revoked: the reason, then the password that confirms exactly that.

use leptos::{prelude::*, task::spawn_local};
use qcert_protocol::portal::{CertificateView, RevocationReason};
use uuid::Uuid;

use super::{
    dialog, notice,
    password::{self, Purpose},
    pieces,
};
use crate::{
    app::App,
    browser,
    dom::{View, el, flag, part},
    ordered, portal,
    revocation::{Choosing, Ordering, Revocation, Shown},
    words::{self, Words},
};

type State = RwSignal<Revocation>;

/// The button, and the dialog that it opens.
pub fn revocation(app: App, words: &'static Words, certificate: &CertificateView) -> View {
    let state = State::new(Revocation::Idle);
    let shown = Memo::new(move |_| state.with(Revocation::shown));
    let begin = move || state.update(|state| *state = state.clone().begin());
    let leave = move || {
        let _ = state.try_update(|state| *state = state.clone().leave());
    };
    let (id, serial) = (certificate.id, certificate.serial.clone());
    let content = part(move || {
        let content = match shown.get() {
            Shown::Nothing => return View::nothing(),
            Shown::Reasons => untrack(|| reasons(app, words, id, state)),
            Shown::Password(reason) => untrack(|| password(app, words, id, &serial, reason)),
        };
        let cancel = pieces::button("button", words.cancel(), leave);
        let buttons = el("div").class("dialog__buttons").child(cancel).view();
        dialog::dialog(words.revoke(), "", leave, View::all([content, buttons]))
    });
    View::all([
        el("p")
            .class("aside")
            .child(words.revoke_why())
            .child(" ")
            .child(pieces::button("button button--link", words.revoke(), begin))
            .view(),
        content,
    ])
}

fn reasons(app: App, words: &'static Words, certificate: Uuid, state: State) -> View {
    let missing = RwSignal::new(false);
    let busy = move || state.with(|state| matches!(state, Revocation::Ordering(_)));
    let submit = move || {
        let Revocation::Choosing(choosing) = state.get_untracked() else { return };
        match choosing.order() {
            Some(ordering) => order(app, certificate, state, ordering),
            None => {
                missing.set(true);
                browser::focus("keyCompromise");
            }
        }
    };
    let chosen = move |reason| {
        missing.set(false);
        state.update(|state| {
            if let Revocation::Choosing(_) = state {
                *state = Revocation::Choosing(Choosing::chosen(reason));
            }
        });
    };
    let options = RevocationReason::OF_HOLDER
        .into_iter()
        .map(|reason| {
            el("label")
                .class("reason")
                .child(
                    el("input")
                        .set("type", "radio")
                        .set("name", "reason")
                        .set("id", reason.as_str())
                        .on("change", move |_| chosen(reason)),
                )
                .child(el("span").child(words::revocation(words, reason)))
                .view()
        })
        .collect::<View>();
    let trouble = part(move || {
        state.with(|state| match state {
            Revocation::Choosing(Choosing { trouble: Some(trouble), .. }) => Some(notice::trouble(words, trouble)),
            _ => None,
        })
    });
    View::all([
        el("p").class("notice notice--bad").child(words.revoke_warning()).view(),
        el("form")
            .class("form")
            .set("novalidate", "")
            .on_submit(submit)
            .child(
                el("fieldset")
                    .class("reasons")
                    .set("aria-describedby", "reason-error")
                    .set("disabled", flag(busy))
                    .child(el("legend").class("field__name").child(words.reason()))
                    .child(options)
                    .child(
                        el("p")
                            .set("id", "reason-error")
                            .class("field__error")
                            .set("role", "alert")
                            .child(part(move || missing.get().then_some(words.revoke_choose()))),
                    ),
            )
            .child(pieces::submit(busy, ["button button--main", words.get_password(), words.sending()]))
            .view(),
        trouble,
    ])
}

fn order(app: App, certificate: Uuid, state: State, ordering: Ordering) {
    state.set(Revocation::Ordering(ordering.clone()));
    let key = ordered::key(certificate);
    spawn_local(async move {
        let next = match portal::order_revocation(certificate, ordering.reason).await {
            Ok(answer) => {
                ordered::keep(&key, answer.resend_after_seconds);
                ordered::keep_revocation(certificate, ordering.reason);
                ordering.ordered()
            }
            Err(trouble) => {
                if let Some(seconds) = trouble.retry_after_seconds {
                    ordered::keep(&key, seconds);
                }
                let Some(trouble) = app.shown(trouble) else { return };
                ordering.refused(trouble, ordered::revocation(certificate))
            }
        };
        state.try_set(next);
        // Another window may have moved the row on.
        portal::live::ask(app).await;
    });
}

fn password(app: App, words: &'static Words, certificate: Uuid, serial: &str, reason: RevocationReason) -> View {
    let send = move |password| {
        let sent = portal::revoke(certificate, reason, password);
        let taken = async move {
            app.take_row(sent.await?);
            Ok(())
        };
        Box::pin(taken) as portal::Asked<()>
    };
    let key = ordered::key(certificate);
    let purpose = Purpose {
        button: ["button button--bad", words.revoke(), words.sending()],
        deadline: ordered::deadline(&key),
        key,
        ordered: true,
        order: Box::new(move || portal::order_revocation(certificate, reason)),
        send: Box::new(send),
    };
    let told =
        vec![(words.serial_number(), serial.to_owned()), (words.reason(), words::revocation(words, reason).to_owned())];
    View::all([
        el("p").child(words.revoke_intro()).view(),
        pieces::pairs(told),
        password::password(app, words, purpose),
    ])
}
