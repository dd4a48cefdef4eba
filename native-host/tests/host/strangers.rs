//! Modules are strangers: one that hangs, crashes, prints or talks nonsense beside one that works.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::{
    obedient::{Obedient, next_change, shim},
    workplace::{
        Browser, CONTAINER, PIN, Workplace, base64, certify, eventually, kilobytes, request_params, softhsm, text,
    },
};

pub const SHIM: &str = "libqcert_token_shim";
pub const LOG: &str = "home/.local/state/qcert/host.log";

/// A module that obeys, and before or behind it SoftHSM as it is; both show the same token.
pub fn beside_a_good_one() -> Obedient {
    let obedient = Obedient::new();
    obedient.configure(&[shim(), softhsm()], "");
    obedient
}

pub fn list(browser: &mut Browser) -> Value {
    browser.ask("listTokens", Value::Null, Value::Null)
}

/// What a listing says is wrong with a module.
pub fn error<'a>(tokens: &'a Value, module: &str) -> &'a Value {
    let modules = tokens["modules"].as_array().unwrap();
    &modules.iter().find(|listed| listed["name"] == module).unwrap()["error"]
}

/// The module by which the only token is shown.
pub fn shown_by(tokens: &Value) -> &str {
    let readers = tokens["readers"].as_array().unwrap();
    assert_eq!(readers.iter().filter(|reader| reader["token"]["name"]["label"] == "first").count(), 1, "{tokens}");
    readers[0]["module"].as_str().unwrap()
}

/// The next change after which something is so.
fn change_until(browser: &mut Browser, so: impl Fn(&Value) -> bool) -> Value {
    loop {
        let event = next_change(browser);
        if so(&event) {
            return event;
        }
    }
}

#[test]
fn no_module_is_in_the_host_and_each_is_alone_in_its_worker() {
    let obedient = beside_a_good_one();
    let mut browser = obedient.browser();
    list(&mut browser);
    let maps = |process: &Path| text(&process.join("maps"));
    assert!(!maps(&browser.process()).contains("softhsm") && !maps(&browser.process()).contains(SHIM));
    let workers = browser.workers();
    assert!(maps(&workers[SHIM]).contains(SHIM));
    assert!(!maps(&workers["libsofthsm2"]).contains(SHIM));
}

#[test]
fn a_token_under_two_modules_is_shown_once_by_the_first() {
    let obedient = beside_a_good_one();
    let mut browser = obedient.browser();
    assert_eq!(shown_by(&list(&mut browser)), SHIM);
}

#[test]
fn a_module_that_tells_of_changes_itself_is_waited_for_while_somebody_watches() {
    let obedient = Obedient::new();
    let mut browser = obedient.browser();
    let is_waited_for = || obedient.workplace.path("control.waited-on").exists();
    list(&mut browser);
    assert!(!is_waited_for(), "nobody watches");
    browser.ask("watchTokens", json!({"on": true}), Value::Null);
    eventually("C_WaitForSlotEvent is called", is_waited_for);
}

#[test]
fn a_module_that_hangs_is_named_and_those_who_watch_get_the_others_at_once() {
    let obedient = beside_a_good_one();
    obedient.control("hang slots");
    let mut browser = obedient.browser();
    let tokens = browser.ask("watchTokens", json!({"on": true}), Value::Null);
    assert_eq!((shown_by(&tokens), error(&tokens, SHIM)), ("libsofthsm2", &Value::Null), "it is not known yet");
    let event = next_change(&mut browser);
    assert_eq!((shown_by(&event), error(&event, SHIM)), ("libsofthsm2", &json!("module_hangs")));
    browser.create_request("first", "P-256");
    obedient.control("hang end");
    let event = change_until(&mut browser, |event| error(event, SHIM).is_null());
    assert_eq!(shown_by(&event), SHIM);
}

#[test]
fn who_watches_does_not_wait_behind_a_listing_that_a_module_keeps() {
    let obedient = beside_a_good_one();
    obedient.control("hang slots");
    let mut browser = obedient.browser();
    let listing = browser.send("listTokens", Value::Null, Value::Null);
    let tokens = browser.ask("watchTokens", json!({"on": true}), Value::Null);
    assert_eq!(shown_by(&tokens), "libsofthsm2");
    // An answer that had come before is lost by now.
    assert_eq!(error(&browser.answer(&listing)["result"], SHIM), "module_hangs");
}

