//! A key pair that is not needed any more: finishing what an earlier try began with it, and its removal.

use std::rc::Rc;

use leptos::{prelude::*, task::spawn_local};
use qcert_protocol::workstation::{Container, RemoveKeyPair, TokenId};

use crate::{
    app::App,
    dom::{View, el, flag, part},
    trouble::Trouble,
    view::{notice, pieces},
    words::Words,
    workstation,
};

/// Why a pair is not needed, or not as it is.
pub enum Rest {
    /// An earlier try left it; how it is finished, if it can be.
    Orphan(Option<Box<dyn Fn()>>),
    /// Its certificate is over.
    Expired,
}

/// Says what it is, finishes it, or removes it in the extension's window. Afterwards the token is looked at `again`.
#[inline(never)]
pub fn orphan(
    app: App,
    words: &'static Words,
    token: TokenId,
    container: Container,
    rest: Rest,
    again: Rc<dyn Fn()>,
) -> View {
    let busy = RwSignal::new(false);
    let failed = RwSignal::new(None::<Trouble>);
    let key_id = container.key_id.clone();
    let remove = move || {
        busy.set(true);
        failed.set(None);
        let params = RemoveKeyPair { token: token.clone(), key_id: key_id.clone() };
        let (removal, again) = (app.operate(workstation::remove_key_pair(&params)), again.clone());
        spawn_local(async move {
            let ended = removal.await;
            // The view may be gone meanwhile.
            busy.try_set(false);
            match ended {
                Ok(_) => again(),
                Err(trouble) => drop(failed.try_set(Some(trouble))),
            }
        });
    };
    let [said, note] = match rest {
        Rest::Orphan(Some(_)) => [words.orphan(), words.orphan_finish()],
        Rest::Orphan(None) => [words.orphan(), words.orphan_note()],
        Rest::Expired => [words.container_over(), words.orphan_note()],
    };
    let closed = move || flag(move || busy.get());
    let finish = match rest {
        Rest::Orphan(Some(finish)) => {
            Some(pieces::button("button", words.action_continue(), finish).set("disabled", closed()))
        }
        _ => None,
    };
    el("div")
        .class("notice orphan")
        .child(el("p").child(said).child(" ").child(el("b").class("container").child(container.label)))
        .child(el("p").child(note))
        .child(
            el("div")
                .class("orphan__buttons")
                .child(finish)
                .child(pieces::button("button", words.remove(), remove).set("disabled", closed())),
        )
        .child(part(move || busy.get().then(|| el("p").set("role", "status").child(words.removing()).view())))
        .child(notice::slot(words, failed))
        .view()
}
