//! Revocations, the lists that tell of them, and the authority's own certificates.

use qcert_pki::crl::Reason;
use time::OffsetDateTime;
use uuid::Uuid;

use super::{IssuerId, Revoked};
use crate::{audit::Actor, hex::hex};

/// A revocation to be recorded.
#[derive(Clone, Debug)]
pub struct NewRevocation {
    /// The certificate.
    pub certificate: Uuid,
    /// Why.
    pub reason: Reason,
    /// The one-time password that is used, when its holder asks.
    pub password: Option<Uuid>,
    /// Who asks.
    pub by: Actor,
    /// When.
    pub now: OffsetDateTime,
}

/// What became of a revocation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RevokeOutcome {
    /// Revoked; its list is stale until the next is published. The key of a compromised one is on the block list.
    Done,
    /// It was revoked before; nothing changed.
    AlreadyRevoked,
    /// The password was used already.
    PasswordUsed,
    /// There is none.
    NotFound,
}

/// An entry of a revocation list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RevokedCertificate {
    /// Serial number, upper-case hexadecimal.
    pub serial: String,
    /// When and why.
    pub revoked: Revoked,
}

/// A revocation list as it was published.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RevocationList {
    /// Whose.
    pub issuer: IssuerId,
    /// Which of its lists.
    pub shard: String,
    /// The CRL number; it grows.
    pub number: i64,
    /// The list, DER.
    pub der: Vec<u8>,
    /// When it was issued.
    pub this_update: OffsetDateTime,
    /// When the next one is there at the latest.
    pub next_update: OffsetDateTime,
}

impl RevocationList {
    /// As the audit names it: its issuer, its shard, its number.
    pub fn audited(&self) -> String {
        format!("{} {} {}", hex(&self.issuer), self.shard, self.number)
    }
}

/// Where a revocation list stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShardState {
    /// Whose.
    pub issuer: IssuerId,
    /// Which of its lists.
    pub shard: String,
    /// Number, thisUpdate and nextUpdate of the latest list, if there is one.
    pub latest: Option<(i64, OffsetDateTime, OffsetDateTime)>,
    /// Was anything revoked since?
    pub stale: bool,
    /// When the last certificate that names it expires.
    pub until: OffsetDateTime,
}

/// A certificate of the authority's own (an OCSP responder's, an issuing key's), committed before it is signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuthorityRecord {
    /// Serial number, upper-case hexadecimal.
    pub serial: String,
    /// The key that signs.
    pub issuer: IssuerId,
    /// `ocsp`, `issuing` or `root`.
    pub kind: String,
    /// The TBSCertificate, DER.
    pub to_be_signed: Vec<u8>,
    /// When it was committed.
    pub created_at: OffsetDateTime,
}
