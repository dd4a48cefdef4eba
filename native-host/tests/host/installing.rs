//! `installCertificate`, `removeKeyPair`, `changePin`, `storeState`.

use qcert_pki::Certificate;
use serde_json::{Value, json};
use time::format_description::well_known::Rfc3339;

use crate::workplace::{
    Browser, CONTAINER, ORIGIN, PIN, Workplace, again_params, certify, install_params, renew_params, request_params,
    softhsm, text,
};

/// A workplace with a pair and its certificate, not installed yet.
fn certified() -> (Workplace, Browser, String, Vec<u8>) {
    let workplace = Workplace::new();
    let mut browser = workplace.browser();
    let created = browser.create_request("first", "P-256");
    let certificate = certify(&workplace, &created);
    let token = browser.token("first");
    (workplace, browser, token, certificate)
}

#[test]
fn a_certificate_lies_beside_its_key_and_in_the_persons_store() {
    let (workplace, mut browser, token, certificate) = certified();
    let installed = browser.ask("installCertificate", install_params(&token, &certificate), json!({"pin": PIN}));
    assert!(installed["storeError"].is_null(), "{installed}");
    let objects = workplace.objects("first");
    assert!(objects.contains("Certificate Object; type = X.509 cert"), "{objects}");
    assert_eq!(objects.matches(installed["keyId"].as_str().unwrap()).count(), 3, "{objects}");
    let database = format!("sql:{}", workplace.path("home/.pki/nssdb").display());
    let listed = workplace.run("certutil", ["-L", "-d", &database]);
    let line = String::from_utf8_lossy(&listed.stdout).lines().find(|l| l.starts_with(CONTAINER)).unwrap().to_owned();
    assert!(line.trim_end().ends_with(" ,,"), "trust was given: {line}");
    let module = workplace.run("certutil", ["-L", "-d", &database, "-n", CONTAINER, "-r"]);
    assert_eq!(module.stdout, certificate);
}

/// Chromium makes its database there since its version 146, and would forget it if somebody made the older folder.
#[test]
fn a_database_in_chromiums_newer_place_gets_the_certificate_and_nothing_is_put_before_it() {
    let (workplace, mut browser, token, certificate) = certified();
    let database = database_in(&workplace, "home/.local/share/pki/nssdb", "\n");
    let agreed = json!({"pin": PIN, "registerModule": true});
    for authorization in [json!({"pin": PIN}), agreed] {
        let installed = browser.ask("installCertificate", install_params(&token, &certificate), authorization);
        assert!(installed["storeError"].is_null(), "{installed}");
        assert!(!workplace.path("home/.pki").exists());
        let listed = workplace.run("certutil", ["-L", "-h", "all", "-d", &database]);
        let listed = String::from_utf8_lossy(&listed.stdout).into_owned();
        assert!(listed.contains(CONTAINER), "{listed}");
    }
    std::fs::create_dir_all(workplace.path("home/.pki/nssdb")).unwrap();
    assert!(workplace.host(["unregister-module"]).status.success());
    let list = text(&workplace.path("home/.local/share/pki/nssdb/pkcs11.txt"));
    assert!(!list.contains("name=Qcert"), "it is taken back from there, too: {list}");
}

/// A database in a folder, and its name for NSS's programs.
fn database_in(workplace: &Workplace, folder: &str, password: &str) -> String {
    let folder = workplace.path(folder);
    std::fs::create_dir_all(&folder).unwrap();
    let database = format!("sql:{}", folder.display());
    let password = workplace.file("password", password);
    let made = workplace.run("certutil", ["-N", "-f", password.to_str().unwrap(), "-d", &database]);
    assert!(made.status.success(), "{made:?}");
    database
}

