//! Readers and tokens, as the dialogs of figures 6 and 11 need them.

use qcert_protocol::{
    ErrorCode,
    portal::{ApplicationRow, TokenName},
    workstation::{Container, Token, TokenDetails, TokenId, Tokens},
};
use uuid::Uuid;

use crate::{
    rows,
    wizard::{Stage, stage},
};

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

/// What is chosen after the list changed: what was chosen if it is still there, else the first that nothing is wrong
/// with. Where one is wanted, no other is chosen but by the person.
pub fn chosen(devices: &[Device], before: Option<&TokenId>, wanted: Option<&TokenName>) -> Option<Token> {
    let mut usable = devices.iter().filter_map(Device::usable);
    let good = || {
        let mut good = devices.iter().filter(|device| device.refused.is_none()).filter_map(Device::usable);
        good.find(|token| wanted.is_none_or(|wanted| is(token, wanted)))
    };
    usable.find(|token| Some(&token.id) == before).or_else(good).cloned()
}

/// Is it this one? Labels can be the same, serial numbers of one model are not.
pub fn is(token: &Token, wanted: &TokenName) -> bool {
    token.name.serial == wanted.serial && token.name.model == wanted.model
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

/// Looks for a token.
pub fn search(tokens: &Tokens, wanted: &TokenName) -> Search {
    let there = self::tokens(tokens);
    match there.iter().find(|token| is(token, wanted)) {
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
    /// The same, and another has been asked for in its place: it stays until its end.
    Renewed,
    /// Its certificate is over: it can be removed.
    Expired,
    /// It belongs to the current request or certificate of this application.
    Waiting(Uuid),
    /// It was made for an application and belongs to nothing any more: the request it was made for was cancelled, or never
    /// arrived. If the application still takes a request, it can be this one's.
    Orphan(Option<Uuid>),
    /// Nothing is known of it here.
    Alone,
}

/// Finds it out; `now` is in seconds since 1970.
pub fn standing(container: &Container, rows: &[ApplicationRow], now: i64) -> Standing {
    let current = |row: &&ApplicationRow| {
        let request = row.request.iter().map(|request| &request.key_id);
        let mut ids = request.chain(row.certificate.iter().map(|certificate| &certificate.key_id));
        ids.any(|id| *id == container.key_id)
    };
    let row = rows.iter().find(current);
    let number = container.label.split_once('@').map(|(number, _)| number);
    let made_for = row.or_else(|| rows.iter().find(|row| number == Some(&row.number)));
    if container.has_certificate {
        let over = container.certificate.as_ref().is_some_and(|known| known.not_after.unix_timestamp() < now);
        return match made_for {
            Some(_) if over => Standing::Expired,
            Some(row) if rows.iter().any(|other| rows::renews(other, row)) => Standing::Renewed,
            _ => Standing::Complete,
        };
    }
    match (row, made_for) {
        (Some(row), _) => Standing::Waiting(row.id),
        (None, Some(row)) => Standing::Orphan((stage(row) == Stage::CheckData).then_some(row.id)),
        (None, None) => Standing::Alone,
    }
}

/// What was left of earlier tries for an application.
pub fn orphans(details: &TokenDetails, row: &ApplicationRow) -> Vec<Container> {
    let rows = std::slice::from_ref(row);
    let orphan = |container: &&Container| matches!(standing(container, rows, 0), Standing::Orphan(_));
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
        assert_eq!(chosen(&devices, Some(&TokenId("a".into())), None).unwrap().id.0, "b");
    }

    #[test]
    fn a_token_whose_pin_is_locked_is_chosen_by_the_person_alone() {
        let devices = devices(&tokens(&[token("a", "1", Some("pin_locked")), token("b", "2", None)]));
        assert_eq!(devices[0].refused, Some(ErrorCode::PinLocked));
        assert_eq!(chosen(&devices, Some(&TokenId("a".into())), None).unwrap().id.0, "a");
        assert_eq!(chosen(&devices, None, None).unwrap().id.0, "b");
        assert_eq!(chosen(&devices[..1], None, None), None);
    }

    #[test]
    fn the_choice_stays_while_its_token_stays() {
        let both = devices(&tokens(&[token("a", "1", None), token("b", "2", None)]));
        assert_eq!(chosen(&both, Some(&TokenId("b".into())), None).unwrap().id.0, "b");
        assert_eq!(chosen(&both[..1], Some(&TokenId("b".into())), None).unwrap().id.0, "a");
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
        let standings = |rows: &[_]| details.containers.iter().map(|one| standing(one, rows, 0)).collect::<Vec<_>>();
        let (complete, alone) = (Standing::Complete, Standing::Alone);
        let orphan = Standing::Orphan(Some(Uuid::from_u128(7)));
        assert_eq!(standings(&[row("7", "available", 0)]), [orphan, complete, alone, alone]);
        let orphan = Standing::Orphan(None);
        assert_eq!(standings(&[row("7", "issuing", 0)]), [orphan, complete, alone, alone], "it has another");
        assert_eq!(standings(&[]), [alone, complete, alone, alone], "nobody is signed in");
    }

    #[test]
    fn a_container_of_this_person_stays_until_its_certificate_ends() {
        let container: Container = serde_json::from_value(json!({
            "label": "7@2013-04-11-x", "keyId": "1".repeat(40), "hasCertificate": true,
            "certificate": {"holder": "x", "notAfter": "2027-11-22T19:13:00Z"},
        }))
        .unwrap();
        let end = container.certificate.as_ref().unwrap().not_after.unix_timestamp();
        let renewal = |state| {
            let mut renewal = row("8", state, 0);
            renewal.replaces = Some(Uuid::from_u128(7));
            renewal
        };
        let old = row("7", "installed", 0);
        let standing = |rows: &[_], now| standing(&container, rows, now);
        assert_eq!(standing(&[old.clone(), row("8", "available", 0)], end), Standing::Complete);
        assert_eq!(standing(&[old.clone(), renewal("available")], end), Standing::Renewed);
        assert_eq!(standing(&[old.clone(), renewal("rejected")], end), Standing::Complete);
        assert_eq!(standing(&[old.clone(), renewal("installed")], end + 1), Standing::Expired);
        assert_eq!(standing(&[old], end + 1), Standing::Expired);
        assert_eq!(standing(&[renewal("installed")], end + 1), Standing::Complete, "another's");
    }

    #[test]
    fn the_token_that_is_wanted_is_chosen_by_itself_and_another_by_the_person_alone() {
        let devices = devices(&tokens(&[token("a", "1", None), token("b", "2", None)]));
        let wanted = |serial: &str| TokenName { label: "".into(), serial: serial.into(), model: "lite".into() };
        let id = |chosen: Option<Token>| chosen.map(|token| token.id.0);
        assert_eq!(id(chosen(&devices, None, Some(&wanted("2")))).as_deref(), Some("b"));
        assert_eq!(chosen(&devices, None, Some(&wanted("3"))), None);
        assert_eq!(id(chosen(&devices, Some(&TokenId("a".into())), Some(&wanted("2")))).as_deref(), Some("a"));
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
        assert_eq!(standing(&details.containers[0], &[row], 0), Standing::Waiting(Uuid::from_u128(7)));
    }
}
