//! Messages to the native messaging host: 4 bytes of length in the machine's order, then JSON.
//!
//! The host speaks first ([`Event::Hello`]). A request carries an `id` that its reply repeats. The page gives
//! `command` and `params`; `origin` and `authorization` are the service worker's, and a page's own are dropped.

mod diagnosis;
mod key_pairs;
mod tokens;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::{Base64, ContainerName, ErrorCode, KeyId, Pin, portal::TokenName};
pub use diagnosis::{Check, CheckState, CheckedPart, Diagnose, Diagnosis, Packages, System, Words};
pub use key_pairs::{
    CreateRequest, CreatedRequest, OldKey, PROOF_NONCE_BYTES, RemoveKeyPair, Removed, RenewRequest, RequestAgain,
    SENSOR_BYTES,
};
pub use tokens::{
    Carrier, Container, ContainerCertificate, Module, PinState, Reader, Token, TokenDetails, Tokens, TriesLeft,
};

/// Name under which browsers know the host.
pub const HOST_NAME: &str = "ru.qcert.host";

/// The oldest version of Chromium and its kin that can run the extension: `minimum_chrome_version` of its manifest.
pub const OLDEST_CHROMIUM: u32 = 121;

/// The oldest version of Firefox that can run the extension: `strict_min_version` of its manifest.
pub const OLDEST_FIREFOX: u32 = 142;

/// The longest message to the host, in bytes.
pub const MAX_MESSAGE_TO_HOST: usize = 256 * 1024;

/// The longest message from the host, in bytes; the browser's own limit is 1 MiB.
pub const MAX_MESSAGE_FROM_HOST: usize = 512 * 1024;

/// The longest `id` of a request, in bytes.
pub const MAX_REQUEST_ID: usize = 64;

/// A frame to the host, before its command is understood.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Request<'a> {
    /// 1 to [`MAX_REQUEST_ID`] bytes; the reply repeats it.
    pub id: String,
    /// The page's origin, from the browser's own sender data.
    pub origin: String,
    /// Name of the command.
    pub command: String,
    /// The command's parameters; absent means none.
    #[serde(borrow, default)]
    pub params: Option<&'a RawValue>,
    /// What the person entered into the extension's window.
    #[serde(default)]
    pub authorization: Option<Authorization>,
}

/// What a person decided and entered in the extension's window. Only the service worker adds it.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Authorization {
    /// The token's PIN; absent where the reader has its own PIN pad.
    #[serde(default)]
    pub pin: Option<Pin>,
    /// The new PIN, for [`Command::ChangePin`] and [`Command::UnblockPin`].
    #[serde(default)]
    pub new_pin: Option<Pin>,
    /// The administrator's PIN (CKU_SO), for [`Command::UnblockPin`].
    #[serde(default)]
    pub so_pin: Option<Pin>,
    /// The person was told that this is the factory's PIN and keeps it.
    #[serde(default)]
    pub keep_factory_pin: bool,
    /// The person agreed that the module is registered with the browser's certificate store.
    #[serde(default)]
    pub register_module: bool,
}

/// What the host can be asked to do.
pub enum Command {
    /// `listTokens`: all modules and readers. Answer: [`Tokens`].
    ListTokens,
    /// `watchTokens`: from now on [`Event::TokensChanged`] tells of every change. Answer: [`Tokens`].
    WatchTokens(WatchTokens),
    /// `tokenDetails`: one token, with mechanisms and containers. Answer: [`TokenDetails`].
    TokenDetails(OneToken),
    /// `createRequest`: makes a key pair, on the token or for it, and a PKCS#10 request signed by it. Needs authorization.
    /// Answer: [`CreatedRequest`]. A failure or [`Command::Cancel`] after the key pair was made removes it.
    CreateRequest(CreateRequest),
    /// `renewRequest`: the same, and the holder's present key signs a proof that the new one is the holder's, too. Needs
    /// authorization. Since 1.2. Answer: [`CreatedRequest`] with a proof.
    RenewRequest(RenewRequest),
    /// `requestAgain`: a PKCS#10 request by a pair that is on the token and has no certificate. Needs authorization.
    /// Whatever fails, the pair stays. Since 1.2. Answer: [`CreatedRequest`].
    RequestAgain(RequestAgain),
    /// `installCertificate`: writes a certificate beside its key, reads it back, and puts it into the person's
    /// certificate store. Needs authorization. Answer: [`Installed`].
    InstallCertificate(InstallCertificate),
    /// `removeKeyPair`: removes a key pair that has no certificate, or only such as have expired, and those with it. Needs
    /// authorization. Answer: [`Removed`].
    RemoveKeyPair(RemoveKeyPair),
    /// `changePin`: needs authorization with the old PIN and the new one. Answer: [`PinChanged`].
    ChangePin(OneToken),
    /// `unblockPin`: sets a new PIN in place of one that is locked, or that nobody remembers. Needs authorization with
    /// the administrator's PIN and the new one. Since 1.1. Answer: [`PinChanged`].
    UnblockPin(OneToken),
    /// `storeState`: can the person's certificate store use this token's keys? Answer: [`StoreState`].
    StoreState(OneToken),
    /// `diagnose`: what the host finds wrong with the workstation, in words. Since 1.1. Answer: [`Diagnosis`].
    Diagnose(Diagnose),
    /// `cancel`: ends the operation of another request, which is answered with `cancelled`. Answer: [`CancelAccepted`].
    Cancel(Cancel),
}

