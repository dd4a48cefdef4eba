//! Tokens that make no key pairs: the host makes them, and the token stores them in one of two ways.

use serde_json::{Value, json};

use crate::{
    obedient::Obedient,
    pulling::Interruption,
    workplace::{Browser, CONTAINER, PIN, base64, certify, from_base64, remembers, request_params, softhsm},
};

/// Takes private keys, and signs with them.
const SIGNS: &str = "mechanisms no-generation";
/// Says that it signs, and takes no private keys.
const REFUSES: &str = "mechanisms no-generation\nkeys refused";
/// Does nothing with keys.
const STORES: &str = "mechanisms none\nkeys refused";

/// A workplace with such a token.
fn carrier(token: &str) -> Obedient {
    let obedient = Obedient::new();
    obedient.control(token);
    obedient
}

fn install(browser: &mut Browser, certificate: &[u8]) -> Value {
    json!({"token": browser.token("first"), "container": CONTAINER, "certificate": base64(certificate)})
}

fn containers(browser: &mut Browser) -> Vec<Value> {
    let token = browser.token("first");
    let details = browser.ask("tokenDetails", json!({"token": token}), Value::Null);
    details["containers"].as_array().unwrap().clone()
}

/// Keys and data objects on the token.
fn things(obedient: &Obedient) -> usize {
    let objects = obedient.workplace.objects("first");
    ["Private Key Object", "Public Key Object", "Data object"].map(|kind| objects.matches(kind).count()).iter().sum()
}

/// The private value of the only container, as any program reads it that has the PIN.
fn stored_key(obedient: &Obedient) -> Vec<u8> {
    let (module, to) = (softhsm(), obedient.workplace.path("stored.der"));
    let read = obedient.workplace.run(
        "pkcs11-tool",
        [
            "--module",
            module.to_str().unwrap(),
            "--token-label",
            "first",
            "--login",
            "--pin",
            PIN,
            "--read-object",
            "--type",
            "data",
            "--application-label",
            "qcert-container-v1-private",
            "--output-file",
            to.to_str().unwrap(),
        ],
    );
    assert!(read.status.success(), "{read:?}");
    std::fs::read(to).unwrap()
}

#[test]
fn a_token_without_key_generation_says_what_it_does_instead() {
    let obedient = Obedient::new();
    let mut browser = obedient.browser();
    for (token, expected) in [("", Value::Null), (SIGNS, json!("signs")), (STORES, json!("stores"))] {
        obedient.control(token);
        let listed = browser.ask("listTokens", Value::Null, Value::Null);
        assert_eq!(listed["readers"][0]["token"]["carrier"], expected, "{listed}");
    }
}

#[test]
fn a_token_that_took_no_key_to_sign_with_is_shown_as_one_that_stores() {
    let obedient = carrier(REFUSES);
    let mut browser = obedient.browser();
    browser.create_request("first", "P-256");
    let token = browser.token("first");
    let details = browser.ask("tokenDetails", json!({"token": token}), Value::Null);
    assert_eq!(details["token"]["carrier"], "stores", "{details}");
}

#[test]
fn a_carrier_gives_a_request_takes_its_certificate_and_proves_the_key() {
    for token in [SIGNS, REFUSES, STORES] {
        for algorithm in ["P-256", "P-384", "RSA-2048"] {
            let obedient = carrier(token);
            let mut browser = obedient.browser();
            let created = browser.create_request("first", algorithm);
            assert_eq!(created["sensorTaken"], true);
            let verify = ["req", "-in", "request.csr", "-inform", "DER", "-verify", "-noout"];
            obedient.workplace.file("request.csr", from_base64(&created["certificationRequest"]));
            assert!(obedient.workplace.openssl(&verify).status.success(), "{token} {algorithm}");
            let certificate = certify(&obedient.workplace, &created);
            // Another host: it remembers nothing.
            let mut browser = obedient.browser();
            let params = install(&mut browser, &certificate);
            let installed = browser.ask("installCertificate", params, json!({"pin": PIN}));
            assert_eq!(installed["keyId"], created["keyId"], "{token} {algorithm}");
            let shown = containers(&mut browser);
            assert_eq!(shown.len(), 1, "{token} {algorithm}");
            let told = (&shown[0]["label"], &shown[0]["keyId"], &shown[0]["hasCertificate"]);
            assert_eq!(told, (&json!(CONTAINER), &created["keyId"], &json!(true)), "{token} {algorithm}");
        }
    }
}

