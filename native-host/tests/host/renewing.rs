//! `renewRequest`: the old key vouches for the new one.

use qcert_pki::{CertificationRequest, PublicKey, SignatureAlgorithm};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::{
    obedient::Obedient,
    pulling::Interruption,
    workplace::{
        Browser, CONTAINER, NONCE, ORIGIN, PIN, Workplace, base64, certify, from_base64, install_params, renew_params,
    },
};

fn key_of(created: &Value) -> PublicKey {
    let request = from_base64(&created["certificationRequest"]);
    CertificationRequest::parse_and_verify(&request).unwrap().public_key().clone()
}

/// Does the old key vouch for the new one, in the contract's words?
fn vouches(old: &PublicKey, renewed: &Value, origin: &str, nonce: &[u8]) -> bool {
    let last = Sha256::new().chain_update(nonce).chain_update(key_of(renewed).spki_der()).finalize();
    let message = [b"qcert-proof-v1", origin.as_bytes(), &old.key_id().to_bytes(), &last].concat();
    let algorithm = SignatureAlgorithm::usual_for(old.algorithm());
    old.verify(algorithm, &message, &from_base64(&renewed["proof"])).is_ok()
}

pub fn renew(browser: &mut Browser, algorithm: &str, old: &Value) -> Value {
    let params = renew_params(&browser.token("first"), algorithm, &old["keyId"]);
    browser.ask("renewRequest", params, json!({"pin": PIN}))
}

pub fn is_vouched_for(old: &Value, renewed: &Value) -> bool {
    vouches(&key_of(old), renewed, ORIGIN, &NONCE)
}

/// Private keys on the token.
fn private_keys(workplace: &Workplace) -> usize {
    workplace.objects("first").matches("Private Key Object").count()
}

#[test]
fn the_old_key_vouches_for_the_new_one_whatever_kinds_they_are_of() {
    for (old, new) in [("P-256", "P-256"), ("RSA-2048", "P-256"), ("P-384", "RSA-2048")] {
        let workplace = Workplace::new();
        let mut browser = workplace.browser();
        let before = browser.create_request("first", old);
        assert!(before["proof"].is_null(), "nothing is renewed: {before}");
        let renewed = renew(&mut browser, new, &before);
        assert_ne!(renewed["keyId"], before["keyId"]);
        assert!(is_vouched_for(&before, &renewed), "{old} for {new}");
        let key = key_of(&before);
        assert!(!vouches(&key, &renewed, "https://evil.example", &NONCE), "of another site");
        assert!(!vouches(&key, &renewed, ORIGIN, &[0; 32]), "with another nonce");
        assert!(
            !vouches(
                &key,
                &json!({"certificationRequest": before["certificationRequest"], "proof": renewed["proof"]}),
                ORIGIN,
                &NONCE
            ),
            "for another key"
        );
        assert_eq!(private_keys(&workplace), 2);
    }
}

#[test]
fn a_key_that_is_in_use_is_renewed_and_stays_as_it_is() {
    let workplace = Workplace::new();
    let mut browser = workplace.browser();
    let old = browser.create_request("first", "P-256");
    let token = browser.token("first");
    let params = install_params(&token, &certify(&workplace, &old));
    browser.ask("installCertificate", params, json!({"pin": PIN}));
    let renewed = renew(&mut browser, "P-256", &old);
    assert!(is_vouched_for(&old, &renewed));
    let objects = workplace.objects("first");
    assert_eq!(objects.matches(old["keyId"].as_str().unwrap()).count(), 3, "{objects}");
    assert_eq!(objects.matches(renewed["keyId"].as_str().unwrap()).count(), 2, "{objects}");
    let private = objects.split("Private Key Object").nth(2).unwrap_or_else(|| panic!("{objects}"));
    assert!(private.contains("sensitive, always sensitive, never extractable, local"), "{objects}");
}

/// A token may not let a pair be named after its key: the portal knows it by that name all the same.
#[test]
fn an_old_key_is_found_by_its_name_whatever_its_cka_id_is() {
    let workplace = Workplace::new();
    let mut browser = workplace.browser();
    let old = browser.create_request("first", "P-256");
    let own = "5a".repeat(20);
    for kind in ["privkey", "pubkey"] {
        let id = old["keyId"].as_str().unwrap();
        let set = workplace.tool("first", &["--type", kind, "--id", id, "--set-id", &own]);
        assert!(set.status.success(), "{set:?}");
    }
    assert!(is_vouched_for(&old, &renew(&mut browser, "P-256", &old)));
    let params = renew_params(&browser.token("first"), "P-256", &json!(own));
    assert_eq!(browser.refused("renewRequest", params, json!({"pin": PIN}))["code"], "key_not_found");
}

