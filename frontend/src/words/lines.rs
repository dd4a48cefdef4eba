//! The texts as they travel: one after the other, a text a line.

use super::{errors, table};

/// The Russian ones, those of the screens before those of the errors.
pub(super) const RUSSIAN: &str = text(&RUSSIAN_BYTES);

static RUSSIAN_BYTES: [u8; table::RUSSIAN.len() + errors::RUSSIAN.len()] = joined(&[table::RUSSIAN, errors::RUSSIAN]);

/// Texts one after the other, while the module is compiled.
pub(super) const fn joined<const LENGTH: usize>(mut parts: &[&str]) -> [u8; LENGTH] {
    let mut joined = [0; LENGTH];
    let mut at = 0;
    while let [part, rest @ ..] = parts {
        joined.split_at_mut(at).1.split_at_mut(part.len()).0.copy_from_slice(part.as_bytes());
        at += part.len();
        parts = rest;
    }
    joined
}

/// Bytes of texts as a text.
pub(super) const fn text(bytes: &[u8]) -> &str {
    match std::str::from_utf8(bytes) {
        Ok(text) => text,
        Err(_) => panic!("made of texts"),
    }
}
