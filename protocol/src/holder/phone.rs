//! A Russian mobile telephone number.

use super::{FieldReason, parsed};

parsed!(
    /// A mobile telephone number as `+7` and ten digits, the first of them 9.
    Phone,
    |given: &str| {
        let text: String = given.chars().filter(|c| !c.is_whitespace() && !"-–—().\u{a0}".contains(*c)).collect();
        if text.is_empty() {
            return Err(FieldReason::Empty);
        }
        let (plus, digits) = match text.strip_prefix('+') {
            Some(rest) => (true, rest),
            None => (false, text.as_str()),
        };
        if !digits.bytes().all(|b| b.is_ascii_digit()) {
            return Err(FieldReason::Character);
        }
        let national = match (digits.len(), plus) {
            (11, true) => digits.strip_prefix('7'),
            (11, false) => digits.strip_prefix(['7', '8']),
            (10, false) => Some(digits),
            _ => None,
        };
        match national {
            Some(national) if national.starts_with('9') => Ok(format!("+7{national}")),
            _ => Err(FieldReason::Form),
        }
    }
);

impl Phone {
    /// `+7 922 211 4545`, for a person.
    pub fn pretty(&self) -> String {
        let d = &self.0;
        format!("{} {} {} {}", &d[..2], &d[2..5], &d[5..8], &d[8..])
    }

    /// `+7 922 ··· ··45`, for a log or a screen that others may see.
    pub fn masked(&self) -> String {
        format!("{} {} ··· ··{}", &self.0[..2], &self.0[2..5], &self.0[10..])
    }

    /// What is typed so far, set in groups as `+7 922 211 45`; keeps what is not a telephone number as it is.
    pub fn format_typed(typed: &str) -> String {
        let digits: String = typed.chars().filter(char::is_ascii_digit).collect();
        let others = typed.chars().any(|c| !c.is_ascii_digit() && !" +-–—().\u{a0}".contains(c));
        let national = match digits.as_bytes().first() {
            _ if others || digits.len() > 11 => return typed.to_owned(),
            Some(b'7' | b'8') => &digits[1..],
            Some(b'9') if digits.len() <= 10 => &digits[..],
            _ => return typed.to_owned(),
        };
        let mut formatted = String::from("+7");
        for (i, digit) in national.chars().enumerate() {
            if matches!(i, 0 | 3 | 6) {
                formatted.push(' ');
            }
            formatted.push(digit);
        }
        formatted
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_usual_way_to_write_a_number_means_the_same() {
        for given in [
            "+7 922 211 4545",
            "89222114545",
            "8 (922) 211-45-45",
            "7-922-211-45-45",
            "9222114545",
            "+7\u{a0}922 211–45–45",
        ] {
            assert_eq!(Phone::parse(given).unwrap().as_str(), "+79222114545", "{given}");
        }
    }

    #[test]
    fn what_is_no_mobile_number_is_refused_with_a_reason() {
        assert_eq!(Phone::parse(""), Err(FieldReason::Empty));
        assert_eq!(Phone::parse("+7 922 211 454"), Err(FieldReason::Form));
        assert_eq!(Phone::parse("+1 922 211 4545"), Err(FieldReason::Form));
        assert_eq!(Phone::parse("+8 922 211 4545"), Err(FieldReason::Form));
        assert_eq!(Phone::parse("8-800-500-05-08"), Err(FieldReason::Form));
        assert_eq!(Phone::parse("+7 922 211 454O"), Err(FieldReason::Character));
    }

    #[test]
    fn typing_is_set_in_groups() {
        assert_eq!(Phone::format_typed("8922"), "+7 922");
        assert_eq!(Phone::format_typed("+7 922 2114"), "+7 922 211 4");
        assert_eq!(Phone::format_typed("8(922)211-45-45"), "+7 922 211 4545");
        assert_eq!(Phone::format_typed("9222114545"), "+7 922 211 4545");
        assert_eq!(Phone::format_typed(""), "");
        assert_eq!(Phone::format_typed("abc"), "abc");
        assert_eq!(Phone::format_typed("8"), "+7");
    }

    #[test]
    fn a_masked_number_keeps_the_last_two_digits_alone() {
        assert_eq!(Phone::parse("89222114545").unwrap().masked(), "+7 922 ··· ··45");
    }
}
