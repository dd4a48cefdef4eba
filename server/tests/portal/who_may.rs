//! Who may ask for what: one table of every operation, walked by everybody.

mod world;
mod wrong_things;

use std::collections::BTreeSet;

use qcert_protocol::operator::Role::{self, *};
use serde_json::json;

use crate::described::DOCUMENT;
use world::{Came, Shown, World};

/// Who.
pub enum May {
    /// Whoever asks.
    Everybody,
    /// Who is signed in.
    Holder,
    /// Who is signed in, of what is theirs; to others it is not there, and this is how that is said.
    Owner(&'static str),
    /// Operators with one of these roles.
    Operators(&'static [Role]),
}
pub use May::*;

const READERS: &[Role] = &[Registrar, Approver, Revoker, Auditor];

/// Every operation, who may ask for it, and a body that is read.
pub const TABLE: &[(&str, May, &str)] = &[
    ("GET /api/openapi.json", Everybody, ""),
    ("GET /healthz", Everybody, ""),
    ("GET /readyz", Everybody, ""),
    ("GET /ca/root.cer", Everybody, ""),
    ("GET /ca/issuing.cer", Everybody, ""),
    ("GET /ca/chain.pem", Everybody, ""),
    ("GET /ca/{file}", Everybody, ""),
    ("GET /crl/root.crl", Everybody, ""),
    ("GET /crl/issuing.crl", Everybody, ""),
    ("GET /crl/{issuer}/{file}", Everybody, ""),
    ("POST /ocsp", Everybody, "not a question"),
    ("GET /ocsp/{question}", Everybody, ""),
    // Gateways are known by the key in the address.
    ("GET /sms/report/{gateway}/{token}", Everybody, ""),
    ("POST /sms/report/{gateway}/{token}", Everybody, ""),
    ("GET /api/v1/configuration", Everybody, ""),
    ("POST /api/v1/sign-in/password", Everybody, r#"{"phone": "+79990000000"}"#),
    ("POST /api/v1/sign-in", Everybody, r#"{"phone": "+79990000000", "password": "000000"}"#),
    ("GET /api/v1/session", Holder, ""),
    ("DELETE /api/v1/sessions", Holder, ""),
    // Nobody has nothing to end.
    ("DELETE /api/v1/session", Everybody, ""),
    ("GET /api/v1/events", Holder, ""),
    ("GET /api/v1/applications", Holder, ""),
    ("GET /api/v1/applications/{id}", Owner("application_not_found"), ""),
    ("POST /api/v1/applications/{id}/mistakes", Owner("application_not_found"), r#"{"text": "x"}"#),
    ("POST /api/v1/applications/{id}/activation", Owner("application_not_found"), r#"{"code": "x"}"#),
    ("POST /api/v1/applications/{id}/requests", Owner("application_not_found"), UPLOAD),
    ("POST /api/v1/applications/{id}/renewal", Owner("application_not_found"), ""),
    ("POST /api/v1/applications/{id}/withdrawal", Owner("application_not_found"), ""),
    ("POST /api/v1/requests/{id}/password", Owner("request_not_found"), ""),
    ("POST /api/v1/requests/{id}/confirmation", Owner("request_not_found"), r#"{"password": "000000"}"#),
    ("DELETE /api/v1/requests/{id}", Owner("request_not_found"), ""),
    ("GET /api/v1/certificates", Holder, ""),
    ("GET /api/v1/certificates/{id}", Owner("certificate_not_found"), ""),
    ("GET /api/v1/certificates/{id}/file", Owner("certificate_not_found"), ""),
    ("POST /api/v1/certificates/{id}/installation", Owner("certificate_not_found"), INSTALLATION),
    (
        "POST /api/v1/certificates/{id}/revocation/password",
        Owner("certificate_not_found"),
        r#"{"reason": "superseded"}"#,
    ),
    (
        "POST /api/v1/certificates/{id}/revocation",
        Owner("certificate_not_found"),
        r#"{"reason": "superseded", "password": "000000"}"#,
    ),
    ("GET /api/v1/operator/session", Operators(&Role::ALL), ""),
    ("GET /api/v1/operator/operators", Operators(&[Auditor, Administrator]), ""),
    ("DELETE /api/v1/operator/operators/{name}", Operators(&[Administrator]), ""),
    ("GET /api/v1/operator/audit", Operators(&[Auditor]), ""),
    ("POST /api/v1/operator/search", Operators(READERS), r#"{"by": "all"}"#),
    ("GET /api/v1/operator/applications/{number}", Operators(READERS), ""),
    ("PUT /api/v1/operator/applications/{number}", Operators(&[Registrar]), "{}"),
    ("POST /api/v1/operator/import", Operators(&[Registrar]), "[]"),
    ("POST /api/v1/operator/applications/{number}/approval", Operators(&[Approver]), ""),
    ("POST /api/v1/operator/applications/{number}/rejection", Operators(&[Approver]), r#"{"reason": "x"}"#),
    ("POST /api/v1/operator/applications/{number}/activation-code", Operators(&[Registrar]), ""),
    ("GET /api/v1/operator/certificates/{serial}", Operators(READERS), ""),
    ("POST /api/v1/operator/certificates/{serial}/revocation", Operators(&[Revoker]), r#"{"reason": "superseded"}"#),
    ("POST /api/v1/operator/keys/block", Operators(&[Revoker]), r#"{"key": "00"}"#),
    ("POST /api/v1/operator/phones/unlock", Operators(&[Registrar]), r#"{"phone": "+79990000000"}"#),
    ("POST /api/v1/operator/applications/{number}/phone", Operators(&[Registrar]), r#"{"phone": "+79990000000"}"#),
    ("GET /api/v1/operator/phone-changes", Operators(READERS), ""),
    ("POST /api/v1/operator/phone-changes/{id}/confirmation", Operators(&[Approver]), ""),
    ("DELETE /api/v1/operator/phone-changes/{id}", Operators(&[Registrar, Approver]), ""),
    ("GET /api/v1/operator/mistakes", Operators(READERS), ""),
    ("POST /api/v1/operator/mistakes/{id}/answer", Operators(&[Registrar]), r#"{"text": "x"}"#),
];

const UPLOAD: &str = r#"{"certificationRequest": "MAA=", "container": "66001@2026-03-02-x",
    "token": {"label": "Qcert", "serial": "0001", "model": "SoftHSM"}}"#;
const INSTALLATION: &str = r#"{"token": {"label": "Qcert", "serial": "0001", "model": "SoftHSM"}, "inStore": false}"#;

/// Was the asker let in, whatever else was wrong?
fn let_in(came: &Came) -> bool {
    let kept_out = ["session_required", "operator_token_required", "operator_role_missing", "origin_forbidden"];
    !kept_out.contains(&came.code.as_str()) && came.status != 401
}

/// What ends the session of whoever asks is asked last.
fn rows() -> impl Iterator<Item = &'static (&'static str, May, &'static str)> {
    let ends = |row: &&(&str, May, &str)| row.0.starts_with("DELETE /api/v1/session");
    TABLE.iter().filter(move |row| !ends(row)).chain(TABLE.iter().filter(ends))
}

#[tokio::test]
async fn nobody_and_who_is_nobody_any_more_gets_what_is_for_everybody() {
    let world = World::new().await;
    for (operation, may, body) in rows() {
        for shown in [&Shown::Nothing].into_iter().chain(&world.gone) {
            let came = world.ask(shown, operation, body).await;
            match may {
                Everybody => assert!(let_in(&came), "{operation}: {}", came.code),
                Holder | Owner(_) => {
                    assert_eq!((came.status.as_u16(), came.code.as_str()), (401, "session_required"), "{operation}")
                }
                Operators(_) => {
                    assert_eq!(
                        (came.status.as_u16(), came.code.as_str()),
                        (401, "operator_token_required"),
                        "{operation}"
                    );
                }
            }
        }
    }
}

#[tokio::test]
async fn a_strangers_session_finds_nothing_of_the_owners_there() {
    let world = World::new().await;
    for (operation, may, body) in rows() {
        let came = world.ask(&world.stranger, operation, body).await;
        match may {
            Everybody | Holder => assert!(let_in(&came), "{operation}: {}", came.code),
            Owner(code) => assert_eq!((came.status.as_u16(), came.code.as_str()), (404, *code), "{operation}"),
            Operators(_) => assert_eq!(came.code, "operator_token_required", "{operation}"),
        }
    }
}

#[tokio::test]
async fn an_owners_session_reaches_what_is_theirs_and_nothing_of_the_operators() {
    let world = World::new().await;
    for (operation, may, body) in rows() {
        let came = world.ask(&world.owner, operation, body).await;
        match may {
            Everybody | Holder => assert!(let_in(&came), "{operation}: {}", came.code),
            Owner(_) => assert!(let_in(&came) && came.status != 404, "{operation}: {} {}", came.status, came.code),
            Operators(_) => assert_eq!(came.code, "operator_token_required", "{operation}"),
        }
    }
}

#[tokio::test]
async fn an_operators_token_does_what_its_role_may_and_nothing_of_the_holders() {
    let world = World::new().await;
    for (operation, may, body) in rows() {
        for (role, shown) in &world.operators {
            let came = world.ask(shown, operation, body).await;
            match may {
                Everybody => assert!(let_in(&came), "{operation} as {role:?}: {}", came.code),
                Holder | Owner(_) => assert_eq!(came.code, "session_required", "{operation} as {role:?}"),
                Operators(roles) if roles.contains(role) => {
                    assert!(let_in(&came), "{operation} as {role:?}: {}", came.code);
                }
                Operators(_) => {
                    let refused = (came.status.as_u16(), came.code.as_str());
                    assert_eq!(refused, (403, "operator_role_missing"), "{operation} as {role:?}");
                }
            }
        }
    }
}

#[test]
fn the_table_has_every_operation_and_the_description_says_the_same() {
    let described = crate::description::operations();
    let names: BTreeSet<String> = described.iter().map(|(method, path, _)| format!("{method} {path}")).collect();
    assert_eq!(TABLE.iter().map(|row| row.0.to_owned()).collect::<BTreeSet<_>>(), names);
    for (operation, may, _) in TABLE {
        let (method, path) = operation.split_once(' ').unwrap();
        let said = &DOCUMENT["paths"][path][method.to_lowercase()];
        match may {
            // An empty requirement beside another: without it is as good.
            Everybody => assert!(said["security"].is_null() || said["security"][0] == json!({}), "{operation}"),
            Holder | Owner(_) => assert_eq!(said["security"], json!([{"session": []}]), "{operation}"),
            Operators(roles) => {
                let theirs: BTreeSet<Role> = serde_json::from_value(said["x-roles"].clone()).unwrap();
                assert_eq!(theirs, roles.iter().copied().collect(), "{operation}");
            }
        }
    }
}

/// The rows of the operators' table in the documentation: operations, and the roles under whose heads it says yes.
fn documented() -> BTreeSet<(String, BTreeSet<Role>)> {
    let text = include_str!("../../../docs/administration.md");
    let mut lines = text.lines().skip_while(|line| !line.starts_with("| | registrar |"));
    let cells = |line: &str| line.trim_matches('|').split('|').map(|cell| cell.trim().to_owned()).collect::<Vec<_>>();
    let heads: Vec<Role> = cells(lines.next().unwrap())[1..].iter().map(|name| Role::parse(name).unwrap()).collect();
    let mut found = BTreeSet::new();
    for line in lines.skip(1).take_while(|line| line.starts_with('|')) {
        let cells = cells(line);
        let roles: BTreeSet<Role> =
            heads.iter().zip(&cells[1..]).filter(|(_, cell)| *cell == "yes").map(|(role, _)| *role).collect();
        let mut before = String::new();
        for operation in cells[0].split(", ").map(|operation| operation.trim_matches('`')) {
            // `…/rejection` has all but its last word of the one before it.
            let operation = match operation.strip_prefix("…/") {
                Some(word) => format!("{}/{word}", before.rsplit_once('/').unwrap().0),
                None => operation.to_owned(),
            };
            found.insert((operation.clone(), roles.clone()));
            before = operation;
        }
    }
    found
}

#[test]
fn the_documentation_shows_the_same_table() {
    let ours = TABLE.iter().filter_map(|(operation, may, _)| match may {
        Operators(roles) => Some((operation.replace("/api/v1/operator/", ""), roles.iter().copied().collect())),
        _ => None,
    });
    assert_eq!(documented(), ours.collect());
}
