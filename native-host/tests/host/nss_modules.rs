//! Which modules a person's NSS databases know, and who has told them.

use serde_json::{Value, json};

use crate::{
    certified::storing,
    obedient::shim,
    workplace::{Browser, CONTAINER, PIN, Workplace, certify, install_params, softhsm, text},
};

/// Two certificates for one key would be two entries for one person, and of the one without a key Firefox makes no use.
#[test]
fn where_the_module_is_registered_the_certificate_on_the_token_is_the_only_one() {
    let workplace = Workplace::new();
    let mut browser = workplace.browser();
    let created = browser.create_request("first", "P-256");
    let certificate = certify(&workplace, &created);
    let params = install_params(&browser.token("first"), &certificate);
    browser.ask("installCertificate", params.clone(), json!({"pin": PIN}));
    let database = format!("sql:{}", workplace.path("home/.pki/nssdb").display());
    let theirs = ["-A", "-t", ",,", "-n", "Theirs", "-d", &database, "-i", "ca.pem"];
    let added = workplace.command("certutil").args(theirs).current_dir(workplace.path("")).status().unwrap();
    assert!(added.success());
    let listed = || String::from_utf8_lossy(&workplace.run("certutil", ["-L", "-d", &database]).stdout).into_owned();
    assert!(listed().contains(CONTAINER), "nobody has registered the module: {}", listed());
    assert!(workplace.host(["register-module"]).status.success());
    let expected = |listed: String| listed.contains("Theirs") && !listed.contains(CONTAINER);
    assert!(expected(listed()), "{}", listed());
    browser.ask("installCertificate", params, json!({"pin": PIN}));
    assert!(expected(listed()), "{}", listed());
    assert_eq!(workplace.objects("first").matches("Certificate Object").count(), 1);
}

/// Names of the modules in a database's list that are not NSS's own.
fn modules(workplace: &Workplace) -> Vec<String> {
    let list = text(&workplace.path("home/.pki/nssdb/pkcs11.txt"));
    let names = list.lines().filter_map(|line| line.strip_prefix("name=")).filter(|name| !name.starts_with("NSS "));
    names.map(str::to_owned).collect()
}

#[test]
fn a_person_registers_the_module_of_their_token_once_and_takes_back_exactly_that() {
    let workplace = Workplace::new();
    let remark = || String::from_utf8_lossy(&workplace.host(["doctor"]).stdout).contains("qcert-host register-module");
    assert!(remark(), "doctor says how");
    for _ in 0..2 {
        let output = workplace.host(["register-module"]);
        assert!(output.status.success(), "{output:?}");
        assert_eq!(modules(&workplace), ["Qcert libsofthsm2"]);
    }
    assert!(!remark());
    let database = format!("sql:{}", workplace.path("home/.pki/nssdb").display());
    let theirs = workplace.path("theirs.so");
    std::fs::copy(softhsm(), &theirs).unwrap();
    let add = ["-force", "-dbdir", &database, "-add", "Theirs", "-libfile", theirs.to_str().unwrap()];
    assert!(workplace.run("modutil", add).status.success());
    for _ in 0..2 {
        let output = workplace.host(["unregister-module"]);
        assert!(output.status.success(), "{output:?}");
        assert_eq!(modules(&workplace), ["Theirs"]);
    }
}

#[test]
fn without_a_token_a_module_is_registered_by_its_file_alone() {
    let workplace = Workplace::without_token();
    let output = workplace.host(["register-module"]);
    assert!(!output.status.success() && String::from_utf8_lossy(&output.stderr).contains("no token"), "{output:?}");
    assert!(workplace.host(["register-module", softhsm().to_str().unwrap()]).status.success());
    assert_eq!(modules(&workplace), ["Qcert libsofthsm2"]);
    assert!(workplace.host(["unregister-module", "/no/such/module.so"]).status.success());
    assert_eq!(modules(&workplace), ["Qcert libsofthsm2"]);
    assert!(workplace.host(["unregister-module", softhsm().to_str().unwrap()]).status.success());
    assert!(modules(&workplace).is_empty());
}

/// What the store says of the only token.
fn store_state(browser: &mut Browser) -> Value {
    let token = browser.token("first");
    browser.ask("storeState", json!({"token": token}), Value::Null)
}

#[test]
fn a_key_that_a_token_only_stores_is_reached_by_our_own_module_to_which_the_vendors_gives_way() {
    let (obedient, module) = storing();
    let workplace = &obedient.workplace;
    assert!(workplace.host(["register-module", shim().to_str().unwrap()]).status.success());
    assert_eq!(modules(workplace), ["Qcert libqcert_token_shim"]);
    let mut browser = workplace.browser();
    let created = browser.create_request("first", "P-256");
    assert_eq!(store_state(&mut browser), json!({"moduleRegistered": false, "module": "qcert-pkcs11"}));
    let params = install_params(&browser.token("first"), &certify(workplace, &created));
    let installed = browser.ask("installCertificate", params, json!({"pin": PIN, "registerModule": true}));
    assert_eq!(installed["storeError"], Value::Null);
    assert_eq!(modules(workplace), ["Qcert qcert-pkcs11"]);
    assert_eq!(store_state(&mut browser), json!({"moduleRegistered": true, "module": "qcert-pkcs11"}));
    // It shows the vendor's tokens, too.
    assert!(workplace.host(["register-module", shim().to_str().unwrap()]).status.success());
    assert_eq!(modules(workplace), ["Qcert qcert-pkcs11"]);
    let configured = workplace.path("home/.config/qcert/pkcs11.conf");
    assert!(text(&configured).contains(&format!("\nmodule: {}\n", shim().display())));
    let before_another = workplace.file("home/.config/qcert/pkcs11.conf", "module: /usr/lib/another.so\n");
    assert_eq!(store_state(&mut browser)["moduleRegistered"], false, "another one stands behind it");
    assert!(workplace.host(["register-module"]).status.success());
    assert_eq!(store_state(&mut browser)["moduleRegistered"], true);
    assert!(workplace.host(["unregister-module", module.to_str().unwrap()]).status.success());
    assert!(modules(workplace).is_empty());
    assert!(!before_another.exists() && !workplace.path("home/.config/qcert").exists());
}

#[test]
fn where_our_own_module_is_not_installed_that_is_said_and_the_certificate_is_on_the_token() {
    let (obedient, module) = storing();
    let workplace = &obedient.workplace;
    std::fs::remove_file(module).unwrap();
    let mut browser = workplace.browser();
    let created = browser.create_request("first", "P-256");
    let expected = json!({
        "moduleRegistered": false, "module": "libqcert_token_shim", "error": "store_tool_missing",
    });
    assert_eq!(store_state(&mut browser), expected);
    let params = install_params(&browser.token("first"), &certify(workplace, &created));
    let installed = browser.ask("installCertificate", params.clone(), json!({"pin": PIN, "registerModule": true}));
    assert_eq!(installed["storeError"], "store_tool_missing");
    let installed = browser.ask("installCertificate", params, json!({"pin": PIN}));
    assert_eq!(installed["storeError"], Value::Null);
    assert!(workplace.objects("first").contains("Certificate Object"));
    let output = workplace.host(["register-module"]);
    assert!(!output.status.success());
    assert!(String::from_utf8_lossy(&output.stderr).contains("store_tool_missing"), "{output:?}");
    assert!(modules(workplace).is_empty());
    let doctor = String::from_utf8_lossy(&workplace.host(["doctor"]).stdout).into_owned();
    assert!(doctor.contains("store: qcert-pkcs11 [store_tool_missing]"), "{doctor}");
}
