//! Readers and tokens, as the dialogs of figures 6 and 11 need them.

use qcert_protocol::{
    ErrorCode,
    portal::{ApplicationRow, TokenName},
    workstation::{Container, Token, TokenDetails, TokenId, Tokens},
};
use uuid::Uuid;

/// One line of the listbox `Устройства`.
#[derive(Clone, Debug, PartialEq)]
pub struct Device {
    /// The reader's name.
    pub reader: String,
    /// The token in it.
    pub token: Option<Token>,
    /// Why it cannot be chosen; an empty reader cannot either.
    pub refused: Option<ErrorCode>,
}

impl Device {
    /// The token, if it can be chosen. One whose PIN is locked can: the extension's window offers to replace the PIN.
    pub fn usable(&self) -> Option<&Token> {
        self.token.as_ref().filter(|_| matches!(self.refused, None | Some(ErrorCode::PinLocked)))
    }
}

/// All readers, in the host's order.
pub fn devices(tokens: &Tokens) -> Vec<Device> {
    let device = |reader: &qcert_protocol::workstation::Reader| Device {
        reader: reader.name.clone(),
        token: reader.token.clone(),
        refused: match &reader.token {
            None => Some(ErrorCode::TokenMissing),
            Some(token) => token.unsuitable,
        },
    };
    tokens.readers.iter().map(device).collect()
}

/// What is chosen after the list changed: what was chosen if it is still there, else the first that nothing is wrong with.
pub fn chosen(devices: &[Device], before: Option<&TokenId>) -> Option<Token> {
    let mut usable = devices.iter().filter_map(Device::usable);
    let good = || devices.iter().filter(|device| device.refused.is_none()).find_map(Device::usable);
    usable.find(|token| Some(&token.id) == before).or_else(good).cloned()
}

/// The search for the token that holds a key.
#[derive(Clone, Debug, PartialEq)]
pub enum Search {
    /// It is there.
    Found(Token),
    /// Others are there, and it is not.
    Others(Vec<TokenName>),
    /// No token is there.
    Nothing,
}

/// Looks for a token by its serial number: labels can be the same, serial numbers of one model are not.
pub fn search(tokens: &Tokens, wanted: &TokenName) -> Search {
    let there = self::tokens(tokens);
    let same = |token: &&&Token| token.name.serial == wanted.serial && token.name.model == wanted.model;
    match there.iter().find(same) {
        Some(token) => Search::Found((*token).clone()),
        None if there.is_empty() => Search::Nothing,
        None => Search::Others(there.iter().map(|token| token.name.clone()).collect()),
    }
}

/// The tokens in all readers.
pub fn tokens(tokens: &Tokens) -> Vec<&Token> {
    tokens.readers.iter().filter_map(|reader| reader.token.as_ref()).collect()
}

/// How a container on a token stands to the person's applications.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Its certificate is there.
    Complete,
    /// It belongs to the current request or certificate of this application.
    Waiting(Uuid),
    /// It was made for an application and belongs to nothing any more: the request it was made for was cancelled, or never
    /// arrived.
    Orphan,
    /// Nothing is known of it here.
    Alone,
}

/// Finds it out.
pub fn standing(container: &Container, rows: &[ApplicationRow]) -> Standing {
    if container.has_certificate {
        return Standing::Complete;
    }
    let current = |row: &&ApplicationRow| {
        let request = row.request.iter().map(|request| &request.key_id);
        let mut ids = request.chain(row.certificate.iter().map(|certificate| &certificate.key_id));
        ids.any(|id| *id == container.key_id)
    };
    if let Some(row) = rows.iter().find(current) {
        return Standing::Waiting(row.id);
    }
    let number = container.label.split_once('@').map(|(number, _)| number);
    if rows.iter().any(|row| number == Some(&row.number)) { Standing::Orphan } else { Standing::Alone }
}

