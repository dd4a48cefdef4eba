//! `Forwarded`, RFC 7239 §4, read from its end: what a proxy has appended is well formed, whatever the client has
//! written before it.

use std::net::IpAddr;

use super::node;

/// For whom each element says that it was forwarded, last first; `None` for one that names no address.
pub(super) fn hops(line: &[u8]) -> impl Iterator<Item = Option<IpAddr>> {
    let mut rest = Some(line);
    std::iter::from_fn(move || {
        let (before, element) = last(rest?, b',');
        rest = before;
        Some(forwarded_for(element))
    })
}

/// What is before the last separator that stands in no quoted string, and what is after it.
fn last(line: &[u8], separator: u8) -> (Option<&[u8]>, &[u8]) {
    let mut end = line.len();
    while let Some(at) = end.checked_sub(1) {
        match line[at] {
            b'"' => end = opening(&line[..at]),
            octet if octet == separator => return (Some(&line[..at]), &line[at + 1..]),
            _ => end = at,
        }
    }
    (None, line)
}

/// Where the string begins whose closing quote was after this: at a quote that no backslash escapes. At the beginning
/// if there is none; then the element is of no form.
fn opening(line: &[u8]) -> usize {
    let is_escaped = |at: usize| line[..at].iter().rev().take_while(|octet| **octet == b'\\').count() % 2 == 1;
    (0..line.len()).rev().find(|at| line[*at] == b'"' && !is_escaped(*at)).unwrap_or(0)
}

fn forwarded_for(element: &[u8]) -> Option<IpAddr> {
    let (mut rest, mut found) = (Some(element), None);
    while let Some(pairs) = rest {
        let (before, pair) = last(pairs, b';');
        rest = before;
        let (name, value) = std::str::from_utf8(pair).ok()?.trim_matches([' ', '\t']).split_once('=')?;
        let value = unquoted(value)?;
        if name.eq_ignore_ascii_case("for") && found.replace(value).is_some() {
            return None;
        }
    }
    let found = found?;
    // IPv6 stands in brackets here (§6).
    node(&found).filter(|address| address.is_ipv4() || found.starts_with('['))
}

/// The text of a token or a quoted string (RFC 9110 §5.6).
fn unquoted(value: &str) -> Option<String> {
    let Some(quoted) = value.strip_prefix('"') else {
        let is_token = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b);
        return (!value.is_empty() && value.bytes().all(is_token)).then(|| value.to_owned());
    };
    let (mut text, mut letters) = (String::new(), quoted.strip_suffix('"')?.chars());
    while let Some(letter) = letters.next() {
        match letter {
            '"' => return None,
            '\\' => text.push(letters.next()?),
            letter => text.push(letter),
        }
    }
    Some(text)
}