/// Invariant 2, its second half.
#[test]
fn a_key_made_for_a_carrier_is_sensitive_and_not_extractable_where_the_token_takes_it() {
    let obedient = carrier(SIGNS);
    obedient.browser().create_request("first", "P-256");
    let objects = obedient.workplace.objects("first");
    let private = objects.split("Private Key Object").nth(1).unwrap_or_else(|| panic!("{objects}"));
    assert!(private.contains("Access:     sensitive\n"), "{objects}");
    assert!(!objects.contains("Data object"), "{objects}");
}

/// The format is documented, so that no key is lost with this program.
#[test]
fn a_stored_container_is_two_data_objects_and_openssl_reads_the_key() {
    let obedient = carrier(STORES);
    let created = obedient.browser().create_request("first", "P-256");
    let objects = obedient.workplace.objects("first");
    assert_eq!(objects.matches("Data object").count(), 2, "{objects}");
    for application in ["'qcert-container-v1-public'", "'qcert-container-v1-private'"] {
        assert_eq!(objects.matches(application).count(), 1, "{objects}");
    }
    assert_eq!(objects.matches(&format!("label:          '{CONTAINER}'")).count(), 2, "{objects}");
    assert!(!objects.contains("Key Object"), "{objects}");
    obedient.workplace.file("request.csr", from_base64(&created["certificationRequest"]));
    stored_key(&obedient);
    let public = ["pkey", "-inform", "DER", "-in", "stored.der", "-pubout"];
    let requested = ["req", "-inform", "DER", "-in", "request.csr", "-pubkey", "-noout"];
    let [public, requested] = [&public[..], &requested].map(|command| obedient.workplace.openssl(command).stdout);
    assert!(!public.is_empty());
    assert_eq!(String::from_utf8_lossy(&public), String::from_utf8_lossy(&requested));
}

#[test]
fn a_full_carrier_says_so_before_a_key_is_made() {
    let obedient = carrier(STORES);
    let mut browser = obedient.browser();
    let token = browser.token("first");
    obedient.control(&format!("{STORES}\nmemory 500"));
    let id = browser.send("createRequest", request_params(&token, "P-256"), json!({"pin": PIN}));
    let told: Vec<Value> = std::iter::from_fn(|| {
        Some(browser.next()).filter(|frame| frame["id"] == id.as_str() && frame["event"] != Value::Null)
    })
    .collect();
    assert!(told.iter().all(|event| event["stage"] != "generatingKey"), "{told:?}");
    let failure = browser.refused("createRequest", request_params(&token, "P-256"), json!({"pin": PIN}));
    assert_eq!(failure["code"], "token_full");
    obedient.control(&format!("{STORES}\ntoken full"));
    let failure = browser.refused("createRequest", request_params(&token, "P-256"), json!({"pin": PIN}));
    assert_eq!(failure["code"], "token_full", "a token that does not say how much room it has");
    obedient.control(STORES);
    assert_eq!(things(&obedient), 0);
}

#[test]
fn a_container_of_a_carrier_is_removed_whole_and_not_with_a_certificate() {
    for token in [SIGNS, STORES] {
        let obedient = carrier(token);
        let mut browser = obedient.browser();
        let [kept, removed] = ["P-256", "P-256"].map(|algorithm| browser.create_request("first", algorithm));
        let certificate = certify(&obedient.workplace, &kept);
        let params = install(&mut browser, &certificate);
        browser.ask("installCertificate", params, json!({"pin": PIN}));
        let id = browser.token("first");
        let remove = |created: &Value| json!({"token": id, "keyId": created["keyId"]});
        let refused = browser.refused("removeKeyPair", remove(&kept), json!({"pin": PIN}));
        assert_eq!(refused["code"], "key_in_use");
        browser.ask("removeKeyPair", remove(&removed), json!({"pin": PIN}));
        assert_eq!(things(&obedient), 2, "{token}");
        assert_eq!(containers(&mut browser)[0]["keyId"], kept["keyId"], "{token}");
    }
}

