//! What operators do for people, on the command line and by the API alike: unlocked phones, new phones, answers.

use qcert_protocol::{
    ErrorCode,
    holder::{FieldReason, Phone},
    operator::{MistakeView, PhoneChangeView},
};
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use crate::{
    audit::{Actor, Event, Note, Outcome},
    clock::Clock,
    config::Settings,
    error::Refusal,
    portal::Portal,
    randomness::{self, Randomness},
    secrets::Secrets,
    sms::{self, Message},
    store::{Change, Mistake, Notice, PhoneChange, Store},
};

use super::Operator;

/// How many reports or changes are on a page.
const PAGE: u32 = 100;
/// The longest answer that a text message carries, in characters.
const LONGEST_ANSWER: usize = 300;
/// How long a message that tells a person something is tried.
const NOTICE_LIFE: Duration = Duration::DAY;

/// Who acts, and with what.
pub struct Desk<'a> {
    /// What the portal remembers.
    pub store: &'a dyn Store,
    /// What time it is.
    pub clock: &'a dyn Clock,
    /// Unpredictable bytes.
    pub randomness: &'a dyn Randomness,
    /// Seals messages.
    pub secrets: &'a Secrets,
    /// The settings.
    pub settings: &'a Settings,
    /// Who, for the audit.
    pub by: &'a Actor,
}

impl<'a> Desk<'a> {
    /// An operator's at the portal.
    pub fn of(portal: &'a Portal, operator: &'a Operator) -> Self {
        Self {
            store: &*portal.store,
            clock: &*portal.clock,
            randomness: &*portal.randomness,
            secrets: &portal.secrets,
            settings: &portal.settings,
            by: &operator.actor,
        }
    }

    /// Notes that a new phone was not confirmed.
    async fn refused(&self, change: &PhoneChange, code: ErrorCode) -> Result<(), Refusal> {
        let note = Note {
            event: Event::PhoneChangeRefused,
            subject: change.application,
            detail: format!("proposed by {}", change.proposed_by),
            by: self.by.clone(),
            outcome: Outcome::Refused(code),
        };
        Ok(self.store.operator_store().note(&note, self.clock.now()).await?)
    }

    fn notice(&self, phone: &Phone, text: String, now: OffsetDateTime) -> Result<Notice, Refusal> {
        let message = Message { at: now, to: phone.as_str().to_owned(), text, deliver: true };
        let sealed = self.secrets.seal(&message.to_bytes(), self.randomness)?;
        Ok(Notice { phone: phone.clone(), sealed, expires_at: now + NOTICE_LIFE })
    }
}

fn phone(typed: &str) -> Result<Phone, Refusal> {
    Phone::parse(typed).map_err(|reason| Refusal::field("phone", reason))
}

/// Gives a phone its tries back; answers whether it had used any.
///
/// # Errors
/// `field_invalid`, the store's.
pub async fn unlock_phone(desk: &Desk<'_>, typed: &str) -> Result<bool, Refusal> {
    Ok(desk.store.operator_store().unlock_phone(&phone(typed)?, desk.by, desk.clock.now()).await?)
}

/// Proposes the phone of the person whose application this is. The old phone is told at once; somebody else confirms
/// the change when `operators.phone_change_hours` have passed. An earlier proposal is dropped.
///
/// # Errors
/// `field_invalid` (none, or the phone that it has), `application_not_found`.
pub async fn propose_phone(desk: &Desk<'_>, number: &str, typed: &str) -> Result<PhoneChangeView, Refusal> {
    let new = phone(typed)?;
    let found = desk.store.application_by_number(number).await?.ok_or(ErrorCode::ApplicationNotFound)?;
    let application = found.application;
    if new == application.phone {
        return Err(Refusal::field("phone", FieldReason::Superfluous));
    }
    let now = desk.clock.now();
    let text = sms::phone_change_text(&application.number, &new.masked(), &desk.settings.support_phone);
    let notice = desk.notice(&application.phone, text, now)?;
    let change = PhoneChange {
        id: randomness::uuid(now, desk.randomness)?,
        application: application.id,
        number: application.number,
        old: application.phone,
        new,
        proposed_by: desk.by.who.clone(),
        proposed_at: now,
        ripe_at: now + desk.settings.operators.phone_change,
        is_open: true,
    };
    desk.store.operator_store().propose_phone_change(&change, &notice, desk.by).await?;
    desk.store.announce(Change::MessageWaits);
    Ok(change_view(change))
}

/// Proposals that nobody has decided, a page at a time.
///
/// # Errors
/// The store's.
pub async fn phone_changes(desk: &Desk<'_>, after: Uuid) -> Result<Vec<PhoneChangeView>, Refusal> {
    let open = desk.store.operator_store().open_phone_changes(after, PAGE).await?;
    Ok(open.into_iter().map(change_view).collect())
}

