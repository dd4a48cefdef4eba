//! The list of applications: a copy of what the server holds, kept current by events.

use std::cmp::Ordering;

use qcert_protocol::{ApplicationState, KeyId, portal::ApplicationRow};
use uuid::Uuid;

/// Takes a row that arrived. An older copy never overwrites a newer one. True if anything changed.
pub fn merge(rows: &mut Vec<ApplicationRow>, arrived: ApplicationRow) -> bool {
    match rows.iter_mut().find(|row| row.id == arrived.id) {
        None => {
            // The rows are in order, each having arrived this way.
            let place = rows.partition_point(|row| by_number(&row.number, &arrived.number).is_lt());
            rows.insert(place, arrived);
            true
        }
        // The same revision may still carry news of this session: whether a password was ordered.
        Some(row) if arrived.revision >= row.revision && *row != arrived => {
            *row = arrived;
            true
        }
        Some(_) => false,
    }
}

/// Takes a whole list: what is not in it any more goes.
pub fn replace(rows: &mut Vec<ApplicationRow>, arrived: Vec<ApplicationRow>) -> bool {
    let before = rows.len();
    rows.retain(|row| arrived.iter().any(|other| other.id == row.id));
    let mut changed = rows.len() != before;
    for row in arrived {
        changed |= merge(rows, row);
    }
    changed
}

/// The row of an application.
pub fn find(rows: &[ApplicationRow], id: Uuid) -> Option<&ApplicationRow> {
    rows.iter().find(|row| row.id == id)
}

/// The certificate of this key, if the portal waits for its installation.
pub fn awaited(rows: &[ApplicationRow], key: &KeyId) -> Option<Uuid> {
    let ready = rows.iter().filter(|row| row.state == ApplicationState::ReadyToInstall);
    let mut certificates = ready.filter_map(|row| row.certificate.as_ref());
    certificates.find(|certificate| certificate.key_id == *key).map(|certificate| certificate.id)
}

/// Is a row's certificate renewed or replaced by the other's, or about to be?
pub fn renews(other: &ApplicationRow, row: &ApplicationRow) -> bool {
    use ApplicationState::*;
    other.replaces == Some(row.id) && !matches!(other.state, Rejected | Revoked)
}

// Numbers are digits almost always: the shorter one is the smaller one.
fn by_number(a: &str, b: &str) -> Ordering {
    (a.len(), a).cmp(&(b.len(), b))
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn row(number: &str, state: &str, revision: i64) -> ApplicationRow {
        serde_json::from_value(serde_json::json!({
            "id": Uuid::from_u128(number.parse().unwrap()), "number": number, "holder": "Иванов Иван Иванович",
            "organization": "ООО «АвтоСпор»", "inn": "6688242590", "state": state, "renewable": false, "revision": revision,
        }))
        .unwrap()
    }

    #[test]
    fn an_older_copy_never_overwrites_a_newer_one() {
        let mut rows = vec![row("1", "sent", 5)];
        assert!(!merge(&mut rows, row("1", "available", 4)));
        assert_eq!(rows[0].state.as_str(), "sent");
        assert!(merge(&mut rows, row("1", "issuing", 6)));
        assert_eq!(rows[0].state.as_str(), "issuing");
    }

    #[test]
    fn an_equal_copy_changes_nothing() {
        let mut rows = vec![row("1", "sent", 5)];
        assert!(!merge(&mut rows, row("1", "sent", 5)));
    }

    #[test]
    fn a_certificate_whose_key_is_known_is_awaited_until_it_is_installed() {
        let certificate = |digit: &str| {
            let (not_before, not_after) = ("2026-11-22T19:13:00Z", "2027-11-22T19:13:00Z");
            let id = Uuid::from_u128(digit.parse().unwrap());
            let (serial, key) = ("0A", digit.repeat(40));
            let json = serde_json::json!({
                "id": id, "serial": serial, "keyId": key, "notBefore": not_before, "notAfter": not_after,
            });
            serde_json::from_value(json).unwrap()
        };
        let mut rows = ["readyToInstall", "installed", "available"].map(|state| row("1", state, 0));
        rows[0].certificate = Some(certificate("7"));
        rows[1].certificate = Some(certificate("8"));
        let key = |digit: &str| KeyId::parse(&digit.repeat(40)).unwrap();
        assert_eq!(awaited(&rows, &key("7")), Some(Uuid::from_u128(7)));
        assert_eq!(awaited(&rows, &key("8")), None, "it is installed");
        assert_eq!(awaited(&rows, &key("9")), None);
    }

    #[test]
    fn a_whole_list_drops_what_it_does_not_name() {
        let mut rows = vec![row("1", "sent", 5), row("2", "sent", 1)];
        assert!(replace(&mut rows, vec![row("2", "sent", 1), row("10", "available", 0)]));
        let numbers: Vec<_> = rows.iter().map(|row| row.number.as_str()).collect();
        assert_eq!(numbers, ["2", "10"]);
    }
}