impl Command {
    /// All names, as they stand in [`Request::command`].
    pub const NAMES: &'static [&'static str] = &[
        "listTokens",
        "watchTokens",
        "tokenDetails",
        "createRequest",
        "renewRequest",
        "requestAgain",
        "installCertificate",
        "removeKeyPair",
        "changePin",
        "unblockPin",
        "storeState",
        "diagnose",
        "cancel",
    ];

    /// Understands a request's command and parameters.
    ///
    /// # Errors
    /// [`ErrorCode::CommandUnknown`], or [`ErrorCode::FrameMalformed`] for parameters of another shape.
    pub fn parse(name: &str, params: Option<&RawValue>) -> Result<Self, ErrorCode> {
        fn read<'a, T: Deserialize<'a>>(params: Option<&'a RawValue>) -> Result<T, ErrorCode> {
            let json = params.map_or("{}", RawValue::get);
            serde_json::from_str(json).map_err(|_| ErrorCode::FrameMalformed)
        }
        Ok(match name {
            "listTokens" => {
                read::<NoParams>(params)?;
                Self::ListTokens
            }
            "watchTokens" => Self::WatchTokens(read(params)?),
            "tokenDetails" => Self::TokenDetails(read(params)?),
            "createRequest" => Self::CreateRequest(read(params)?),
            "renewRequest" => Self::RenewRequest(read(params)?),
            "requestAgain" => Self::RequestAgain(read(params)?),
            "installCertificate" => Self::InstallCertificate(read(params)?),
            "removeKeyPair" => Self::RemoveKeyPair(read(params)?),
            "changePin" => Self::ChangePin(read(params)?),
            "unblockPin" => Self::UnblockPin(read(params)?),
            "storeState" => Self::StoreState(read(params)?),
            "diagnose" => Self::Diagnose(read(params)?),
            "cancel" => Self::Cancel(read(params)?),
            _ => return Err(ErrorCode::CommandUnknown),
        })
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NoParams {}

/// Parameters of [`Command::WatchTokens`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct WatchTokens {
    /// Start or stop.
    pub on: bool,
}

/// A token, by the name the host gave it. Valid while the token stays in its reader.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TokenId(pub String);

/// Parameters that name a token and nothing else.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct OneToken {
    /// Which token.
    pub token: TokenId,
}

/// Parameters of [`Command::InstallCertificate`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct InstallCertificate {
    /// The token that must hold the key.
    pub token: TokenId,
    /// CKA_LABEL of the key pair and of the certificate.
    pub container: ContainerName,
    /// The certificate, DER.
    pub certificate: Base64,
}

/// Parameters of [`Command::Cancel`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Cancel {
    /// The `id` of the request to end.
    pub request: String,
}

/// Answer to `installCertificate`: it is on the token, was read back and compared, and the key was proved.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Installed {
    /// The token.
    pub token: TokenName,
    /// CKA_ID of the pair and the certificate.
    pub key_id: KeyId,
    /// What became of the certificate in the person's certificate store; absent if it is there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub store_error: Option<ErrorCode>,
}

/// Answer to `storeState`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StoreState {
    /// Is the token's module registered with the store? Else the browser sees a certificate and no key.
    pub module_registered: bool,
    /// Name of the module.
    pub module: String,
    /// Why the store cannot be used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<ErrorCode>,
}

/// Answer to `changePin` and `unblockPin`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PinChanged {}

/// Answer to `cancel`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CancelAccepted {
    /// Was there such an operation?
    pub found: bool,
}

/// A frame from the host that answers a request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reply<T> {
    /// The request's `id`; empty where the frame had none that could be read.
    pub id: String,
    /// How it ended.
    #[serde(flatten)]
    pub outcome: Outcome<T>,
}

/// `{"result": …}` or `{"error": …}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Outcome<T> {
    /// It went well.
    Result(T),
    /// It failed.
    Error(Failure),
}

/// An error from the workstation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Failure {
    /// What went wrong.
    pub code: ErrorCode,
    /// What the token tells of further tries, with `pin_incorrect` and `so_pin_incorrect`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tries_left: Option<TriesLeft>,
    /// For the support: names of modules and PKCS#11 return values. Never a secret, never a holder's data.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}

impl From<ErrorCode> for Failure {
    fn from(code: ErrorCode) -> Self {
        Self { code, tries_left: None, detail: None }
    }
}

/// A frame that the host sends unasked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Event {
    /// The first frame.
    Hello {
        /// [`crate::PROTOCOL_VERSION`].
        protocol_version: u32,
        /// [`crate::PROTOCOL_MINOR`]; absent from a host of 1.0.
        #[serde(default)]
        protocol_minor: u32,
        /// The host's own version.
        host_version: String,
    },
    /// After `watchTokens`: something was plugged in or pulled out.
    TokensChanged(Tokens),
    /// Where a long operation is.
    Progress {
        /// The request's `id`.
        id: String,
        /// What it is doing now.
        stage: Stage,
    },
}

/// Steps of the commands that make requests, and of `installCertificate`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Stage {
    /// The PIN is presented.
    LoggingIn,
    /// The sensor's bytes are stirred into the generator, the token's or the host's.
    Seeding,
    /// The token makes the key pair, or the host for it.
    GeneratingKey,
    /// The token signs.
    Signing,
    /// The certificate is written.
    Writing,
    /// It is read back and compared.
    ReadingBack,
    /// It is put into the person's certificate store.
    Storing,
}
