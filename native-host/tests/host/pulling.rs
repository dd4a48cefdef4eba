//! A token that comes, goes and locks: SoftHSM behind a module that a file commands.

use serde_json::{Value, json};

use crate::{
    obedient::{Obedient, next_change},
    workplace::{Browser, CONTAINER, PIN, base64, certify, eventually, request_params},
};

#[test]
fn pulling_and_plugging_is_seen_while_somebody_watches() {
    let obedient = Obedient::new();
    let mut browser = obedient.browser();
    let token = browser.token("first");
    browser.ask("watchTokens", json!({"on": true}), Value::Null);
    obedient.control("token out");
    let event = next_change(&mut browser);
    assert_eq!(event["missing"], "token_missing", "{event}");
    obedient.control("reader out");
    let event = next_change(&mut browser);
    assert_eq!(event["missing"], "reader_missing", "{event}");
    obedient.control("");
    let event = next_change(&mut browser);
    assert!(event["missing"].is_null(), "{event}");
    assert_eq!(event["readers"][0]["token"]["id"], token.as_str());
}

#[test]
fn a_locked_token_and_a_final_try_are_told_by_the_flags() {
    let obedient = Obedient::new();
    let mut browser = obedient.browser();
    let token = browser.token("first");
    obedient.control("pin final");
    let listed = browser.ask("listTokens", Value::Null, Value::Null);
    assert_eq!(listed["readers"][0]["token"]["pin"]["tries"], "final");
    obedient.control("pin locked");
    let listed = browser.ask("listTokens", Value::Null, Value::Null);
    let shown = &listed["readers"][0]["token"];
    assert_eq!((&shown["pin"]["tries"], &shown["unsuitable"]), (&json!("none"), &json!("pin_locked")));
    let error = browser.refused("createRequest", request_params(&token, "P-256"), json!({"pin": PIN}));
    assert_eq!(error["code"], "pin_locked");
}

#[test]
fn the_wrong_pin_that_locks_the_token_says_so() {
    let obedient = Obedient::new();
    let mut browser = obedient.browser();
    let token = browser.token("first");
    obedient.control("lock-after 3");
    let mut refused = || browser.refused("createRequest", request_params(&token, "P-256"), json!({"pin": "не тот"}));
    let tries: Vec<Value> = (0..3).map(|_| refused()).collect();
    assert_eq!((&tries[0]["code"], &tries[0]["triesLeft"]), (&json!("pin_incorrect"), &json!("low")));
    assert_eq!((&tries[1]["code"], &tries[1]["triesLeft"]), (&json!("pin_incorrect"), &json!("final")));
    assert_eq!(tries[2]["code"], "pin_locked");
}

#[test]
fn a_pin_that_the_token_wants_changed_is_a_factory_pin() {
    let obedient = Obedient::new();
    let mut browser = obedient.browser();
    let token = browser.token("first");
    obedient.control("pin to-be-changed");
    let params = request_params(&token, "P-256");
    assert_eq!(browser.refused("createRequest", params.clone(), json!({"pin": PIN}))["code"], "pin_factory");
    browser.ask("createRequest", params, json!({"pin": PIN, "keepFactoryPin": true}));
}

#[test]
fn a_factory_pin_is_noticed_where_the_reader_asks_for_it() {
    let obedient = Obedient::new();
    let mut browser = obedient.browser();
    let token = browser.token("first");
    obedient.control("pin pad\npin to-be-changed");
    let error = browser.refused("createRequest", request_params(&token, "P-256"), json!({}));
    assert_eq!(error["code"], "pin_factory", "{error}");
    let kept = browser.refused("createRequest", request_params(&token, "P-256"), json!({"keepFactoryPin": true}));
    assert_ne!(kept["code"], "pin_factory", "{kept}");
}

#[test]
fn a_token_pulled_out_before_the_pair_was_made_is_told() {
    let obedient = Obedient::new();
    let mut browser = obedient.browser();
    let token = browser.token("first");
    obedient.control("pull before-generation");
    let error = browser.refused("createRequest", request_params(&token, "P-256"), json!({"pin": PIN}));
    assert_eq!(error["code"], "token_removed", "{error}");
    assert!(!obedient.has_keys());
}

#[test]
fn a_pair_on_a_token_that_was_pulled_out_is_removed_when_the_token_is_opened_again() {
    let obedient = Obedient::new();
    let mut browser = obedient.browser();
    let token = browser.token("first");
    obedient.control("pull after-generation");
    let error = browser.refused("createRequest", request_params(&token, "P-256"), json!({"pin": PIN}));
    assert_eq!(error["code"], "token_removed", "{error}");
    assert!(obedient.has_keys(), "nobody could remove it");
    obedient.control("");
    // The token is back, and its module still takes the person for logged in: that opens nothing.
    let error = browser.refused("createRequest", request_params(&token, "P-256"), json!({"pin": "не тот"}));
    assert_eq!(error["code"], "pin_incorrect");
    browser.create_request("first", "P-256");
    assert_eq!(obedient.workplace.objects("first").matches("Private Key Object").count(), 1);
}

