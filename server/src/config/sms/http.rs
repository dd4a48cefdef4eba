//! Settings of a gateway that is reached by HTTP: what is asked, and how its answer and its reports are read.

use std::ops::RangeInclusive;

use axum::http::{HeaderName, HeaderValue, Method, Uri};

use crate::{
    config::reader::Reader,
    sms::http::template::{Escape, Template},
};

/// A gateway that is reached by HTTP.
#[derive(Clone, Debug)]
pub struct Http {
    /// `method`
    pub method: Method,
    /// `url`
    pub url: Template,
    /// `headers`: a line each.
    pub headers: Vec<(HeaderName, Template)>,
    /// `body`, escaped as the header Content-Type says.
    pub body: Template,
    /// How its answer is read.
    pub answer: Answer,
    /// How its reports are read.
    pub report: Report,
}

/// How an answer is read.
#[derive(Clone, Debug)]
pub struct Answer {
    /// `accepted_status`
    pub accepted: Statuses,
    /// `refused_status`: the message was certainly not taken, and will not be.
    pub refused: Statuses,
    /// `temporary_status`: the message was certainly not taken, and may be later.
    pub temporary: Statuses,
    /// `accepted_text`: how the body begins when the message was taken.
    pub accepted_text: String,
    /// `reference`: where in a JSON body is the name that the gateway gives to the message (RFC 6901); empty: ours.
    pub reference: String,
    /// `error`: where in a JSON body is an error's code, if the message was not taken (RFC 6901).
    pub error: String,
    /// `temporary_errors`: codes with which the message may be taken later.
    pub temporary_errors: Vec<String>,
}

/// How a report is read: its fields, in the address, in a form or in JSON.
#[derive(Clone, Debug)]
pub struct Report {
    /// `report_reference`: the field with the name that the gateway gave to the message.
    pub reference: String,
    /// `report_status`: the field that says what became of it.
    pub status: String,
    /// `report_delivered`: what it says when the phone has it.
    pub delivered: Vec<String>,
    /// `report_undelivered`: what it says when the phone will not get it.
    pub undelivered: Vec<String>,
}

/// Statuses of HTTP, as `200-299 429`.
#[derive(Clone, Debug)]
pub struct Statuses(Vec<RangeInclusive<u16>>);

impl Statuses {
    /// Is it one of them?
    pub fn contains(&self, status: u16) -> bool {
        self.0.iter().any(|range| range.contains(&status))
    }

    /// Reads `200-299 429`.
    ///
    /// # Errors
    /// When it is none of that.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        let one = |part: &str| {
            let (first, last) = part.split_once('-').unwrap_or((part, part));
            Some(first.parse().ok()?..=last.parse().ok()?)
        };
        let ranges: Option<Vec<_>> = text.split_whitespace().map(one).collect();
        ranges.map(Self).ok_or("must be statuses of HTTP, as 200-299 429")
    }
}

