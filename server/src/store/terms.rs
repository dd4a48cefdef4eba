//! What an application is found by: terms, kept in one table beside the applications and sorted, so that a page of an
//! answer is read where it begins, however many applications there are.

use qcert_protocol::{
    HolderData,
    holder::{InnLegalEntity, Phone},
};

/// What a term is. The number is the one in the database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(i16)]
pub enum TermKind {
    /// The phone, `+7…`.
    Phone = 1,
    /// An INN, 10 or 12 digits.
    Inn = 2,
    /// The SNILS, 11 digits.
    Snils = 3,
    /// The organisation's name, [`folded_organization`].
    Organization = 4,
    /// The holder's full name, [`folded`].
    Name = 5,
}

impl TermKind {
    /// The number in the database.
    pub fn number(self) -> i16 {
        self as i16
    }
}

/// Words that say what kind of organisation it is, and nothing of which.
const LEGAL_FORMS: [&str; 12] = [
    "общество с ограниченной ответственностью",
    "публичное акционерное общество",
    "непубличное акционерное общество",
    "закрытое акционерное общество",
    "открытое акционерное общество",
    "акционерное общество",
    "ооо",
    "пао",
    "нао",
    "зао",
    "оао",
    "ао",
];

/// All terms of an application, each kind and text once.
pub fn terms(phone: &Phone, holder: &HolderData) -> Vec<(i16, String)> {
    let mut terms = vec![
        (TermKind::Phone.number(), phone.as_str().to_owned()),
        (TermKind::Inn.number(), holder.inn_person.as_str().to_owned()),
        (TermKind::Snils.number(), holder.snils.as_str().to_owned()),
        (TermKind::Name.number(), folded(&holder.full_name())),
    ];
    let inn = holder.inn_legal_entity.as_ref().map(InnLegalEntity::as_str);
    terms.extend(inn.map(|inn| (TermKind::Inn.number(), inn.to_owned())));
    let name = holder.organization.as_ref().map(|name| folded_organization(name.as_str()));
    terms.extend(name.map(|name| (TermKind::Organization.number(), name)));
    terms
}

/// A name as it is compared: words in lower case with one space between them; ё is е.
pub fn folded(name: &str) -> String {
    let lower = name.to_lowercase().replace('ё', "е");
    let words = lower.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
    words.collect::<Vec<_>>().join(" ")
}

/// The same without the legal form in front, unless there is nothing else.
pub fn folded_organization(name: &str) -> String {
    let name = folded(name);
    let rest = LEGAL_FORMS.iter().find_map(|form| name.strip_prefix(form)?.strip_prefix(' '));
    rest.map_or(name.clone(), str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn case_punctuation_and_legal_form_do_not_count() {
        assert_eq!(folded("  Семёнова-Тян   АННА "), "семенова тян анна");
        for name in ["ООО «АвтоСпор»", "Общество с ограниченной ответственностью \"АВТОСПОР\"", "автоспор"]
        {
            assert_eq!(folded_organization(name), "автоспор", "{name}");
        }
        assert_eq!(folded_organization("АО"), "ао");
        assert_eq!(folded_organization("Аоста"), "аоста");
    }
}
