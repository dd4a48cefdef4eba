//! What the store keeps of operators and does for them alone.

use async_trait::async_trait;
use qcert_protocol::{holder::Phone, operator::Role};
use time::OffsetDateTime;
use uuid::Uuid;

use super::{AuditRow, NewActivationCodes, Overview, Stored, TermKind};
use crate::audit::{Actor, Note};

/// An operator's token to be recorded.
#[derive(Clone, Debug)]
pub struct NewOperator {
    /// Which.
    pub id: Uuid,
    /// The name, as the audit will have it.
    pub name: String,
    /// What the operator may do.
    pub roles: Vec<Role>,
    /// Keyed hash of the token.
    pub token_hash: [u8; 32],
    /// Who adds it.
    pub by: Actor,
    /// When.
    pub created_at: OffsetDateTime,
    /// When the token ends.
    pub expires_at: OffsetDateTime,
}

/// An operator's next token.
#[derive(Clone, Debug)]
pub struct RenewedToken {
    /// Whose.
    pub name: String,
    /// Keyed hash of the token.
    pub token_hash: [u8; 32],
    /// Who renews it.
    pub by: Actor,
    /// When.
    pub renewed_at: OffsetDateTime,
    /// When the token ends.
    pub expires_at: OffsetDateTime,
    /// When the one before ends, if it has not ended until then.
    pub earlier_ends_at: OffsetDateTime,
}

impl RenewedToken {
    /// What the audit says of it.
    pub(super) fn detail(&self) -> String {
        let seconds = (self.earlier_ends_at - self.renewed_at).whole_seconds();
        let earlier = if seconds > 0 { format!(", the earlier good for {seconds} s more") } else { String::new() };
        format!("{}{earlier}", self.name)
    }
}

/// An operator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OperatorRecord {
    /// Which.
    pub id: Uuid,
    /// The name.
    pub name: String,
    /// What the operator may do.
    pub roles: Vec<Role>,
    /// When the operator was added.
    pub created_at: OffsetDateTime,
    /// When the token ends.
    pub expires_at: OffsetDateTime,
    /// When it was taken away.
    pub removed_at: Option<OffsetDateTime>,
}

/// What became of an approval.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Approved {
    /// The request goes on.
    Done,
    /// It is noted; others have to approve as well.
    Waits,
    /// This operator approved it before; nothing changed.
    Repeated,
    /// Nothing waits.
    NotWaiting,
}

/// Who enters applications, and what that may change.
#[derive(Clone, Copy, Debug)]
pub struct ImportRules<'a> {
    /// The states in which an application's data can still be corrected.
    pub changeable: &'a [&'a str],
    /// May an entry give an application that is there another phone?
    pub changes_phones: bool,
    /// Who, for the audit.
    pub by: &'a Actor,
}

/// A text message that tells a person what an operator did.
#[derive(Clone, Debug)]
pub struct Notice {
    /// To whom.
    pub phone: Phone,
    /// The message, sealed for the queue.
    pub sealed: Vec<u8>,
    /// When it is of no use any more.
    pub expires_at: OffsetDateTime,
}

impl Notice {
    /// What it is for, in the record of messages.
    pub const PURPOSE: &str = "notice";
}

/// What a person found wrong in an application.
#[derive(Clone, PartialEq, Eq)]
pub struct Mistake {
    /// Which.
    pub id: Uuid,
    /// In which application.
    pub application: Uuid,
    /// Its number.
    pub number: String,
    /// Whose it is.
    pub phone: Phone,
    /// In the person's words.
    pub text: String,
    /// When.
    pub created_at: OffsetDateTime,
    /// The answer and when it was given, once there is one.
    pub answer: Option<(String, OffsetDateTime)>,
}

/// A person's new phone, while it is proposed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PhoneChange {
    /// Which.
    pub id: Uuid,
    /// The application that was named.
    pub application: Uuid,
    /// Its number.
    pub number: String,
    /// The phone that it had.
    pub old: Phone,
    /// The phone that it gets.
    pub new: Phone,
    /// Who proposed it.
    pub proposed_by: String,
    /// When.
    pub proposed_at: OffsetDateTime,
    /// When somebody else can confirm it.
    pub ripe_at: OffsetDateTime,
    /// Was nothing decided yet?
    pub is_open: bool,
}

