//! The English texts travel in a file of their own, for those who choose them: a first visit fetches Russian alone.
//!
//! The file is made while the module is compiled and lies in a section of it that no program sees; `shrink.mjs` takes it
//! out of there when the page is built. It is named by its content, so a file of another build is never taken for it.

use std::sync::OnceLock;

use super::{
    Language, Words, errors,
    lines::{joined, text},
    table,
};

/// The file's name.
pub const NAME: &str = text(&NAME_BYTES);

/// The file: its name, then a text a line, those of the screens before those of the errors.
pub const FILE: &str = text(&FILE_BYTES);

const NAME_BYTES: [u8; 28] = name(digest(table::ENGLISH, digest(errors::ENGLISH, 0xcbf2_9ce4_8422_2325)));
const FILE_BYTES: [u8; NAME.len() + 1 + table::ENGLISH.len() + errors::ENGLISH.len()] =
    joined(&[NAME, "\n", table::ENGLISH, errors::ENGLISH]);

// SAFETY: a custom section of WebAssembly is never loaded, so nothing takes these bytes for anything else.
#[cfg(target_arch = "wasm32")]
#[unsafe(link_section = "english")]
#[doc(hidden)]
pub static SECTION: [u8; FILE_BYTES.len()] = FILE_BYTES;

static FETCHED: OnceLock<Words> = OnceLock::new();

/// The texts, once [`take`] was given the file.
pub fn words() -> Option<&'static Words> {
    FETCHED.get()
}

/// Takes the file. False if it is not this build's.
pub fn take(file: String) -> bool {
    let mut lines = String::leak(file).lines();
    let own = lines.next() == Some(NAME);
    if own {
        FETCHED.get_or_init(|| Words::read(Language::English, &mut lines));
    }
    own
}

/// The texts, for tests.
#[cfg(test)]
pub fn fetched() -> &'static Words {
    assert!(take(FILE.to_owned()));
    words().unwrap()
}

/// FNV-1a, 64 bits.
const fn digest(text: &str, mut digest: u64) -> u64 {
    let mut bytes = text.as_bytes();
    while let [byte, rest @ ..] = bytes {
        digest = (digest ^ *byte as u64).wrapping_mul(0x0100_0000_01b3);
        bytes = rest;
    }
    digest
}

const fn name(mut digest: u64) -> [u8; 28] {
    let mut name = *b"english-0123456789abcdef.txt";
    let mut at = 24;
    while at > 8 {
        at -= 1;
        name[at] = b"0123456789abcdef"[(digest % 16) as usize];
        digest /= 16;
    }
    name
}

#[cfg(test)]
mod tests {
    use qcert_protocol::ErrorCode;

    use super::*;
    use crate::words::{code, lines::RUSSIAN};

    #[test]
    fn every_text_comes_out_of_the_lines_of_its_language_at_its_own_place() {
        for (words, language) in [(Language::Russian.words(), 0), (fetched(), 1)] {
            for (number, (read, written)) in table::WRITTEN.iter().enumerate() {
                assert_eq!(read(words), written[language], "text {number}");
            }
            for (known, written) in errors::WRITTEN {
                assert_eq!(code(words, *known), written[language], "{known}");
            }
            assert_eq!(words.errors.len(), errors::WRITTEN.len());
        }
        let texts = table::WRITTEN.len() + 2 * errors::WRITTEN.len();
        let lines = [RUSSIAN, FILE].map(|texts| texts.lines().count());
        assert_eq!(lines, [texts, 1 + texts], "a text has a line of its own");
        assert_eq!(Language::English.words().language, Language::English);
    }

    #[test]
    fn codes_of_one_row_read_the_same() {
        let words = fetched();
        assert_eq!(code(words, ErrorCode::RequestMalformed), code(words, ErrorCode::RequestNotDer));
    }

    #[test]
    fn a_file_of_another_build_is_not_taken() {
        let (_, texts) = FILE.split_once('\n').unwrap();
        for other in [texts.to_owned(), format!("english-0123456789abcdef.txt\n{texts}"), String::new()] {
            assert!(!take(other));
        }
    }

    #[test]
    fn the_file_is_named_by_its_content() {
        assert_eq!(digest("a", 0xcbf2_9ce4_8422_2325), 0xaf63_dc4c_8601_ec8c, "FNV-1a's published value");
        let name_of = |text: &str| name(digest(text, 0));
        assert_ne!(name_of("Sign in\n"), name_of("Sign on\n"));
        assert_eq!(text(&name(0xaf63_dc4c_8601_ec8c)), "english-af63dc4c8601ec8c.txt");
    }
}
