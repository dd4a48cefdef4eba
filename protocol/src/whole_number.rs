//! A whole number as JSON has it: 56 and 56.0 are the same one, which JSON Schema calls an integer (2020-12, §4.2.3 of the
//! core), and programs whose language has one kind of number write either.

use std::fmt;

use serde::{
    Deserialize, Deserializer,
    de::{Error, Unexpected, Visitor},
};

/// From 0 to 4,294,967,295.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct WholeNumber(pub(crate) u32);

impl<'de> Deserialize<'de> for WholeNumber {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Reader)
    }
}

/// A field that may be absent or null.
pub(crate) fn optional<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u32>, D::Error> {
    Ok(Option::<WholeNumber>::deserialize(deserializer)?.map(|number| number.0))
}

struct Reader;

impl Visitor<'_> for Reader {
    type Value = WholeNumber;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a whole number that is not negative")
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<WholeNumber, E> {
        u32::try_from(value).map(WholeNumber).map_err(|_| E::invalid_value(Unexpected::Unsigned(value), &self))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<WholeNumber, E> {
        u32::try_from(value).map(WholeNumber).map_err(|_| E::invalid_value(Unexpected::Signed(value), &self))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<WholeNumber, E> {
        if value.fract() != 0.0 || !(0.0..=f64::from(u32::MAX)).contains(&value) {
            return Err(E::invalid_value(Unexpected::Float(value), &self));
        }
        // Checked above.
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        Ok(WholeNumber(value as u32))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_whole_number_may_be_written_with_a_point_and_nothing_else_is_one() {
        let read = |text: &str| serde_json::from_str::<WholeNumber>(text).ok().map(|number| number.0);
        assert_eq!([read("56"), read("56.0"), read("5.6e1"), read("0")], [Some(56), Some(56), Some(56), Some(0)]);
        assert_eq!(read("4294967295.0"), Some(u32::MAX));
        for other in ["5.5", "-1", "-1.0", "4294967296", "4294967296.0", "1e300", "\"5\"", "true", "[]"] {
            assert_eq!(read(other), None, "{other}");
        }
    }
}