/// What happens to a token, of the kind that these lines of its control file make it, and what is answered then.
pub struct Interruption {
    pub token: &'static str,
    pub command: &'static str,
    pub code: &'static str,
}

impl Interruption {
    pub const fn pull(token: &'static str) -> Self {
        Self { token, command: "pull", code: "token_removed" }
    }

    pub const fn crash(token: &'static str) -> Self {
        Self { token, command: "crash", code: "module_crashed" }
    }

    /// Lets it happen before, then after, each call on a session that an operation makes, until it makes no more.
    /// `again` looks at a host that has the token back.
    pub fn at_each_call(
        &self,
        obedient: &Obedient,
        prepare: impl Fn(&mut Browser) -> (&'static str, Value),
        again: impl Fn(&mut Browser, &str),
    ) {
        for when in ["before-call", "after-call"] {
            for call in 1..200 {
                obedient.control(self.token);
                let mut browser = obedient.browser();
                let (command, params) = prepare(&mut browser);
                let control = format!("{}\n{} {when} {call}", self.token, self.command);
                obedient.control(&control);
                let id = browser.send(command, params, json!({"pin": PIN}));
                let answer = browser.answer(&id);
                let happened = crate::workplace::text(&obedient.workplace.path("control")) != control;
                obedient.control(self.token);
                let code = answer["error"]["code"].as_str();
                assert!(code.is_none() || happened && code == Some(self.code), "{when} {call}: {answer}");
                again(&mut browser, &format!("{when} {call}: {answer}"));
                if !happened {
                    assert!(call > 5, "{command} made {call} calls");
                    break;
                }
            }
        }
    }
}

/// An ordinary token is pulled out.
const PULLED: Interruption = Interruption::pull("");

/// Whatever happened, the next request of the same host finds no rest of the one before.
#[test]
fn a_token_pulled_out_at_any_call_keeps_no_orphan_after_the_next_request() {
    let obedient = Obedient::new();
    let remove = |browser: &mut Browser, key_id: &Value| {
        let token = browser.token("first");
        browser.ask("removeKeyPair", json!({"token": token, "keyId": key_id}), json!({"pin": PIN}));
    };
    let prepare = |browser: &mut Browser| ("createRequest", request_params(&browser.token("first"), "P-256"));
    PULLED.at_each_call(&obedient, prepare, |browser, told| {
        let kept = usize::from(!told.contains("error"));
        let created = browser.create_request("first", "P-256");
        let objects = obedient.workplace.objects("first");
        assert_eq!(objects.matches("Private Key Object").count(), 1 + kept, "{told}\n{objects}");
        assert_eq!(objects.matches("Public Key Object").count(), 1 + kept, "{told}\n{objects}");
        remove(browser, &created["keyId"]);
        for container in containers(browser) {
            remove(browser, &container["keyId"]);
        }
    });
}

/// The host that would remember is gone too: what it left is seen, and can be removed whole.
#[test]
fn a_pair_of_a_host_that_ended_with_the_token_out_is_seen_and_removed_by_the_next_host() {
    let obedient = Obedient::new();
    let prepare = |browser: &mut Browser| ("createRequest", request_params(&browser.token("first"), "P-256"));
    PULLED.at_each_call(&obedient, prepare, |_, told| {
        let mut browser = obedient.browser();
        for container in containers(&mut browser) {
            let params = json!({"token": browser.token("first"), "keyId": container["keyId"]});
            browser.ask("removeKeyPair", params, json!({"pin": PIN}));
        }
        assert!(!obedient.has_keys(), "{told}\n{}", obedient.workplace.objects("first"));
    });
}

fn containers(browser: &mut Browser) -> Vec<Value> {
    let token = browser.token("first");
    let details = browser.ask("tokenDetails", json!({"token": token}), Value::Null);
    details["containers"].as_array().unwrap().clone()
}

#[test]
fn a_token_pulled_out_at_any_call_of_a_removal_lets_the_removal_be_finished() {
    let obedient = Obedient::new();
    let prepare = |browser: &mut Browser| {
        let key_id = browser.create_request("first", "P-256")["keyId"].clone();
        ("removeKeyPair", json!({"token": browser.token("first"), "keyId": key_id}))
    };
    PULLED.at_each_call(&obedient, prepare, |browser, told| {
        for container in containers(browser) {
            let params = json!({"token": browser.token("first"), "keyId": container["keyId"]});
            browser.ask("removeKeyPair", params, json!({"pin": PIN}));
        }
        assert!(!obedient.has_keys(), "{told}");
    });
}

#[test]
fn a_token_pulled_out_at_any_call_of_an_installation_takes_the_certificate_the_next_time() {
    let obedient = Obedient::new();
    let mut browser = obedient.browser();
    let created = browser.create_request("first", "P-256");
    let certificate = base64(&certify(&obedient.workplace, &created));
    drop(browser);
    let params = |browser: &mut Browser| json!({"token": browser.token("first"), "container": CONTAINER, "certificate": certificate});
    let remove_certificate = || {
        let module = crate::workplace::softhsm();
        let arguments = ["--module", module.to_str().unwrap(), "--token-label", "first", "--login", "--pin", PIN];
        let delete = ["--delete-object", "--type", "cert", "--label", CONTAINER];
        assert!(obedient.workplace.run("pkcs11-tool", arguments.into_iter().chain(delete)).status.success());
    };
    PULLED.at_each_call(
        &obedient,
        |browser| ("installCertificate", params(browser)),
        |browser, told| {
            let again = params(browser);
            browser.ask("installCertificate", again, json!({"pin": PIN}));
            let objects = obedient.workplace.objects("first");
            assert_eq!(objects.matches("Certificate Object").count(), 1, "{told}\n{objects}");
            remove_certificate();
        },
    );
}

/// Without a login private keys cannot be seen: not to find one is not to have removed it.
#[test]
fn a_pair_whose_token_forgot_the_login_is_removed_after_the_next_one() {
    let obedient = Obedient::new();
    let mut browser = obedient.browser();
    let token = browser.token("first");
    obedient.control("logout after-generation");
    browser.refused("createRequest", request_params(&token, "P-256"), json!({"pin": PIN}));
    obedient.control("");
    browser.create_request("first", "P-256");
    let objects = obedient.workplace.objects("first");
    assert_eq!(objects.matches("Private Key Object").count(), 1, "{objects}");
    assert_eq!(objects.matches("Public Key Object").count(), 1, "{objects}");
}

#[test]
fn a_certificate_that_reads_back_otherwise_is_removed_again() {
    let obedient = Obedient::new();
    let mut browser = obedient.browser();
    let created = browser.create_request("first", "P-256");
    let certificate = base64(&certify(&obedient.workplace, &created));
    let params = json!({"token": browser.token("first"), "container": CONTAINER, "certificate": certificate});
    obedient.control("corrupt objects");
    let error = browser.refused("installCertificate", params.clone(), json!({"pin": PIN}));
    assert_eq!(error["code"], "read_back_mismatch");
    assert!(!obedient.workplace.objects("first").contains("Certificate Object"));
    obedient.control("");
    browser.ask("installCertificate", params, json!({"pin": PIN}));
}

#[test]
fn a_slow_token_keeps_nobody_waiting_and_its_operation_can_be_cancelled() {
    let obedient = Obedient::new();
    let mut browser = obedient.browser();
    let token = browser.token("first");
    obedient.control("generation-delay 1500");
    let id = browser.send("createRequest", request_params(&token, "P-256"), json!({"pin": PIN}));
    while browser.next()["stage"] != "generatingKey" {}
    browser.ask("tokenDetails", json!({"token": token}), Value::Null);
    let second =
        browser.refused("removeKeyPair", json!({"token": token, "keyId": "ab".repeat(20)}), json!({"pin": PIN}));
    assert_eq!(second["code"], "operation_in_progress");
    assert_eq!(browser.ask("cancel", json!({"request": id}), Value::Null)["found"], true);
    assert_eq!(browser.answer(&id)["error"]["code"], "cancelled");
    assert!(!obedient.has_keys());
}

#[test]
fn a_browser_that_goes_away_during_a_slow_generation_leaves_no_pair() {
    let obedient = Obedient::new();
    let mut browser = obedient.browser();
    let token = browser.token("first");
    obedient.control("generation-delay 1000");
    browser.send("createRequest", request_params(&token, "P-256"), json!({"pin": PIN}));
    while browser.next()["stage"] != "generatingKey" {}
    assert!(browser.close().0);
    assert!(!obedient.has_keys());
}

#[test]
fn a_token_pulled_out_between_two_commands_is_told() {
    let obedient = Obedient::new();
    let mut browser = obedient.browser();
    let token = browser.token("first");
    obedient.control("token out");
    for (command, params) in [
        ("tokenDetails", json!({"token": token})),
        ("storeState", json!({"token": token})),
        ("changePin", json!({"token": token})),
        ("createRequest", request_params(&token, "P-256")),
        ("removeKeyPair", json!({"token": token, "keyId": "ab".repeat(20)})),
    ] {
        let authorization = json!({"pin": PIN, "newPin": "another"});
        assert_eq!(browser.refused(command, params, authorization)["code"], "token_removed", "{command}");
    }
}

/// Invariant 1: neither in swap.
#[test]
fn a_pin_is_locked_in_memory_for_as_long_as_it_is_there() {
    let obedient = Obedient::new();
    let mut browser = obedient.browser();
    let token = browser.token("first");
    eventually("nothing is locked before", || browser.locked_kilobytes() == 0);
    obedient.control("generation-delay 1500");
    let id = browser.send("createRequest", request_params(&token, "P-256"), json!({"pin": PIN}));
    while browser.next()["stage"] != "generatingKey" {}
    assert!(browser.locked_kilobytes() > 0);
    assert!(browser.answer(&id)["error"].is_null());
    eventually("nothing is locked afterwards", || browser.locked_kilobytes() == 0);
}