#[test]
fn every_firefox_profile_gets_the_certificate_without_trust_whatever_becomes_of_another() {
    let (workplace, mut browser, token, certificate) = certified();
    let databases = [
        database_in(&workplace, "home/.mozilla/firefox/a.default-esr", "\n"),
        database_in(&workplace, "elsewhere", "a primary password\n"),
        database_in(&workplace, "home/snap/firefox/common/.mozilla/firefox/b", "\n"),
        database_in(&workplace, "home/.config/mozilla/firefox/c", "\n"),
    ];
    let profiles = format!(
        "[Profile0]\nPath=a.default-esr\nIsRelative=1\n\n[Profile1]\nPath={}\nIsRelative=0\n\n\
         [Profile2]\nPath=never-used\nIsRelative=1\n\n[Profile3]\nPath=broken\nIsRelative=1\n",
        workplace.path("elsewhere").display()
    );
    workplace.file("home/.mozilla/firefox/profiles.ini", profiles);
    workplace.file("home/snap/firefox/common/.mozilla/firefox/profiles.ini", "[Profile0]\nPath=b\n");
    workplace.file("home/.config/mozilla/firefox/profiles.ini", "[Profile0]\nPath=c\n");
    std::fs::create_dir_all(workplace.path("home/.mozilla/firefox/broken/cert9.db")).unwrap();
    for _ in 0..2 {
        let installed = browser.ask("installCertificate", install_params(&token, &certificate), json!({"pin": PIN}));
        assert_eq!(installed["storeError"], "store_failed", "of the broken one");
    }
    for database in databases {
        let listed = workplace.run("certutil", ["-L", "-d", &database]);
        let listed = String::from_utf8_lossy(&listed.stdout).into_owned();
        let lines: Vec<_> = listed.lines().filter(|line| line.starts_with(CONTAINER)).collect();
        assert_eq!(lines.len(), 1, "{database}: {listed}");
        assert!(lines[0].trim_end().ends_with(" ,,"), "trust was given: {}", lines[0]);
    }
}

#[test]
fn a_module_is_registered_in_every_database_or_offered_again() {
    let (workplace, mut browser, token, certificate) = certified();
    let agreed = json!({"pin": PIN, "registerModule": true});
    let state = |browser: &mut Browser| browser.ask("storeState", json!({"token": token}), Value::Null);
    browser.ask("installCertificate", install_params(&token, &certificate), agreed.clone());
    assert_eq!(state(&mut browser)["moduleRegistered"], true);
    database_in(&workplace, "home/.mozilla/firefox/new", "\n");
    workplace.file("home/.mozilla/firefox/profiles.ini", "[Profile0]\nPath=new\n");
    assert_eq!(state(&mut browser)["moduleRegistered"], false);
    browser.ask("installCertificate", install_params(&token, &certificate), agreed);
    assert_eq!(state(&mut browser)["moduleRegistered"], true);
    let modules = text(&workplace.path("home/.mozilla/firefox/new/pkcs11.txt"));
    assert!(modules.contains(softhsm().to_str().unwrap()), "{modules}");
}

#[test]
fn installing_twice_is_as_good_as_once() {
    let (workplace, mut browser, token, certificate) = certified();
    for _ in 0..2 {
        let installed = browser.ask("installCertificate", install_params(&token, &certificate), json!({"pin": PIN}));
        assert!(installed["storeError"].is_null(), "{installed}");
    }
    assert_eq!(workplace.objects("first").matches("Certificate Object").count(), 1);
}

#[test]
fn a_corrected_certificate_of_the_same_container_goes_into_the_store_beside_the_first() {
    let (workplace, mut browser, token, certificate) = certified();
    let mut params = request_params(&token, "P-256");
    params["commonName"] = json!("ООО «АвтоСпорт»");
    let corrected = browser.ask("createRequest", params, json!({"pin": PIN}));
    for certificate in [certificate, certify(&workplace, &corrected)] {
        let installed = browser.ask("installCertificate", install_params(&token, &certificate), json!({"pin": PIN}));
        assert!(installed["storeError"].is_null(), "{installed}");
    }
}

#[test]
fn details_say_whose_a_certificate_is_and_until_when_without_a_pin() {
    let (_workplace, mut browser, token, certificate) = certified();
    let question = json!({"token": token});
    let before = browser.ask("tokenDetails", question.clone(), Value::Null);
    assert_eq!(before["containers"][0]["hasCertificate"], false);
    browser.ask("installCertificate", install_params(&token, &certificate), json!({"pin": PIN}));
    let details = browser.ask("tokenDetails", question, Value::Null);
    let container = &details["containers"][0];
    let not_after = Certificate::parse(&certificate).unwrap().not_after().format(&Rfc3339).unwrap();
    assert_eq!(container["certificate"], json!({"holder": "ООО «АвтоСпор»", "notAfter": not_after}), "{details}");
    assert_eq!((&container["hasCertificate"], details["containers"].as_array().unwrap().len()), (&json!(true), 1));
}

