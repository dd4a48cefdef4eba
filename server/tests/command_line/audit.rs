//! The audit as an administrator verifies it, hands it out, and goes on with it.

use std::{fs, path::Path};

use rusqlite::Connection;
use serde_json::Value;

use crate::support::{Serving, run, stderr, with_applications};

/// Everything that a command prints, and how it ends.
fn ran(directory: &Path, arguments: &[&str]) -> (Option<i32>, String, String) {
    let output = run(directory, arguments);
    (output.status.code(), String::from_utf8_lossy(&output.stdout).into_owned(), stderr(&output))
}

fn tampered(directory: &Path, statement: &str) {
    let connection = Connection::open(directory.join("data/qcert.sqlite")).unwrap();
    connection.execute_batch("DROP TRIGGER audit_is_not_changed; DROP TRIGGER audit_is_not_shortened").unwrap();
    connection.execute_batch(statement).unwrap();
}

#[test]
fn what_was_written_is_verified_and_a_change_is_told_with_its_place() {
    let directory = with_applications();
    let at = directory.path();
    let (code, told, _) = ran(at, &["audit", "verify"]);
    assert_eq!((code, told.as_str()), (Some(0), "6 events up to 6, 0 of them before the key; 1 heads\n"));
    tampered(at, "UPDATE audit SET who = 'anna' WHERE id = 3; DELETE FROM audit WHERE id = 5");
    let (code, told, why) = ran(at, &["audit", "verify"]);
    assert_eq!(code, Some(3), "{why}");
    let lines: Vec<&str> = told.lines().collect();
    assert!(lines[0].starts_with("changed: event 3 (of "), "{told}");
    assert!(lines[1].starts_with("missing: events 5 to 5; the next is of "), "{told}");
    assert!(why.contains("the audit is not what was written: 2 findings"), "{why}");
    let (code, told, _) = ran(at, &["audit", "verify", "--json"]);
    let report: Value = serde_json::from_str(&told).unwrap();
    assert_eq!((code, report["events"].as_u64()), (Some(3), Some(5)));
    assert_eq!((&report["findings"][0]["kind"], &report["findings"][0]["place"]), (&"changed".into(), &3.into()));
}

#[test]
fn without_a_head_it_is_said_that_a_cut_would_not_be_found() {
    let directory = with_applications();
    fs::remove_file(directory.path().join("data/audit.head")).unwrap();
    let (code, told, _) = ran(directory.path(), &["audit", "verify"]);
    assert_eq!(code, Some(0));
    assert!(told.contains("that the end was cut off would not be found"), "{told}");
    fs::write(directory.path().join("data/audit.head"), "{}").unwrap();
    let (code, _, why) = ran(directory.path(), &["audit", "verify"]);
    assert_eq!(code, Some(1));
    assert!(why.contains("is not a head of the audit's chain"), "{why}");
}

#[test]
fn an_export_is_verified_without_the_database() {
    let directory = with_applications();
    let at = directory.path();
    for format in ["jsonl", "csv"] {
        let (code, all, _) = ran(at, &["audit", "export", "--format", format]);
        assert_eq!((code, all.lines().count()), (Some(0), if format == "csv" { 7 } else { 6 }));
        fs::write(at.join("all"), &all).unwrap();
        assert_eq!(ran(at, &["audit", "verify", "--file", "all"]).0, Some(0));
        fs::write(at.join("changed"), all.replacen("command line", "192.0.2.1", 1)).unwrap();
        let (code, told, _) = ran(at, &["audit", "verify", "--file", "changed"]);
        assert_eq!(code, Some(3));
        assert!(told.starts_with("changed: event 1 "), "{told}");
        let (_, part, _) = ran(at, &["audit", "export", "--after", "4", "--format", format]);
        fs::write(at.join("part"), &part).unwrap();
        let (code, told, _) = ran(at, &["audit", "verify", "--file", "part"]);
        assert_eq!(code, Some(0));
        assert!(told.starts_with("2 events up to 6"), "{told}");
    }
    let lines = |arguments: &[&str]| ran(at, &[&["audit", "export"], arguments].concat()).1.lines().count();
    assert_eq!(lines(&["--from", "2020-01-01", "--to", "2099-12-31"]), 6);
    assert_eq!(lines(&["--to", "2020-01-01"]), 0);
    assert_eq!(lines(&["--from", "2099-01-01T00:00:00+05:00"]), 0);
    assert_eq!(ran(at, &["audit", "export", "--from", "yesterday"]).0, Some(2));
    assert_eq!(ran(at, &["audit", "export", "--after", "1", "--to", "2099-12-31"]).0, Some(2));
    assert_eq!(ran(at, &["audit", "export", "--after", "99"]).0, Some(1));
}

