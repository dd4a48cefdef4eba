//! Why a certificate was revoked (RFC 5280 §5.3.1).

use x509_cert::ext::pkix::CrlReason;

macro_rules! reasons {
    ($($(#[$doc:meta])* $variant:ident = $code:literal, $name:literal, $x509:ident;)*) => {
        /// Why a certificate was revoked, as far as an authority of holders needs it: without `removeFromCRL`, which
        /// belongs to delta lists, and `aACompromise`, which is about attribute certificates.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Reason {
            $($(#[$doc])* $variant,)*
        }

        impl Reason {
            /// All of them, by growing code.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// Its name in RFC 5280: `keyCompromise`.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }

            /// Its number in RFC 5280.
            pub const fn code(self) -> u8 {
                match self { $(Self::$variant => $code,)* }
            }

            pub(crate) const fn to_x509(self) -> CrlReason {
                match self { $(Self::$variant => CrlReason::$x509,)* }
            }

            pub(crate) const fn from_x509(reason: CrlReason) -> Option<Self> {
                match reason {
                    $(CrlReason::$x509 => Some(Self::$variant),)*
                    CrlReason::RemoveFromCRL | CrlReason::AaCompromise => None,
                }
            }
        }
    };
}

reasons! {
    /// No reason was given; lists and answers then leave it out.
    Unspecified = 0, "unspecified", Unspecified;
    /// The holder's key is known to somebody else.
    KeyCompromise = 1, "keyCompromise", KeyCompromise;
    /// The authority's key is.
    CaCompromise = 2, "cACompromise", CaCompromise;
    /// The holder left the organisation, or its name changed.
    AffiliationChanged = 3, "affiliationChanged", AffiliationChanged;
    /// Another certificate took its place.
    Superseded = 4, "superseded", Superseded;
    /// It is not needed any more.
    CessationOfOperation = 5, "cessationOfOperation", CessationOfOperation;
    /// Suspended for a time.
    CertificateHold = 6, "certificateHold", CertificateHold;
    /// The right that it certifies was withdrawn.
    PrivilegeWithdrawn = 9, "privilegeWithdrawn", PrivilegeWithdrawn;
}

impl Reason {
    /// Reads what [`Reason::as_str`] writes.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|reason| reason.as_str() == name)
    }

    /// The reason with this number.
    pub fn from_code(code: u8) -> Option<Self> {
        Self::ALL.iter().copied().find(|reason| reason.code() == code)
    }
}

impl std::fmt::Display for Reason {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_survives_the_way_through_its_name_its_number_and_der() {
        for reason in Reason::ALL.iter().copied() {
            assert_eq!(Reason::parse(reason.as_str()), Some(reason));
            assert_eq!(Reason::from_code(reason.code()), Some(reason));
            assert_eq!(Reason::from_x509(reason.to_x509()), Some(reason));
            assert_eq!(reason.to_x509() as u32, u32::from(reason.code()));
        }
    }

    #[test]
    fn what_is_no_reason_of_an_authority_of_holders_is_not_read() {
        assert_eq!(Reason::parse("KeyCompromise"), None);
        assert_eq!((Reason::from_code(7), Reason::from_code(8), Reason::from_code(10)), (None, None, None));
    }
}
