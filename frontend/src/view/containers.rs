//! What lies on the tokens that are plugged in: keys and certificates, whose and until when. What an earlier try left can
//! be removed, and a certificate from a file goes beside its key. What others made is only shown.

mod from_file;

use std::rc::Rc;

use leptos::{prelude::*, task::spawn_local};
use qcert_protocol::{
    ContainerName, ErrorCode,
    workstation::{Container, Token, TokenDetails},
};
use uuid::Uuid;

use super::{
    carrier::orphan::{self, Rest},
    notice, pieces, preparation,
};
use crate::{
    app::App,
    browser,
    checkup::Workplace,
    devices::{self, Standing},
    dom::{self, View, el, part},
    portal,
    trouble::Trouble,
    words::{self, Words},
    workstation,
};

/// The page.
pub fn page(app: App, words: &'static Words) -> View {
    let seen = RwSignal::new(String::new());
    dom::afterwards(Box::new(move || {
        let now = app.workplace.with(self::seen);
        if seen.with_untracked(|seen| *seen != now) {
            seen.set(now);
        }
    }));
    let listed = part(move || {
        seen.track();
        app.workplace.with_untracked(|workplace| match workplace.tokens() {
            Ok(tokens) => match devices::tokens(tokens) {
                all if all.is_empty() => notice::trouble(words, &ErrorCode::TokenMissing.into()),
                all => all.into_iter().map(|one| token(app, words, one)).collect(),
            },
            Err(None) => el("p").set("role", "status").child(words.looking_for_parts()).view(),
            Err(Some(code)) => notice::trouble(words, &code.into()),
        })
    });
    el("section")
        .class("panel")
        .set("aria-labelledby", "heading")
        .child(pieces::heading(words.containers()))
        .child(listed)
        .child(notice::modules(app, words))
        .child(pieces::button("button", words.close(), move || app.leave_beside()))
        .view()
}

/// What changes when a token is plugged in or pulled out, and not when the state of its PIN does: the list is built anew
/// then.
fn seen(workplace: &Workplace) -> String {
    match workplace.tokens() {
        Ok(tokens) => devices::tokens(tokens).iter().flat_map(|token| [&token.id.0, " "]).collect(),
        Err(code) => code.map_or("?", ErrorCode::as_str).to_owned(),
    }
}

fn token(app: App, words: &'static Words, token: &Token) -> View {
    let details = RwSignal::new(None::<TokenDetails>);
    let failed = RwSignal::new(None::<Trouble>);
    let id = StoredValue::new(token.id.clone());
    let look = move || {
        let Some(id) = id.try_get_value() else { return };
        spawn_local(async move {
            // The page may have been left meanwhile.
            match workstation::token_details(&id).await {
                Ok(found) => drop(details.try_set(Some(found))),
                Err(trouble) => drop(failed.try_set(Some(trouble))),
            }
        });
    };
    look();
    let listed = part(move || match details.get() {
        None => pieces::loading(words),
        Some(found) if found.containers.is_empty() => el("p").child(words.containers_empty()).view(),
        Some(found) => {
            let again: Rc<dyn Fn()> = Rc::new(look);
            let (token, all) = (&found.token, found.containers.into_iter());
            let lines = all.map(|one| line(app, words, token, one, failed, again.clone()));
            el("ul").class("containers").child(lines.collect::<View>()).view()
        }
    });
    el("section")
        .child(el("h2").class("carrier__label").child(token.name.label.clone()))
        .child(el("p").child(words::fill(words.serial_short(), &token.name.serial)))
        .child(notice::slot(words, failed))
        .child(listed)
        .view()
}

fn line(
    app: App,
    words: &'static Words,
    token: &Token,
    container: Container,
    failed: RwSignal<Option<Trouble>>,
    again: Rc<dyn Fn()>,
) -> View {
    let now = (browser::now() / 1000.0) as i64;
    let standing = app.rows.with(|rows| devices::standing(&container, rows.as_deref().unwrap_or_default(), now));
    let file = ContainerName::parse(&container.label)
        .filter(|_| !container.has_certificate)
        .map(|name| from_file::from_file(app, words, token.id.clone(), name, failed, again.clone()));
    let label = el("b").class("container").child(container.label.clone());
    let said = match (standing, &container.certificate) {
        (Standing::Orphan(row), _) => {
            let finish = row.map(|row| finish(app, row, token, &container, failed));
            orphan::orphan(app, words, token.id.clone(), container, Rest::Orphan(finish), again)
        }
        (Standing::Expired, _) => orphan::orphan(app, words, token.id.clone(), container, Rest::Expired, again),
        (Standing::Complete | Standing::Renewed, Some(certificate)) => {
            let until = words::fill(words.container_until(), &pieces::date(words, certificate.not_after));
            let kept = if standing == Standing::Renewed { words.container_kept() } else { "" };
            let told = [&certificate.holder, ", ", &until, kept].concat();
            el("p").child(label).child(" ").child(told).view()
        }
        (Standing::Complete | Standing::Renewed, None) => {
            el("p").child(label).child(" ").child(words.container_unread()).view()
        }
        (Standing::Waiting(row), _) => {
            let row = el("a").set("href", format!("#/{row}")).child(words.action_continue());
            el("p").child(label).child(" ").child(words.container_waiting()).child(" ").child(row).view()
        }
        (Standing::Alone, _) => el("p").child(label).child(" ").child(words.container_alone()).view(),
    };
    el("li").child(said).child(file).view()
}

/// The request that was begun with a pair is made by it, on the screen of its application.
fn finish(
    app: App,
    application: Uuid,
    token: &Token,
    container: &Container,
    failed: RwSignal<Option<Trouble>>,
) -> Box<dyn Fn()> {
    let (token, container) = (token.clone(), container.clone());
    Box::new(move || {
        let (token, container) = (token.clone(), container.clone());
        spawn_local(async move {
            let trouble = match portal::application(application).await {
                Ok(details) if details.identified => return preparation::finish(app, details, token, &container),
                Ok(_) => Some(ErrorCode::IdentificationMissing.into()),
                Err(trouble) => app.shown(trouble),
            };
            failed.try_set(trouble);
        });
    })
}
