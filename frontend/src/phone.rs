//! The telephone number while it is being typed.

use qcert_protocol::holder::Phone;

/// Sets what is typed in groups, and says where the caret belongs: both in UTF-16 units, as an input counts them.
/// The caret keeps the digits that follow it, so typing in the middle and pasting both feel right.
pub fn typed(value: &str, caret: u32) -> (String, u32) {
    let formatted = Phone::format_typed(value.trim_start());
    let is_digit = |unit: &u16| char::from_u32(u32::from(*unit)).is_some_and(|c| c.is_ascii_digit());
    let after = value.encode_utf16().skip(caret as usize).filter(is_digit).count();
    let units: Vec<u16> = formatted.encode_utf16().collect();
    let mut position = units.len();
    let mut seen = 0;
    while seen < after && position > 0 {
        position -= 1;
        if is_digit(&units[position]) {
            seen += 1;
        }
    }
    (formatted, position as u32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_are_grouped_while_they_are_typed() {
        assert_eq!(typed("9", 1), ("+7 9".into(), 4));
        assert_eq!(typed("+7 9222", 7), ("+7 922 2".into(), 8));
        assert_eq!(typed("8", 1), ("+7".into(), 2));
    }

    #[test]
    fn a_pasted_number_of_any_form_is_grouped() {
        assert_eq!(typed(" 8 (922) 211-45-45", 18).0, "+7 922 211 4545");
    }

    #[test]
    fn the_caret_stays_before_the_digits_that_follow_it() {
        // A 5 typed after the first 2 of 922: "+7 925|22 114".
        assert_eq!(typed("+7 92522 114", 6), ("+7 925 221 14".into(), 7));
        // The 9 deleted: what is left is no mobile number and stays as it was typed.
        assert_eq!(typed("", 0), (String::new(), 0));
    }
}
