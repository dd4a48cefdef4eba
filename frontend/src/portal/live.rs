//! The rows as they change: server-sent events, and asking again and again where those do not get through.

use leptos::{prelude::*, task::spawn_local};
use qcert_protocol::{
    ErrorCode,
    portal::{API, ApplicationRow},
};
use wasm_bindgen::{JsCast, closure::Closure};
use web_sys::{EventSource, MessageEvent};

use crate::{app::App, browser, reading, rows};

/// How often the connection is looked at, in milliseconds, and the list asked for while it is broken.
const LOOK_MS: i32 = 3_000;

/// Follows the rows for as long as somebody is signed in.
pub fn follow(app: App) {
    spawn_local(async move {
        let mut source = None;
        ask(app).await;
        while app.screen.with_untracked(|screen| screen.inside()) {
            let state = source.as_ref().map_or(EventSource::CLOSED, EventSource::ready_state);
            if state == EventSource::CLOSED {
                source = open(app);
            }
            browser::sleep(LOOK_MS).await;
            let open = source.as_ref().is_some_and(|source| source.ready_state() == EventSource::OPEN);
            if open {
                app.set_online(true);
            } else {
                ask(app).await;
            }
        }
        if let Some(source) = source {
            source.close();
        }
    });
}

/// Asks for the whole list once.
pub async fn ask(app: App) {
    match super::applications().await {
        Ok(list) => {
            app.set_online(true);
            let mut rows = app.rows.get_untracked().unwrap_or_default();
            let first = app.rows.with_untracked(Option::is_none);
            if rows::replace(&mut rows, list) || first {
                app.rows.set(Some(rows));
            }
        }
        Err(trouble) if trouble.code == ErrorCode::SessionRequired => app.session_ended(),
        Err(_) => app.set_online(false),
    }
}

fn open(app: App) -> Option<EventSource> {
    let source = EventSource::new(&format!("{API}/events")).ok()?;
    let on_row = Closure::<dyn Fn(MessageEvent)>::new(move |event: MessageEvent| {
        let text = event.data().as_string().unwrap_or_default();
        if let Some(row) = reading::json::<ApplicationRow>(&text) {
            app.take_row(row);
        }
    });
    source.add_event_listener_with_callback("application", on_row.as_ref().unchecked_ref()).ok()?;
    // It lives as long as the page: a closed source calls it no more.
    on_row.forget();
    Some(source)
}
