//! Figure 4: a row per certificate, each with its state and what can be done about it.

use leptos::prelude::*;
use qcert_protocol::{ApplicationState, portal::ApplicationRow};
use uuid::Uuid;

use super::{pieces, renewal};
use crate::{
    app::App,
    dom::{View, el, part},
    portal,
    wizard::{List, Screen},
    words::{self, Words},
};

/// The list.
pub fn choice(app: App, words: &'static Words, _: List) -> View {
    let content = part(move || match app.rows.get() {
        None => pieces::loading(words),
        Some(rows) if rows.is_empty() => el("p")
            .class("notice")
            .set("role", "status")
            .child(el("b").child(words.no_rows()))
            .child(" ")
            .child(words.no_rows_next())
            .child(" ")
            .child(pieces::support_phone(app))
            .view(),
        Some(rows) => table(app, words, rows),
    });
    el("section")
        .class("panel")
        .set("aria-labelledby", "heading")
        .child(pieces::heading(words.choice()))
        .child(el("p").child(words.choice_intro()))
        .child(content)
        .view()
}

// The roles are named because a table that is laid out as cards on a narrow screen loses its own.
fn table(app: App, words: &'static Words, rows: Vec<ApplicationRow>) -> View {
    let columns = [
        words.column_holder(),
        words.column_organization(),
        words.column_inn(),
        words.column_state(),
        words.column_action(),
    ];
    let head = columns
        .into_iter()
        .map(|name| el("th").set("role", "columnheader").set("scope", "col").child(name).view())
        .collect::<View>();
    let body = rows.into_iter().map(|row| line(app, words, row)).collect::<View>();
    el("table")
        .class("rows")
        .set("role", "table")
        .set("aria-labelledby", "heading")
        .child(el("thead").set("role", "rowgroup").child(el("tr").set("role", "row").child(head)))
        .child(el("tbody").set("role", "rowgroup").child(body))
        .view()
}

fn line(app: App, words: &'static Words, row: ApplicationRow) -> View {
    let id = row.id;
    let state = row.state;
    let label = format!("row-{id}");
    let replaces = row.replaces.map(|old| {
        let old = app.row(old).filter(|old| old.state == ApplicationState::Installed).and_then(|old| old.certificate);
        let until = old.map(|old| words::fill(words.container_until(), &pieces::date(words, old.not_after)));
        let until = until.map(|until| View::all([" (".into(), until.into(), ")".into()]));
        el("span").class("rows__note").child(words.replaces()).child(until).view()
    });
    let revoked = row.certificate.as_ref().and_then(|certificate| certificate.revoked.as_ref());
    let reason = row.reason.clone().or_else(|| revoked.map(|revoked| pieces::moment(words, revoked.at)));
    let reason = reason.map(|reason| el("span").class("rows__note").child(reason).view());
    let file = match (state, &row.certificate) {
        (ApplicationState::Installed, Some(certificate)) => {
            let href = portal::certificate_file(certificate.id);
            Some(
                el("a")
                    .class("rows__file")
                    .set("href", href)
                    .set("download", "")
                    .on("click", |event| event.stop_propagation())
                    .child(words.download())
                    .view(),
            )
        }
        _ => None,
    };
    let main =
        matches!(state, ApplicationState::Available | ApplicationState::Preparing | ApplicationState::ReadyToInstall);
    let class = if main { "button button--main" } else { "button" };
    el("tr")
        .set("role", "row")
        .class("rows__row")
        .on("click", move |_| open(app, id, state))
        .child(
            el("td")
                .set("role", "cell")
                .class("rows__holder")
                .set("id", label.clone())
                .child(row.holder)
                .child(replaces),
        )
        .child(el("td").set("role", "cell").child(row.organization.unwrap_or_default()))
        .child(el("td").set("role", "cell").class("number").child(row.inn))
        .child(el("td").set("role", "cell").child(state_mark(words, state)).child(reason))
        .child(
            el("td").set("role", "cell").child(
                el("div")
                    .class("rows__actions")
                    .child(
                        el("button")
                            .set("type", "button")
                            .class(class)
                            .set("aria-describedby", label)
                            .child(action(words, state)),
                    )
                    .child(row.renewable.then(|| renewal::renewal(app, words, id)))
                    .child(file),
            ),
        )
        .view()
}

/// A state in its colour.
pub fn state_mark(words: &'static Words, state: ApplicationState) -> View {
    use ApplicationState::*;
    let class = match state {
        Available | Withdrawn => "state",
        Preparing | Sent | Issuing => "state state--working",
        ReadyToInstall | Installed => "state state--good",
        Rejected | Expired | Revoked => "state state--bad",
    };
    el("span").class(class).child(words::state(words, state)).view()
}

fn action(words: &'static Words, state: ApplicationState) -> &'static str {
    use ApplicationState::*;
    match state {
        Available => words.action_request(),
        Preparing => words.action_continue(),
        Sent | Issuing => words.action_watch(),
        ReadyToInstall => words.action_install(),
        Installed | Expired => words.action_look(),
        Rejected | Revoked => words.action_why(),
        Withdrawn => words.action_again(),
    }
}

/// The button is inside the row, so its click arrives here as well.
fn open(app: App, id: Uuid, state: ApplicationState) {
    if state == ApplicationState::ReadyToInstall {
        app.install_wanted.set(Some(id));
    }
    app.screen.update(|screen| {
        if let Screen::List(list) = screen.clone() {
            *screen = list.open(id);
        }
    });
}
