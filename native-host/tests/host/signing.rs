//! Keys that demand the PIN for each signature (CKA_ALWAYS_AUTHENTICATE), on SoftHSM and on kryoptic.

use std::path::PathBuf;

use qcert_test_kryoptic::Token;
use serde_json::{Value, json};

use crate::{
    obedient::Obedient,
    renewing::{is_vouched_for, renew},
    workplace::{
        Browser, CONTAINER, PIN, Workplace, again_params, base64, certify, from_base64, renew_params, request_params,
        softhsm,
    },
};

/// The host over the shim, whose token makes such keys, over this module.
fn demanding(obedient: &Obedient, module: &PathBuf) -> Browser {
    obedient.control("login always");
    let mut command = obedient.workplace.command(env!("CARGO_BIN_EXE_qcert-host"));
    command.env("QCERT_SHIM_MODULE", module);
    let mut browser = Browser::start(command);
    assert_eq!(browser.next()["event"], "hello");
    browser
}

fn verifies(workplace: &Workplace, created: &Value) -> bool {
    workplace.file("request.csr", from_base64(&created["certificationRequest"]));
    workplace.openssl(&["req", "-in", "request.csr", "-inform", "DER", "-verify", "-noout"]).status.success()
}

#[test]
fn a_key_that_demands_the_pin_for_each_signature_signs_requests_and_proofs() {
    for module in [softhsm(), qcert_test_kryoptic::module().unwrap()] {
        let obedient = Obedient::new();
        let workplace = &obedient.workplace;
        let kryoptic = Token::make(&workplace.path(""), "first", PIN).unwrap();
        let mut browser = demanding(&obedient, &module);
        let token = browser.token("first");
        for algorithm in ["P-256", "RSA-2048"] {
            let created = browser.create_request("first", algorithm);
            assert!(verifies(workplace, &created), "{algorithm} of {module:?}");
            let certificate = base64(&certify(workplace, &created));
            let params = json!({"token": token, "container": CONTAINER, "certificate": certificate});
            let installed = browser.ask("installCertificate", params, json!({"pin": PIN}));
            assert_eq!(installed["keyId"], created["keyId"]);
            // Two signatures of two keys, each with the PIN that was entered once.
            let renewed = renew(&mut browser, "P-256", &created);
            assert!(is_vouched_for(&created, &renewed), "{algorithm} of {module:?}");
            let again = browser.ask("requestAgain", again_params(&token, &renewed["keyId"]), json!({"pin": PIN}));
            assert!(verifies(workplace, &again), "{algorithm} of {module:?}");
        }
        let objects = match module == softhsm() {
            true => workplace.objects("first"),
            false => kryoptic.tool(&["--login", "--pin", PIN, "-O"]).unwrap(),
        };
        assert_eq!(objects.matches("always authenticate").count(), 4, "{objects}");
    }
}

/// What is entered on a reader's own PIN pad nobody but the token has: it asks again.
#[test]
fn a_pin_pad_is_asked_for_each_signature_too() {
    let obedient = Obedient::new();
    let mut browser = demanding(&obedient, &softhsm());
    obedient.control(&format!("login always\npin pad\npad-entry {PIN}"));
    let token = browser.token("first");
    let created = browser.ask("createRequest", request_params(&token, "P-256"), json!({}));
    assert!(verifies(&obedient.workplace, &created));
    let params = renew_params(&token, "P-256", &created["keyId"]);
    assert!(is_vouched_for(&created, &browser.ask("renewRequest", params, json!({}))));
}