#[test]
fn every_algorithm_can_prove_its_key() {
    let workplace = Workplace::new();
    let mut browser = workplace.browser();
    let token = browser.token("first");
    for algorithm in ["P-384", "RSA-2048"] {
        let created = browser.create_request("first", algorithm);
        let certificate = certify(&workplace, &created);
        let installed = browser.ask("installCertificate", install_params(&token, &certificate), json!({"pin": PIN}));
        assert_eq!(installed["keyId"], created["keyId"]);
    }
}

#[test]
fn the_module_is_registered_only_if_the_person_agreed() {
    let (workplace, mut browser, token, certificate) = certified();
    let question = json!({"token": token});
    browser.ask("installCertificate", install_params(&token, &certificate), json!({"pin": PIN}));
    let state = browser.ask("storeState", question.clone(), Value::Null);
    assert_eq!(state, json!({"moduleRegistered": false, "module": "libsofthsm2"}));
    let agreed = json!({"pin": PIN, "registerModule": true});
    let installed = browser.ask("installCertificate", install_params(&token, &certificate), agreed);
    assert!(installed["storeError"].is_null(), "{installed}");
    assert_eq!(browser.ask("storeState", question, Value::Null)["moduleRegistered"], true);
    let list = text(&workplace.path("home/.pki/nssdb/pkcs11.txt"));
    assert!(list.contains(&format!("library={}", softhsm().display())), "{list}");
}

#[test]
fn a_store_that_cannot_be_written_does_not_undo_the_installation() {
    let (workplace, browser, token, certificate) = certified();
    drop(browser);
    workplace.file("home/.pki", "in the way");
    let mut browser = workplace.browser();
    let installed = browser.ask("installCertificate", install_params(&token, &certificate), json!({"pin": PIN}));
    assert_eq!(installed["storeError"], "store_failed");
    assert!(workplace.objects("first").contains("Certificate Object"));
}

#[test]
fn a_missing_store_tool_has_its_own_code() {
    let (workplace, browser, token, certificate) = certified();
    drop(browser);
    let mut command = workplace.command(env!("CARGO_BIN_EXE_qcert-host"));
    command.env("PATH", workplace.path("home"));
    let mut browser = Browser::start(command);
    let installed = browser.ask("installCertificate", install_params(&token, &certificate), json!({"pin": PIN}));
    assert_eq!(installed["storeError"], "store_tool_missing");
}

#[test]
fn a_certificate_for_a_key_on_another_token_is_told_apart_before_a_pin_is_presented() {
    let (workplace, browser, _, certificate) = certified();
    drop(browser);
    workplace.add_token("second", PIN);
    let mut browser = workplace.browser();
    let second = browser.token("second");
    let error = browser.refused("installCertificate", install_params(&second, &certificate), json!({"pin": "не тот"}));
    assert_eq!(error["code"], "token_mismatch");
    assert!(!workplace.objects("second").contains("Certificate Object"));
}

#[test]
fn a_certificate_whose_key_is_nowhere_is_not_written() {
    let (workplace, mut browser, token, certificate) = certified();
    let created = browser.ask("tokenDetails", json!({"token": token}), Value::Null);
    let key_id = created["containers"][0]["keyId"].clone();
    browser.ask("removeKeyPair", json!({"token": token, "keyId": key_id}), json!({"pin": PIN}));
    let error = browser.refused("installCertificate", install_params(&token, &certificate), json!({"pin": PIN}));
    assert_eq!(error["code"], "key_not_found");
    assert!(!workplace.objects("first").contains("Object"));
}

#[test]
fn what_is_no_certificate_is_refused() {
    let (_workplace, mut browser, token, certificate) = certified();
    for bytes in
        [&b""[..], b"no certificate", &certificate[..certificate.len() - 1], &[&certificate[..], b"x"].concat()]
    {
        let error = browser.refused("installCertificate", install_params(&token, bytes), json!({"pin": PIN}));
        assert_eq!(error["code"], "certificate_invalid");
    }
}

