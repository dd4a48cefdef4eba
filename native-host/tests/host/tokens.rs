//! `listTokens`, `watchTokens`, `tokenDetails`.

use serde_json::{Value, json};

use crate::{
    obedient::next_change,
    workplace::{CONTAINER, ORIGIN, Workplace, request_params},
};

#[test]
fn a_token_is_listed_with_its_name_and_the_state_of_its_pin() {
    let workplace = Workplace::new();
    let mut browser = workplace.browser();
    let tokens = browser.ask("listTokens", Value::Null, Value::Null);
    assert!(tokens["modules"][0]["description"].as_str().unwrap().contains("2."), "{tokens}");
    assert!(tokens.get("missing").is_none(), "{tokens}");
    let token = &tokens["readers"][0]["token"];
    assert_eq!(token["name"]["label"], "first");
    assert_eq!(token["name"]["model"], "SoftHSM v2");
    assert_eq!(
        token["pin"],
        json!({"tries": "full", "toBeChanged": false, "pad": false, "minLength": 4, "maxLength": 255})
    );
    assert!(token.get("unsuitable").is_none());
    assert_eq!(token["id"].as_str().unwrap(), browser.token("first"), "the name stays");
}

#[test]
fn the_parts_that_are_missing_have_names() {
    let workplace = Workplace::without_token();
    let missing = || workplace.browser().ask("listTokens", Value::Null, Value::Null)["missing"].clone();
    assert_eq!(missing(), "reader_missing", "SoftHSM's waiting slot is no reader");
    workplace.configure(&format!("allowed_origins = ['{ORIGIN}']\nmodules = []"));
    assert_eq!(missing(), "module_missing");
    workplace.configure(&format!("allowed_origins = ['{ORIGIN}']\nmodules = ['/nowhere/module.so']"));
    assert_eq!(missing(), "module_failed");
}

#[test]
fn a_module_that_did_not_load_is_tried_again_without_a_new_host() {
    let workplace = Workplace::new();
    let driver = workplace.path("driver.so");
    std::fs::write(&driver, "half of it").unwrap();
    workplace.configure(&format!("allowed_origins = ['{ORIGIN}']\nmodules = ['{}']", driver.display()));
    let mut browser = workplace.browser();
    assert_eq!(browser.ask("listTokens", Value::Null, Value::Null)["missing"], "module_failed");
    // A new file, as a package manager writes it.
    std::fs::remove_file(&driver).unwrap();
    std::fs::copy(crate::workplace::softhsm(), &driver).unwrap();
    let found = (0..20).any(|_| browser.ask("listTokens", Value::Null, Value::Null)["missing"].is_null());
    assert!(found, "the module is not tried again");
}

#[test]
fn a_watch_is_answered_at_once_and_silent_while_nothing_changes() {
    let workplace = Workplace::new();
    let mut browser = workplace.browser();
    let tokens = browser.ask("watchTokens", json!({"on": true}), Value::Null);
    assert_eq!(tokens["readers"][0]["token"]["name"]["label"], "first");
    assert!(browser.is_silent(1500));
    browser.ask("watchTokens", json!({"on": false}), Value::Null);
}

#[test]
fn a_watch_tells_of_a_change() {
    let workplace = Workplace::new();
    let mut browser = workplace.browser();
    let token = browser.token("first");
    browser.ask("watchTokens", json!({"on": true}), Value::Null);
    let wrong = json!({"pin": "не тот"});
    browser.send("createRequest", request_params(&token, "P-256"), wrong);
    // Before or after the answer: another thread tells of it.
    let event = next_change(&mut browser);
    assert_eq!(event["readers"][0]["token"]["pin"]["tries"], "low", "{event}");
}

#[test]
fn details_show_mechanisms_and_containers_without_a_pin() {
    let workplace = Workplace::new();
    let mut browser = workplace.browser();
    let created = browser.create_request("first", "P-256");
    let token = browser.token("first");
    let details = browser.ask("tokenDetails", json!({"token": token}), Value::Null);
    let mechanisms = details["mechanisms"].as_array().unwrap();
    assert!(mechanisms.contains(&json!("CKM_ECDSA")), "{details}");
    assert_eq!(details["manufacturer"], "SoftHSM project");
    let expected = json!([{"label": CONTAINER, "keyId": created["keyId"], "hasCertificate": false}]);
    assert_eq!(details["containers"], expected);
    assert_eq!(browser.refused("tokenDetails", json!({"token": "gone"}), Value::Null)["code"], "token_removed");
}
