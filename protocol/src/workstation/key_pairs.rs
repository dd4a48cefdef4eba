//! Key pairs: made, renewed, asked for again, removed.

use serde::{Deserialize, Serialize};

use super::TokenId;
use crate::{Base64, ContainerName, KeyAlgorithm, KeyCode, KeyId, portal::TokenName};

/// Parameters of [`super::Command::CreateRequest`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CreateRequest {
    /// Which token.
    pub token: TokenId,
    /// CKA_LABEL of the key pair.
    pub container: ContainerName,
    /// CN of the request's subject; the authority takes every field from its own records, not from here.
    pub common_name: String,
    /// Which key pair.
    pub algorithm: KeyAlgorithm,
    /// What the biological sensor collected: [`SENSOR_BYTES`] at least, 4096 at most.
    pub sensor: Base64,
}

/// The least that the biological sensor must collect, in bytes.
pub const SENSOR_BYTES: usize = 64;

/// Parameters of [`super::Command::RenewRequest`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RenewRequest {
    /// Which token; the old key is on it.
    pub token: TokenId,
    /// CKA_LABEL of the new key pair.
    pub container: ContainerName,
    /// CN of the request's subject, as of [`CreateRequest::common_name`].
    pub common_name: String,
    /// Which new key pair.
    pub algorithm: KeyAlgorithm,
    /// What the biological sensor collected, as of [`CreateRequest::sensor`].
    pub sensor: Base64,
    /// The key that vouches for the new one.
    pub renews: OldKey,
}

impl RenewRequest {
    /// What is to be made, and which key vouches for it.
    pub fn split(self) -> (CreateRequest, OldKey) {
        let Self { token, container, common_name, algorithm, sensor, renews } = self;
        (CreateRequest { token, container, common_name, algorithm, sensor }, renews)
    }
}

/// A key whose certificate is renewed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct OldKey {
    /// Its name: SHA-1 of the public key, whatever CKA_ID the token gave it.
    pub key_id: KeyId,
    /// What makes the proof good for this once: [`PROOF_NONCE_BYTES`] of the portal's.
    pub nonce: Base64,
}

/// Length of [`OldKey::nonce`], in bytes.
pub const PROOF_NONCE_BYTES: usize = 32;

/// Parameters of [`super::Command::RequestAgain`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RequestAgain {
    /// Which token.
    pub token: TokenId,
    /// CKA_LABEL that the pair has.
    pub container: ContainerName,
    /// CKA_ID that its public half has.
    pub key_id: KeyId,
    /// CN of the request's subject, as of [`CreateRequest::common_name`].
    pub common_name: String,
}

/// Answer to `createRequest`, `renewRequest` and `requestAgain`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CreatedRequest {
    /// The PKCS#10 request, DER.
    pub certification_request: Base64,
    /// CKA_ID of the pair.
    pub key_id: KeyId,
    /// The key's code, computed by the host; the extension's window shows it.
    pub key_code: KeyCode,
    /// The token.
    pub token: TokenName,
    /// Did the generator take the sensor's bytes (C_SeedRandom, or the host's own)? For a pair that was there: no.
    pub sensor_taken: bool,
    /// What the old key signed, of a renewal: `qcert-proof-v1` ‖ origin ‖ [`OldKey::key_id`] ‖ SHA-256 of the nonce and
    /// the new key's SubjectPublicKeyInfo. Since 1.2.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proof: Option<Base64>,
}

/// Parameters of [`super::Command::RemoveKeyPair`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RemoveKeyPair {
    /// Which token.
    pub token: TokenId,
    /// CKA_ID of the pair.
    pub key_id: KeyId,
}

/// Answer to `removeKeyPair`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Removed {
    /// CKA_ID of the pair that is no more.
    pub key_id: KeyId,
}
