//! Where the portal's state lives, as the settings say it.

use std::{fmt, ops::Deref};

/// `database.url`: `sqlite:PATH` or `postgres://…`. What PostgreSQL's has besides server and database, its password
/// among that, is shown nowhere.
#[derive(Clone, PartialEq, Eq)]
pub struct DatabaseUrl(String);

impl DatabaseUrl {
    /// Reads a setting.
    ///
    /// # Errors
    /// What it must be.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        let known = text.starts_with("sqlite:") || is_postgres(text);
        known.then(|| Self(text.to_owned())).ok_or("must begin with sqlite: or postgres://")
    }

    /// Is it a PostgreSQL server's?
    pub fn is_postgres(&self) -> bool {
        is_postgres(&self.0)
    }
}

fn is_postgres(url: &str) -> bool {
    url.starts_with("postgres://") || url.starts_with("postgresql://")
}

impl Deref for DatabaseUrl {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for DatabaseUrl {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.is_postgres() {
            return formatter.write_str(&self.0);
        }
        let (scheme, rest) = self.0.split_once("://").unwrap_or_default();
        let shown = rest.split(['?', '#']).next().unwrap_or_default();
        // A password that was not percent-encoded may have an @ or a / of its own: the last @ is the one that counts.
        let shown = shown.rsplit('@').next().unwrap_or_default();
        write!(formatter, "{scheme}://{shown}")
    }
}

impl fmt::Debug for DatabaseUrl {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{self}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_in_the_url_is_not_shown() {
        for url in [
            "postgres://qcert:secret@db.example:5432/qcert",
            "postgresql://qcert:se@secret@db.example/qcert?sslmode=verify-full",
            "postgres://qcert@db.example/qcert?password=secret",
            "postgres://qcert:secret/secret@db.example/qcert",
        ] {
            let url = DatabaseUrl::parse(url).unwrap();
            let shown = format!("{url} {url:?}");
            assert!(!shown.contains("secret") && shown.contains("db.example"), "{shown}");
            assert!(url.is_postgres() && url.contains("secret"));
        }
        assert_eq!(DatabaseUrl::parse("sqlite:data/x").unwrap().to_string(), "sqlite:data/x");
        assert!(DatabaseUrl::parse("mysql://x").is_err());
    }
}
