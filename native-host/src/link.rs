//! What the host and its workers say to each other, in frames as the browser's.
//!
//! The host begins with a [`Beginning`]; then come requests, the browser's own or some of the host's. A worker answers
//! each, as the host answers the browser, and says some things unasked: [`Notice`].

use std::path::PathBuf;

use qcert_protocol::{
    Base64,
    portal::TokenName,
    workstation::{Failure, Outcome, Reply, Stage, Tokens},
};
use serde::{Deserialize, Serialize, de::IgnoredAny};
use serde_json::value::RawValue;

use crate::log::Level;

/// The first frame to a worker: all that it needs to know.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Beginning {
    /// PINs that a person is asked to change.
    pub factory_pins: Vec<String>,
    /// Files with certificates of the authority.
    pub authority_certificates: Vec<PathBuf>,
    /// The module by which other programs use keys that a token only stores, where it is not in a well-known place.
    pub stored_key_module: Option<PathBuf>,
    /// How much it writes to the log.
    pub log: Level,
    /// How much memory it may have, in MiB.
    pub memory_limit: u32,
    /// Pairs to be removed from their token when it is opened.
    pub orphans: Vec<Orphan>,
    /// May it wait in C_WaitForSlotEvent? Some modules let nobody else in meanwhile.
    pub may_wait: bool,
}

/// A pair that is being made, or could not be removed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Orphan {
    /// On this token.
    pub token: TokenName,
    /// Its CKA_ID.
    pub id: Base64,
}

/// `findKey`: which tokens hold the key of this certificate? Needs no PIN. Answer: a list of
/// [`qcert_protocol::workstation::TokenId`].
#[derive(Serialize, Deserialize)]
pub struct FindKey {
    /// The certificate, DER.
    pub certificate: Base64,
}

/// The name of [`FindKey`].
pub const FIND_KEY: &str = "findKey";

/// What a worker says unasked.
#[derive(Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Notice {
    /// Something was plugged in or pulled out.
    TokensChanged(Tokens),
    /// Where a long operation is.
    Progress {
        /// The request's `id`.
        id: String,
        /// What it is doing now.
        stage: Stage,
    },
    /// From now on a pair may be on the token that nobody wants if the worker ends here.
    HalfMade(Orphan),
    /// It is wanted now, or gone.
    Settled(Orphan),
}

/// A frame of a worker.
pub enum Said {
    /// Unasked.
    Notice(Notice),
    /// An answer.
    Reply(Reply<Box<RawValue>>),
}

impl Said {
    /// Understands a frame. An answer may be long, so it is read once.
    ///
    /// # Errors
    /// It is neither.
    pub fn read(frame: &[u8]) -> serde_json::Result<Self> {
        #[derive(Deserialize)]
        struct Parts {
            event: Option<IgnoredAny>,
            #[serde(default)]
            id: String,
            result: Option<Box<RawValue>>,
            error: Option<Failure>,
        }
        let Parts { event, id, result, error } = serde_json::from_slice(frame)?;
        Ok(match (event, error) {
            (Some(_), _) => Self::Notice(serde_json::from_slice(frame)?),
            (None, Some(failure)) => Self::Reply(Reply { id, outcome: Outcome::Error(failure) }),
            (None, None) => {
                let result = result.unwrap_or_else(|| RawValue::NULL.to_owned());
                Self::Reply(Reply { id, outcome: Outcome::Result(result) })
            }
        })
    }
}
