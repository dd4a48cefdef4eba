//! Words in a name: bounded, printable, trimmed.

use super::{FieldReason, parsed};

/// A text for one attribute of a name: 1 to `MAX` characters, no control characters, no space at either end.
#[derive(Clone, PartialEq, Eq, Hash, serde::Serialize)]
#[serde(transparent)]
pub struct Text<const MAX: usize>(String);

impl<const MAX: usize> Text<MAX> {
    /// Reads and trims.
    ///
    /// # Errors
    /// [`FieldReason::Empty`], [`FieldReason::TooLong`] or [`FieldReason::Character`].
    pub fn parse(given: &str) -> Result<Self, FieldReason> {
        printable(given, MAX).map(Self)
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Without the words: they are somebody's, and what is printed for a developer ends in a log.
impl<const MAX: usize> std::fmt::Debug for Text<MAX> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Text(…)")
    }
}

impl<'de, const MAX: usize> serde::Deserialize<'de> for Text<MAX> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let given = String::deserialize(deserializer)?;
        Self::parse(&given).map_err(serde::de::Error::custom)
    }
}

#[cfg(feature = "openapi")]
impl<const MAX: usize> utoipa::PartialSchema for Text<MAX> {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
        utoipa::openapi::ObjectBuilder::new()
            .schema_type(utoipa::openapi::schema::Type::String)
            .min_length(Some(1))
            .max_length(Some(MAX))
            .into()
    }
}

#[cfg(feature = "openapi")]
impl<const MAX: usize> utoipa::ToSchema for Text<MAX> {
    fn name() -> std::borrow::Cow<'static, str> {
        format!("Text{MAX}").into()
    }
}

parsed!(
    /// Country: two letters, ISO 3166.
    Country,
    |given: &str| {
        let text = given.trim();
        match text.len() {
            0 => Err(FieldReason::Empty),
            2 if text.bytes().all(|b| b.is_ascii_uppercase()) => Ok(text.to_owned()),
            _ => Err(FieldReason::Form),
        }
    }
);
parsed!(
    /// Region as the order wants it in ST: two digits of its code and its name, `66 Свердловская область`.
    Region,
    |given: &str| {
        let text = printable(given, 128)?;
        let named = text.split_once(' ').is_some_and(|(code, name)| {
            code.len() == 2 && code.bytes().all(|b| b.is_ascii_digit()) && !name.trim().is_empty()
        });
        if named { Ok(text) } else { Err(FieldReason::Form) }
    }
);
parsed!(
    /// Address of electronic mail: ASCII (it is an IA5String in the name), at most 128 characters.
    Email,
    |given: &str| {
        let text = printable(given, 128)?;
        if !text.bytes().all(|b| b.is_ascii_graphic()) {
            return Err(FieldReason::Character);
        }
        let fits = text.split_once('@').is_some_and(|(local, domain)| {
            let labels_fit = domain.split('.').all(|label| {
                !label.is_empty()
                    && !label.starts_with('-')
                    && !label.ends_with('-')
                    && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
            });
            !local.is_empty() && local.len() <= 64 && domain.contains('.') && labels_fit
        });
        if fits { Ok(text) } else { Err(FieldReason::Form) }
    }
);

fn printable(given: &str, max: usize) -> Result<String, FieldReason> {
    let text = given.trim();
    if text.is_empty() {
        return Err(FieldReason::Empty);
    }
    if text.chars().count() > max {
        return Err(FieldReason::TooLong);
    }
    // Bidirectional controls and invisible spaces could make one name look like another.
    let hidden =
        |c: char| matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}');
    if text.chars().any(|c| c.is_control() || hidden(c)) {
        return Err(FieldReason::Character);
    }
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_trimmed_and_bounded_in_characters() {
        assert_eq!(Text::<6>::parse(" Иванов ").unwrap().as_str(), "Иванов");
        assert_eq!(Text::<5>::parse("Иванов"), Err(FieldReason::TooLong));
        assert_eq!(Text::<5>::parse("  "), Err(FieldReason::Empty));
    }

    #[test]
    fn hidden_characters_are_refused() {
        assert_eq!(Text::<64>::parse("Ива\u{202e}нов"), Err(FieldReason::Character));
        assert_eq!(Text::<64>::parse("Ива\0нов"), Err(FieldReason::Character));
    }

    #[test]
    fn a_region_has_its_code_and_name() {
        assert!(Region::parse("66 Свердловская область").is_ok());
        assert_eq!(Region::parse("Свердловская область"), Err(FieldReason::Form));
    }

    #[test]
    fn addresses_are_told_from_other_texts() {
        assert!(Email::parse("direktor@e.ru").is_ok());
        for text in ["direktor", "@e.ru", "a@b", "a@b..ru", "a@-b.ru", "a@b@c.ru"] {
            assert_eq!(Email::parse(text), Err(FieldReason::Form), "{text}");
        }
        assert_eq!(Email::parse("директор@e.ru"), Err(FieldReason::Character));
    }
}
