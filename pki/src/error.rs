//! `BuildError` is for the program that builds certificates and lists: a configuration or an application that cannot
//! become one. `ReadError` is for the operator who hands in another authority's list or certificate. What a person's
//! request or certificate gets wrong is a [`qcert_protocol::ErrorCode`] instead.

/// Why something could not be built. The texts hold no personal data.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BuildError {
    /// The holder's data lack a field of their kind, or have one too many: `HolderData::check` says which.
    #[error("the holder's data do not fit the kind of holder: {0}")]
    HolderData(String),
    /// A value of the profile or of the authority's name cannot stand in a certificate.
    #[error("the setting `{0}` cannot stand in a certificate")]
    Setting(&'static str),
    /// The validity is empty, or reaches beyond the issuer's.
    #[error("the validity is empty or reaches beyond the issuer's")]
    Validity,
    /// The issuer is not a certification authority, or may not have one below it.
    #[error("the issuer's certificate does not allow this")]
    Issuer,
    /// The value has no DER encoding (a time before 1970 or after 9999, for example).
    #[error("cannot be encoded: {0}")]
    Encoding(String),
}

impl From<der::Error> for BuildError {
    fn from(error: der::Error) -> Self {
        // Kind and position only: a value never gets into the text.
        Self::Encoding(error.kind().to_string())
    }
}

/// Why another authority's list or certificate is not taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReadError {
    /// It is not what the standard describes.
    #[error("it cannot be read: {0}")]
    Malformed(&'static str),
    /// The standard allows it, and nothing here understands it.
    #[error("{0} is not supported")]
    Unsupported(&'static str),
    /// The issuer did not sign it, or may not sign such things.
    #[error("it was not signed by this issuer, or the issuer may not sign it")]
    Issuer,
}

impl From<der::Error> for ReadError {
    fn from(_: der::Error) -> Self {
        Self::Malformed("it is not DER of the expected shape")
    }
}
