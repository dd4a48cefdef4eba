//! Numbers from Russian registers, with their check digits.

use super::{FieldReason, parsed};

parsed!(
    /// SNILS, insurance number of a person: 11 digits.
    Snils,
    |given| checked(given, 11, snils_fits)
);
parsed!(
    /// INN of a legal entity (INNLE): 10 digits.
    InnLegalEntity,
    |given| checked(given, 10, |d| weighted(d, &[2, 4, 10, 3, 5, 9, 4, 6, 8]) == d[9])
);
parsed!(
    /// INN of a person: 12 digits.
    InnPerson,
    |given| checked(given, 12, |d| {
        weighted(d, &[7, 2, 4, 10, 3, 5, 9, 4, 6, 8]) == d[10]
            && weighted(d, &[3, 7, 2, 4, 10, 3, 5, 9, 4, 6, 8]) == d[11]
    })
);
parsed!(
    /// OGRN, main registration number of a legal entity: 13 digits.
    Ogrn,
    |given| checked(given, 13, |d| remainder(&d[..12], 11) == d[12])
);
parsed!(
    /// OGRNIP, main registration number of a sole proprietor: 15 digits.
    Ogrnip,
    |given| checked(given, 15, |d| remainder(&d[..14], 13) == d[14])
);
parsed!(
    /// Registration number with the Social Insurance Fund: 10 digits, no check digit.
    FssNumber,
    |given| checked(given, 10, |_| true)
);
parsed!(
    /// KPP, reason for registration with a tax office: 4 digits, 2 of `0-9A-Z`, 3 digits.
    Kpp,
    |given: &str| {
        let text: String = given.chars().filter(|c| !c.is_whitespace()).collect();
        if text.is_empty() {
            return Err(FieldReason::Empty);
        }
        let fits = text.len() == 9
            && text.bytes().enumerate().all(|(i, b)| match i {
                4 | 5 => b.is_ascii_digit() || b.is_ascii_uppercase(),
                _ => b.is_ascii_digit(),
            });
        if fits { Ok(text) } else { Err(FieldReason::Form) }
    }
);

/// Takes the digits out of what was given, counts them and applies the register's check.
fn checked(given: &str, length: usize, fits: impl Fn(&[u32]) -> bool) -> Result<String, FieldReason> {
    let text: String = given.chars().filter(|c| !c.is_whitespace() && *c != '-').collect();
    if text.is_empty() {
        return Err(FieldReason::Empty);
    }
    let digits: Option<Vec<u32>> = text.chars().map(|c| c.to_digit(10)).collect();
    let digits = digits.ok_or(FieldReason::Character)?;
    if digits.len() != length {
        return Err(FieldReason::Form);
    }
    if digits.iter().all(|digit| *digit == 0) || !fits(&digits) {
        return Err(FieldReason::CheckDigits);
    }
    Ok(text)
}

fn weighted(digits: &[u32], weights: &[u32]) -> u32 {
    let sum: u32 = digits.iter().zip(weights).map(|(digit, weight)| digit * weight).sum();
    sum % 11 % 10
}

fn remainder(digits: &[u32], modulus: u64) -> u32 {
    let number = digits.iter().fold(0u64, |number, digit| number * 10 + u64::from(*digit));
    (number % modulus % 10) as u32
}

/// Numbers up to 001-001-998 were given out without a check number.
fn snils_fits(digits: &[u32]) -> bool {
    let number = digits[..9].iter().fold(0, |number, digit| number * 10 + digit);
    if number <= 1_001_998 {
        return true;
    }
    let sum: u32 = digits[..9].iter().zip((1..=9).rev()).map(|(digit, weight)| digit * weight).sum();
    sum % 101 % 100 == digits[9] * 10 + digits[10]
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn numbers_with_right_check_digits_are_taken() {
        assert!(Snils::parse("075-001-221 05").is_ok());
        assert!(InnLegalEntity::parse("6688242590").is_ok());
        assert!(InnPerson::parse("500100732259").is_ok());
        assert!(Ogrn::parse("1234567890127").is_ok());
        assert!(Ogrnip::parse("304500116000157").is_ok());
        assert!(Kpp::parse("6688AB001").is_ok());
    }

    #[test]
    fn the_digits_alone_are_kept() {
        assert_eq!(Snils::parse("075-001-221 05").unwrap().as_str(), "07500122105");
    }

    #[test]
    fn each_mistake_has_its_reason() {
        assert_eq!(Snils::parse(" "), Err(FieldReason::Empty));
        assert_eq!(Snils::parse("0750012210"), Err(FieldReason::Form));
        assert_eq!(Snils::parse("0750012210х"), Err(FieldReason::Character));
        assert_eq!(Snils::parse("07500122106"), Err(FieldReason::CheckDigits));
        assert_eq!(InnLegalEntity::parse("0000000000"), Err(FieldReason::CheckDigits));
        assert_eq!(Kpp::parse("66880100"), Err(FieldReason::Form));
        assert_eq!(Kpp::parse("6688аб001"), Err(FieldReason::Form));
    }

    proptest! {
        #[test]
        fn one_wrong_digit_in_an_ogrn_is_found(position in 0usize..13, by in 1u8..10) {
            let mut digits = *b"1234567890127";
            digits[position] = b'0' + (digits[position] - b'0' + by) % 10;
            let number: u64 = std::str::from_utf8(&digits[..12]).unwrap().parse().unwrap();
            // mod 11 mod 10 lets a remainder of 10 pass as 0; every other change of one digit shows.
            let fits = number % 11 % 10 == u64::from(digits[12] - b'0');
            prop_assert_eq!(Ogrn::parse(std::str::from_utf8(&digits).unwrap()).is_ok(), fits);
            prop_assert!(!fits || number % 11 == 10 || position == 12);
        }

        #[test]
        fn no_text_makes_the_parsers_panic(text in "\\PC*") {
            let _ = (Snils::parse(&text), InnPerson::parse(&text), Ogrn::parse(&text), Kpp::parse(&text));
        }
    }
}
