//! A key pair that an earlier try left on the token, and its removal.

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

/// Says what it is, and removes it in the extension's window. Afterwards the token is looked at `again`.
#[inline(never)]
pub fn orphan(app: App, words: &'static Words, token: TokenId, orphan: Container, again: Rc<dyn Fn()>) -> View {
    let busy = RwSignal::new(false);
    let failed = RwSignal::new(None::<Trouble>);
    let key_id = orphan.key_id.clone();
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
    el("div")
        .class("notice orphan")
        .child(el("p").child(words.orphan()).child(" ").child(el("b").class("container").child(orphan.label)))
        .child(el("p").child(words.orphan_note()))
        .child(pieces::button("button", words.remove(), remove).set("disabled", flag(move || busy.get())))
        .child(part(move || busy.get().then(|| el("p").set("role", "status").child(words.removing()).view())))
        .child(notice::slot(words, failed))
        .view()
}