/// The settings of gateway `name`; what a gateway of this kind cannot do without is asked for if it `is_used`.
pub(super) fn http(reader: &mut Reader<'_>, name: &str, is_used: bool, has_secret: bool) -> Http {
    let key = |key: &str| format!("sms.{name}.{key}");
    let method = reader.parsed(&key("method"), "POST", |text| match text {
        "GET" => Ok(Method::GET),
        "POST" => Ok(Method::POST),
        "PUT" => Ok(Method::PUT),
        _ => Err("must be GET, POST or PUT"),
    });
    let url = reader.parsed(&key("url"), "", |text| match text {
        "" => Template::parse("", Escape::Url),
        text => url(text),
    });
    let headers = reader.parsed(&key("headers"), "", headers);
    let escape = escape(&headers);
    let body = reader.parsed(&key("body"), "", |text| Template::parse(text, escape));
    if is_used {
        if url.is_empty() {
            reader.refuse(&key("url"), "must be set");
        }
        let templates = || headers.iter().map(|(_, value)| value).chain([&url, &body]);
        if !templates().any(|template| template.has("text")) || !templates().any(Template::has_phone) {
            reader.refuse(&key("body"), "must have {{text}} and {{phone}} or {{digits}} in it, or the url must");
        }
        if templates().any(|template| template.has("secret")) && !has_secret {
            reader.refuse(&key("secret_file"), "must be set, for {{secret}} is asked for");
        }
        if escape == Escape::Refused && body.has_values() {
            reader
                .refuse(&key("headers"), "must have a Content-Type of JSON or of a form, or values cannot be escaped");
        }
    }
    let words = |text: &str| Ok(text.split_whitespace().map(str::to_owned).collect());
    let answer = Answer {
        accepted: reader.parsed(&key("accepted_status"), "200-299", Statuses::parse),
        refused: reader.parsed(&key("refused_status"), "400-499", Statuses::parse),
        temporary: reader.parsed(&key("temporary_status"), "429 503", Statuses::parse),
        accepted_text: reader.text(&key("accepted_text"), ""),
        reference: reader.parsed(&key("reference"), "", pointer),
        error: reader.parsed(&key("error"), "", pointer),
        temporary_errors: reader.parsed(&key("temporary_errors"), "", words),
    };
    let report = Report {
        reference: reader.text(&key("report_reference"), "id"),
        status: reader.text(&key("report_status"), "status"),
        delivered: reader.parsed(&key("report_delivered"), "", words),
        undelivered: reader.parsed(&key("report_undelivered"), "", words),
    };
    Http { method, url, headers, body, answer, report }
}

impl Http {
    /// The host of the address, which no value chooses.
    pub fn host(&self) -> String {
        let uri = self.url.filled(|_| "0").parse::<Uri>().ok();
        uri.as_ref().and_then(Uri::host).unwrap_or_default().to_owned()
    }
}

fn url(text: &str) -> Result<Template, &'static str> {
    let template = Template::parse(text, Escape::Url)?;
    let uri: Uri = template.filled(|_| "0").parse().map_err(|_| "must be the address of a page")?;
    match (uri.scheme_str(), uri.host()) {
        (Some("http" | "https"), Some(host)) if !host.is_empty() => {}
        _ => return Err("must begin with https:// or http:// and a host"),
    }
    // A value must not choose the host.
    let rest = text.split_once("://").map_or("", |(_, rest)| rest);
    let authority = rest.split(['/', '?']).next().unwrap_or_default();
    if authority.contains("{{") || authority.contains('@') {
        return Err("must have nothing but a host and a port before its path");
    }
    Ok(template)
}

fn headers(text: &str) -> Result<Vec<(HeaderName, Template)>, &'static str> {
    let header = |line: &str| {
        let (name, value) = line.split_once(':').ok_or("must be lines of a name, a colon and a value")?;
        let name: HeaderName = name.trim().parse().map_err(|_| "has a name that no header can have")?;
        let template = Template::parse(value.trim(), Escape::Header)?;
        if template.has("text") {
            return Err("must not have {{text}} in it: a header is one line");
        }
        HeaderValue::from_str(&template.filled(|_| "0")).map_err(|_| "has a value that no header can have")?;
        Ok((name, template))
    };
    text.lines().map(str::trim).filter(|line| !line.is_empty()).map(header).collect()
}

/// How values are escaped in the body.
fn escape(headers: &[(HeaderName, Template)]) -> Escape {
    let content_type = headers.iter().find(|(name, _)| name == "content-type");
    let content_type = content_type.map(|(_, value)| value.filled(|_| "")).unwrap_or_default();
    match content_type.split(';').next().map(|media| media.trim().to_ascii_lowercase()).as_deref() {
        Some("application/json") => Escape::Json,
        Some("application/x-www-form-urlencoded") => Escape::Form,
        _ => Escape::Refused,
    }
}

fn pointer(text: &str) -> Result<String, &'static str> {
    let is_one = text.is_empty() || text.starts_with('/');
    is_one.then(|| text.to_owned()).ok_or("must be a JSON pointer, as /id")
}