/// A phone that was changed.
pub struct PhoneChanged {
    /// From what, to what.
    pub change: PhoneChangeView,
    /// The applications that have it now.
    pub applications: Vec<Uuid>,
    /// The sessions of the old phone, which have ended.
    pub sessions: Vec<Uuid>,
}

/// Gives the new phone to all applications of the person that have the old one. Sessions of the old phone end, and
/// requests that were prepared in them are left behind.
///
/// # Errors
/// `not_found`, `application_state_forbids` (decided by now, or the phone is another by now),
/// `second_operator_required`, `phone_change_too_early`.
pub async fn confirm_phone(desk: &Desk<'_>, id: Uuid) -> Result<PhoneChanged, Refusal> {
    let operators = desk.store.operator_store();
    let change = operators.phone_change(id).await?.ok_or(ErrorCode::NotFound)?;
    if !change.is_open {
        return Err(ErrorCode::ApplicationStateForbids.into());
    }
    let now = desk.clock.now();
    if change.proposed_by == desk.by.who {
        desk.refused(&change, ErrorCode::SecondOperatorRequired).await?;
        return Err(ErrorCode::SecondOperatorRequired.into());
    }
    if now < change.ripe_at {
        desk.refused(&change, ErrorCode::PhoneChangeTooEarly).await?;
        let wait = crate::one_time_password::seconds(change.ripe_at - now);
        return Err(Refusal::new(ErrorCode::PhoneChangeTooEarly).retry_after(wait.max(1)));
    }
    let found = desk.store.application_by_number(&change.number).await?.ok_or(ErrorCode::ApplicationNotFound)?;
    let snils = found.application.holder.snils.as_str();
    // First, so that none is forgotten: whoever loses a session without need signs in again.
    let sessions = desk.store.end_sessions(&change.old, desk.by, now).await?;
    sessions.iter().for_each(|session| desk.store.announce(Change::SessionEnded(*session)));
    let applications = operators.confirm_phone_change(id, snils, desk.by, now).await?;
    if applications.is_empty() {
        return Err(ErrorCode::ApplicationStateForbids.into());
    }
    applications.iter().for_each(|application| desk.store.announce(Change::Row(*application)));
    Ok(PhoneChanged { change: change_view(PhoneChange { is_open: false, ..change }), applications, sessions })
}

/// Drops a proposal.
///
/// # Errors
/// `not_found`: there is none that is open.
pub async fn cancel_phone(desk: &Desk<'_>, id: Uuid) -> Result<(), Refusal> {
    let cancelled = desk.store.operator_store().cancel_phone_change(id, desk.by, desk.clock.now()).await?;
    if cancelled { Ok(()) } else { Err(ErrorCode::NotFound.into()) }
}

/// What people found wrong and nobody has answered, a page at a time.
///
/// # Errors
/// The store's.
pub async fn mistakes(desk: &Desk<'_>, after: Uuid) -> Result<Vec<MistakeView>, Refusal> {
    let open = desk.store.operator_store().open_mistakes(after, PAGE).await?;
    Ok(open.into_iter().map(mistake_view).collect())
}

/// Answers a report; the person reads it in a text message and beside the data. Answers what was reported.
///
/// # Errors
/// `not_found`, `field_invalid`, `application_state_forbids` (answered by now).
pub async fn answer_mistake(desk: &Desk<'_>, id: Uuid, text: &str) -> Result<Mistake, Refusal> {
    // As long as it was sent: the API's description counts what is cut off, too.
    if text.chars().count() > LONGEST_ANSWER {
        return Err(Refusal::field("text", FieldReason::TooLong));
    }
    let text = text.trim();
    if text.is_empty() {
        return Err(Refusal::field("text", FieldReason::Empty));
    }
    if text.chars().any(char::is_control) {
        return Err(Refusal::field("text", FieldReason::Character));
    }
    let operators = desk.store.operator_store();
    let mistake = operators.mistake(id).await?.ok_or(ErrorCode::NotFound)?;
    let now = desk.clock.now();
    let notice = desk.notice(&mistake.phone, sms::answer_text(&mistake.number, text), now)?;
    if !operators.answer_mistake(id, text, &notice, desk.by, now).await? {
        return Err(ErrorCode::ApplicationStateForbids.into());
    }
    desk.store.announce(Change::MessageWaits);
    desk.store.announce(Change::Row(mistake.application));
    Ok(mistake)
}

fn change_view(change: PhoneChange) -> PhoneChangeView {
    PhoneChangeView {
        id: change.id,
        number: change.number,
        old: change.old.as_str().to_owned(),
        new: change.new.as_str().to_owned(),
        proposed_by: change.proposed_by,
        proposed_at: change.proposed_at,
        ripe_at: change.ripe_at,
    }
}

fn mistake_view(mistake: Mistake) -> MistakeView {
    MistakeView { id: mistake.id, number: mistake.number, text: mistake.text, reported_at: mistake.created_at }
}
