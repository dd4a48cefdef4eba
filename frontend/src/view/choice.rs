//! Figure 4: a row per certificate, each with its state and what can be done about it.

use leptos::prelude::*;
use qcert_protocol::{ApplicationState, portal::ApplicationRow};
use uuid::Uuid;

use super::pieces;
use crate::{
    app::App,
    portal,
    wizard::{List, Screen},
    words::{self, Words},
};

/// The list.
pub fn choice(app: App, words: &'static Words, _: List) -> AnyView {
    let content = move || match app.rows.get() {
        None => pieces::loading(words),
        Some(rows) if rows.is_empty() => view! {
            <p class="notice" role="status">
                <b>{words.no_rows}</b> " " {words.no_rows_next} " " {pieces::support_phone(app)}
            </p>
        }
        .into_any(),
        Some(rows) => table(app, words, rows),
    };
    view! {
        <section class="panel" aria-labelledby="heading">
            {pieces::heading(words.choice)}
            <p>{words.choice_intro}</p>
            {content}
        </section>
    }
    .into_any()
}

// The roles are named because a table that is laid out as cards on a narrow screen loses its own.
fn table(app: App, words: &'static Words, rows: Vec<ApplicationRow>) -> AnyView {
    let columns =
        [words.column_holder, words.column_organization, words.column_inn, words.column_state, words.column_action];
    let head = columns.map(|name| view! { <th role="columnheader" scope="col">{name}</th> }).collect_view();
    let body = rows.into_iter().map(|row| line(app, words, row)).collect_view();
    view! {
        <table class="rows" role="table" aria-labelledby="heading">
            <thead role="rowgroup"><tr role="row">{head}</tr></thead>
            <tbody role="rowgroup">{body}</tbody>
        </table>
    }
    .into_any()
}

fn line(app: App, words: &'static Words, row: ApplicationRow) -> AnyView {
    let id = row.id;
    let state = row.state;
    let label = format!("row-{id}");
    let replaces = row.replaces.map(|_| view! { <span class="rows__note">{words.replaces}</span> });
    let reason = row.reason.clone().map(|reason| view! { <span class="rows__note">{reason}</span> });
    let file = match (state, &row.certificate) {
        (ApplicationState::Installed, Some(certificate)) => {
            let href = portal::certificate_file(certificate.id);
            Some(
                view! { <a class="rows__file" href=href download="" on:click=|event| event.stop_propagation()>{words.download}</a> },
            )
        }
        _ => None,
    };
    let main =
        matches!(state, ApplicationState::Available | ApplicationState::Preparing | ApplicationState::ReadyToInstall);
    let class = if main { "button button--main" } else { "button" };
    view! {
        <tr role="row" class="rows__row" on:click=move |_| open(app, id, state)>
            <td role="cell" class="rows__holder" id=label.clone()>{row.holder} {replaces}</td>
            <td role="cell">{row.organization.unwrap_or_default()}</td>
            <td role="cell" class="number">{row.inn}</td>
            <td role="cell">{state_mark(words, state)} {reason}</td>
            <td role="cell" class="rows__action">
                <button type="button" class=class aria-describedby=label>{action(words, state)}</button>
                {file}
            </td>
        </tr>
    }
    .into_any()
}

/// A state in its colour.
pub fn state_mark(words: &'static Words, state: ApplicationState) -> AnyView {
    use ApplicationState::*;
    let class = match state {
        Available | Withdrawn => "state",
        Preparing | Sent | Issuing => "state state--working",
        ReadyToInstall | Installed => "state state--good",
        Rejected | Expired | Revoked => "state state--bad",
    };
    view! { <span class=class>{words::state(words, state)}</span> }.into_any()
}

fn action(words: &'static Words, state: ApplicationState) -> &'static str {
    use ApplicationState::*;
    match state {
        Available => words.action_request,
        Preparing => words.action_continue,
        Sent | Issuing => words.action_watch,
        ReadyToInstall => words.action_install,
        Installed | Expired => words.action_look,
        Rejected | Revoked => words.action_why,
        Withdrawn => words.action_again,
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