fn delete(workplace: &Workplace, kind: &str, id: &Value) {
    let deleted = workplace.tool("first", &["--delete-object", "--type", kind, "--id", id.as_str().unwrap()]);
    assert!(deleted.status.success(), "{deleted:?}");
}

/// A pair that somebody else made, with this CKA_ID.
fn make_foreign(workplace: &Workplace, id: &str) {
    let made = ["--keypairgen", "--key-type", "EC:prime256v1", "--label", "mail", "--id", id];
    assert!(workplace.tool("first", &made).status.success());
}

/// Why the old key is not taken, before a new one is made.
fn refused_before_anything_is_made(browser: &mut Browser, old: &Value) -> Value {
    let params = renew_params(&browser.token("first"), "P-256", old);
    let id = browser.send("renewRequest", params, json!({"pin": PIN}));
    loop {
        let frame = browser.next();
        assert_ne!(frame["stage"], "generatingKey", "{old}");
        if frame["event"].is_null() {
            assert_eq!(frame["id"], id.as_str());
            return frame["error"]["code"].clone();
        }
    }
}

#[test]
fn without_the_old_key_no_new_one_is_made() {
    let workplace = Workplace::new();
    workplace.add_token("second", PIN);
    let mut browser = workplace.browser();
    let [without_private, without_public] = ["P-256", "P-256"].map(|kind| browser.create_request("first", kind));
    delete(&workplace, "privkey", &without_private["keyId"]);
    delete(&workplace, "pubkey", &without_public["keyId"]);
    let elsewhere = browser.create_request("second", "P-256");
    let foreign = "ab".repeat(20);
    make_foreign(&workplace, &foreign);
    let before = workplace.objects("first");
    let old = [
        &without_private["keyId"],
        &without_public["keyId"],
        &elsewhere["keyId"],
        &json!(foreign),
        &json!("0".repeat(40)),
    ];
    for old in old {
        assert_eq!(refused_before_anything_is_made(&mut browser, old), "key_not_found", "{old}");
    }
    assert_eq!(workplace.objects("first"), before);
}

#[test]
fn what_others_put_beside_the_old_key_by_its_cka_id_does_not_vouch() {
    let workplace = Workplace::new();
    let old = workplace.browser().create_request("first", "P-256");
    // Several, and a host that knows nothing yet: a token lists them in an order of its own.
    for octet in ["01", "02", "03", "04", "05", "06"] {
        let id = octet.repeat(20);
        make_foreign(&workplace, &id);
        for kind in ["privkey", "pubkey"] {
            let set = ["--type", kind, "--id", &id, "--set-id", old["keyId"].as_str().unwrap()];
            assert!(workplace.tool("first", &set).status.success());
        }
    }
    assert!(is_vouched_for(&old, &renew(&mut workplace.browser(), "P-256", &old)));
}

#[test]
fn a_nonce_is_thirty_two_bytes_and_the_old_key_has_two_members() {
    let workplace = Workplace::new();
    let mut browser = workplace.browser();
    let old = browser.create_request("first", "P-256");
    let good = renew_params(&browser.token("first"), "P-256", &old["keyId"]);
    let with = |name: &str, value: Value| {
        let mut params = good.clone();
        params["renews"][name] = value;
        params
    };
    let without = |name: &str| {
        let mut params = good.clone();
        params["renews"].as_object_mut().unwrap().remove(name);
        params
    };
    let mut bad: Vec<_> = [0, 1, 31, 33, 64].map(|length| with("nonce", json!(base64(&vec![7; length])))).into();
    bad.extend([with("keyId", json!("AB")), with("more", json!(1)), without("nonce"), without("keyId")]);
    bad.extend([json!(null), json!([]), json!("key")].map(|renews| {
        let mut params = good.clone();
        params["renews"] = renews;
        params
    }));
    for params in bad {
        let error = browser.refused("renewRequest", params.clone(), json!({"pin": PIN}));
        assert_eq!(error["code"], "frame_malformed", "{params}");
    }
    assert_eq!(browser.refused("renewRequest", good.clone(), Value::Null)["code"], "pin_required");
    // What a version adds is a command, never a parameter of one.
    assert_eq!(browser.refused("createRequest", good, json!({"pin": PIN}))["code"], "frame_malformed");
    assert_eq!(private_keys(&workplace), 1);
}

