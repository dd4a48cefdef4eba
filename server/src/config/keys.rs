//! Settings of the authority's keys: where they are, and where the secrets are that open them.

use std::path::PathBuf;

use qcert_pki::Algorithm;
use time::Duration;

use super::reader::Reader;

/// Where a passphrase or PIN is. Never in the settings themselves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SecretSource {
    /// A file that its owner alone can read.
    File(PathBuf),
    /// A systemd credential, by its name in `$CREDENTIALS_DIRECTORY`.
    Credential(String),
}

/// An HSM with a PKCS#11 module.
#[derive(Clone, Debug)]
pub struct Hsm {
    /// `hsm.module`: the shared library.
    pub module: PathBuf,
    /// `hsm.token`: the token's label.
    pub token: Option<String>,
    /// `hsm.token_serial`: the token's serial number.
    pub token_serial: Option<String>,
    /// `hsm.key_label`: CKA_LABEL of new keys, and of one that has no CKA_ID of ours.
    pub key_label: String,
    /// `hsm.pin_file` or `hsm.pin_credential`.
    pub pin: SecretSource,
    /// `hsm.sessions`: how many signatures it may make at once.
    pub sessions: usize,
    /// `hsm.timeout_seconds`: how long a signature may take.
    pub patience: std::time::Duration,
}

/// `ca.issuing_key`
pub(super) fn issuing_key(reader: &mut Reader<'_>) -> Algorithm {
    reader.parsed("ca.issuing_key", "P-256", |text| match text {
        "P-256" => Ok(Algorithm::P256),
        "P-384" => Ok(Algorithm::P384),
        "RSA-3072" => Ok(Algorithm::Rsa { bits: 3072 }),
        "RSA-4096" => Ok(Algorithm::Rsa { bits: 4096 }),
        _ => Err("must be P-256, P-384, RSA-3072 or RSA-4096"),
    })
}

/// `ca.passphrase_file` or `ca.passphrase_credential`
pub(super) fn passphrase(reader: &mut Reader<'_>) -> Option<SecretSource> {
    secret(reader, "ca.passphrase_file", "ca.passphrase_credential")
}

/// `ca.root_passphrase_file` or `ca.root_passphrase_credential`
pub(super) fn root_passphrase(reader: &mut Reader<'_>) -> Option<SecretSource> {
    secret(reader, "ca.root_passphrase_file", "ca.root_passphrase_credential")
}

/// `[hsm]`, if a module is set.
pub(super) fn hsm(reader: &mut Reader<'_>) -> Option<Hsm> {
    let module = reader.path("hsm.module", "");
    let name = |text: String| Some(text).filter(|text| !text.is_empty());
    let (token, token_serial) = (name(reader.text("hsm.token", "")), name(reader.text("hsm.token_serial", "")));
    let key_label = reader.tool("hsm.key_label", "Qcert issuing", 200);
    let pin = secret(reader, "hsm.pin_file", "hsm.pin_credential");
    let sessions = reader.integer("hsm.sessions", 4, 1..=64);
    let patience = Duration::seconds(reader.integer("hsm.timeout_seconds", 10, 1..=300)).unsigned_abs();
    if module.as_os_str().is_empty() {
        return None;
    }
    if token.is_none() && token_serial.is_none() {
        reader.refuse("hsm.token", "must be set, or hsm.token_serial");
    }
    if pin.is_none() {
        reader.refuse("hsm.pin_file", "must be set, or hsm.pin_credential");
    }
    let sessions = usize::try_from(sessions).unwrap_or(1);
    Some(Hsm { module, token, token_serial, key_label, pin: pin?, sessions, patience })
}

pub(super) fn secret(reader: &mut Reader<'_>, file: &str, credential: &str) -> Option<SecretSource> {
    let (path, name) = (reader.path(file, ""), reader.text(credential, ""));
    match (path.as_os_str().is_empty(), name.is_empty()) {
        (true, true) => None,
        (false, true) => Some(SecretSource::File(path)),
        (true, false) => Some(SecretSource::Credential(name)),
        (false, false) => {
            reader.refuse(credential, "must not be set together with the file");
            None
        }
    }
}
