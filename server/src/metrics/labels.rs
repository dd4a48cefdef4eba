//! What metrics are told apart by.

use std::{fmt::Debug, hash::Hash};

use prometheus_client::encoding::EncodeLabelSet;

/// What every set of labels is.
pub trait Labels: EncodeLabelSet + Clone + Debug + Hash + Eq + Send + Sync + 'static {}

impl<L: EncodeLabelSet + Clone + Debug + Hash + Eq + Send + Sync + 'static> Labels for L {}

/// A request with its answer. The route is the pattern, never the path.
#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
pub struct Answered {
    /// As `/api/v1/applications/{id}`.
    pub route: String,
    /// As `GET`; `other` if it is none of HTTP's own.
    pub method: &'static str,
    /// As `200`.
    pub status: u16,
}

/// A request. The route is the pattern, never the path.
#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
pub struct Asked {
    /// As `/api/v1/applications/{id}`.
    pub route: String,
    /// As `GET`; `other` if it is none of HTTP's own.
    pub method: &'static str,
}

/// What became of a one-time password.
#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
pub struct PasswordEvent {
    /// As `signIn`.
    pub purpose: &'static str,
    /// As `ordered`, `right`, or the code of the refusal.
    pub event: &'static str,
}

/// What a gateway made of a text message.
#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
pub struct MessageOutcome {
    /// Its name in the settings; `none` if no gateway had it.
    pub gateway: String,
    /// As `accepted`.
    pub outcome: &'static str,
}

/// How something ended.
#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
pub struct Outcome {
    /// As `issued`.
    pub outcome: &'static str,
}

/// A signature.
#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
pub struct Signed {
    /// As `certificate`.
    pub kind: &'static str,
    /// `made` or `failed`.
    pub outcome: &'static str,
}

/// What was signed.
#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
pub struct Kind {
    /// As `certificate`.
    pub kind: &'static str,
}

/// A revocation.
#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
pub struct Revocation {
    /// `holder` or `operator`.
    pub by: &'static str,
    /// As RFC 5280 calls it.
    pub reason: &'static str,
}

/// An answer of OCSP.
#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
pub struct OcspAnswer {
    /// As `good`, or the name of the refusal.
    pub answer: &'static str,
}

/// What the store was asked about.
#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
pub struct StoreFamily {
    /// As `applications`.
    pub family: &'static str,
}

/// A revocation list.
#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
pub struct List {
    /// The issuing key's identifier, or `root`.
    pub issuer: String,
    /// Which of its lists.
    pub shard: String,
}

/// A certificate of the authority's.
#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
pub struct AuthorityCertificate {
    /// `issuing` or `root`.
    pub kind: &'static str,
    /// The key identifier.
    pub key: String,
}

/// Connections to the database.
#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
pub struct Connections {
    /// `used` or `limit`.
    pub state: &'static str,
}

/// A part of being ready.
#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
pub struct Check {
    /// As `database`.
    pub check: &'static str,
}
