//! A holder's data as types: parsed once at the border, carried as themselves.
//!
//! Numbers are stored as digits alone; what a person types may have spaces, dashes and brackets. Check digits are
//! those of the registers that give the numbers out.

mod numbers;
mod phone;
mod text;

pub use numbers::{FssNumber, InnLegalEntity, InnPerson, Kpp, Ogrn, Ogrnip, Snils};
pub use phone::Phone;
pub use text::{Country, Email, Region, Text};

use serde::{Deserialize, Serialize};

/// Why a field was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub enum FieldReason {
    /// Nothing was given.
    #[error("empty")]
    Empty,
    /// Longer than the certificate's field may be.
    #[error("too long")]
    TooLong,
    /// Not of the field's form: wrong number of digits, no `@`, and the like.
    #[error("not of the expected form")]
    Form,
    /// A character that must not stand here.
    #[error("a character that is not allowed")]
    Character,
    /// The check digits do not fit the number: it was mistyped.
    #[error("check digits do not fit")]
    CheckDigits,
    /// Needed for this kind of holder.
    #[error("missing")]
    Missing,
    /// Does not belong to this kind of holder.
    #[error("not for this kind of holder")]
    Superfluous,
}

/// Makes a newtype over `String` that can only be had by parsing.
macro_rules! parsed {
    ($(#[$doc:meta])* $name:ident, $parse:expr) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize)]
        #[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
        #[serde(transparent)]
        pub struct $name(String);

        impl $name {
            /// Reads what a person or a file gives.
            ///
            /// # Errors
            /// The [`FieldReason`](crate::holder::FieldReason) that fits.
            pub fn parse(given: &str) -> Result<Self, $crate::holder::FieldReason> {
                #[allow(clippy::redundant_closure_call)]
                ($parse)(given).map(Self)
            }

            /// The value as it stands in the certificate.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        /// Without the value: it is somebody's, and what is printed for a developer ends in a log.
        impl std::fmt::Debug for $name {
            fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.write_str(concat!(stringify!($name), "(…)"))
            }
        }

        impl std::str::FromStr for $name {
            type Err = $crate::holder::FieldReason;

            fn from_str(given: &str) -> Result<Self, Self::Err> {
                Self::parse(given)
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let given = String::deserialize(deserializer)?;
                Self::parse(&given).map_err(serde::de::Error::custom)
            }
        }
    };
}
pub(crate) use parsed;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_somebodys_is_not_printed_for_a_developer() {
        let phone = Phone::parse("+79222114545").unwrap();
        let name = Text::<64>::parse("Иван").unwrap();
        assert_eq!(format!("{phone:?} {name:?}"), "Phone(…) Text(…)");
    }
}
