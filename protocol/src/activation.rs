//! The activation code: handed over in person together with the application, so that whoever has somebody's text
//! messages alone gets no certificate.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Crockford's base32: no I, L, O and U, which are taken for something else.
const ALPHABET: &[u8; SYMBOLS] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
const SYMBOLS: usize = 32;
const LENGTH: usize = 12;

/// Eleven symbols by chance, 55 bits, and one that shows mistyping; written `7K3M-9QXD-4T23`.
#[derive(Clone, PartialEq, Eq)]
pub struct ActivationCode([u8; LENGTH]);

impl ActivationCode {
    /// The code of 55 of these bits.
    pub fn from_bits(bits: [u8; 7]) -> Self {
        let bits = bits.iter().fold(0_u64, |bits, byte| bits << 8 | u64::from(*byte));
        let mut code = [0; LENGTH];
        for (place, symbol) in code[..LENGTH - 1].iter_mut().enumerate() {
            *symbol = (bits >> (5 * place) & 31) as u8;
        }
        code[LENGTH - 1] = times_alpha(sum(&code[..LENGTH - 1]));
        Self(code)
    }

    /// Reads what a person typed: in capitals or not, with any spaces and dashes, letters for the digits that look like
    /// them, Cyrillic letters for the Latin ones. `None` if that is certainly no code: one wrong symbol and two that
    /// changed places are always found, and of all else 31 of 32.
    pub fn parse(typed: &str) -> Option<Self> {
        let mut code = [0; LENGTH];
        let mut places = code.iter_mut();
        for c in typed.chars().filter(|c| !is_between(*c)) {
            *places.next()? = symbol(c)?;
        }
        (places.next().is_none() && sum(&code) == 0).then_some(Self(code))
    }
}

/// As it is handed over.
impl fmt::Display for ActivationCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, symbol) in self.0.iter().enumerate() {
            let dash = if place > 0 && place % 4 == 0 { "-" } else { "" };
            write!(f, "{dash}{}", char::from(ALPHABET[usize::from(*symbol)]))?;
        }
        Ok(())
    }
}

/// The symbols as a polynomial over GF(32), at a primitive element: each place has another weight. A code's is 0.
fn sum(symbols: &[u8]) -> u8 {
    symbols.iter().fold(0, |sum, symbol| times_alpha(sum) ^ symbol)
}

/// In GF(32) with x⁵ + x² + 1, whose root generates all 31 elements but 0.
fn times_alpha(element: u8) -> u8 {
    let doubled = element << 1;
    if doubled & 0b10_0000 == 0 { doubled } else { doubled ^ 0b10_0101 }
}

/// Does it stand between symbols?
fn is_between(c: char) -> bool {
    c.is_whitespace() || matches!(c, '-' | '_' | '.' | '\u{2010}'..='\u{2015}' | '\u{2212}')
}

/// The symbol that somebody saw who typed this.
fn symbol(c: char) -> Option<u8> {
    let latin = match c.to_uppercase().next()? {
        'O' | 'О' => '0',
        'I' | 'L' | 'І' => '1',
        'U' => 'V',
        'З' => '3',
        'А' => 'A',
        'В' => 'B',
        'С' => 'C',
        'Е' => 'E',
        'Н' => 'H',
        'К' => 'K',
        'М' => 'M',
        'Р' => 'P',
        'Т' => 'T',
        'Х' => 'X',
        'У' => 'Y',
        other => other,
    };
    let place = ALPHABET.iter().position(|symbol| char::from(*symbol) == latin)?;
    u8::try_from(place).ok()
}

/// Where an application stands with its activation code, as an operator sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub enum Activation {
    /// No code was made, or the application was activated with another phone than it has now.
    NoCode,
    /// A code was made that was not entered yet.
    CodeMade,
    /// It was tried wrongly too often; another has to be made.
    Exhausted,
    /// The code was entered.
    Activated,
}

