//! Times as DER writes them, put together here by hand.

use time::OffsetDateTime;

use super::plain::{Element, GENERALIZED_TIME, UTC_TIME};

/// `YYYYMMDDHHMMSSZ`.
pub(super) fn generalized(at: OffsetDateTime) -> String {
    let at = at.to_offset(time::UtcOffset::UTC);
    let (year, month, day) = (at.year(), u8::from(at.month()), at.day());
    format!("{year:04}{month:02}{day:02}{:02}{:02}{:02}Z", at.hour(), at.minute(), at.second())
}

/// Is this the time, in the type that RFC 5280 §4.1.2.5 asks: UTCTime until 2049, GeneralizedTime after?
pub(super) fn is(element: Element<'_>, at: OffsetDateTime) -> bool {
    let written = generalized(at);
    if written.as_str() < "2050" {
        element.tag == UTC_TIME && element.content == &written.as_bytes()[2..]
    } else {
        element.tag == GENERALIZED_TIME && element.content == written.as_bytes()
    }
}

/// The time in the form of [`generalized`], which sorts as time does.
pub(super) fn read(element: Element<'_>) -> Option<String> {
    let text = element.text()?;
    let digits = |length: usize| {
        text.len() == length && text.ends_with('Z') && text[..length - 1].bytes().all(|byte| byte.is_ascii_digit())
    };
    match element.tag {
        // Two digits of the year: 50 to 99 are of the last century.
        UTC_TIME if text.is_ascii() && digits(13) => {
            Some(if text < "50" { format!("20{text}") } else { format!("19{text}") })
        }
        GENERALIZED_TIME if text.is_ascii() && digits(15) => Some(text.to_owned()),
        _ => None,
    }
}
