//! kryoptic: a module that is not ours, and locks its PIN as real tokens do.

use qcert_test_kryoptic::{TRIES, Token, module};
use serde_json::{Value, json};

use crate::workplace::{Browser, CONTAINER, ORIGIN, PIN, Workplace, base64, certify, from_base64, request_params};

/// A workplace whose only token is kryoptic's.
pub fn locking() -> (Workplace, Token) {
    let workplace = Workplace::without_token();
    let token = Token::make(&workplace.path(""), "first", PIN).unwrap();
    let modules = format!("modules = ['{}']", module().unwrap().display());
    workplace.configure(&format!("allowed_origins = ['{ORIGIN}']\n{modules}"));
    (workplace, token)
}

pub fn listed(browser: &mut Browser) -> Value {
    browser.ask("listTokens", Value::Null, Value::Null)["readers"][0]["token"].clone()
}

/// A wrong PIN, and what is answered.
pub fn wrong(browser: &mut Browser, token: &str) -> Value {
    browser.refused("createRequest", request_params(token, "P-256"), json!({"pin": "no such PIN"}))
}

/// Wrong PINs until one try is left.
pub fn until_the_last_try(browser: &mut Browser, token: &str) {
    for _ in 1..TRIES {
        wrong(browser, token);
    }
}

#[test]
fn a_module_of_others_lists_its_token_with_the_lengths_that_a_pin_can_have() {
    let (workplace, _) = locking();
    let token = listed(&mut workplace.browser());
    assert_eq!(token["name"]["label"], "first");
    let state = json!({"tries": "full", "toBeChanged": false, "pad": false, "minLength": 8, "maxLength": 255});
    assert_eq!(token["pin"], state, "it tells 0 for the longest one");
    assert!(token.get("unsuitable").is_none());
}

#[test]
fn a_module_of_others_makes_keys_signs_requests_and_takes_certificates() {
    let (workplace, token) = locking();
    let mut browser = workplace.browser();
    let id = browser.token("first");
    for algorithm in ["P-256", "P-384", "RSA-2048"] {
        let created = browser.create_request("first", algorithm);
        workplace.file("request.csr", from_base64(&created["certificationRequest"]));
        let checked = workplace.openssl(&["req", "-in", "request.csr", "-inform", "DER", "-verify", "-noout"]);
        assert!(checked.status.success(), "{algorithm}: {checked:?}");
        let certificate = base64(&certify(&workplace, &created));
        let params = json!({"token": id, "container": CONTAINER, "certificate": certificate});
        let installed = browser.ask("installCertificate", params, json!({"pin": PIN}));
        assert_eq!(installed["keyId"], created["keyId"]);
        let key_id = created["keyId"].as_str().unwrap();
        let objects = token.tool(&["--login", "--pin", PIN, "-O"]).unwrap();
        let of_this_pair = objects.split("\n\n").flat_map(|text| text.lines()).filter(|line| line.contains(key_id));
        assert_eq!(of_this_pair.count(), 3, "key, key, certificate: {objects}");
        let read = workplace.path("read.der");
        token.tool(&["-r", "--type", "cert", "--id", key_id, "-o", read.to_str().unwrap()]).unwrap();
        assert_eq!(base64(&std::fs::read(read).unwrap()), certificate);
    }
    let details = browser.ask("tokenDetails", json!({"token": id}), Value::Null);
    let containers = details["containers"].as_array().unwrap();
    assert_eq!(containers.len(), 3, "its own objects are none: {details}");
    assert!(containers.iter().all(|container| container["hasCertificate"] == true), "{details}");
}

#[test]
fn tries_left_are_told_by_the_flags_until_the_pin_is_locked() {
    let (workplace, _) = locking();
    let mut browser = workplace.browser();
    let token = browser.token("first");
    let told: Vec<_> = (1..TRIES)
        .map(|_| {
            let error = wrong(&mut browser, &token);
            assert_eq!(error["code"], "pin_incorrect");
            assert_eq!(listed(&mut browser)["pin"]["tries"], error["triesLeft"]);
            error["triesLeft"].as_str().unwrap().to_owned()
        })
        .collect();
    assert_eq!(told, [["full"; 6].as_slice(), &["low", "low", "final"]].concat());
    assert_eq!(wrong(&mut browser, &token)["code"], "pin_locked");
    let right = browser.refused("createRequest", request_params(&token, "P-256"), json!({"pin": PIN}));
    assert_eq!(right["code"], "pin_locked");
    let token = listed(&mut browser);
    assert_eq!((&token["pin"]["tries"], &token["unsuitable"]), (&json!("none"), &json!("pin_locked")));
}

#[test]
fn whoever_looks_at_a_token_takes_no_try() {
    let (workplace, _) = locking();
    let mut browser = workplace.browser();
    let token = browser.token("first");
    until_the_last_try(&mut browser, &token);
    for _ in 0..TRIES {
        assert_eq!(listed(&mut browser)["pin"]["tries"], "final");
        let details = browser.ask("tokenDetails", json!({"token": token}), Value::Null);
        assert_eq!(details["token"]["pin"]["tries"], "final");
        browser.ask("watchTokens", json!({"on": true}), Value::Null);
        browser.ask("storeState", json!({"token": token}), Value::Null);
    }
    let factory = json!({"pin": "12345678"});
    assert_eq!(browser.refused("createRequest", request_params(&token, "P-256"), factory)["code"], "pin_factory");
    browser.create_request("first", "P-256");
    assert_eq!(listed(&mut browser)["pin"]["tries"], "full");
}
