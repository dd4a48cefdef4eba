//! Live rows, as server-sent events: first all, then each that changes.

use std::{
    collections::{HashMap, VecDeque},
    convert::Infallible,
    sync::Arc,
    time::Duration,
};

use axum::{
    extract::State,
    response::sse::{Event, KeepAlive, Sse},
};
use futures_util::stream::{self, Stream};
use qcert_protocol::portal::ApplicationRow;
use tokio::{
    sync::broadcast::{Receiver, error::RecvError},
    time::Interval,
};
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{ObjectBuilder, RefOr, Schema, schema::Type},
};
use uuid::Uuid;

use super::{App, client::SignedIn, problem::Answer};
use crate::{
    applications,
    events::Announcement,
    portal::Portal,
    session::{self, Session},
};

const KEEP_ALIVE: Duration = Duration::from_secs(15);
/// How often a quiet stream asks whether its session goes on, and for rows that another program changed.
const CHECK: Duration = Duration::from_secs(5);

/// Rows of the person, live. Ends when the session ends; a page that connects again begins with all rows.
#[utoipa::path(
    get, path = "/events",
    responses(
        (status = 200, content_type = "text/event-stream", body = inline(RowEvent),
            description = "Events named `application`, each with an `ApplicationRow`"),
    ),
    security(("session" = [])),
)]
pub(super) async fn listen(
    State(app): State<App>,
    SignedIn(session): SignedIn,
) -> Answer<Sse<impl Stream<Item = Result<Event, Infallible>>>> {
    // Listening begins before the rows are read, so no change falls between.
    let announcements = app.portal.announcer.listen();
    let rows = applications::rows(&app.portal, &session).await?.into();
    let check = tokio::time::interval(CHECK);
    let feed = Feed { portal: app.portal, session, announcements, rows, sent: HashMap::new(), check };
    let events = stream::unfold(feed, |mut feed| async {
        let row = feed.next().await?;
        let event = Event::default().event("application").json_data(&row).ok()?;
        Some((Ok(event), feed))
    });
    Ok(Sse::new(events).keep_alive(KeepAlive::new().interval(KEEP_ALIVE)))
}

/// An event, as the description says it: its data are a row as JSON.
enum RowEvent {}

impl PartialSchema for RowEvent {
    fn schema() -> RefOr<Schema> {
        let text = || ObjectBuilder::new().schema_type(Type::String);
        ObjectBuilder::new()
            .schema_type(Type::Object)
            .property("event", text().enum_values(Some(["application"])))
            .property("data", text().content_media_type("application/json"))
            .required("event")
            .required("data")
            .into()
    }
}

impl ToSchema for RowEvent {}

struct Feed {
    portal: Arc<Portal>,
    session: Session,
    announcements: Receiver<Announcement>,
    rows: VecDeque<ApplicationRow>,
    /// The revision of each row as it was last sent, and what changes without one: whether it can be renewed.
    sent: HashMap<Uuid, (i64, bool)>,
    check: Interval,
}

impl Feed {
    /// The next row; `None` when the session, or the server, ends or fails.
    async fn next(&mut self) -> Option<ApplicationRow> {
        loop {
            if let Some(row) = self.rows.pop_front() {
                let now = (row.revision, row.renewable);
                if self.sent.insert(row.id, now) != Some(now) {
                    return Some(row);
                }
                continue;
            }
            tokio::select! {
                announcement = self.announcements.recv() => self.hear(announcement).await?,
                _ = self.check.tick() => {
                    if !session::goes_on(&self.portal, &self.session).await.unwrap_or(false) {
                        return None;
                    }
                    self.catch_up().await?;
                }
            }
        }
    }

    async fn hear(&mut self, announcement: Result<Announcement, RecvError>) -> Option<()> {
        match announcement {
            Ok(Announcement::Row { phone, application }) if phone == self.session.phone => {
                // An application that became somebody else's is not sent, and no reason to end.
                if let Ok(row) = applications::one_row(&self.portal, &self.session, application).await {
                    self.rows.push_back(row);
                }
            }
            Ok(Announcement::Row { .. }) => {}
            Ok(Announcement::SessionEnded(id)) if id != self.session.id => {}
            Ok(Announcement::SessionEnded(_) | Announcement::Closing) | Err(RecvError::Closed) => return None,
            Err(RecvError::Lagged(_)) => self.catch_up().await?,
        }
        Some(())
    }

    async fn catch_up(&mut self) -> Option<()> {
        self.rows = applications::rows(&self.portal, &self.session).await.ok()?.into();
        Some(())
    }
}
