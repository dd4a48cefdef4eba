//! `removeKeyPair` of a pair whose certificates are over.

use qcert_pki::Certificate;
use serde_json::{Value, json};
use time::format_description::well_known::Rfc3339;

use crate::{
    obedient::Obedient,
    pulling::Interruption,
    workplace::{Browser, CONTAINER, ORIGIN, PIN, Workplace, certify, certify_for, install_params, softhsm, text},
};

fn install(browser: &mut Browser, certificate: &[u8]) {
    let params = install_params(&browser.token("first"), certificate);
    browser.ask("installCertificate", params, json!({"pin": PIN}));
}

fn remove_params(browser: &mut Browser, key_id: &Value) -> Value {
    json!({"token": browser.token("first"), "keyId": key_id})
}

/// A pair with a certificate that ended yesterday.
fn expired(workplace: &Workplace, browser: &mut Browser) -> Value {
    let created = browser.create_request("first", "P-256");
    install(browser, &certify_for(workplace, &created, -1));
    created["keyId"].clone()
}

fn containers(browser: &mut Browser) -> Vec<Value> {
    let token = browser.token("first");
    let details = browser.ask("tokenDetails", json!({"token": token}), Value::Null);
    details["containers"].as_array().unwrap().clone()
}

#[test]
fn a_pair_whose_certificate_has_expired_is_removed_with_it_and_another_stays() {
    for control in ["", "mechanisms no-generation", "mechanisms none\nkeys refused"] {
        let obedient = Obedient::new();
        obedient.control(control);
        let mut browser = obedient.browser();
        let kept = browser.create_request("first", "P-256");
        install(&mut browser, &certify(&obedient.workplace, &kept));
        let before = obedient.workplace.objects("first");
        let over = expired(&obedient.workplace, &mut browser);
        let params = remove_params(&mut browser, &over);
        assert_eq!(browser.ask("removeKeyPair", params, json!({"pin": PIN}))["keyId"], over);
        assert_eq!(obedient.workplace.objects("first"), before, "{control:?}");
    }
}

#[test]
fn one_certificate_that_is_not_over_keeps_the_pair_and_is_the_one_that_the_window_tells_of() {
    for order in [[1, -1], [-1, 1]] {
        let workplace = Workplace::new();
        let mut browser = workplace.browser();
        let created = browser.create_request("first", "P-256");
        let certificates = order.map(|days| certify_for(&workplace, &created, days));
        certificates.iter().for_each(|certificate| install(&mut browser, certificate));
        let ends = certificates.iter().map(|it| Certificate::parse(it).unwrap().not_after()).max().unwrap();
        assert_eq!(containers(&mut browser)[0]["certificate"]["notAfter"], ends.format(&Rfc3339).unwrap());
        let before = workplace.objects("first");
        let params = remove_params(&mut browser, &created["keyId"]);
        assert_eq!(browser.refused("removeKeyPair", params, json!({"pin": PIN}))["code"], "key_in_use");
        assert_eq!(workplace.objects("first"), before);
    }
}

/// A certificate for this key that another program wrote is in use although it has another CKA_ID, and one for another
/// key is not ours to remove although it has the same.
#[test]
fn certificates_that_others_wrote_keep_the_pair() {
    let workplace = Workplace::new();
    let mut browser = workplace.browser();
    let created = browser.create_request("first", "P-256");
    let valid = certify(&workplace, &created);
    install(&mut browser, &certify_for(&workplace, &created, -1));
    let other = browser.create_request("first", "P-256");
    let id = created["keyId"].as_str().unwrap();
    let of_another_key = certify_for(&workplace, &other, -1);
    for (name, certificate, id) in [("valid", &valid, "00"), ("another", &of_another_key, id)] {
        let file = workplace.file(&format!("{name}.cer"), certificate);
        let write = ["--write-object", file.to_str().unwrap(), "--type", "cert", "--id", id, "--label", "theirs"];
        assert!(workplace.tool("first", &write).status.success());
        let before = workplace.objects("first");
        let params = remove_params(&mut browser, &created["keyId"]);
        assert_eq!(browser.refused("removeKeyPair", params, json!({"pin": PIN}))["code"], "key_in_use", "{name}");
        assert_eq!(workplace.objects("first"), before, "{name}");
        let delete = ["--delete-object", "--type", "cert", "--label", "theirs"];
        assert!(workplace.tool("first", &delete).status.success());
    }
    let params = remove_params(&mut browser, &created["keyId"]);
    browser.ask("removeKeyPair", params, json!({"pin": PIN}));
}

