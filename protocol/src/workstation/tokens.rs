//! What is plugged in, and what lies on it.

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use super::TokenId;
use crate::{ErrorCode, KeyId, portal::TokenName};

/// What the host sees: answer to `listTokens` and `watchTokens`, and body of `tokensChanged`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Tokens {
    /// PKCS#11 modules that were found.
    pub modules: Vec<Module>,
    /// Readers of all modules that work.
    pub readers: Vec<Reader>,
    /// What is missing, if anything is: no module, no reader or no token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub missing: Option<ErrorCode>,
}

/// A PKCS#11 module.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Module {
    /// File name without its ending.
    pub name: String,
    /// CK_INFO.libraryDescription and version, once loaded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Why it does not work.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<ErrorCode>,
}

/// A reader: a PKCS#11 slot.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Reader {
    /// CK_SLOT_INFO.slotDescription, trimmed.
    pub name: String,
    /// The module that shows it.
    pub module: String,
    /// The token in it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<Token>,
}

/// A token in a reader.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Token {
    /// How to name it in commands.
    pub id: TokenId,
    /// Label, serial number and model.
    pub name: TokenName,
    /// State of the user PIN.
    pub pin: PinState,
    /// Why it cannot be chosen: `token_unsuitable`, `pin_locked`, `token_full`, `module_failed`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unsuitable: Option<ErrorCode>,
    /// What it does with keys that others make; absent for a token that makes its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub carrier: Option<Carrier>,
}

/// A token that makes no key pairs: the host makes them, and hands them over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Carrier {
    /// It signs with what it was given: other programs use its keys as those of any token.
    Signs,
    /// It only stores. The host reads a key when a signature is needed; other programs do so by `qcert-pkcs11`.
    Stores,
}

/// State of a token's user PIN, from CK_TOKEN_INFO.flags; found without trying one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PinState {
    /// What the token tells of further tries.
    pub tries: TriesLeft,
    /// CKF_USER_PIN_TO_BE_CHANGED: the token itself says that this is the factory's PIN.
    pub to_be_changed: bool,
    /// CKF_PROTECTED_AUTHENTICATION_PATH: the reader has its own PIN pad.
    pub pad: bool,
    /// Shortest PIN, in bytes.
    pub min_length: u32,
    /// Longest PIN, in bytes.
    pub max_length: u32,
}

/// PKCS#11 tells of tries left in these steps, not in numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum TriesLeft {
    /// No wrong PIN since the last right one.
    Full,
    /// CKF_USER_PIN_COUNT_LOW.
    Low,
    /// CKF_USER_PIN_FINAL_TRY: the next wrong PIN locks the token.
    Final,
    /// CKF_USER_PIN_LOCKED.
    None,
}

/// Answer to `tokenDetails` (the button `Сведения`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TokenDetails {
    /// The token.
    pub token: Token,
    /// CK_TOKEN_INFO.manufacturerID, trimmed.
    pub manufacturer: String,
    /// CK_TOKEN_INFO.firmwareVersion.
    pub firmware: String,
    /// Free public memory, in bytes, where the token tells.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub free_memory: Option<u64>,
    /// Names of the mechanisms.
    pub mechanisms: Vec<String>,
    /// Key pairs and certificates that can be seen without a PIN.
    pub containers: Vec<Container>,
}

/// A key pair on a token, with its certificate if there is one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Container {
    /// CKA_LABEL.
    pub label: String,
    /// CKA_ID.
    pub key_id: KeyId,
    /// Is the certificate there? A pair without one waits for it, or is an orphan.
    pub has_certificate: bool,
    /// Whose certificate it is, if it can be read. Since 1.1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub certificate: Option<ContainerCertificate>,
}

/// What a person wants to know of a certificate on a token.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ContainerCertificate {
    /// CN of the subject, or the whole subject where it has none.
    pub holder: String,
    /// Last second of its validity.
    #[serde(with = "time::serde::rfc3339")]
    pub not_after: OffsetDateTime,
}