#[test]
fn a_backup_that_was_put_back_is_noticed_until_it_is_accepted() {
    let directory = with_applications();
    let at = directory.path();
    assert_eq!(ran(at, &["backup", "old.sqlite"]).0, Some(0));
    assert_eq!(ran(at, &["audit", "accept"]).0, Some(1), "there is nothing to accept");
    assert_eq!(ran(at, &["operators", "add", "anna", "--role", "auditor"]).0, Some(0));
    assert_eq!(ran(at, &["restore", "old.sqlite", "--replace"]).0, Some(0));
    // It goes on, and further than it had been.
    for name in ["boris", "vera"] {
        assert_eq!(ran(at, &["operators", "add", name, "--role", "auditor"]).0, Some(0));
    }
    let (code, told, _) = ran(at, &["audit", "verify"]);
    assert_eq!(code, Some(3));
    assert!(told.starts_with("truncated: event 7 (of "), "{told}");
    let (code, told, why) = ran(at, &["audit", "accept", "--by", "olga"]);
    assert_eq!(code, Some(0), "{why}");
    assert_eq!(told, "accepted the chain without event 7; its head is event 9 now\n");
    let (code, told, _) = ran(at, &["audit", "verify"]);
    assert_eq!(code, Some(0), "{told}");
    let (_, rest, _) = ran(at, &["audit", "export", "--after", "8"]);
    let accepted: Value = serde_json::from_str(&rest).unwrap();
    assert_eq!((&accepted["event"], &accepted["who"]), (&"chain accepted".into(), &"olga".into()));
    assert!(accepted["detail"].as_str().unwrap().starts_with("without event 7 of "), "{accepted}");
}

#[test]
fn a_start_is_told_with_the_digest_of_the_settings_and_so_is_an_end() {
    let directory = with_applications();
    let at = directory.path();
    let mut serving = Serving::start(at);
    // Whoever answers hears signals as well.
    assert!(serving.get("/healthz").starts_with("HTTP/1.1 200"));
    let process = serving.child.id().to_string();
    assert!(std::process::Command::new("kill").args(["-TERM", &process]).status().unwrap().success());
    assert!(serving.child.wait().unwrap().success());
    let (_, rest, _) = ran(at, &["audit", "export", "--after", "6"]);
    let events: Vec<Value> = rest.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let (first, last) = (&events[0], events.last().unwrap());
    assert_eq!((&first["event"], &last["event"]), (&"server started".into(), &"server stopped".into()));
    let detail = first["detail"].as_str().unwrap();
    let digest = detail.rsplit(' ').next().unwrap();
    assert!(detail.starts_with("version ") && digest.len() == 64, "{detail}");
    let head: Value = serde_json::from_slice(&fs::read(at.join("data/audit.head")).unwrap()).unwrap();
    assert_eq!(head["mac"], last["mac"], "the head is where the server ended");
}

#[test]
fn a_server_that_is_killed_leaves_an_audit_that_is_whole() {
    let directory = with_applications();
    drop(Serving::start(directory.path()));
    let (code, told, _) = ran(directory.path(), &["audit", "verify"]);
    assert_eq!(code, Some(0), "{told}");
}

#[test]
fn a_name_of_the_audits_own_is_nobodys() {
    let directory = with_applications();
    let at = directory.path();
    let (code, _, why) = ran(at, &["operators", "add", "server", "--role", "auditor"]);
    assert_eq!(code, Some(3));
    assert!(why.contains("the audit means something else by it"), "{why}");
    let (code, _, why) = ran(at, &["operators", "remove", "anna", "--by", "holder"]);
    assert_eq!(code, Some(2));
    assert!(why.contains("means something else in the audit"), "{why}");
}
