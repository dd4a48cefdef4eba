//! `requestAgain`: a pair that an earlier try left on the token signs another request.

use serde_json::{Value, json};

use crate::{
    obedient::Obedient,
    pulling::Interruption,
    workplace::{
        Browser, CONTAINER, PIN, Workplace, again_params, certify, from_base64, install_params, request_params,
    },
};

fn again(browser: &mut Browser, key_id: &Value) -> Value {
    let params = again_params(&browser.token("first"), key_id);
    browser.ask("requestAgain", params, json!({"pin": PIN}))
}

fn refused(browser: &mut Browser, key_id: &Value) -> Value {
    let params = again_params(&browser.token("first"), key_id);
    browser.refused("requestAgain", params, json!({"pin": PIN}))["code"].clone()
}

fn verifies(workplace: &Workplace, created: &Value) -> bool {
    workplace.file("request.csr", from_base64(&created["certificationRequest"]));
    workplace.openssl(&["req", "-in", "request.csr", "-inform", "DER", "-verify", "-noout"]).status.success()
}

#[test]
fn a_pair_without_a_certificate_signs_another_request_and_no_other_is_made() {
    for control in ["", "mechanisms no-generation", "mechanisms none\nkeys refused"] {
        for algorithm in ["P-256", "P-384", "RSA-2048"] {
            let obedient = Obedient::new();
            obedient.control(control);
            let created = obedient.browser().create_request("first", algorithm);
            let before = obedient.workplace.objects("first");
            // Another host: it remembers nothing.
            let mut browser = obedient.browser();
            let finished = again(&mut browser, &created["keyId"]);
            assert!(verifies(&obedient.workplace, &finished), "{control:?} {algorithm}");
            for same in ["keyId", "keyCode", "token"] {
                assert_eq!(finished[same], created[same], "{control:?} {algorithm}");
            }
            assert_eq!((&finished["sensorTaken"], &finished["proof"]), (&json!(false), &Value::Null));
            assert_eq!(obedient.workplace.objects("first"), before, "{control:?} {algorithm}");
            let certificate = certify(&obedient.workplace, &finished);
            let params = install_params(&browser.token("first"), &certificate);
            browser.ask("installCertificate", params, json!({"pin": PIN}));
        }
    }
}

#[test]
fn progress_has_a_login_and_a_signature() {
    let workplace = Workplace::new();
    let mut browser = workplace.browser();
    let created = browser.create_request("first", "P-256");
    let params = again_params(&browser.token("first"), &created["keyId"]);
    let id = browser.send("requestAgain", params, json!({"pin": PIN}));
    let stages: Vec<Value> = std::iter::from_fn(|| {
        let frame = browser.next();
        (frame["event"] == "progress" && frame["id"] == id.as_str()).then(|| frame["stage"].clone())
    })
    .collect();
    assert_eq!(stages, ["loggingIn", "signing"]);
}

#[test]
fn a_pair_with_a_certificate_is_not_asked_again_whichever_way_that_belongs_to_it() {
    let workplace = Workplace::new();
    let mut browser = workplace.browser();
    let created = browser.create_request("first", "P-256");
    let certificate = workplace.file("its.cer", certify(&workplace, &created));
    let others = workplace.openssl(&["x509", "-in", "ca.pem", "-outform", "DER", "-out", "others.cer"]);
    assert!(others.status.success());
    let (its, others) = (certificate.to_str().unwrap(), workplace.path("others.cer"));
    let id = created["keyId"].as_str().unwrap();
    // By its key alone, and by the CKA_ID alone.
    for (file, id) in [(its, "00"), (others.to_str().unwrap(), id)] {
        let write = ["--write-object", file, "--type", "cert", "--id", id, "--label", "theirs"];
        assert!(workplace.tool("first", &write).status.success());
        assert_eq!(refused(&mut browser, &created["keyId"]), "key_in_use", "{file}");
        let delete = ["--delete-object", "--type", "cert", "--label", "theirs"];
        assert!(workplace.tool("first", &delete).status.success());
    }
    again(&mut browser, &created["keyId"]);
}

#[test]
fn what_is_no_pair_of_this_container_is_not_found() {
    let workplace = Workplace::new();
    let mut browser = workplace.browser();
    let token = browser.token("first");
    let mut params = request_params(&token, "P-256");
    params["container"] = json!("7@2026-01-01-another application");
    let another = browser.ask("createRequest", params, json!({"pin": PIN}));
    let half = browser.create_request("first", "P-256");
    let delete = ["--delete-object", "--type", "privkey", "--id", half["keyId"].as_str().unwrap()];
    assert!(workplace.tool("first", &delete).status.success());
    let foreign = "ab".repeat(20);
    let made = ["--keypairgen", "--key-type", "EC:prime256v1", "--label", "mail", "--id", &foreign];
    assert!(workplace.tool("first", &made).status.success());
    let before = workplace.objects("first");
    for id in [&another["keyId"], &half["keyId"], &json!(foreign), &json!("0".repeat(40))] {
        assert_eq!(refused(&mut browser, id), "key_not_found", "{id}");
    }
    let good = again_params(&token, &another["keyId"]);
    for (name, value) in
        [("commonName", json!("")), ("keyId", json!("AB")), ("container", json!("x")), ("sensor", json!("AAAA"))]
    {
        let mut params = good.clone();
        params[name] = value;
        let error = browser.refused("requestAgain", params, json!({"pin": PIN}));
        assert_eq!(error["code"], "frame_malformed", "{name}");
    }
    assert_eq!(browser.refused("requestAgain", good, Value::Null)["code"], "pin_required");
    assert_eq!(workplace.objects("first"), before);
}

