//! `createRequest`.

use serde_json::{Value, json};

use crate::workplace::{CONTAINER, ORIGIN, PIN, Workplace, from_base64, request_params};

#[test]
fn a_request_verifies_with_its_own_key_for_every_algorithm() {
    let workplace = Workplace::new();
    let mut browser = workplace.browser();
    for algorithm in ["P-256", "P-384", "RSA-2048"] {
        let created = browser.create_request("first", algorithm);
        workplace.file("request.csr", from_base64(&created["certificationRequest"]));
        let checked = workplace.openssl(&[
            "req",
            "-in",
            "request.csr",
            "-inform",
            "DER",
            "-verify",
            "-noout",
            "-subject",
            "-nameopt",
            "utf8",
        ]);
        assert!(checked.status.success(), "{algorithm}: {checked:?}");
        assert!(String::from_utf8_lossy(&checked.stdout).contains("АвтоСпор"), "{checked:?}");
        assert_eq!(created["sensorTaken"], true);
        assert_eq!(created["token"]["label"], "first");
        assert_eq!(created["keyCode"].as_str().unwrap().len(), 11);
    }
}

/// Invariant 2.
#[test]
fn the_private_key_is_sensitive_never_extractable_and_named_like_the_public_one() {
    let workplace = Workplace::new();
    let mut browser = workplace.browser();
    let created = browser.create_request("first", "P-256");
    let objects = workplace.objects("first");
    let private = objects.split("Private Key Object").nth(1).unwrap_or_else(|| panic!("{objects}"));
    assert!(private.contains("Access:     sensitive, always sensitive, never extractable, local"), "{objects}");
    assert_eq!(objects.matches(created["keyId"].as_str().unwrap()).count(), 2, "{objects}");
    assert_eq!(objects.matches(CONTAINER).count(), 2, "{objects}");
}

#[test]
fn progress_is_told_step_by_step() {
    let workplace = Workplace::new();
    let mut browser = workplace.browser();
    let token = browser.token("first");
    let id = browser.send("createRequest", request_params(&token, "P-256"), json!({"pin": PIN}));
    let stages: Vec<Value> = std::iter::from_fn(|| {
        let frame = browser.next();
        (frame["event"] == "progress" && frame["id"] == id.as_str()).then(|| frame["stage"].clone())
    })
    .collect();
    assert_eq!(stages, ["loggingIn", "seeding", "generatingKey", "signing"]);
}

#[test]
fn a_wrong_pin_says_what_the_token_tells_of_further_tries_and_leaves_nothing() {
    let workplace = Workplace::new();
    let mut browser = workplace.browser();
    let token = browser.token("first");
    let error = browser.refused("createRequest", request_params(&token, "P-256"), json!({"pin": "не тот"}));
    assert_eq!(error["code"], "pin_incorrect");
    // SoftHSM sets CKF_USER_PIN_COUNT_LOW after a wrong PIN.
    assert_eq!(error["triesLeft"], "low");
    assert_eq!(error["detail"], "libsofthsm2: CKR_PIN_INCORRECT");
    assert!(!workplace.objects("first").contains("Key Object"));
}

#[test]
fn a_factory_pin_is_refused_before_it_is_presented() {
    let workplace = Workplace::new();
    let mut browser = workplace.browser();
    let token = browser.token("first");
    let factory = json!({"pin": "12345678"});
    assert_eq!(browser.refused("createRequest", request_params(&token, "P-256"), factory)["code"], "pin_factory");
    let listed = browser.ask("listTokens", Value::Null, Value::Null);
    let first = listed["readers"].as_array().unwrap().iter().find(|r| r["token"]["id"] == token.as_str()).unwrap();
    assert_eq!(first["token"]["pin"]["tries"], "full", "the token was not asked");
}

#[test]
fn a_factory_pin_that_the_person_keeps_is_presented() {
    let workplace = Workplace::without_token();
    workplace.add_token("first", "12345678");
    let mut browser = workplace.browser();
    let token = browser.token("first");
    let keep = json!({"pin": "12345678", "keepFactoryPin": true});
    browser.ask("createRequest", request_params(&token, "P-256"), keep);
}

#[test]
fn what_can_be_refused_without_the_token_is() {
    let workplace = Workplace::new();
    let mut browser = workplace.browser();
    let token = browser.token("first");
    let good = request_params(&token, "P-256");
    let with = |field: &str, value: Value| {
        let mut params = good.clone();
        params[field] = value;
        params
    };
    let pin = json!({"pin": PIN});
    for (params, authorization, code) in [
        (good.clone(), Value::Null, "pin_required"),
        (good.clone(), json!({}), "pin_required"),
        (good.clone(), json!({"pin": ""}), "pin_length_invalid"),
        (good.clone(), json!({"pin": "1"}), "pin_length_invalid"),
        (with("sensor", json!("AAAA")), pin.clone(), "sensor_insufficient"),
        (with("sensor", json!(crate::workplace::base64(&[0; 5000]))), pin.clone(), "frame_malformed"),
        (with("container", json!("anything")), pin.clone(), "frame_malformed"),
        (with("commonName", json!("")), pin.clone(), "frame_malformed"),
        (with("algorithm", json!("RSA-1024")), pin.clone(), "frame_malformed"),
        (with("token", json!("another")), pin.clone(), "token_removed"),
        (with("origin", json!("https://evil.example")), pin.clone(), "frame_malformed"),
    ] {
        assert_eq!(browser.refused("createRequest", params, authorization)["code"], code);
    }
    assert!(!workplace.objects("first").contains("Key Object"));
}