/// Where in which order a page begins. Each begins after what it names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Page {
    /// Applications by id, which is the order of entry.
    All {
        /// The last one of the page before; nil for the first.
        after: Uuid,
    },
    /// Those whose request waits for approval, by id.
    Waiting {
        /// The last one of the page before; nil for the first.
        after: Uuid,
    },
    /// Those with a term between two, by term and id.
    Terms {
        /// Of which kind.
        kind: TermKind,
        /// The last one of the page before; for the first the least term and nil.
        after: (String, Uuid),
        /// The greatest term.
        to: String,
    },
}

/// Operators, and what only they ask for.
#[async_trait]
pub trait OperatorStore: Send + Sync {
    /// Records an operator; false if the name was ever given.
    async fn add_operator(&self, new: &NewOperator) -> Stored<bool>;
    /// Gives an operator another token; the one before that is good until then goes on for as long as is said, and those
    /// before it no longer. Answers the operator; nothing if nobody has this name, or the token was taken away.
    async fn renew_operator(&self, renewed: &RenewedToken) -> Stored<Option<OperatorRecord>>;
    /// The operator with this hash of the token, or of the one before while that goes on, whether it is good or not; with
    /// the end of the token that was asked for.
    async fn operator(&self, token_hash: &[u8; 32]) -> Stored<Option<OperatorRecord>>;
    /// All operators there ever were, by name.
    async fn operators(&self) -> Stored<Vec<OperatorRecord>>;
    /// Takes an operator's token away; false if nobody has this name, or it was taken before.
    async fn remove_operator(&self, name: &str, by: &Actor, now: OffsetDateTime) -> Stored<bool>;

    /// A page of applications, `limit` at most.
    async fn search(&self, page: &Page, limit: u32) -> Stored<Vec<Overview>>;
    /// The application with this id.
    async fn application(&self, id: Uuid) -> Stored<Option<Overview>>;
    /// Who has approved a request that waits, in the order of time.
    async fn approvals(&self, request: Uuid) -> Stored<Vec<String>>;
    /// Notes in the audit what changed nothing here.
    async fn note(&self, note: &Note, now: OffsetDateTime) -> Stored<()>;
    /// What people found wrong and nobody has answered, by id, after one.
    async fn open_mistakes(&self, after: Uuid, limit: u32) -> Stored<Vec<Mistake>>;
    /// One report, answered or not.
    async fn mistake(&self, id: Uuid) -> Stored<Option<Mistake>>;
    /// Answers a report and tells the person; false if it was answered.
    async fn answer_mistake(
        &self,
        id: Uuid,
        answer: &str,
        notice: &Notice,
        by: &Actor,
        now: OffsetDateTime,
    ) -> Stored<bool>;

    /// Records activation codes of applications that take one: in one of the states named, and not activated. Answers
    /// whose.
    async fn make_activation_codes(&self, new: &NewActivationCodes<'_>) -> Stored<Vec<Uuid>>;

    /// Gives a phone back the tries that it has used; false if it has used none.
    async fn unlock_phone(&self, phone: &Phone, by: &Actor, now: OffsetDateTime) -> Stored<bool>;
    /// Proposes a person's new phone, in place of one that was proposed before, and tells the old phone.
    async fn propose_phone_change(&self, change: &PhoneChange, notice: &Notice, by: &Actor) -> Stored<()>;
    /// One of them, decided or not.
    async fn phone_change(&self, id: Uuid) -> Stored<Option<PhoneChange>>;
    /// Those that are open, by id, after one.
    async fn open_phone_changes(&self, after: Uuid, limit: u32) -> Stored<Vec<PhoneChange>>;
    /// Gives the phone to the old phone's applications of the holder with this SNILS, and answers which; none if the
    /// change is not open.
    async fn confirm_phone_change(&self, id: Uuid, snils: &str, by: &Actor, now: OffsetDateTime) -> Stored<Vec<Uuid>>;
    /// Drops a change; false if it is not open.
    async fn cancel_phone_change(&self, id: Uuid, by: &Actor, now: OffsetDateTime) -> Stored<bool>;

    /// The audit after a place in it, `limit` events at most.
    async fn audit_after(&self, place: i64, limit: u32) -> Stored<Vec<AuditRow>>;
    /// What was told until now is in the chain, and the chain's head is written down.
    async fn close_audit(&self) -> Stored<()>;
}

/// Roles as one text for the database.
pub(super) fn roles_text(roles: &[Role]) -> String {
    roles.iter().map(|role| role.as_str()).collect::<Vec<_>>().join(" ")
}

/// Reads [`roles_text`].
pub(super) fn parse_roles(text: &str) -> Stored<Vec<Role>> {
    let roles: Option<Vec<Role>> = text.split(' ').map(Role::parse).collect();
    roles.ok_or(super::StoreError::Corrupt("operators.roles"))
}