#[test]
fn a_pair_that_others_made_is_not_removed_although_its_certificate_is_over() {
    let workplace = Workplace::new();
    let mut browser = workplace.browser();
    let ours = browser.create_request("first", "P-256");
    let id = "ab".repeat(20);
    let done = |arguments: &[&str]| {
        let output = workplace.tool("first", arguments);
        assert!(output.status.success(), "{output:?}");
    };
    done(&["--keypairgen", "--key-type", "EC:prime256v1", "--label", "mail", "--id", &id]);
    let [key, over] = ["mail.der", "mail.cer"].map(|name| workplace.path(name).display().to_string());
    done(&["--read-object", "--type", "pubkey", "--id", &id, "--output-file", &key]);
    certify(&workplace, &ours);
    let certify = ["x509", "-req", "-in", "request.csr", "-inform", "DER", "-CA", "ca.pem", "-CAkey", "ca.key"];
    let mail = ["-force_pubkey", &key, "-keyform", "DER", "-days", "-1", "-out", &over, "-outform", "DER"];
    let certified = workplace.openssl(&[&certify[..], &mail].concat());
    assert!(certified.status.success(), "{certified:?}");
    done(&["--write-object", &over, "--type", "cert", "--id", &id, "--label", "mail"]);
    let before = workplace.objects("first");
    let params = remove_params(&mut browser, &json!(id));
    assert_eq!(browser.refused("removeKeyPair", params, json!({"pin": PIN}))["code"], "key_not_found");
    assert_eq!(workplace.objects("first"), before);
}

/// What is between a holder and the root belongs to whoever else has a certificate on the token.
#[test]
fn the_authoritys_certificates_stay() {
    let workplace = Workplace::new();
    let mut browser = workplace.browser();
    let created = browser.create_request("first", "P-256");
    certify(&workplace, &created);
    let root =
        ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", "root.key"];
    let root = workplace.openssl(&[&root[..], &["-out", "root.pem", "-subj", "/CN=Root", "-days", "2"]].concat());
    assert!(root.status.success(), "{root:?}");
    let request = workplace.openssl(&["x509", "-x509toreq", "-in", "ca.pem", "-signkey", "ca.key", "-out", "ca.csr"]);
    assert!(request.status.success(), "{request:?}");
    let between = ["x509", "-req", "-in", "ca.csr", "-CA", "root.pem", "-CAkey", "root.key", "-days", "2"];
    workplace.file("ca.ext", "basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign\n");
    let between = workplace.openssl(&[&between[..], &["-extfile", "ca.ext", "-out", "ca.pem"]].concat());
    assert!(between.status.success(), "{between:?}");
    let chain =
        workplace.file("chain.pem", [text(&workplace.path("root.pem")), text(&workplace.path("ca.pem"))].concat());
    let (module, chain) = (softhsm().display().to_string(), chain.display().to_string());
    workplace.configure(&format!(
        "allowed_origins = ['{ORIGIN}']\nmodules = ['{module}']\nauthority_certificates = ['{chain}']\n"
    ));
    let mut browser = workplace.browser();
    install(&mut browser, &certify_for(&workplace, &created, -1));
    assert_eq!(workplace.objects("first").matches("Certificate Object").count(), 2);
    let params = remove_params(&mut browser, &created["keyId"]);
    browser.ask("removeKeyPair", params, json!({"pin": PIN}));
    let objects = workplace.objects("first");
    assert_eq!((objects.matches("Certificate Object").count(), objects.matches("Key Object").count()), (1, 0));
    assert!(!objects.contains(CONTAINER), "{objects}");
}

/// Certificates go first: what is left then is an orphan, and is removed as one.
#[test]
fn a_token_pulled_out_at_any_call_lets_the_removal_of_an_expired_pair_be_finished() {
    for control in ["", "mechanisms none\nkeys refused"] {
        let obedient = Obedient::new();
        let prepare = |browser: &mut Browser| {
            let over = expired(&obedient.workplace, browser);
            ("removeKeyPair", remove_params(browser, &over))
        };
        Interruption::pull(control).at_each_call(&obedient, prepare, |browser, told| {
            for container in containers(browser) {
                let params = remove_params(browser, &container["keyId"]);
                browser.ask("removeKeyPair", params, json!({"pin": PIN}));
            }
            let objects = obedient.workplace.objects("first");
            assert!(!objects.contains("Object;") && !objects.contains("Data object"), "{told}\n{objects}");
        });
    }
}