#[test]
fn a_cancelled_request_leaves_no_key_pair() {
    let workplace = Workplace::new();
    let mut browser = workplace.browser();
    let token = browser.token("first");
    let id = browser.send("createRequest", request_params(&token, "RSA-2048"), json!({"pin": PIN}));
    while browser.next()["stage"] != "generatingKey" {}
    let cancelled = browser.send("cancel", json!({"request": id}), Value::Null);
    let (mut operation, mut cancellation) = (Value::Null, Value::Null);
    while operation.is_null() || cancellation.is_null() {
        let frame = browser.next();
        if frame["id"] == id.as_str() && frame["event"].is_null() {
            operation = frame;
        } else if frame["id"] == cancelled.as_str() {
            cancellation = frame;
        }
    }
    assert_eq!(cancellation["result"]["found"], true);
    assert_eq!(operation["error"]["code"], "cancelled");
    assert!(!workplace.objects("first").contains("Key Object"));
}

#[test]
fn a_browser_that_goes_away_leaves_no_key_pair() {
    let workplace = Workplace::new();
    let mut browser = workplace.browser();
    let token = browser.token("first");
    browser.send("createRequest", request_params(&token, "RSA-2048"), json!({"pin": PIN}));
    while browser.next()["stage"] != "generatingKey" {}
    let (good, _) = browser.close();
    assert!(good);
    assert!(!workplace.objects("first").contains("Key Object"));
}

#[test]
fn a_second_operation_is_refused_while_questions_are_answered() {
    let workplace = Workplace::new();
    let mut browser = workplace.browser();
    let token = browser.token("first");
    let first = browser.send("createRequest", request_params(&token, "RSA-2048"), json!({"pin": PIN}));
    let second = browser.send("createRequest", request_params(&token, "P-256"), json!({"pin": PIN}));
    let question = browser.send("listTokens", Value::Null, Value::Null);
    let mut answers = std::collections::BTreeMap::new();
    while answers.len() < 3 {
        let frame = browser.next();
        if frame["event"].is_null() {
            answers.insert(frame["id"].as_str().unwrap().to_owned(), frame);
        }
    }
    assert!(answers[&first]["error"].is_null(), "{answers:?}");
    assert_eq!(answers[&second]["error"]["code"], "operation_in_progress");
    assert!(answers[&question]["error"].is_null());
}

/// Invariant 1.
#[test]
fn a_pin_is_in_no_answer_no_log_and_no_file() {
    let workplace = Workplace::new();
    let mut browser = workplace.browser();
    if let Err(error) = browser.memory() {
        // Nobody but root can look for it there: the other half of the invariant.
        assert_eq!(error.kind(), std::io::ErrorKind::PermissionDenied);
        return;
    }
    let token = browser.token("first");
    browser.create_request("first", "P-256");
    browser.refused("createRequest", request_params(&token, "P-256"), json!({"pin": "secret-9182"}));
    browser.refused("changePin", json!({"token": token}), json!({"pin": "secret-9182", "newPin": "secret-7364"}));
    browser.refused("unblockPin", json!({"token": token}), json!({"soPin": "secret-4403", "newPin": "secret-7364"}));
    browser.refused("createRequest", json!({"pin": "secret-9182"}), json!({"pin": PIN}));
    browser.send_text(r#"{"id":"x","pin":"secret-9182","authorization":{"pin":"secret-9182"}}"#);
    browser.answer("x");
    let heard = String::from_utf8_lossy(&browser.heard).into_owned();
    let (_, stderr) = browser.close();
    for secret in [PIN, "secret-9182", "secret-7364", "secret-4403"] {
        assert!(!heard.contains(secret) && !stderr.contains(secret), "{secret}");
        let found = workplace.run("grep", ["-rlF", "--", secret, workplace.path("").to_str().unwrap()]);
        assert!(found.stdout.is_empty(), "{found:?}");
    }
}

/// Invariant 1: what the host was told is wiped when it is done.
#[test]
fn a_pin_is_not_in_the_hosts_memory_when_the_operation_is_over() {
    let workplace = Workplace::new();
    let mut browser = workplace.browser();
    if let Err(error) = browser.memory() {
        // Nobody but root can look for it there: the other half of the invariant.
        assert_eq!(error.kind(), std::io::ErrorKind::PermissionDenied);
        return;
    }
    let token = browser.token("first");
    browser.create_request("first", "P-256");
    browser.refused("createRequest", request_params(&token, "P-256"), json!({"pin": "secret-9182"}));
    browser.ask("changePin", json!({"token": token}), json!({"pin": PIN, "newPin": "secret-7364"}));
    browser.refused("unblockPin", json!({"token": token}), json!({"soPin": "secret-4403", "newPin": "secret-8890"}));
    browser.ask("unblockPin", json!({"token": token}), json!({"soPin": "87654321", "newPin": "secret-8890"}));
    // A frame writes these otherwise than they are: whoever reads it needs a place of his own for them.
    let [first, second] = ["secret-2846", "secret-5519"].map(|secret| format!("a \\ and \" {}", secret.repeat(9)));
    browser.refused("changePin", json!({"token": token}), json!({"pin": first, "newPin": second}));
    assert!(browser.remembers(ORIGIN), "memory can be read");
    let unblocking = ["87654321", "secret-4403", "secret-8890"];
    for secret in [PIN, "secret-9182", "secret-7364", "secret-2846", "secret-5519"].into_iter().chain(unblocking) {
        assert!(!browser.remembers(secret), "{secret}");
    }
}