#[test]
fn a_foreign_data_object_is_no_container_and_stays() {
    let obedient = carrier(STORES);
    obedient.workplace.file("note", "somebody's own");
    let (module, note) = (softhsm(), obedient.workplace.path("note"));
    let write = ["--module", module.to_str().unwrap(), "--token-label", "first", "--login", "--pin", PIN];
    let what = ["--write-object", note.to_str().unwrap(), "--type", "data", "--label", CONTAINER, "--private"];
    let written = obedient.workplace.run("pkcs11-tool", write.into_iter().chain(what));
    assert!(written.status.success(), "{written:?}");
    let mut browser = obedient.browser();
    let created = browser.create_request("first", "P-256");
    assert_eq!(containers(&mut browser).len(), 1);
    let params = json!({"token": browser.token("first"), "keyId": created["keyId"]});
    browser.ask("removeKeyPair", params, json!({"pin": PIN}));
    assert_eq!(things(&obedient), 1);
}

/// Whatever happened, the next request of the same host finds no rest of the one before.
fn nothing_is_left_half_made(interruption: &Interruption) {
    let obedient = carrier(interruption.token);
    let prepare = |browser: &mut Browser| ("createRequest", request_params(&browser.token("first"), "P-256"));
    interruption.at_each_call(&obedient, prepare, |browser, told| {
        let kept = usize::from(!told.contains("error"));
        browser.create_request("first", "P-256");
        assert_eq!(things(&obedient), 2 * (1 + kept), "{told}\n{}", obedient.workplace.objects("first"));
        for container in containers(browser) {
            let params = json!({"token": browser.token("first"), "keyId": container["keyId"]});
            browser.ask("removeKeyPair", params, json!({"pin": PIN}));
        }
        assert_eq!(things(&obedient), 0, "{told}");
    });
}

#[test]
fn a_carrier_pulled_out_at_any_call_keeps_nothing_half_made() {
    for token in [SIGNS, REFUSES, STORES] {
        nothing_is_left_half_made(&Interruption::pull(token));
    }
}

#[test]
fn a_module_that_crashes_at_any_call_leaves_nothing_half_made_on_a_carrier() {
    for token in [SIGNS, REFUSES, STORES] {
        nothing_is_left_half_made(&Interruption::crash(token));
    }
}

#[test]
fn a_carrier_pulled_out_at_any_call_of_a_removal_lets_the_removal_be_finished() {
    let obedient = carrier(STORES);
    let prepare = |browser: &mut Browser| {
        let key_id = browser.create_request("first", "P-256")["keyId"].clone();
        ("removeKeyPair", json!({"token": browser.token("first"), "keyId": key_id}))
    };
    Interruption::pull(STORES).at_each_call(&obedient, prepare, |browser, told| {
        for container in containers(browser) {
            let params = json!({"token": browser.token("first"), "keyId": container["keyId"]});
            browser.ask("removeKeyPair", params, json!({"pin": PIN}));
        }
        assert_eq!(things(&obedient), 0, "{told}");
    });
}

/// Invariant 2, its second half: made, written, read, used, wiped.
#[test]
fn a_stored_key_is_not_in_the_hosts_memory_when_the_operation_is_over() {
    let obedient = carrier(STORES);
    let mut browser = obedient.browser();
    if let Err(error) = browser.memory() {
        // Nobody but root can look for it there: the other half of the invariant.
        assert_eq!(error.kind(), std::io::ErrorKind::PermissionDenied);
        return;
    }
    let created = browser.create_request("first", "P-256");
    let certificate = certify(&obedient.workplace, &created);
    let params = install(&mut browser, &certificate);
    browser.ask("installCertificate", params, json!({"pin": PIN}));
    let document = stored_key(&obedient);
    // RFC 5915: an OCTET STRING of 32 octets behind version 1.
    let at = document.windows(5).position(|octets| octets == [2, 1, 1, 4, 32]).unwrap() + 5;
    let scalar = &document[at..at + 32];
    for process in browser.workers().values().chain([&browser.process()]) {
        assert!(!remembers(process, scalar), "{}", process.display());
    }
    assert!(remembers(&browser.worker(), CONTAINER.as_bytes()), "memory can be read");
}