#[test]
fn a_module_that_goes_on_hanging_is_ended_and_started_again() {
    let obedient = beside_a_good_one();
    obedient.configure(&[shim(), softhsm()], "module_time_limit = 1");
    obedient.control("hang slots");
    let mut browser = obedient.browser();
    browser.ask("watchTokens", json!({"on": true}), Value::Null);
    let first = browser.workers()[SHIM].clone();
    change_until(&mut browser, |event| error(event, SHIM) == "module_hangs");
    obedient.control("");
    let event = change_until(&mut browser, |event| error(event, SHIM).is_null());
    assert_eq!(shown_by(&event), SHIM);
    assert_ne!(browser.workers()[SHIM], first);
    assert!(text(&obedient.workplace.path(LOG)).contains(&format!("error module_hangs ({SHIM}: no answer)")));
}

#[test]
fn a_module_that_crashes_is_named_and_started_again_and_the_others_go_on() {
    let obedient = beside_a_good_one();
    let mut browser = obedient.browser();
    list(&mut browser);
    let good = browser.workers()["libsofthsm2"].clone();
    obedient.control("crash slots");
    let tokens = list(&mut browser);
    assert_eq!((shown_by(&tokens), error(&tokens, SHIM)), ("libsofthsm2", &json!("module_crashed")));
    let tokens = list(&mut browser);
    assert_eq!((shown_by(&tokens), error(&tokens, SHIM)), (SHIM, &Value::Null));
    assert_eq!(browser.workers()["libsofthsm2"], good, "the other one was left alone");
    let log = text(&obedient.workplace.path(LOG));
    assert!(log.contains(&format!("error module_crashed ({SHIM}: signal: 6")), "{log}");
}

#[test]
fn a_module_that_talks_nonsense_is_named_and_the_others_go_on() {
    let obedient = beside_a_good_one();
    obedient.control("nonsense slots");
    let mut browser = obedient.browser();
    let tokens = list(&mut browser);
    assert_eq!((shown_by(&tokens), error(&tokens, SHIM)), ("libsofthsm2", &json!("module_crashed")));
}

#[test]
fn a_module_that_prints_is_noted_once_and_what_it_prints_goes_nowhere() {
    let obedient = beside_a_good_one();
    obedient.control("print always");
    let mut browser = obedient.browser();
    (0..3).for_each(|_| assert_eq!(shown_by(&list(&mut browser)), SHIM));
    browser.create_request("first", "P-256");
    let log = || text(&obedient.workplace.path(LOG));
    eventually("it is not noted", || log().contains(" prints"));
    assert_eq!(browser.close(), (true, String::new()));
    let log = log();
    assert_eq!(log.matches(&format!("info module {SHIM} prints")).count(), 1, "{log}");
    assert!(!log.contains("token-shim prints"), "{log}");
}

#[test]
fn an_operation_whose_module_crashes_says_so_and_its_pair_is_removed_the_next_time() {
    let obedient = Obedient::new();
    for (when, kept) in [("before-generation", 0), ("after-generation", 1)] {
        let mut browser = obedient.browser();
        let token = browser.token("first");
        obedient.control(&format!("crash {when}"));
        let failure = browser.refused("createRequest", request_params(&token, "P-256"), json!({"pin": PIN}));
        assert_eq!(failure["code"], "module_crashed", "{when}: {failure}");
        assert!(failure["detail"].as_str().unwrap().starts_with(&format!("{SHIM}: signal: 6")), "{failure}");
        let private_keys = || obedient.workplace.objects("first").matches("Private Key Object").count();
        assert_eq!(private_keys(), kept, "{when}");
        let created = browser.create_request("first", "P-256");
        assert_eq!(private_keys(), 1, "{when}");
        let params = json!({"token": browser.token("first"), "keyId": created["keyId"]});
        browser.ask("removeKeyPair", params, json!({"pin": PIN}));
    }
}

#[test]
fn an_operation_in_which_a_module_hangs_is_ended_and_can_be_begun_again() {
    let obedient = Obedient::new();
    obedient.configure(&[shim()], "module_time_limit = 1");
    let mut browser = obedient.browser();
    let token = browser.token("first");
    obedient.control("hang login");
    let failure = browser.refused("createRequest", request_params(&token, "P-256"), json!({"pin": PIN}));
    assert_eq!(failure, json!({"code": "module_hangs", "detail": format!("{SHIM}: no answer")}));
    obedient.control("");
    browser.create_request("first", "P-256");
}

#[test]
fn workers_end_with_a_host_that_is_killed_though_their_module_hangs() {
    let obedient = beside_a_good_one();
    obedient.control("hang slots");
    let mut browser = obedient.browser();
    browser.ask("watchTokens", json!({"on": true}), Value::Null);
    let workers: Vec<PathBuf> = browser.workers().into_values().collect();
    assert_eq!(workers.len(), 2);
    drop(browser);
    // One that nobody waited for is a zombie in a container without an init.
    let gone = |worker: &PathBuf| std::fs::read_to_string(worker.join("cmdline")).unwrap_or_default().is_empty();
    eventually("the workers go on without their host", || workers.iter().all(gone));
}

