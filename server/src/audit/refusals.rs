//! Refusals: each kind of one, of one kind of person from one address, has one event a minute, and those that follow in
//! that minute are counted. However many addresses somebody comes from, there are no more than [`MOST`] such events
//! a minute: an attacker must not fill the disk.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration as StdDuration,
};

use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use super::{Actor, Event, Note, Outcome};
use crate::portal::Portal;

/// Events of refusals in a minute, of one server.
pub const MOST: usize = 30;
/// How often what was counted is written down although nothing more is refused.
const TICK: StdDuration = StdDuration::from_secs(60);

/// What was refused since the minute began.
#[derive(Default)]
pub struct Refusals(Mutex<Minute>);

#[derive(Default)]
struct Minute {
    began: Option<OffsetDateTime>,
    /// How many more of each that has its event.
    counted: HashMap<(Event, Actor, Outcome), u64>,
    /// How many that have none.
    others: u64,
}

impl Minute {
    /// What was counted, if the minute is over.
    fn over(&mut self, now: OffsetDateTime) -> Vec<Note> {
        let is_over = self.began.is_none_or(|began| !(Duration::ZERO..Duration::MINUTE).contains(&(now - began)));
        if !is_over {
            return Vec::new();
        }
        let before = std::mem::replace(self, Self { began: Some(now), ..Self::default() });
        let repeated = before.counted.into_iter().filter(|(_, more)| *more > 0);
        let mut notes: Vec<Note> = repeated
            .map(|((event, by, outcome), more)| counted(format!("{more} more: {}", event.as_str()), by, outcome))
            .collect();
        notes.sort_by(|a, b| a.detail.cmp(&b.detail));
        if before.others > 0 {
            let detail = format!("{} more of any kind", before.others);
            notes.push(Note { outcome: Outcome::Done, ..counted(detail, Actor::server(), Outcome::Done) });
        }
        notes
    }

    /// Does it get an event?
    fn is_told(&mut self, note: &Note) -> bool {
        let of_a_kind = (note.event, note.by.clone(), note.outcome);
        if let Some(more) = self.counted.get_mut(&of_a_kind) {
            *more += 1;
            return false;
        }
        if self.counted.len() == MOST {
            self.others += 1;
            return false;
        }
        self.counted.insert(of_a_kind, 0);
        true
    }
}

fn counted(detail: String, by: Actor, outcome: Outcome) -> Note {
    Note { event: Event::RefusalsCounted, subject: Uuid::nil(), detail, by, outcome }
}

impl Refusals {
    /// What is to be written down now that this was refused.
    fn of(&self, note: Note, now: OffsetDateTime) -> Vec<Note> {
        // A minute is whole after each step.
        let mut minute = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut notes = minute.over(now);
        if minute.is_told(&note) {
            notes.push(note);
        }
        notes
    }

    fn over(&self, now: OffsetDateTime) -> Vec<Note> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).over(now)
    }
}

/// Something was refused. That it cannot be written down changes nothing about it.
pub async fn note(portal: &Portal, note: Note) {
    let now = portal.clock.now();
    write(portal, portal.refusals.of(note, now), now).await;
}

/// Writes down what was counted in a minute that is over.
pub async fn flush(portal: &Portal) {
    let now = portal.clock.now();
    write(portal, portal.refusals.over(now), now).await;
}

async fn write(portal: &Portal, notes: Vec<Note>, now: OffsetDateTime) {
    for note in notes {
        if let Err(error) = portal.store.operator_store().note(&note, now).await {
            tracing::error!(%error, event = note.event.as_str(), "a refusal is not in the audit");
        }
    }
}

/// Writes down what was counted, each minute, until the task is dropped.
pub async fn run(portal: Arc<Portal>) {
    loop {
        tokio::time::sleep(TICK).await;
        flush(&portal).await;
    }
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use qcert_protocol::ErrorCode;
    use time::macros::datetime;

    use super::*;

    const NOW: OffsetDateTime = datetime!(2026-03-02 09:00 UTC);

    fn refused(address: impl Into<IpAddr>) -> Note {
        Note {
            event: Event::SignInRefused,
            subject: Uuid::nil(),
            detail: String::new(),
            by: Actor::holder(address.into()),
            outcome: Outcome::Refused(ErrorCode::OtpWrong),
        }
    }

    #[test]
    fn refusals_of_one_kind_have_one_event_a_minute_and_a_number() {
        let refusals = Refusals::default();
        assert_eq!(refusals.of(refused([192, 0, 2, 1]), NOW).len(), 1);
        for _ in 0..1000 {
            assert!(refusals.of(refused([192, 0, 2, 1]), NOW + Duration::seconds(59)).is_empty());
        }
        let later = refusals.over(NOW + Duration::MINUTE);
        assert_eq!(later.len(), 1);
        assert_eq!((later[0].event, later[0].detail.as_str()), (Event::RefusalsCounted, "1000 more: sign-in refused"));
        assert!(refusals.over(NOW + Duration::MINUTE * 2).is_empty());
    }

    #[test]
    fn however_many_addresses_there_are_the_events_of_a_minute_are_few() {
        let refusals = Refusals::default();
        let told: usize = (0..10_000).map(|n| refusals.of(refused([0x2001, 0xdb8, 0, 0, 0, 0, 0, n]), NOW).len()).sum();
        assert_eq!(told, MOST);
        let later = refusals.over(NOW + Duration::MINUTE);
        assert_eq!(later.len(), 1);
        assert_eq!(later[0].detail, format!("{} more of any kind", 10_000 - MOST));
    }
}
