use time::{Duration, macros::datetime};
use uuid::Uuid;

use super::*;
use crate::audit::{Actor, chain};

/// Events of two servers, the first two of the time before there was a key.
fn chain(key: &Key) -> Vec<AuditRow> {
    let mut rows: Vec<AuditRow> = Vec::new();
    for place in 1..=20 {
        let before = place <= 2;
        let node = if place % 3 == 0 { "two" } else { "one" };
        let sequence = rows.iter().filter(|row| row.node == node).count() as i64 + 1;
        let mut row = AuditRow {
            place,
            at: datetime!(2026-03-02 09:00 UTC) + Duration::seconds(place),
            node: if before { String::new() } else { node.to_owned() },
            sequence: if before { 0 } else { sequence },
            event: "request confirmed".to_owned(),
            subject: Uuid::from_u128(place as u128),
            by: if before {
                Actor { who: String::new(), from: String::new() }
            } else {
                Actor::holder([192, 0, 2, 1].into())
            },
            outcome: if before { String::new() } else { "done".to_owned() },
            detail: format!("detail {place}"),
            mac: chain::BEGINNING,
        };
        let previous = rows.last().map_or(chain::BEGINNING, |row| row.mac);
        row.mac = if before {
            chain::hashed(&previous, row.millis(), &row.event, row.subject, &row.detail)
        } else {
            key.mac(&previous, &row)
        };
        rows.push(row);
    }
    rows
}

fn key() -> Key {
    Key::new(&[7; 32])
}

/// What is found, as kind and places.
fn found(rows: &[AuditRow], heads: Vec<Head>) -> Vec<(Kind, i64, i64)> {
    let key = key();
    let mut verifier = Verifier::new(&key, heads);
    rows.iter().for_each(|row| verifier.next(row));
    verifier.finish().findings.into_iter().map(|finding| (finding.kind, finding.place, finding.to)).collect()
}

#[test]
fn nothing_is_found_in_what_was_written() {
    let rows = chain(&key());
    let head = Head::from(rows[19].clone());
    assert_eq!(found(&rows, vec![head, rows[9].clone().into()]), []);
    assert_eq!(found(&[], Vec::new()), []);
}

#[test]
fn a_change_of_any_field_is_found_where_it_is() {
    let changes: [fn(&mut AuditRow); 10] = [
        |row| row.at += Duration::milliseconds(1),
        |row| row.node.push('x'),
        |row| row.sequence += 1,
        |row| row.event = "request removed".to_owned(),
        |row| row.subject = Uuid::nil(),
        |row| row.by.who = "anna".to_owned(),
        |row| row.by.from.clear(),
        |row| row.outcome = "refused otp_wrong".to_owned(),
        |row| row.detail.clear(),
        |row| row.mac[31] ^= 1,
    ];
    for (number, change) in changes.into_iter().enumerate() {
        let mut rows = chain(&key());
        change(&mut rows[9]);
        let found = found(&rows, Vec::new());
        assert!(found.iter().any(|(_, place, _)| *place == 10), "{number}: {found:?}");
    }
    let mut rows = chain(&key());
    rows[9].detail.clear();
    assert_eq!(found(&rows, Vec::new()), [(Kind::Changed, 10, 10)], "and only there");
}

#[test]
fn a_field_cannot_be_moved_into_its_neighbour() {
    let mut rows = chain(&key());
    rows[9].by = Actor { who: "holder1".to_owned(), from: "92.0.2.1".to_owned() };
    assert_eq!(found(&rows, Vec::new()), [(Kind::Changed, 10, 10)]);
}

#[test]
fn what_was_taken_out_is_missing() {
    let mut rows = chain(&key());
    rows.drain(9..12);
    assert_eq!(found(&rows, Vec::new()), [(Kind::Missing, 10, 12)]);
    let mut rows = chain(&key());
    rows.remove(0);
    assert_eq!(found(&rows, Vec::new()), [(Kind::Missing, 1, 1)]);
}

#[test]
fn any_number_that_somebody_wrote_is_judged() {
    for number in [i64::MIN, -1, 0, i64::MAX] {
        let mut rows = chain(&key());
        rows[9].sequence = number;
        rows[19].place = number;
        let found = found(&rows, Vec::new());
        assert!(found.len() >= 2 && found[0].1 == 10, "{number}: {found:?}");
    }
}

#[test]
fn what_was_exchanged_is_reordered() {
    let mut rows = chain(&key());
    rows.swap(9, 10);
    (rows[9].place, rows[10].place) = (10, 11);
    assert_eq!(found(&rows, Vec::new()), [(Kind::Reordered, 10, 10), (Kind::Reordered, 11, 11)]);
}

#[test]
fn what_was_cut_off_is_found_by_the_head_alone() {
    let rows = chain(&key());
    let head = Head::from(rows[19].clone());
    assert_eq!(found(&rows[..15], Vec::new()), []);
    assert_eq!(found(&rows[..15], vec![head.clone()]), [(Kind::Truncated, 20, 15)]);
    // It went on, under the same key.
    let mut other = rows[..15].to_vec();
    for place in 16..=25 {
        let previous = other.last().unwrap().mac;
        let sequence = other.iter().filter(|row| row.node == "one").map(|row| row.sequence).max().unwrap() + 1;
        let mut row = AuditRow { place, sequence, node: "one".to_owned(), ..rows[10].clone() };
        row.mac = key().mac(&previous, &row);
        other.push(row);
    }
    assert_eq!(found(&other, Vec::new()), []);
    assert_eq!(found(&other, vec![head]), [(Kind::Truncated, 20, 25)]);
}

#[test]
fn whoever_has_no_key_adds_nothing() {
    let rows = chain(&key());
    let last = &rows[19];
    let mut forged = AuditRow { place: 21, sequence: 13, node: "one".to_owned(), ..rows[18].clone() };
    forged.mac = Key::new(&[8; 32]).mac(&last.mac, &forged);
    assert_eq!(found(&[rows.clone(), vec![forged.clone()]].concat(), Vec::new()), [(Kind::Changed, 21, 21)]);
    // One as they were before there was a key.
    forged.node.clear();
    forged.mac = chain::hashed(&last.mac, forged.millis(), &forged.event, forged.subject, &forged.detail);
    assert_eq!(found(&[rows, vec![forged]].concat(), Vec::new()), [(Kind::Inserted, 21, 21)]);
}

#[test]
fn the_first_code_holds_what_was_written_before_there_was_a_key() {
    let mut rows = chain(&key());
    rows[1].detail.push('!');
    rows[1].mac = chain::hashed(&rows[0].mac, rows[1].millis(), &rows[1].event, rows[1].subject, &rows[1].detail);
    assert_eq!(found(&rows, Vec::new()), [(Kind::Changed, 3, 3)]);
}

#[test]
fn a_chain_that_is_wrong_everywhere_is_told_of_in_a_bounded_way() {
    let rows = chain(&key());
    let other = Key::new(&[8; 32]);
    let mut verifier = Verifier::new(&other, Vec::new());
    for round in 0..100 {
        for row in &rows[2..] {
            verifier.next(&AuditRow { place: round * 18 + row.place - 2, ..row.clone() });
        }
    }
    let report = verifier.finish();
    assert_eq!((report.findings.len(), report.events), (TOLD, 1800));
    assert_eq!(report.more, 1700);
}
