//! An application for one certificate: whose it is, and where it stands.

use serde::{Deserialize, Serialize};

use crate::{
    holder::{
        Country, Email, FieldReason, FssNumber, InnLegalEntity, InnPerson, Kpp, Ogrn, Ogrnip, Region, Snils, Text,
    },
    whole_number::WholeNumber,
};

/// Who holds the certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub enum HolderKind {
    /// A legal entity, through its director.
    LegalEntity,
    /// A sole proprietor.
    SoleProprietor,
    /// A person.
    Person,
}

/// What a certificate is: the type in the last row of the data table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub enum CertificateType {
    /// Qualified, in the sense of the law on electronic signatures.
    Qualified,
}

/// How the authority identified the holder: the value of identificationKind (1.2.643.100.114).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "WholeNumber", into = "u8")]
pub enum IdentificationKind {
    /// 0: in person.
    InPerson,
    /// 1: with a valid qualified certificate.
    ByCertificate,
    /// 2: with a biometric passport.
    ByPassport,
    /// 3: by the state identification system.
    ByStateSystem,
}

impl From<IdentificationKind> for u8 {
    fn from(kind: IdentificationKind) -> Self {
        kind as Self
    }
}

impl TryFrom<u8> for IdentificationKind {
    type Error = FieldReason;

    fn try_from(value: u8) -> Result<Self, FieldReason> {
        match value {
            0 => Ok(Self::InPerson),
            1 => Ok(Self::ByCertificate),
            2 => Ok(Self::ByPassport),
            3 => Ok(Self::ByStateSystem),
            _ => Err(FieldReason::Form),
        }
    }
}

impl TryFrom<WholeNumber> for IdentificationKind {
    type Error = FieldReason;

    fn try_from(value: WholeNumber) -> Result<Self, FieldReason> {
        u8::try_from(value.0).map_err(|_| FieldReason::Form)?.try_into()
    }
}

/// The holder's data, as it goes into the certificate (figure 5). What does not apply is absent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct HolderData {
    /// Whose certificate it is.
    pub kind: HolderKind,
    /// Family name (SN).
    pub surname: Text<40>,
    /// Given name and patronymic (GN).
    pub given_name: Text<64>,
    /// Country (C).
    pub country: Country,
    /// Region (ST), with its code.
    pub region: Region,
    /// City or settlement (L).
    pub locality: Text<128>,
    /// Street and house (STREET).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub street: Option<Text<128>>,
    /// Electronic mail.
    pub email: Email,
    /// SNILS of the person.
    pub snils: Snils,
    /// The person's own INN, 12 digits.
    pub inn_person: InnPerson,
    /// INN of the legal entity, 10 digits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inn_legal_entity: Option<InnLegalEntity>,
    /// KPP; in the data table, not in the name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kpp: Option<Kpp>,
    /// OGRN of the legal entity.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ogrn: Option<Ogrn>,
    /// OGRNIP of the sole proprietor.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ogrnip: Option<Ogrnip>,
    /// Registration number with the Social Insurance Fund.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fss_number: Option<FssNumber>,
    /// Organisation (O).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub organization: Option<Text<64>>,
    /// Department (OU).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub organizational_unit: Option<Text<64>>,
    /// Position (title).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<Text<64>>,
}

/// A field of an application and why it was refused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct FieldError {
    /// The field's name on the wire, with its path: `holder.snils`.
    pub field: String,
    /// What is wrong with it.
    pub reason: FieldReason,
}

impl HolderData {
    /// Family name, given name and patronymic.
    pub fn full_name(&self) -> String {
        format!("{} {}", self.surname.as_str(), self.given_name.as_str())
    }

    /// The organisation's name, or the person's where there is none: the common name (CN).
    pub fn common_name(&self) -> String {
        match (&self.organization, self.kind) {
            (Some(organization), HolderKind::LegalEntity) => organization.as_str().to_owned(),
            _ => self.full_name(),
        }
    }

    /// What a row of the list shows: the legal entity's INN, else the person's.
    pub fn inn(&self) -> &str {
        self.inn_legal_entity.as_ref().map_or(self.inn_person.as_str(), InnLegalEntity::as_str)
    }

    /// Is it the same person, for the same organisation? Registers' numbers tell, for names and addresses change.
    pub fn is_same_holder(&self, other: &Self) -> bool {
        let person = |data: &Self| (data.kind, data.snils.clone(), data.inn_person.clone(), data.ogrnip.clone());
        let organization = |data: &Self| (data.inn_legal_entity.clone(), data.ogrn.clone());
        person(self) == person(other) && organization(self) == organization(other)
    }

