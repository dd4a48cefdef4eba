//! The authority's certificates beside the holder's, as far as there is room.

use serde_json::{Value, json};

use crate::{
    certified::make_certificate,
    obedient::{Obedient, shim},
    workplace::{Browser, PIN, certify, install_params, text},
};

/// A token that obeys, and an authority of a root and two certificates below it, the lower of which certifies.
fn authority() -> Obedient {
    let obedient = Obedient::new();
    let workplace = &obedient.workplace;
    let certificate = |name: &str, more: &[&str]| {
        let subject = format!("/CN=Test {name}");
        make_certificate(workplace, name, &[&["-subj", &subject, "-addext", "keyUsage=keyCertSign"], more].concat());
    };
    certificate("root", &[]);
    certificate("middle", &["-CA", "root.pem", "-CAkey", "root.key"]);
    certificate("ca", &["-CA", "middle.pem", "-CAkey", "middle.key"]);
    let chain = ["root", "middle", "ca"].map(|name| text(&workplace.path(&format!("{name}.pem")))).concat();
    let chain = workplace.file("chain.pem", chain);
    obedient.configure(&[shim()], &format!("authority_certificates = ['{}']", chain.display()));
    obedient
}

#[test]
fn where_the_chain_finds_no_room_the_certificate_is_installed_and_nothing_of_the_chain_is_there() {
    let obedient = authority();
    let mut browser = obedient.browser();
    let created = browser.create_request("first", "P-256");
    let certificate = certify(&obedient.workplace, &created);
    let token = browser.token("first");
    let install = |browser: &mut Browser| {
        let installed = browser.ask("installCertificate", install_params(&token, &certificate), json!({"pin": PIN}));
        assert_eq!((&installed["keyId"], &installed["storeError"]), (&created["keyId"], &Value::Null));
        let details = browser.ask("tokenDetails", json!({"token": token}), Value::Null);
        assert_eq!(details["containers"].as_array().unwrap().len(), 1, "{details}");
        assert_eq!(details["containers"][0]["hasCertificate"], true);
        obedient.workplace.objects("first").matches("Certificate Object").count()
    };
    drop(browser);
    obedient.control("room 1");
    assert_eq!(install(&mut obedient.browser()), 1, "room for the certificate alone");
    assert_eq!(install(&mut obedient.browser()), 1, "it is there by now, and room for one of the two above it");
    obedient.control("");
    assert_eq!(install(&mut obedient.browser()), 3, "room was made, and the certificate is installed again");
}
