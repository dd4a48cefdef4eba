//! Invented applications, as an operator imports them. All numbers pass their check digits; nobody has them.

use serde_json::{Value, json};

/// The phone of the `n`th person, as the server writes it.
pub fn phone(n: u32) -> String {
    format!("+79{:09}", n % 1_000_000_000)
}

/// The number of the `n`th application.
pub fn application_number(n: u32) -> String {
    format!("7{n:09}")
}

/// The organisation of the `n`th application.
pub fn organization(n: u32) -> String {
    format!("ООО «Пробное дело {n}»")
}

/// The `n`th application: a legal entity by its director, the kind with the longest name.
pub fn application(n: u32) -> Value {
    json!({
        "number": application_number(n),
        "phone": phone(n),
        "certificateType": "qualified",
        "identificationKind": 0,
        "holder": {
            "kind": "legalEntity",
            "surname": "Пробный",
            "givenName": "Пётр Петрович",
            "country": "RU",
            "region": "66 Свердловская область",
            "locality": "Екатеринбург",
            "street": format!("ул. Пробная, {n}"),
            "email": format!("holder{n}@load.example"),
            "snils": snils(n),
            "innPerson": inn_person(n),
            "innLegalEntity": inn_legal_entity(n),
            "kpp": "667101001",
            "ogrn": ogrn(n),
            "organization": organization(n),
            "organizationalUnit": "Дирекция",
            "title": "Директор",
        },
    })
}

fn snils(n: u32) -> String {
    let number = format!("{:09}", 100_000_000 + n % 800_000_000);
    let sum: u32 = digits(&number).zip((1..=9).rev()).map(|(digit, weight)| digit * weight).sum();
    format!("{number}{:02}", sum % 101 % 100)
}

fn inn_legal_entity(n: u32) -> String {
    let number = format!("{:09}", 660_000_000 + n % 10_000_000);
    let check = weighted(&number, &[2, 4, 10, 3, 5, 9, 4, 6, 8]);
    format!("{number}{check}")
}

fn inn_person(n: u32) -> String {
    let number = format!("66{:08}", n % 100_000_000);
    let eleven = format!("{number}{}", weighted(&number, &[7, 2, 4, 10, 3, 5, 9, 4, 6, 8]));
    let check = weighted(&eleven, &[3, 7, 2, 4, 10, 3, 5, 9, 4, 6, 8]);
    format!("{eleven}{check}")
}

fn ogrn(n: u32) -> String {
    let number = 126_660_000_000 + u64::from(n % 10_000_000);
    format!("{number}{}", number % 11 % 10)
}

fn digits(number: &str) -> impl Iterator<Item = u32> {
    number.bytes().map(|digit| u32::from(digit - b'0'))
}

fn weighted(number: &str, weights: &[u32]) -> u32 {
    digits(number).zip(weights).map(|(digit, weight)| digit * weight).sum::<u32>() % 11 % 10
}

#[cfg(test)]
mod tests {
    use qcert_protocol::{
        HolderData,
        holder::{InnLegalEntity, InnPerson, Ogrn, Phone, Snils},
    };

    use super::*;

    #[test]
    fn invented_numbers_pass_their_checks() {
        for n in [0, 1, 10, 99, 4711, 123_456, 1_999_999] {
            assert!(Snils::parse(&snils(n)).is_ok(), "{n}");
            assert!(InnPerson::parse(&inn_person(n)).is_ok(), "{n}");
            assert!(InnLegalEntity::parse(&inn_legal_entity(n)).is_ok(), "{n}");
            assert!(Ogrn::parse(&ogrn(n)).is_ok(), "{n}");
            assert_eq!(Phone::parse(&phone(n)).unwrap().as_str(), phone(n));
            let holder: HolderData = serde_json::from_value(application(n)["holder"].clone()).unwrap();
            assert!(holder.check().is_empty(), "{n}");
        }
    }
}
