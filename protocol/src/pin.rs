//! A token's PIN on its way from the extension's window to PKCS#11.

use serde::{Deserialize, Deserializer, de};
use zeroize::Zeroizing;

/// A PIN: wiped when dropped, never printed, never written (invariant 1). UTF-8, as PKCS#11 §5.6.7 wants it.
pub struct Pin(Zeroizing<String>);

impl Pin {
    /// The longest PIN that is read at all, in bytes; a token's own limit is shorter.
    pub const MAX_BYTES: usize = 255;

    /// Takes ownership of what was typed.
    pub fn new(typed: String) -> Self {
        Self(Zeroizing::new(typed))
    }

    /// The PIN itself, for the call that needs it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl<'de> Deserialize<'de> for Pin {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl de::Visitor<'_> for Visitor {
            type Value = Pin;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a PIN")
            }

            // The error must not repeat what was given, so no `invalid_value` here.
            fn visit_str<E: de::Error>(self, value: &str) -> Result<Pin, E> {
                if value.len() > Pin::MAX_BYTES {
                    return Err(E::custom("PIN too long"));
                }
                Ok(Pin::new(value.to_owned()))
            }
        }
        deserializer.deserialize_str(Visitor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_about_a_pin_does_not_repeat_it() {
        let pin = "7".repeat(300);
        let Err(error) = serde_json::from_str::<Pin>(&format!("\"{pin}\"")) else { panic!("accepted") };
        assert!(!error.to_string().contains("777"));
    }

    #[test]
    fn a_pin_may_have_letters_spaces_and_cyrillic() {
        let pin: Pin = serde_json::from_str(r#""пин код \"1""#).unwrap();
        assert_eq!(pin.expose(), "пин код \"1");
    }
}