/// What was left of earlier tries for an application.
pub fn orphans(details: &TokenDetails, row: &ApplicationRow) -> Vec<Container> {
    let orphan = |container: &&Container| standing(container, std::slice::from_ref(row)) == Standing::Orphan;
    details.containers.iter().filter(orphan).cloned().collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::rows::tests::row;

    fn token(id: &str, serial: &str, unsuitable: Option<&str>) -> serde_json::Value {
        let mut token = json!({
            "id": id, "name": {"label": "rutoken", "serial": serial, "model": "lite"},
            "pin": {"tries": "full", "toBeChanged": false, "pad": false, "minLength": 4, "maxLength": 32},
        });
        if let Some(code) = unsuitable {
            token["unsuitable"] = code.into();
        }
        token
    }

    fn tokens(readers: &[serde_json::Value]) -> Tokens {
        let readers: Vec<_> = readers
            .iter()
            .map(|token| match token {
                serde_json::Value::Null => json!({"name": "reader", "module": "m"}),
                token => json!({"name": "reader", "module": "m", "token": token}),
            })
            .collect();
        serde_json::from_value(json!({"modules": [], "readers": readers})).unwrap()
    }

    #[test]
    fn an_empty_reader_and_an_unsuitable_token_cannot_be_chosen() {
        let devices = devices(&tokens(&[json!(null), token("a", "1", Some("token_full")), token("b", "2", None)]));
        assert_eq!(devices[0].refused, Some(ErrorCode::TokenMissing));
        assert_eq!(devices[1].refused, Some(ErrorCode::TokenFull));
        assert_eq!(chosen(&devices, Some(&TokenId("a".into()))).unwrap().id.0, "b");
    }

    #[test]
    fn a_token_whose_pin_is_locked_is_chosen_by_the_person_alone() {
        let devices = devices(&tokens(&[token("a", "1", Some("pin_locked")), token("b", "2", None)]));
        assert_eq!(devices[0].refused, Some(ErrorCode::PinLocked));
        assert_eq!(chosen(&devices, Some(&TokenId("a".into()))).unwrap().id.0, "a");
        assert_eq!(chosen(&devices, None).unwrap().id.0, "b");
        assert_eq!(chosen(&devices[..1], None), None);
    }

    #[test]
    fn the_choice_stays_while_its_token_stays() {
        let both = devices(&tokens(&[token("a", "1", None), token("b", "2", None)]));
        assert_eq!(chosen(&both, Some(&TokenId("b".into()))).unwrap().id.0, "b");
        assert_eq!(chosen(&both[..1], Some(&TokenId("b".into()))).unwrap().id.0, "a");
    }

    #[test]
    fn a_token_with_the_same_label_is_not_the_one_that_holds_the_key() {
        let wanted = TokenName { label: "rutoken".into(), serial: "1".into(), model: "lite".into() };
        assert!(matches!(search(&tokens(&[token("a", "2", None)]), &wanted), Search::Others(_)));
        assert!(matches!(search(&tokens(&[json!(null)]), &wanted), Search::Nothing));
        assert!(matches!(search(&tokens(&[token("a", "2", None), token("b", "1", None)]), &wanted), Search::Found(_)));
    }

    #[test]
    fn a_pair_of_this_application_without_a_request_is_an_orphan() {
        let id = |digit: &str| digit.repeat(40);
        let details: TokenDetails = serde_json::from_value(json!({
            "token": token("a", "1", None), "manufacturer": "", "firmware": "1.0", "mechanisms": [],
            "containers": [
                {"label": "7@2013-04-11-x", "keyId": id("1"), "hasCertificate": false},
                {"label": "7@2013-04-11-x", "keyId": id("2"), "hasCertificate": true},
                {"label": "77@2013-04-11-x", "keyId": id("3"), "hasCertificate": false},
                {"label": "other", "keyId": id("4"), "hasCertificate": false},
            ]
        }))
        .unwrap();
        let found = orphans(&details, &row("7", "available", 0));
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].key_id.as_str(), id("1"));
        let standings = |rows: &[_]| details.containers.iter().map(|one| standing(one, rows)).collect::<Vec<_>>();
        let (complete, alone) = (Standing::Complete, Standing::Alone);
        assert_eq!(standings(&[row("7", "available", 0)]), [Standing::Orphan, complete, alone, alone]);
        assert_eq!(standings(&[]), [alone, complete, alone, alone], "nobody is signed in");
    }

    #[test]
    fn the_pair_of_the_current_request_is_no_orphan() {
        let details: TokenDetails = serde_json::from_value(json!({
            "token": token("a", "1", None), "manufacturer": "", "firmware": "1.0", "mechanisms": [],
            "containers": [{"label": "7@2013-04-11-x", "keyId": "1".repeat(40), "hasCertificate": false}]
        }))
        .unwrap();
        let mut row = row("7", "preparing", 1);
        row.request = serde_json::from_value(json!({
            "id": uuid::Uuid::nil(), "keyCode": "ABCDE-FGHIJ", "keyId": "1".repeat(40),
            "container": "7@2013-04-11-x", "token": {"label": "", "serial": "1", "model": ""},
            "passwordOrdered": false, "resendAfterSeconds": 0,
        }))
        .unwrap();
        assert_eq!(orphans(&details, &row), []);
        assert_eq!(standing(&details.containers[0], &[row]), Standing::Waiting(Uuid::from_u128(7)));
    }
}
