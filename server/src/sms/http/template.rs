//! Templates of requests: text with values in it, as `{{phone}}`. Each value is escaped for where it stands, so that no
//! value can say more than itself.

/// What may stand between the braces.
const VALUES: [&str; 6] = ["phone", "digits", "text", "id", "secret", "report"];

/// How a value is escaped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Escape {
    /// Percent-encoded (RFC 3986 §2.1).
    Url,
    /// As in a form (`application/x-www-form-urlencoded`).
    Form,
    /// As inside a JSON string (RFC 8259 §7).
    Json,
    /// Not at all; what cannot stand in a header is refused when the header is made.
    Header,
    /// There is no way known.
    Refused,
}

#[derive(Clone, Debug)]
enum Part {
    Text(String),
    Value(&'static str),
}

/// A template.
#[derive(Clone, Debug)]
pub struct Template {
    parts: Vec<Part>,
    escape: Escape,
}

impl Template {
    /// Reads a template. Braces that do not come in pairs are text, as JSON needs them.
    ///
    /// # Errors
    /// When it asks for a value that there is not.
    pub fn parse(text: &str, escape: Escape) -> Result<Self, &'static str> {
        let (mut parts, mut rest) = (Vec::new(), text);
        while let Some((before, after)) = rest.split_once("{{") {
            let (name, behind) = after.split_once("}}").ok_or("has {{ without }}")?;
            let known = VALUES.iter().find(|value| **value == name.trim());
            let value =
                known.ok_or("may have {{phone}}, {{digits}}, {{text}}, {{id}}, {{secret}}, {{report}} in it")?;
            parts.extend([Part::Text(before.to_owned()), Part::Value(value)]);
            rest = behind;
        }
        parts.push(Part::Text(rest.to_owned()));
        Ok(Self { parts, escape })
    }

    /// The text, with its values.
    pub fn filled<'a>(&self, value: impl Fn(&str) -> &'a str) -> String {
        let mut text = String::new();
        for part in &self.parts {
            match part {
                Part::Text(part) => text.push_str(part),
                Part::Value(name) => text.push_str(&escaped(value(name), self.escape)),
            }
        }
        text
    }

    /// Does it ask for this value?
    pub fn has(&self, name: &str) -> bool {
        self.parts.iter().any(|part| matches!(part, Part::Value(value) if *value == name))
    }

    /// Does it ask for the phone, in either form?
    pub fn has_phone(&self) -> bool {
        self.has("phone") || self.has("digits")
    }

    /// Does it ask for any value?
    pub fn has_values(&self) -> bool {
        self.parts.iter().any(|part| matches!(part, Part::Value(_)))
    }

    /// Is it of no text at all?
    pub fn is_empty(&self) -> bool {
        matches!(self.parts.as_slice(), [Part::Text(text)] if text.is_empty())
    }
}

fn escaped(value: &str, escape: Escape) -> String {
    match escape {
        Escape::Url => percent_encoded(value, "%20"),
        Escape::Form => percent_encoded(value, "+"),
        Escape::Json => {
            // A text is always a JSON string; the quotes around it are the template's.
            let quoted = serde_json::to_string(value).unwrap_or_default();
            quoted.get(1..quoted.len().saturating_sub(1)).unwrap_or_default().to_owned()
        }
        Escape::Header | Escape::Refused => value.to_owned(),
    }
}

/// Everything but the unreserved characters (RFC 3986 §2.3).
fn percent_encoded(value: &str, space: &str) -> String {
    let mut text = String::with_capacity(value.len() * 3);
    for byte in value.bytes() {
        match byte {
            b' ' => text.push_str(space),
            b'-' | b'.' | b'_' | b'~' => text.push(char::from(byte)),
            byte if byte.is_ascii_alphanumeric() => text.push(char::from(byte)),
            byte => text.push_str(&format!("%{byte:02X}")),
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(template: &str, escape: Escape, text: &str) -> String {
        Template::parse(template, escape).unwrap().filled(|name| if name == "text" { text } else { "+7" })
    }

    #[test]
    fn a_value_is_escaped_for_where_it_stands() {
        let text = "Код 1\n@a #\"&=?%+";
        let url = "http://h/?a={{text}}&b={{ phone }}";
        let encoded = "http://h/?a=%D0%9A%D0%BE%D0%B4%201%0A%40a%20%23%22%26%3D%3F%25%2B&b=%2B7";
        assert_eq!(filled(url, Escape::Url, text), encoded);
        assert_eq!(filled("a={{text}}&b={{phone}}", Escape::Form, "a b&c=d"), "a=a+b%26c%3Dd&b=%2B7");
        let json = filled(r#"{"a":{"b":"{{text}}"}}"#, Escape::Json, text);
        assert_eq!(serde_json::from_str::<serde_json::Value>(&json).unwrap()["a"]["b"], text);
    }

    #[test]
    fn a_value_that_looks_like_a_template_stays_text() {
        assert_eq!(filled("{{text}}", Escape::Json, "{{phone}}"), "{{phone}}");
    }

    #[test]
    fn a_template_asks_for_what_there_is() {
        assert!(Template::parse("{{password}}", Escape::Url).is_err());
        assert!(Template::parse("{{text", Escape::Url).is_err());
        assert!(Template::parse("{\"a\": {}}", Escape::Json).is_ok());
    }
}