    /// What is missing for this kind of holder, and what does not belong to it.
    pub fn check(&self) -> Vec<FieldError> {
        let legal = self.kind == HolderKind::LegalEntity;
        let proprietor = self.kind == HolderKind::SoleProprietor;
        let person = self.kind == HolderKind::Person;
        // field, is it there, must it be, may it be
        let rules = [
            ("street", self.street.is_some(), legal, true),
            ("organization", self.organization.is_some(), legal, legal),
            ("organizationalUnit", self.organizational_unit.is_some(), false, legal),
            ("title", self.title.is_some(), legal, legal),
            ("innLegalEntity", self.inn_legal_entity.is_some(), legal, legal),
            ("kpp", self.kpp.is_some(), legal, legal),
            ("ogrn", self.ogrn.is_some(), legal, legal),
            ("ogrnip", self.ogrnip.is_some(), proprietor, proprietor),
            ("fssNumber", self.fss_number.is_some(), false, !person),
        ];
        let mut errors: Vec<FieldError> = rules
            .into_iter()
            .filter_map(|(field, there, must, may)| match there {
                false if must => Some((field, FieldReason::Missing)),
                true if !may => Some((field, FieldReason::Superfluous)),
                _ => None,
            })
            .map(|(field, reason)| FieldError { field: format!("holder.{field}"), reason })
            .collect();
        if self.common_name().chars().count() > 64 {
            // RFC 5280, ub-common-name.
            errors.push(FieldError { field: "holder.givenName".to_owned(), reason: FieldReason::TooLong });
        }
        errors
    }
}

/// Where an attempt at one application stands. The server owns it; what a browser knows is a copy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub enum ApplicationState {
    /// A certificate can be requested.
    Available,
    /// A request was uploaded and waits for its one-time password.
    Preparing,
    /// The request was confirmed and waits its turn.
    Sent,
    /// The authority is issuing.
    Issuing,
    /// The certificate waits for its token.
    ReadyToInstall,
    /// The certificate is on its token.
    Installed,
    /// The authority refused, with a reason.
    Rejected,
    /// The person took the request back, for its token was lost.
    Withdrawn,
    /// The certificate's time is over.
    Expired,
    /// The certificate was revoked.
    Revoked,
}

impl ApplicationState {
    /// The name on the wire and in the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Available => "available",
            Self::Preparing => "preparing",
            Self::Sent => "sent",
            Self::Issuing => "issuing",
            Self::ReadyToInstall => "readyToInstall",
            Self::Installed => "installed",
            Self::Rejected => "rejected",
            Self::Withdrawn => "withdrawn",
            Self::Expired => "expired",
            Self::Revoked => "revoked",
        }
    }

    /// Reads [`Self::as_str`].
    pub fn parse(text: &str) -> Option<Self> {
        use ApplicationState::*;
        [Available, Preparing, Sent, Issuing, ReadyToInstall, Installed, Rejected, Withdrawn, Expired, Revoked]
            .into_iter()
            .find(|state| state.as_str() == text)
    }

    /// May a request be uploaded now? A prepared one is replaced; a withdrawn one is followed by the next attempt.
    pub const fn takes_request(self) -> bool {
        matches!(self, Self::Available | Self::Preparing | Self::Withdrawn)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn director() -> HolderData {
        serde_json::from_value(serde_json::json!({
            "kind": "legalEntity", "surname": "Иванов", "givenName": "Иван Иванович", "country": "RU",
            "region": "66 Свердловская область", "locality": "Екатеринбург", "street": "ул. Малопрудная, 5",
            "email": "direktor@e.ru", "snils": "07500122105", "innPerson": "500100732259",
            "innLegalEntity": "6688242590", "kpp": "668801001", "ogrn": "1234567890127",
            "organization": "ООО «АвтоСпор»", "title": "директор"
        }))
        .unwrap()
    }

    #[test]
    fn a_legal_entity_needs_its_own_fields_and_no_others() {
        assert_eq!(director().check(), []);
        let mut data = director();
        data.ogrn = None;
        data.ogrnip = Some("304500116000157".parse().unwrap());
        let errors = data.check();
        assert_eq!(errors[0], FieldError { field: "holder.ogrn".into(), reason: FieldReason::Missing });
        assert_eq!(errors[1], FieldError { field: "holder.ogrnip".into(), reason: FieldReason::Superfluous });
    }

    #[test]
    fn the_common_name_of_a_legal_entity_is_its_own() {
        assert_eq!(director().common_name(), "ООО «АвтоСпор»");
        assert_eq!(director().full_name(), "Иванов Иван Иванович");
    }

    #[test]
    fn another_number_is_another_holder_and_another_name_is_not() {
        let holder = director();
        let other = |change: fn(&mut HolderData)| {
            let mut other = director();
            change(&mut other);
            holder.is_same_holder(&other)
        };
        assert!(other(|other| other.surname = Text::parse("Петров").unwrap()));
        assert!(other(|other| other.title = None));
        assert!(!other(|other| other.kind = HolderKind::Person));
        assert!(!other(|other| other.snils = "11223344595".parse().unwrap()));
        assert!(!other(|other| other.inn_person = "745566778844".parse().unwrap()));
        assert!(!other(|other| other.inn_legal_entity = Some("7455123457".parse().unwrap())));
        assert!(!other(|other| other.ogrn = Some("1207400007891".parse().unwrap())));
        assert!(!other(|other| other.ogrnip = Some("304500116000157".parse().unwrap())));
    }

    #[test]
    fn an_unknown_field_is_refused() {
        let mut value = serde_json::to_value(director()).unwrap();
        value["isCa"] = true.into();
        assert!(serde_json::from_value::<HolderData>(value).is_err());
    }
}