/// Whatever happened: the old key stays, and of the new one nothing but what was told.
fn nothing_is_left_half_made(interruption: &Interruption, pair: usize) {
    let obedient = Obedient::new();
    obedient.control(interruption.token);
    let old = obedient.browser().create_request("first", "P-256");
    let things = || {
        let objects = obedient.workplace.objects("first");
        ["Private Key Object", "Public Key Object", "Data object"]
            .map(|kind| objects.matches(kind).count())
            .iter()
            .sum::<usize>()
    };
    let prepare =
        |browser: &mut Browser| ("renewRequest", renew_params(&browser.token("first"), "P-256", &old["keyId"]));
    interruption.at_each_call(&obedient, prepare, |browser, told| {
        let kept = usize::from(!told.contains("error"));
        let renewed = renew(browser, "P-256", &old);
        assert!(is_vouched_for(&old, &renewed), "{told}");
        assert_eq!(things(), pair * (2 + kept), "{told}\n{}", obedient.workplace.objects("first"));
        let token = browser.token("first");
        let details = browser.ask("tokenDetails", json!({"token": token}), Value::Null);
        for container in details["containers"].as_array().unwrap().iter().filter(|it| it["keyId"] != old["keyId"]) {
            let params = json!({"token": token, "keyId": container["keyId"]});
            browser.ask("removeKeyPair", params, json!({"pin": PIN}));
        }
        assert_eq!(things(), pair, "{told}");
    });
}

#[test]
fn a_token_pulled_out_at_any_call_of_a_renewal_keeps_the_old_key_and_no_orphan() {
    nothing_is_left_half_made(&Interruption::pull(""), 2);
}

#[test]
fn a_module_that_crashes_at_any_call_of_a_renewal_leaves_the_old_key_and_no_orphan() {
    nothing_is_left_half_made(&Interruption::crash(""), 2);
}

#[test]
fn a_carrier_pulled_out_at_any_call_of_a_renewal_keeps_the_old_key_and_no_orphan() {
    nothing_is_left_half_made(&Interruption::pull("mechanisms none\nkeys refused"), 2);
}

#[test]
fn a_renewal_that_is_cancelled_leaves_the_old_key_and_no_new_one() {
    let obedient = Obedient::new();
    let mut browser = obedient.browser();
    let old = browser.create_request("first", "P-256");
    let params = renew_params(&browser.token("first"), "P-256", &old["keyId"]);
    // Once while the pair is made, once between its own signature and the old key's.
    for (control, stage) in [("generation-delay 1500", "generatingKey"), ("hang sign 1", "signing")] {
        let mut browser = obedient.browser();
        obedient.control(control);
        let id = browser.send("renewRequest", params.clone(), json!({"pin": PIN}));
        while browser.next()["stage"] != stage {}
        assert_eq!(browser.ask("cancel", json!({"request": id}), Value::Null)["found"], true);
        obedient.control(if stage == "signing" { "hang end" } else { control });
        assert_eq!(browser.answer(&id)["error"]["code"], "cancelled", "{control}");
        obedient.control("");
        assert_eq!(private_keys(&obedient.workplace), 1, "{control}");
    }
}

#[test]
fn stored_keys_and_keys_of_the_token_vouch_for_each_other() {
    let (makes, signs, stores) = ("", "mechanisms no-generation", "mechanisms none\nkeys refused");
    for (then, now) in [(stores, stores), (stores, makes), (makes, stores), (signs, stores), (stores, signs)] {
        for algorithm in ["P-256", "RSA-2048"] {
            let obedient = Obedient::new();
            obedient.control(then);
            let old = obedient.browser().create_request("first", algorithm);
            obedient.control(now);
            // Another host: it remembers nothing.
            let renewed = renew(&mut obedient.browser(), "P-256", &old);
            assert!(is_vouched_for(&old, &renewed), "{then:?}, then {now:?}: {algorithm}");
        }
    }
}

/// Invariant 2, its end: without its private half a stored key is found out before a new one is made.
#[test]
fn a_stored_key_whose_private_half_is_gone_is_not_there() {
    let obedient = Obedient::new();
    obedient.control("mechanisms none\nkeys refused");
    let mut browser = obedient.browser();
    let old = browser.create_request("first", "P-256");
    let gone = ["--delete-object", "--type", "data", "--application-label", "qcert-container-v1-private"];
    assert!(obedient.workplace.tool("first", &gone).status.success());
    assert_eq!(refused_before_anything_is_made(&mut browser, &old["keyId"]), "key_not_found");
    assert_eq!(obedient.workplace.objects("first").matches("Data object").count(), 1);
}

#[test]
fn the_name_of_the_container_is_the_new_applications() {
    let workplace = Workplace::new();
    let mut browser = workplace.browser();
    let old = browser.create_request("first", "P-256");
    let mut params = renew_params(&browser.token("first"), "P-256", &old["keyId"]);
    let name = CONTAINER.replace('@', "R1@");
    params["container"] = json!(name);
    browser.ask("renewRequest", params, json!({"pin": PIN}));
    let objects = workplace.objects("first");
    assert_eq!((objects.matches(&name).count(), objects.matches(CONTAINER).count()), (2, 2), "{objects}");
}
