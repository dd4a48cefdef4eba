//! A token's PIN on its way from the extension's window to PKCS#11.

use std::str::Chars;

use serde::{Deserialize, Deserializer, de::Error};
use serde_json::value::RawValue;
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
        // As it stands in the frame: a parser that replaces escapes does so in a buffer that nobody wipes.
        let raw = <&RawValue>::deserialize(deserializer)?.get();
        let quoted = raw.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
        // The errors must not repeat what was given.
        let pin = quoted.and_then(unescape).ok_or_else(|| D::Error::custom("not a PIN"))?;
        if pin.len() > Self::MAX_BYTES { Err(D::Error::custom("PIN too long")) } else { Ok(Self(pin)) }
    }
}

/// The content of a JSON string (RFC 8259 §7). What it means is never longer than how it is written, so the buffer
/// never grows and leaves no copy behind.
fn unescape(written: &str) -> Option<Zeroizing<String>> {
    let mut text = Zeroizing::new(String::with_capacity(written.len()));
    let mut rest = written.chars();
    while let Some(c) = rest.next() {
        text.push(match c {
            '\\' => escaped(&mut rest)?,
            c => c,
        });
    }
    Some(text)
}

/// What stands behind a backslash.
fn escaped(rest: &mut Chars<'_>) -> Option<char> {
    Some(match rest.next()? {
        c @ ('"' | '\\' | '/') => c,
        'b' => '\u{8}',
        'f' => '\u{c}',
        'n' => '\n',
        'r' => '\r',
        't' => '\t',
        'u' => match four_digits(rest)? {
            high @ 0xd800..0xdc00 => {
                let low = (rest.next() == Some('\\') && rest.next() == Some('u')).then(|| four_digits(rest))??;
                let low = low.checked_sub(0xdc00).filter(|low| *low < 0x400)?;
                char::from_u32(0x1_0000 + ((high - 0xd800) << 10) + low)?
            }
            unit => char::from_u32(unit)?,
        },
        _ => return None,
    })
}

fn four_digits(rest: &mut Chars<'_>) -> Option<u32> {
    (0..4).try_fold(0, |value, _| Some(value << 4 | rest.next()?.to_digit(16)?))
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

    #[test]
    fn a_pin_is_read_as_any_other_string() {
        for written in [
            r#""""#,
            r#""1234""#,
            r#""\" \\ \/ \b \f \n \r \t""#,
            r#""\u043f\u0438\u043D \ud83d\uDE00 😀""#,
            r#""\ud83d""#,
            r#""\ud83d\u0041""#,
            r#""\ude00""#,
            "1234",
            "null",
            r#"["1"]"#,
            r#""\x""#,
            r#""\u12""#,
        ] {
            let usual = serde_json::from_str::<String>(written).ok();
            let pin = serde_json::from_str::<Pin>(written).ok();
            assert_eq!(pin.as_ref().map(Pin::expose), usual.as_deref(), "{written}");
        }
    }
}
