//! One list of what all modules show. A token under two modules is shown once.

use std::collections::HashMap;

use qcert_protocol::{
    ErrorCode,
    workstation::{Reader, Token, TokenId, Tokens},
};

/// What all modules show together.
#[derive(Default)]
pub struct Merged {
    /// As the protocol tells it.
    pub tokens: Tokens,
    /// Which module a token is worked with: its place among those that were merged. Who was shown a token by a module that
    /// answered before the preferred one did goes on with that.
    pub module_of: HashMap<TokenId, usize>,
}

/// Merges what each module shows, in the order of preference.
pub fn merge(shown: impl IntoIterator<Item = Tokens>) -> Merged {
    let mut merged = Merged::default();
    for (place, shown) in shown.into_iter().enumerate() {
        merged.tokens.modules.extend(shown.modules);
        let before = merged.tokens.readers.len();
        for reader in shown.readers {
            merged.add(before, place, reader);
        }
    }
    merged.tokens.missing = missing(&merged.tokens);
    merged
}

impl Merged {
    /// Two modules may show the same reader: the one that comes first and knows the token keeps it.
    fn add(&mut self, of_other_modules: usize, place: usize, reader: Reader) {
        let twin = self.tokens.readers[..of_other_modules].iter().position(|other| {
            let same_token = match (&other.token, &reader.token) {
                (Some(one), Some(two)) => same_token(one, two),
                _ => false,
            };
            same_token || other.name == reader.name
        });
        self.module_of.extend(reader.token.as_ref().map(|token| (token.id.clone(), place)));
        let keeps = twin.is_some_and(|twin| self.tokens.readers[twin].token.is_some() || reader.token.is_none());
        if keeps {
            return;
        }
        match twin {
            None => self.tokens.readers.push(reader),
            Some(twin) => self.tokens.readers[twin] = reader,
        }
    }
}

/// Two modules' views of one token: each may name the model in its own way.
pub fn same_token(one: &Token, other: &Token) -> bool {
    one.name.serial == other.name.serial && one.name.label == other.name.label
}

fn missing(tokens: &Tokens) -> Option<ErrorCode> {
    if tokens.readers.iter().any(|reader| reader.token.is_some()) {
        None
    } else if !tokens.readers.is_empty() {
        Some(ErrorCode::TokenMissing)
    } else if tokens.modules.iter().any(|module| module.error.is_none()) {
        Some(ErrorCode::ReaderMissing)
    } else {
        // All of them have one.
        Some(tokens.modules.iter().find_map(|module| module.error).unwrap_or(ErrorCode::ModuleMissing))
    }
}

#[cfg(test)]
mod tests {
    use qcert_protocol::{
        portal::TokenName,
        workstation::{Module, PinState, Token, TriesLeft},
    };

    use super::*;

    fn reader(name: &str, module: &str, serial: Option<&str>) -> Reader {
        let token = serial.map(|serial| Token {
            id: TokenId(format!("{module}-{serial}")),
            name: TokenName { label: "T".into(), serial: serial.into(), model: "M".into() },
            pin: PinState { tries: TriesLeft::Full, to_be_changed: false, pad: false, min_length: 4, max_length: 8 },
            unsuitable: None,
            carrier: None,
        });
        Reader { name: name.into(), module: module.into(), token }
    }

    fn shown(readers: Vec<Reader>) -> Tokens {
        Tokens { readers, ..Tokens::default() }
    }

    #[test]
    fn a_reader_that_two_modules_show_is_listed_once_with_its_token() {
        let first = shown(vec![reader("R0", "first", None), reader("R1", "first", Some("1"))]);
        let second = shown(vec![
            reader("R0", "second", Some("2")),
            reader("R1", "second", None),
            reader("proxy", "second", Some("1")),
        ]);
        let merged = merge([first, second]);
        let seen: Vec<_> = merged.tokens.readers.iter().map(|r| (r.name.as_str(), r.module.as_str())).collect();
        assert_eq!(seen, [("R0", "second"), ("R1", "first")]);
        let worked_with =
            [("second-2", 1), ("first-1", 0), ("second-1", 1)].map(|(id, place)| (TokenId(id.into()), place));
        assert_eq!(merged.module_of, HashMap::from(worked_with));
    }

    #[test]
    fn two_readers_of_one_kind_in_one_module_are_two_readers() {
        let merged = merge([shown(vec![reader("R", "first", None), reader("R", "first", None)])]);
        assert_eq!(merged.tokens.readers.len(), 2);
    }

    #[test]
    fn module_reader_and_token_are_missed_by_their_own_names() {
        let module = |error| Module { name: "m".into(), description: None, error };
        let mut tokens = Tokens::default();
        assert_eq!(missing(&tokens), Some(ErrorCode::ModuleMissing));
        tokens.modules = vec![module(Some(ErrorCode::ModuleHangs))];
        assert_eq!(missing(&tokens), Some(ErrorCode::ModuleHangs));
        tokens.modules.push(module(None));
        assert_eq!(missing(&tokens), Some(ErrorCode::ReaderMissing));
        tokens.readers = vec![reader("R", "m", None)];
        assert_eq!(missing(&tokens), Some(ErrorCode::TokenMissing));
        tokens.readers = vec![reader("R", "m", Some("1"))];
        assert_eq!(missing(&tokens), None);
    }
}
