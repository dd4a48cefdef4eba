//! A certificate and several tokens, under several modules: only the token that holds the key gets it.

use qcert_test_kryoptic::Token;
use serde_json::{Value, json};

use crate::{
    obedient::{Obedient, shim},
    workplace::{Browser, PIN, Workplace, certify, install_params, softhsm},
};

/// Another module's token beside the first.
const OTHER: &str = "other";

/// Two modules with a token each: SoftHSM's `first`, whose key has this certificate, and kryoptic's.
struct TwoModules {
    obedient: Obedient,
    other: Token,
    certificate: Vec<u8>,
}

impl TwoModules {
    fn new() -> Self {
        let obedient = Obedient::new();
        obedient.configure(&[shim(), qcert_test_kryoptic::module().unwrap()], "");
        let other = Token::make(&obedient.workplace.path(""), OTHER, PIN).unwrap();
        let certificate = certified(&obedient.workplace, &mut obedient.browser());
        Self { obedient, other, certificate }
    }
}

fn certified(workplace: &Workplace, browser: &mut Browser) -> Vec<u8> {
    certify(workplace, &browser.create_request("first", "P-256"))
}

#[test]
fn a_token_of_another_module_than_the_keys_is_told_apart_before_a_pin_is_presented() {
    let two = TwoModules::new();
    let mut browser = two.obedient.browser();
    let other = browser.token(OTHER);
    let refused =
        browser.refused("installCertificate", install_params(&other, &two.certificate), json!({"pin": "не тот"}));
    assert_eq!(refused["code"], "token_mismatch");
    let tokens = browser.ask("listTokens", Value::Null, Value::Null);
    let tries = tokens["readers"].as_array().unwrap().iter().map(|reader| &reader["token"]["pin"]["tries"]);
    assert!(tries.eq(["full", "full"]), "{tokens}");
    assert!(!two.other.tool(&["--login", "--pin", PIN, "-O"]).unwrap().contains("Certificate Object"));
    let first = browser.token("first");
    browser.ask("installCertificate", install_params(&first, &two.certificate), json!({"pin": PIN}));
}

#[test]
fn while_the_token_with_the_key_is_not_there_another_modules_token_does_not_have_the_key_and_gets_nothing() {
    let two = TwoModules::new();
    two.obedient.control("token out");
    let mut browser = two.obedient.browser();
    let params = install_params(&browser.token(OTHER), &two.certificate);
    assert_eq!(browser.refused("installCertificate", params.clone(), json!({"pin": PIN}))["code"], "key_not_found");
    // Nor when nobody can say where the key is: the other module is silent.
    two.obedient.control("hang slots");
    assert_eq!(browser.refused("installCertificate", params, json!({"pin": PIN}))["code"], "key_not_found");
    two.obedient.control("hang end");
    assert!(!two.other.tool(&["--login", "--pin", PIN, "-O"]).unwrap().contains("Certificate Object"));
}

#[test]
fn a_token_under_two_modules_gets_its_certificate_by_whichever_it_was_chosen() {
    let obedient = Obedient::new();
    let modules = [shim(), softhsm()];
    let certificate = certified(&obedient.workplace, &mut obedient.browser());
    for (chosen, order) in [(&modules[1], [&modules[1], &modules[0]]), (&modules[0], [&modules[0], &modules[1]])] {
        obedient.configure(std::slice::from_ref(chosen), "");
        let token = obedient.browser().token("first");
        obedient.configure(&order.map(Clone::clone), "");
        for _ in 0..2 {
            let mut browser = obedient.browser();
            let installed =
                browser.ask("installCertificate", install_params(&token, &certificate), json!({"pin": PIN}));
            assert_eq!(installed["token"]["label"], "first");
            obedient.configure(&[order[1].clone(), order[0].clone()], "");
        }
    }
    assert_eq!(obedient.workplace.objects("first").matches("Certificate Object").count(), 1);
}

/// It is the same token: that the other module sees the key there is no reason to look for another one.
#[test]
fn a_token_that_hides_its_keys_under_one_module_and_not_under_the_other_is_not_taken_for_another() {
    let obedient = Obedient::new();
    obedient.configure(&[shim(), softhsm()], "");
    let certificate = certified(&obedient.workplace, &mut obedient.browser());
    obedient.control("objects hidden");
    let mut browser = obedient.browser();
    let params = install_params(&browser.token("first"), &certificate);
    browser.ask("installCertificate", params, json!({"pin": PIN}));
}
