//! What the store keeps of operators and does for them alone.

use async_trait::async_trait;
use qcert_protocol::operator::Role;
use time::OffsetDateTime;
use uuid::Uuid;

use super::{AuditRow, Overview, Stored, TermKind};

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
    pub by: String,
    /// When.
    pub created_at: OffsetDateTime,
    /// When the token ends.
    pub expires_at: OffsetDateTime,
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
    /// When the token was made.
    pub created_at: OffsetDateTime,
    /// When it ends.
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
    pub by: &'a str,
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
    /// The operator with this hash of the token, whether it is good or not.
    async fn operator(&self, token_hash: &[u8; 32]) -> Stored<Option<OperatorRecord>>;
    /// All operators there ever were, by name.
    async fn operators(&self) -> Stored<Vec<OperatorRecord>>;
    /// Takes an operator's token away; false if nobody has this name, or it was taken before.
    async fn remove_operator(&self, name: &str, by: &str, now: OffsetDateTime) -> Stored<bool>;

    /// A page of applications, `limit` at most.
    async fn search(&self, page: &Page, limit: u32) -> Stored<Vec<Overview>>;
    /// Who has approved a request that waits, in the order of time.
    async fn approvals(&self, request: Uuid) -> Stored<Vec<String>>;
    /// Notes in the audit what an operator did that changed nothing.
    async fn note(&self, event: &str, subject: Uuid, detail: &str, now: OffsetDateTime) -> Stored<()>;
    /// The audit after a place in it, `limit` rows at most, each with its place.
    async fn audit_after(&self, place: i64, limit: u32) -> Stored<Vec<(i64, AuditRow)>>;
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
