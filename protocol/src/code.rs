//! The error codes: one list for all parts, append-only.
//!
//! A code says which [`Part`] failed; the words a person reads are keyed by it, in Russian and English, in the page
//! and in the extension. `PROTOCOL.md` publishes the list, and a test compares the two.

use serde::{Deserialize, Serialize};

/// Which part of Qcert a code speaks about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// The person, or what the person typed.
    Person,
    /// The portal server.
    Portal,
    /// The page in the browser.
    Page,
    /// The browser itself.
    Browser,
    /// The browser extension.
    Extension,
    /// The native messaging host.
    Host,
    /// A PKCS#11 module.
    Module,
    /// A token, or the reader it should be in.
    Token,
    /// The person's certificate store.
    Store,
}

impl Part {
    /// The part's name as `PROTOCOL.md` prints it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Person => "person",
            Self::Portal => "portal",
            Self::Page => "page",
            Self::Browser => "browser",
            Self::Extension => "extension",
            Self::Host => "host",
            Self::Module => "module",
            Self::Token => "token",
            Self::Store => "store",
        }
    }
}

macro_rules! codes {
    ($(#[doc = $meaning:literal] $variant:ident = $name:literal, $part:ident, $status:literal;)*) => {
        /// What went wrong, for programs. Append-only: a code never changes its name or meaning.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
        pub enum ErrorCode {
            $(#[doc = $meaning] #[serde(rename = $name)] $variant,)*
        }

        impl ErrorCode {
            /// All codes, in the order in which they were added.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The name on the wire.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }

            /// What it means, in a sentence or two, for who reads the API's description.
            pub fn meaning(self) -> &'static str {
                match self { $(Self::$variant => $meaning.trim_ascii(),)* }
            }

            /// Which part failed.
            pub const fn part(self) -> Part {
                match self { $(Self::$variant => Part::$part,)* }
            }

            /// The HTTP status with which the portal says it; 0 for codes that never come from the portal.
            pub const fn http_status(self) -> u16 {
                match self { $(Self::$variant => $status,)* }
            }
        }
    };
}

codes! {
    /// The body is not JSON, or not of the documented shape.
    BodyMalformed = "body_malformed", Portal, 400;
    /// The body is larger than the route takes.
    BodyTooLarge = "body_too_large", Portal, 413;
    /// The body is not of the media type that the route takes.
    MediaTypeUnsupported = "media_type_unsupported", Portal, 415;
    /// No such route or resource.
    NotFound = "not_found", Portal, 404;
    /// The route does not know this method.
    MethodNotAllowed = "method_not_allowed", Portal, 405;
    /// A field has a value that its check refuses; `fields` says which and why.
    FieldInvalid = "field_invalid", Person, 422;
    /// Nobody is signed in, or the session has ended.
    SessionRequired = "session_required", Person, 401;
    /// The request comes from another site.
    OriginForbidden = "origin_forbidden", Portal, 403;
    /// Too many requests; `retryAfterSeconds` says when the next one is welcome.
    RateLimited = "rate_limited", Portal, 429;
    /// The portal failed; nothing was changed.
    Internal = "internal", Portal, 500;
    /// The portal cannot be reached, or its database does not answer.
    PortalUnavailable = "portal_unavailable", Portal, 503;
    /// What was typed is not a mobile telephone number.
    PhoneInvalid = "phone_invalid", Person, 422;
    /// The one-time password is not the one that was sent.
    OtpWrong = "otp_wrong", Person, 403;
    /// The one-time password is too old.
    OtpExpired = "otp_expired", Person, 403;
    /// The one-time password was used already.
    OtpUsed = "otp_used", Person, 403;
    /// Too many wrong one-time passwords; a new one is needed.
    OtpTriesExhausted = "otp_tries_exhausted", Person, 403;
    /// No one-time password was asked for in this session.
    OtpNotRequested = "otp_not_requested", Person, 409;
    /// A one-time password was sent a moment ago; `retryAfterSeconds` says when the next can be.
    OtpResendTooEarly = "otp_resend_too_early", Person, 429;
    /// The person has no such application.
    ApplicationNotFound = "application_not_found", Portal, 404;
    /// The application's state does not allow this.
    ApplicationStateForbids = "application_state_forbids", Portal, 409;
    /// The operator has not recorded how the holder was identified.
    IdentificationMissing = "identification_missing", Portal, 409;
    /// The person has no such certificate request.
    RequestNotFound = "request_not_found", Portal, 404;
    /// The PKCS#10 request cannot be read.
    RequestMalformed = "request_malformed", Host, 422;
    /// The PKCS#10 request is larger than the portal takes.
    RequestTooLarge = "request_too_large", Host, 413;
    /// The PKCS#10 request's signature was not made with its own key.
    ProofOfPossessionFailed = "proof_of_possession_failed", Token, 422;
    /// The key is of an algorithm or curve that the authority does not take.
    KeyAlgorithmUnsupported = "key_algorithm_unsupported", Token, 422;
    /// The key is too short, or otherwise not safe.
    KeyWeak = "key_weak", Token, 422;
    /// The key already belongs to another request or certificate.
    KeyInUse = "key_in_use", Token, 409;
    /// The holder's data changed after the one-time password was sent; a new one is needed.
    DigestChanged = "digest_changed", Portal, 409;
    /// The person has no such certificate.
    CertificateNotFound = "certificate_not_found", Portal, 404;
    /// The page does not find the extension.
    ExtensionMissing = "extension_missing", Extension, 0;
    /// The extension is not packaged for this site.
    ExtensionSiteRefused = "extension_site_refused", Extension, 0;
    /// The extension is older than this page needs.
    ExtensionOutdated = "extension_outdated", Extension, 0;
    /// The extension was reloaded or removed while the page was open.
    ExtensionDisconnected = "extension_disconnected", Extension, 0;
    /// The browser does not find the native messaging host.
    HostMissing = "host_missing", Host, 0;
    /// The host is not registered for this extension.
    HostForbidden = "host_forbidden", Host, 0;
    /// The host ended in the middle of the work.
    HostExited = "host_exited", Host, 0;
    /// The host is older than the extension needs.
    HostOutdated = "host_outdated", Host, 0;
    /// The page is older than the extension and the host.
    PageOutdated = "page_outdated", Page, 0;
    /// The administrator did not allow this site to use the host.
    OriginRefused = "origin_refused", Host, 0;
    /// A message between page, extension and host is not of the documented shape.
    FrameMalformed = "frame_malformed", Host, 0;
    /// A message is larger than the protocol allows.
    FrameTooLarge = "frame_too_large", Host, 0;
    /// The host does not know this command.
    CommandUnknown = "command_unknown", Host, 0;
    /// The workstation did not answer in time.
    WorkstationTimeout = "workstation_timeout", Host, 0;
    /// Another operation of this page is not finished.
    OperationInProgress = "operation_in_progress", Host, 0;
    /// The person cancelled.
    Cancelled = "cancelled", Person, 0;
    /// The dialog's ten minutes ran out.
    DialogExpired = "dialog_expired", Person, 0;
    /// The host's configuration file cannot be read.
    HostConfigurationInvalid = "host_configuration_invalid", Host, 0;
    /// No PKCS#11 module is installed.
    ModuleMissing = "module_missing", Module, 0;
    /// A PKCS#11 module could not be loaded, or returned an error that says nothing to a person.
    ModuleFailed = "module_failed", Module, 0;
    /// No reader is connected.
    ReaderMissing = "reader_missing", Token, 0;
    /// No token is in any reader.
    TokenMissing = "token_missing", Token, 0;
    /// The token was pulled out during the operation.
    TokenRemoved = "token_removed", Token, 0;
    /// The token cannot make this kind of key, or was not initialised.
    TokenUnsuitable = "token_unsuitable", Token, 0;
    /// The token has no room.
    TokenFull = "token_full", Token, 0;
    /// The key of this certificate is on another token.
    TokenMismatch = "token_mismatch", Token, 0;
    /// The PIN is wrong; `triesLeft` says what the token tells about further tries.
    PinIncorrect = "pin_incorrect", Person, 0;
    /// The token's PIN is locked.
    PinLocked = "pin_locked", Token, 0;
    /// The PIN is shorter or longer than the token takes.
    PinLengthInvalid = "pin_length_invalid", Person, 0;
    /// The PIN is the factory's; a change is offered before it is used.
    PinFactory = "pin_factory", Person, 0;
    /// The command needs a PIN, and none was given.
    PinRequired = "pin_required", Person, 0;
    /// The biological sensor collected too little.
    SensorInsufficient = "sensor_insufficient", Person, 0;
    /// The token failed to make the key pair.
    KeyGenerationFailed = "key_generation_failed", Token, 0;
    /// The token failed to sign.
    SigningFailed = "signing_failed", Token, 0;
    /// The key is on none of the connected tokens.
    KeyNotFound = "key_not_found", Token, 0;
    /// The certificate cannot be read, or does not belong to its issuer.
    CertificateInvalid = "certificate_invalid", Host, 0;
    /// The token refused to take the certificate.
    CertificateWriteFailed = "certificate_write_failed", Token, 0;
    /// What was read back from the token is not what was written.
    ReadBackMismatch = "read_back_mismatch", Token, 0;
    /// The person's certificate store refused the certificate.
    StoreFailed = "store_failed", Store, 0;
    /// The program that writes to the person's certificate store is not installed.
    StoreToolMissing = "store_tool_missing", Store, 0;
    /// The certificate was revoked before.
    CertificateAlreadyRevoked = "certificate_already_revoked", Portal, 409;
    /// A holder may not revoke for this reason.
    RevocationReasonUnsupported = "revocation_reason_unsupported", Person, 422;
    /// The RSA key is shorter than the authority takes.
    KeyTooSmall = "key_too_small", Token, 422;
    /// The RSA key is longer than the authority takes.
    KeyTooLarge = "key_too_large", Token, 422;
    /// The RSA key's modulus has a small factor.
    KeySmallFactors = "key_small_factors", Token, 422;
    /// The RSA key carries the mark of generators with the ROCA fault (CVE-2017-15361).
    KeyRoca = "key_roca", Token, 422;
    /// The RSA key's primes are so close that Fermat's method finds them.
    KeyClosePrimes = "key_close_primes", Token, 422;
    /// The RSA key's public exponent is not 65537.
    KeyExponentUnsafe = "key_exponent_unsafe", Token, 422;
    /// The key describes its curve by parameters and not by name.
    KeyParametersExplicit = "key_parameters_explicit", Token, 422;
    /// The key's point is compressed.
    KeyPointCompressed = "key_point_compressed", Token, 422;
    /// The key's point is not on its curve, is the point at infinity, or is of small order.
    KeyPointInvalid = "key_point_invalid", Token, 422;
    /// The PKCS#10 request is signed with an algorithm that the authority does not check, or that does not go with the key.
    SignatureAlgorithmUnsupported = "signature_algorithm_unsupported", Host, 422;
    /// Something follows the PKCS#10 request, or its key.
    RequestTrailingBytes = "request_trailing_bytes", Host, 422;
    /// The PKCS#10 request is BER and not DER.
    RequestNotDer = "request_not_der", Host, 422;
    /// The PKCS#10 request has an attribute twice.
    RequestAttributeRepeated = "request_attribute_repeated", Host, 422;
    /// The key is on the authority's list of keys that are never certified.
    KeyBlocked = "key_blocked", Token, 422;
    /// The key is that of a revoked certificate.
    KeyRevoked = "key_revoked", Token, 422;
    /// No operator's token, or one that nobody has, that has ended or was taken away.
    OperatorTokenRequired = "operator_token_required", Portal, 401;
    /// The operator has no role that may do this.
    OperatorRoleMissing = "operator_role_missing", Portal, 403;
    /// The file was not taken, and nothing of it; `faults` says what is wrong, line by line.
    ImportRefused = "import_refused", Portal, 422;
    /// Another operator than the one before has to do this.
    SecondOperatorRequired = "second_operator_required", Portal, 409;
    /// The waiting time has not passed; `retryAfterSeconds` says how much of it is left.
    PhoneChangeTooEarly = "phone_change_too_early", Portal, 409;
    /// So many wrong one-time passwords came in a row that an operator has to open the phone.
    PhoneLocked = "phone_locked", Person, 403;
    /// The application's activation code has to be entered first.
    ActivationRequired = "activation_required", Person, 409;
    /// What was typed is certainly no activation code; no try was taken.
    ActivationCodeMistyped = "activation_code_mistyped", Person, 422;
    /// The activation code is not the application's; `triesLeft` says how many tries it has.
    ActivationCodeWrong = "activation_code_wrong", Person, 403;
    /// Too many wrong activation codes; only an operator can make another.
    ActivationTriesExhausted = "activation_tries_exhausted", Person, 403;
    /// No activation code was made for this application.
    ActivationCodeMissing = "activation_code_missing", Person, 409;
    /// The extension is newer than the page and the host.
    ExtensionTooNew = "extension_too_new", Extension, 0;
    /// The host is newer than the page and the extension.
    HostTooNew = "host_too_new", Host, 0;
    /// This browser is too old, or of a kind for which there is no extension.
    BrowserUnsupported = "browser_unsupported", Browser, 0;
    /// The browser is a snap or flatpak package, whose sandbox keeps it from starting the host.
    BrowserSandboxed = "browser_sandboxed", Browser, 0;
    /// The computer's clock differs from the portal's.
    ClockWrong = "clock_wrong", Host, 0;
    /// Another window of the portal works with the token.
    TokenBusy = "token_busy", Token, 0;
    /// A PKCS#11 module does not answer and is ended; the others go on, and it is started again.
    ModuleHangs = "module_hangs", Module, 0;
    /// A PKCS#11 module crashed; the others go on, and it is started again.
    ModuleCrashed = "module_crashed", Module, 0;
    /// The administrator's PIN is wrong; `triesLeft` says what the token tells about further tries.
    SoPinIncorrect = "so_pin_incorrect", Person, 0;
    /// The administrator's PIN is locked.
    SoPinLocked = "so_pin_locked", Token, 0;
    /// This certificate cannot be renewed here now: it does not end soon, or is not installed, or is over.
    RenewalNotOpen = "renewal_not_open", Portal, 409;
    /// The proof was not made for this request by the key of the certificate that is renewed, or is too old.
    RenewalProofWrong = "renewal_proof_wrong", Token, 422;
}

// The derive does not see through the macro's names and would publish those of Rust.
#[cfg(feature = "openapi")]
impl utoipa::PartialSchema for ErrorCode {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
        utoipa::openapi::ObjectBuilder::new()
            .schema_type(utoipa::openapi::schema::Type::String)
            .description(Some("What went wrong, for programs."))
            .enum_values(Some(Self::ALL.iter().map(|code| code.as_str())))
            .into()
    }
}

#[cfg(feature = "openapi")]
impl utoipa::ToSchema for ErrorCode {
    fn name() -> std::borrow::Cow<'static, str> {
        "ErrorCode".into()
    }
}

impl std::fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

impl std::error::Error for ErrorCode {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_on_the_wire_is_its_name() {
        for code in ErrorCode::ALL {
            let json = serde_json::to_string(code).unwrap();
            assert_eq!(json, format!("\"{}\"", code.as_str()));
            assert_eq!(serde_json::from_str::<ErrorCode>(&json).unwrap(), *code);
        }
    }

    #[test]
    fn names_are_unique() {
        let names: std::collections::HashSet<_> = ErrorCode::ALL.iter().map(|code| code.as_str()).collect();
        assert_eq!(names.len(), ErrorCode::ALL.len());
    }
}