#[test]
fn a_pair_with_a_certificate_is_not_removed() {
    let (workplace, mut browser, token, certificate) = certified();
    let installed = browser.ask("installCertificate", install_params(&token, &certificate), json!({"pin": PIN}));
    let params = json!({"token": token, "keyId": installed["keyId"]});
    assert_eq!(browser.refused("removeKeyPair", params, json!({"pin": PIN}))["code"], "key_in_use");
    assert_eq!(workplace.objects("first").matches("Key Object").count(), 2);
}

#[test]
fn a_pair_that_the_portal_did_not_make_is_not_removed() {
    let workplace = Workplace::new();
    let id = "ab".repeat(20);
    let module = softhsm();
    let made = workplace.run(
        "pkcs11-tool",
        [
            "--module",
            module.to_str().unwrap(),
            "--token-label",
            "first",
            "--login",
            "--pin",
            PIN,
            "--keypairgen",
            "--key-type",
            "EC:prime256v1",
            "--label",
            "mail",
            "--id",
            &id,
        ],
    );
    assert!(made.status.success(), "{made:?}");
    let mut browser = workplace.browser();
    let token = browser.token("first");
    let error = browser.refused("removeKeyPair", json!({"token": token, "keyId": id}), json!({"pin": PIN}));
    assert_eq!(error["code"], "key_not_found");
    assert_eq!(workplace.objects("first").matches("Key Object").count(), 2);
}

#[test]
fn a_changed_pin_opens_the_token_and_the_old_one_does_not() {
    let workplace = Workplace::without_token();
    workplace.add_token("first", "12345678");
    let mut browser = workplace.browser();
    let token = browser.token("first");
    let params = json!({"token": token});
    let change = |pin: &str, new: &str| json!({"pin": pin, "newPin": new});
    assert_eq!(browser.refused("changePin", params.clone(), change("12345678", "1"))["code"], "pin_length_invalid");
    assert_eq!(browser.refused("changePin", params.clone(), change("9999", "12345678"))["code"], "pin_factory");
    let wrong = browser.refused("changePin", params.clone(), change("9999", "4711"));
    assert_eq!((wrong["code"].as_str(), wrong["triesLeft"].as_str()), (Some("pin_incorrect"), Some("low")));
    assert_eq!(browser.refused("changePin", params.clone(), json!({"pin": "12345678"}))["code"], "pin_required");
    browser.ask("changePin", params, change("12345678", PIN));
    let old = json!({"pin": "12345678", "keepFactoryPin": true});
    assert_eq!(browser.refused("createRequest", request_params(&token, "P-256"), old)["code"], "pin_incorrect");
    browser.create_request("first", "P-256");
}

/// Invariant 3: no command signs bytes that a caller chose.
#[test]
fn there_is_no_command_that_signs() {
    let workplace = Workplace::new();
    let mut browser = workplace.browser();
    for command in ["sign", "signHash", "signData", "prove", "vouch", "login", "decrypt"] {
        let error = browser.refused(command, json!({"data": "AAAA", "origin": ORIGIN}), json!({"pin": PIN}));
        assert_eq!(error["code"], "command_unknown");
    }
    // Those that have a key sign take no bytes to be signed, only what a request and a proof are made of.
    let old = browser.create_request("first", "P-256");
    let renew = renew_params(&browser.token("first"), "P-256", &old["keyId"]);
    let again = again_params(&browser.token("first"), &old["keyId"]);
    for name in ["data", "message", "digest", "origin", "publicKey", "certificationRequest"] {
        for (command, params, place) in
            [("renewRequest", &renew, ""), ("renewRequest", &renew, "/renews"), ("requestAgain", &again, "")]
        {
            let mut params = params.clone();
            params.pointer_mut(place).unwrap()[name] = json!("AAAA");
            let error = browser.refused(command, params, json!({"pin": PIN}));
            assert_eq!(error["code"], "frame_malformed", "{command}: {name}");
        }
    }
}