impl Activation {
    const ALL: [Self; 4] = [Self::NoCode, Self::CodeMade, Self::Exhausted, Self::Activated];

    /// The name on the wire and in the database's answer.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NoCode => "noCode",
            Self::CodeMade => "codeMade",
            Self::Exhausted => "exhausted",
            Self::Activated => "activated",
        }
    }

    /// Reads [`Self::as_str`].
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|activation| activation.as_str() == text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(seed: u64) -> ActivationCode {
        // Knuth's multiplier: codes that have nothing in common.
        let bytes = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1).to_be_bytes();
        ActivationCode::from_bits(bytes[..7].try_into().unwrap())
    }

    #[test]
    fn a_code_has_three_groups_of_four_and_all_its_55_bits() {
        assert_eq!(ActivationCode::from_bits([0; 7]).to_string(), "0000-0000-0000");
        for bit in 0..55_u64 {
            let bits = (1_u64 << bit).to_be_bytes();
            let code = ActivationCode::from_bits(bits[1..].try_into().unwrap());
            assert_ne!(code.to_string(), "0000-0000-0000", "{bit}");
        }
        assert!(ActivationCode::parse("7K3M-9QXD-4T23").is_some(), "the one that PROTOCOL.md shows");
        for seed in 0..1000 {
            let written = code(seed).to_string();
            assert!(written.len() == 14 && !written.contains(['I', 'L', 'O', 'U']), "{written}");
            assert!(ActivationCode::parse(&written) == Some(code(seed)), "{written}");
        }
    }

    #[test]
    fn one_wrong_symbol_and_two_that_changed_places_are_found() {
        for seed in 0..50 {
            let written: Vec<u8> = code(seed).to_string().replace('-', "").into_bytes();
            for place in 0..LENGTH {
                for symbol in ALPHABET.iter().filter(|symbol| **symbol != written[place]) {
                    let mut wrong = written.clone();
                    wrong[place] = *symbol;
                    assert!(ActivationCode::parse(std::str::from_utf8(&wrong).unwrap()).is_none());
                }
                for other in (0..place).filter(|other| written[*other] != written[place]) {
                    let mut wrong = written.clone();
                    wrong.swap(place, other);
                    assert!(ActivationCode::parse(std::str::from_utf8(&wrong).unwrap()).is_none());
                }
            }
        }
    }

    #[test]
    fn typing_is_forgiven_what_a_person_cannot_see() {
        let all = [
            "0OoОо", "1IiLl", "3З", "AaАа", "BВв", "CСс", "EЕе", "HНн", "KКк", "MМм", "PРр", "TТт", "VvUu", "XХх",
            "YУу",
        ];
        for alike in all {
            let read: Vec<_> = alike.chars().map(symbol).collect();
            assert!(read[0].is_some() && read.iter().all(|symbol| *symbol == read[0]), "{alike}");
        }
        let written = code(7).to_string();
        for typed in [
            written.to_lowercase(),
            written.replace('-', ""),
            written.replace('-', " – "),
            format!("\t{} ", written.replace('0', "О").replace('1', "l")),
        ] {
            assert!(ActivationCode::parse(&typed) == Some(code(7)), "{typed}");
        }
    }

    #[test]
    fn what_is_too_short_too_long_or_of_other_symbols_is_no_code() {
        let written = code(7).to_string();
        for typed in ["", "-", &written[1..], &format!("{written}0"), &written.replace('-', "*"), "ЖЖЖЖ-ЖЖЖЖ-ЖЖЖЖ"]
        {
            assert!(ActivationCode::parse(typed).is_none(), "{typed}");
        }
    }

    #[test]
    fn a_state_on_the_wire_is_its_name() {
        for activation in Activation::ALL {
            assert_eq!(serde_json::to_value(activation).unwrap(), activation.as_str());
            assert_eq!(Activation::parse(activation.as_str()), Some(activation));
        }
    }
}