/// Invariant 2: whoever has the PIN can write a key with a container's name.
#[test]
fn a_key_that_could_leave_the_token_signs_no_request() {
    let workplace = Workplace::new();
    let id = "cd".repeat(20);
    let pair = ["--keypairgen", "--key-type", "EC:prime256v1", "--label", CONTAINER, "--id", &id];
    assert!(workplace.tool("first", &[&pair[..], &["--extractable"]].concat()).status.success());
    let mut browser = workplace.browser();
    assert_eq!(refused(&mut browser, &json!(id)), "key_weak");
    assert_eq!(workplace.objects("first").matches("Key Object").count(), 2, "it is the person's to remove");
}

/// And one that was written to a token which makes its own was outside of it.
#[test]
fn a_key_that_was_handed_over_signs_only_where_the_token_makes_none() {
    let obedient = Obedient::new();
    obedient.control("mechanisms no-generation");
    let created = obedient.browser().create_request("first", "P-256");
    again(&mut obedient.browser(), &created["keyId"]);
    obedient.control("");
    assert_eq!(refused(&mut obedient.browser(), &created["keyId"]), "key_weak");
}

/// A token that was pulled out while a pair got its name has it on the private half alone.
#[test]
fn a_pair_whose_private_half_alone_has_its_name_is_finished_and_has_one_name_then() {
    let workplace = Workplace::new();
    let mut browser = workplace.browser();
    let created = browser.create_request("first", "P-256");
    let (id, before) = (created["keyId"].as_str().unwrap(), "5a".repeat(20));
    assert!(workplace.tool("first", &["--type", "pubkey", "--id", id, "--set-id", &before]).status.success());
    let finished = again(&mut browser, &json!(before));
    assert_eq!(finished["keyId"], created["keyId"]);
    let objects = workplace.objects("first");
    assert_eq!(objects.matches(id).count(), 2, "{objects}");
}

fn the_pair_stays(interruption: &Interruption) {
    let obedient = Obedient::new();
    obedient.control(interruption.token);
    let created = obedient.browser().create_request("first", "P-256");
    let before = obedient.workplace.objects("first");
    let prepare = |browser: &mut Browser| ("requestAgain", again_params(&browser.token("first"), &created["keyId"]));
    interruption.at_each_call(&obedient, prepare, |browser, told| {
        assert!(verifies(&obedient.workplace, &again(browser, &created["keyId"])), "{told}");
        assert_eq!(obedient.workplace.objects("first"), before, "{told}");
    });
}

#[test]
fn whatever_interrupts_it_the_pair_stays_and_signs_the_next_time() {
    the_pair_stays(&Interruption::pull(""));
    the_pair_stays(&Interruption::crash(""));
    the_pair_stays(&Interruption::pull("mechanisms none\nkeys refused"));
}

#[test]
fn a_request_that_is_cancelled_leaves_the_pair() {
    let obedient = Obedient::new();
    let created = obedient.browser().create_request("first", "P-256");
    let mut browser = obedient.browser();
    let params = again_params(&browser.token("first"), &created["keyId"]);
    obedient.control("hang sign 1");
    let id = browser.send("requestAgain", params, json!({"pin": PIN}));
    while browser.next()["stage"] != "signing" {}
    assert_eq!(browser.ask("cancel", json!({"request": id}), Value::Null)["found"], true);
    obedient.control("hang end");
    assert_eq!(browser.answer(&id)["error"]["code"], "cancelled");
    obedient.control("");
    again(&mut browser, &created["keyId"]);
}

/// Only a pair that this host itself left half made is removed at the login: nobody was told of it.
#[test]
fn a_pair_that_was_left_half_made_is_gone_and_is_not_finished() {
    let obedient = Obedient::new();
    let mut browser = obedient.browser();
    let token = browser.token("first");
    obedient.control("pull after-generation");
    browser.refused("createRequest", request_params(&token, "P-256"), json!({"pin": PIN}));
    obedient.control("");
    let details = browser.ask("tokenDetails", json!({"token": token}), Value::Null);
    let id = details["containers"][0]["keyId"].clone();
    assert_eq!(refused(&mut browser, &id), "key_not_found");
    assert!(!obedient.has_keys());
}
