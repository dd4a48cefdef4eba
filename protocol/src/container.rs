//! The container's name: what a person sees on the token.

use serde::{Deserialize, Deserializer, Serialize, de::Error};

/// `<application number>@<yyyy-mm-dd>-<organisation>`: CKA_LABEL of the key pair and of its certificate.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(transparent)]
pub struct ContainerName(String);

impl ContainerName {
    /// The longest name, in characters.
    pub const MAX_CHARS: usize = 200;

    /// Puts a name together; `name` is the organisation's, or the person's where there is none.
    pub fn new(application: &str, date: time::Date, name: &str) -> Self {
        let date = format!("{:04}-{:02}-{:02}", date.year(), u8::from(date.month()), date.day());
        Self(format!("{application}@{date}-{name}").chars().take(Self::MAX_CHARS).collect())
    }

    /// Reads a name: printable, not empty, of the documented form.
    pub fn parse(text: &str) -> Option<Self> {
        let (number, rest) = text.split_once('@')?;
        let date: Vec<char> = rest.chars().take(11).collect();
        let dated = date.len() == 11
            && date.iter().enumerate().all(|(i, c)| match i {
                4 | 7 | 10 => *c == '-',
                _ => c.is_ascii_digit(),
            });
        let good = !number.is_empty()
            && number.bytes().all(|b| b.is_ascii_alphanumeric())
            && dated
            && !text.chars().any(char::is_control)
            && text.chars().count() <= Self::MAX_CHARS;
        good.then(|| Self(text.to_owned()))
    }

    /// The whole name.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The number of the application it was made for.
    pub fn application(&self) -> &str {
        self.0.split('@').next().unwrap_or_default()
    }
}

impl<'de> Deserialize<'de> for ContainerName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| D::Error::custom("not a container name"))
    }
}

#[cfg(feature = "openapi")]
impl utoipa::PartialSchema for ContainerName {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
        utoipa::openapi::ObjectBuilder::new()
            .schema_type(utoipa::openapi::schema::Type::String)
            .description(Some("`<application number>@<yyyy-mm-dd>-<organisation>`, printable."))
            .max_length(Some(Self::MAX_CHARS))
            .pattern(Some(r"^[0-9A-Za-z]+@[0-9]{4}-[0-9]{2}-[0-9]{2}-[^\x00-\x1f\x7f-\x9f]*$"))
            .into()
    }
}

#[cfg(feature = "openapi")]
impl utoipa::ToSchema for ContainerName {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_container_is_named_by_number_date_and_organisation() {
        let date = time::Date::from_calendar_date(2013, time::Month::April, 11).unwrap();
        let name = ContainerName::new("67092365", date, "ООО «АвтоСпор»");
        assert_eq!(name.as_str(), "67092365@2013-04-11-ООО «АвтоСпор»");
        assert_eq!(ContainerName::parse(name.as_str()), Some(name.clone()));
        assert_eq!(name.application(), "67092365");
    }

    #[test]
    fn other_names_are_refused() {
        for text in ["", "@2013-04-11-x", "1@2013-4-11-x", "1@2013-04-11", "a b@2013-04-11-x", "1@2013-04-11-x\u{7}"] {
            assert!(ContainerName::parse(text).is_none(), "{text}");
        }
    }
}