#[test]
fn a_person_at_a_terminal_sees_the_others_and_what_is_wrong() {
    let obedient = beside_a_good_one();
    obedient.control("crash slots");
    let mut command = obedient.workplace.command(env!("CARGO_BIN_EXE_qcert-host"));
    let output = command.args(["tokens", "--json"]).output().unwrap();
    let tokens: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((shown_by(&tokens), error(&tokens, SHIM)), ("libsofthsm2", &json!("module_crashed")));
}

#[test]
fn a_token_that_takes_no_seed_makes_keys_nonetheless() {
    let obedient = Obedient::new();
    obedient.control("seed refused");
    assert_eq!(obedient.browser().create_request("first", "P-256")["sensorTaken"], false);
}

#[test]
fn where_the_reader_has_a_pin_pad_no_pin_comes_from_the_browser() {
    let obedient = Obedient::new();
    obedient.control(&format!("pin pad\npad-entry {PIN}"));
    let mut browser = obedient.browser();
    let token = browser.token("first");
    browser.ask("createRequest", request_params(&token, "P-256"), json!({}));
    obedient.control("pin pad\npad-entry 0000");
    let failure = browser.refused("createRequest", request_params(&token, "P-256"), json!({}));
    assert_eq!(failure["code"], "pin_incorrect");
}

#[test]
fn a_full_token_says_so_and_nothing_is_left_on_it() {
    let obedient = Obedient::new();
    let mut browser = obedient.browser();
    let token = browser.token("first");
    obedient.control("token full");
    let failure = browser.refused("createRequest", request_params(&token, "P-256"), json!({"pin": PIN}));
    assert_eq!(failure["code"], "token_full");
    assert!(!obedient.has_keys());
    obedient.control("");
    let created = browser.create_request("first", "P-256");
    let certificate = base64(&certify(&obedient.workplace, &created));
    obedient.control("token full");
    let params = json!({"token": token, "container": CONTAINER, "certificate": certificate});
    assert_eq!(browser.refused("installCertificate", params.clone(), json!({"pin": PIN}))["code"], "token_full");
    obedient.control("");
    browser.ask("installCertificate", params, json!({"pin": PIN}));
}

#[test]
fn a_token_that_cannot_make_a_key_is_unsuitable_whatever_it_lists() {
    let obedient = Obedient::new();
    let mut browser = obedient.browser();
    let token = browser.token("first");
    obedient.control("mechanisms lie");
    let failure = browser.refused("createRequest", request_params(&token, "P-256"), json!({"pin": PIN}));
    assert_eq!(failure["code"], "token_unsuitable");
    assert!(!obedient.has_keys());
}

#[test]
fn a_token_that_gives_short_attributes_gets_no_request_and_keeps_no_pair() {
    let obedient = Obedient::new();
    let mut browser = obedient.browser();
    let token = browser.token("first");
    for algorithm in ["P-256", "P-384", "RSA-2048"] {
        obedient.control("short attributes");
        let failure = browser.refused("createRequest", request_params(&token, algorithm), json!({"pin": PIN}));
        assert_eq!(failure["code"], "key_generation_failed", "{algorithm}: {failure}");
        obedient.control("");
        assert!(!obedient.has_keys(), "{algorithm}");
    }
    browser.create_request("first", "P-256");
}

#[test]
fn a_module_that_is_installed_later_is_found_by_who_watches() {
    let workplace = Workplace::new();
    let driver = workplace.path("driver.so");
    workplace.configure(&format!(
        "allowed_origins = ['{}']\nmodules = ['{}']",
        crate::workplace::ORIGIN,
        driver.display()
    ));
    let mut browser = workplace.browser();
    let tokens = browser.ask("watchTokens", json!({"on": true}), Value::Null);
    assert_eq!(error(&tokens, "driver"), "module_failed");
    std::fs::copy(softhsm(), &driver).unwrap();
    let event = change_until(&mut browser, |event| event["missing"].is_null());
    assert_eq!(shown_by(&event), "driver");
}

/// 15 MiB each, as a release is measured; this program is not optimised, and its worker has the module in it.
#[test]
fn host_and_worker_are_small_after_an_operation() {
    let obedient = Obedient::new();
    let mut browser = obedient.browser();
    browser.create_request("first", "P-256");
    let own = |process: &Path| kilobytes(process, "RssAnon:") + kilobytes(process, "RssShmem:");
    let (host, worker) = (own(&browser.process()), own(&browser.worker()));
    assert!(host < 15 * 1024 && worker < 15 * 1024, "{host} {worker}");
}
