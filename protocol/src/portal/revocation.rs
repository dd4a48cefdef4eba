//! Revocation: why, since when, and how a holder asks for it.

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

/// Why a certificate is revoked: names of RFC 5280 §5.3.1, those that speak of a holder's certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub enum RevocationReason {
    /// None was given.
    Unspecified,
    /// The token was lost or stolen, or somebody else knows its PIN.
    KeyCompromise,
    /// The authority's own key is known to somebody else.
    CaCompromise,
    /// Position, organisation or data have changed.
    AffiliationChanged,
    /// Another certificate took its place.
    Superseded,
    /// It is not needed any more.
    CessationOfOperation,
    /// Suspended for a time.
    CertificateHold,
    /// The right that it certifies was withdrawn.
    PrivilegeWithdrawn,
}

impl RevocationReason {
    /// Those that a holder may give; the others are the operator's.
    pub const OF_HOLDER: [Self; 4] =
        [Self::KeyCompromise, Self::AffiliationChanged, Self::Superseded, Self::CessationOfOperation];

    /// The name on the wire, in the digest and in the audit.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unspecified => "unspecified",
            Self::KeyCompromise => "keyCompromise",
            Self::CaCompromise => "caCompromise",
            Self::AffiliationChanged => "affiliationChanged",
            Self::Superseded => "superseded",
            Self::CessationOfOperation => "cessationOfOperation",
            Self::CertificateHold => "certificateHold",
            Self::PrivilegeWithdrawn => "privilegeWithdrawn",
        }
    }

    /// Reads [`Self::as_str`].
    pub fn parse(text: &str) -> Option<Self> {
        use RevocationReason::*;
        [
            Unspecified,
            KeyCompromise,
            CaCompromise,
            AffiliationChanged,
            Superseded,
            CessationOfOperation,
            CertificateHold,
            PrivilegeWithdrawn,
        ]
        .into_iter()
        .find(|reason| reason.as_str() == text)
    }

    /// May a holder give it?
    pub fn is_of_holder(self) -> bool {
        Self::OF_HOLDER.contains(&self)
    }
}

/// A revocation as the holder sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct RevocationView {
    /// Since when.
    #[serde(with = "time::serde::rfc3339")]
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
    pub at: OffsetDateTime,
    /// Why.
    pub reason: RevocationReason,
}

/// `POST /certificates/{id}/revocation/password`: asks for the one-time password that revokes it for this reason.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RevocationOrder {
    /// One of [`RevocationReason::OF_HOLDER`].
    pub reason: RevocationReason,
}

/// `POST /certificates/{id}/revocation`: the one-time password, and what it was ordered for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Revocation {
    /// The reason for which the password was ordered.
    pub reason: RevocationReason,
    /// Six digits.
    pub password: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_on_the_wire_is_its_name() {
        use RevocationReason::*;
        let operator = [Unspecified, CaCompromise, CertificateHold, PrivilegeWithdrawn];
        for reason in RevocationReason::OF_HOLDER.into_iter().chain(operator) {
            assert_eq!(serde_json::to_value(reason).unwrap(), reason.as_str());
            assert_eq!(RevocationReason::parse(reason.as_str()), Some(reason));
            assert_eq!(reason.is_of_holder(), !operator.contains(&reason));
        }
    }
}
