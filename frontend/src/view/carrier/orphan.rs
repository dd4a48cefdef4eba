//! A key pair that an earlier try left on the token, and its removal.

use leptos::{prelude::*, task::spawn_local};
use qcert_protocol::workstation::{Container, RemoveKeyPair, Token};

use crate::{
    app::App,
    dom::{View, el, flag, part},
    trouble::Trouble,
    view::{notice, pieces},
    words::Words,
    workstation,
};

/// Says what it is, and removes it in the extension's window. Afterwards the token is looked at `again`.
pub fn orphan(
    app: App,
    words: &'static Words,
    token: Token,
    orphan: Container,
    again: impl Fn(Token) + Copy + Send + Sync + 'static,
) -> View {
    let busy = RwSignal::new(false);
    let failed = RwSignal::new(None::<Trouble>);
    let key_id = orphan.key_id.clone();
    let remove = move || {
        let token = token.clone();
        busy.set(true);
        failed.set(None);
        let params = RemoveKeyPair { token: token.id.clone(), key_id: key_id.clone() };
        spawn_local(async move {
            let ended = match workstation::remove_key_pair(&params) {
                Ok(operation) => {
                    app.operation.set(Some(operation.id()));
                    operation.end().await.map(drop)
                }
                Err(trouble) => Err(trouble),
            };
            busy.set(false);
            match ended {
                Ok(()) => again(token),
                Err(trouble) => failed.set(Some(trouble)),
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
