//! `unblockPin`, on kryoptic.

use qcert_test_kryoptic::{SO_PIN, TRIES};
use serde_json::{Value, json};

use crate::{
    locking::{listed, locking, until_the_last_try, wrong},
    workplace::{CONTAINER, PIN, base64, certify, request_params},
};

fn unblock(so_pin: &str, new_pin: &str) -> Value {
    json!({"soPin": so_pin, "newPin": new_pin})
}

#[test]
fn the_administrators_pin_unblocks_a_locked_token_and_its_keys_stay() {
    let (workplace, _) = locking();
    let mut browser = workplace.browser();
    let created = browser.create_request("first", "P-256");
    let token = browser.token("first");
    until_the_last_try(&mut browser, &token);
    assert_eq!(wrong(&mut browser, &token)["code"], "pin_locked");
    let params = json!({"token": token});
    browser.ask("unblockPin", params, unblock(SO_PIN, "новый код 9"));
    assert_eq!(listed(&mut browser)["pin"]["tries"], "full");
    let old = json!({"pin": PIN});
    assert_eq!(browser.refused("createRequest", request_params(&token, "P-256"), old)["code"], "pin_incorrect");
    let certificate = base64(&certify(&workplace, &created));
    let params = json!({"token": token, "container": CONTAINER, "certificate": certificate});
    let installed = browser.ask("installCertificate", params, json!({"pin": "новый код 9"}));
    assert_eq!(installed["keyId"], created["keyId"]);
}

#[test]
fn a_wrong_administrators_pin_says_what_is_left_until_it_is_locked_too() {
    let (workplace, _) = locking();
    let mut browser = workplace.browser();
    let token = browser.token("first");
    let params = json!({"token": token});
    let told: Vec<_> = (1..TRIES)
        .map(|_| {
            let error = browser.refused("unblockPin", params.clone(), unblock("no such PIN", "another-1"));
            assert_eq!(error["code"], "so_pin_incorrect");
            error["triesLeft"].as_str().unwrap().to_owned()
        })
        .collect();
    assert_eq!(told, [["full"; 6].as_slice(), &["low", "low", "final"]].concat());
    for so_pin in ["no such PIN", SO_PIN] {
        let error = browser.refused("unblockPin", params.clone(), unblock(so_pin, "another-1"));
        assert_eq!(error["code"], "so_pin_locked", "{so_pin}");
    }
    assert_eq!(listed(&mut browser)["pin"]["tries"], "full", "the person's own PIN is another");
    browser.create_request("first", "P-256");
}

#[test]
fn a_new_pin_that_will_not_do_costs_the_administrator_no_try() {
    let (workplace, _) = locking();
    let mut browser = workplace.browser();
    let token = browser.token("first");
    for (authorization, code) in [
        (unblock("no such PIN", "short"), "pin_length_invalid"),
        (unblock("no such PIN", "12345678"), "pin_factory"),
        (json!({"soPin": "no such PIN"}), "pin_required"),
        (json!({"newPin": "another-1", "pin": PIN}), "pin_required"),
        (Value::Null, "pin_required"),
    ] {
        for _ in 0..TRIES {
            let error = browser.refused("unblockPin", json!({"token": token}), authorization.clone());
            assert_eq!(error["code"], code, "{authorization}");
        }
    }
    browser.ask("unblockPin", json!({"token": token}), unblock(SO_PIN, "another-1"));
}

/// The administrator is let in only while no session is open that reads, and nobody may open one then.
#[test]
fn questions_at_the_same_moment_do_not_keep_the_administrator_out() {
    let (workplace, _) = locking();
    let mut browser = workplace.browser();
    let token = browser.token("first");
    let params = json!({"token": token});
    for round in 0..20 {
        let details = || ("tokenDetails", params.clone(), Value::Null);
        let unblocking = ("unblockPin", params.clone(), unblock(SO_PIN, "another-1"));
        let asked = [details(), details(), unblocking, details(), details()];
        let ids = asked.map(|(command, params, authorization)| browser.send(command, params, authorization));
        let mut waiting: Vec<_> = ids.to_vec();
        while !waiting.is_empty() {
            let frame = browser.next();
            assert!(frame["error"].is_null(), "round {round}: {frame}");
            waiting.retain(|id| frame["id"] != id.as_str() || frame.get("event").is_some());
        }
    }
}
