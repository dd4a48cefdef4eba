//! What the host writes down for the support.

use std::{os::unix::fs::PermissionsExt, process::Command};

use serde_json::{Value, json};

use crate::workplace::{Browser, CONTAINER, ORIGIN, PIN, Workplace, base64, request_params, softhsm, text};

const LOG: &str = "home/.local/state/qcert/host.log";

#[test]
fn the_log_tells_what_was_done_and_what_went_wrong_and_no_secret() {
    let workplace = Workplace::new();
    let mut browser = workplace.browser();
    let token = browser.token("first");
    browser.create_request("first", "P-256");
    browser.refused("createRequest", request_params(&token, "P-256"), json!({"pin": "secret-9182"}));
    browser.refused("secret-command", json!({"secret": 1}), Value::Null);
    browser.send_text(&json!({"id": "a", "origin": "https://secret.example", "command": "listTokens"}).to_string());
    browser.answer("a");
    browser.close();
    let log = text(&workplace.path(LOG));
    let said: Vec<_> = log.lines().map(|line| line.splitn(3, ' ').nth(2).unwrap()).collect();
    assert_eq!(said[0], format!("info started, version {}", env!("CARGO_PKG_VERSION")));
    assert!(said[1].starts_with("info module libsofthsm2: Implementation of PKCS11 2."), "{log}");
    let rest = [
        "info createRequest: done",
        "error createRequest: pin_incorrect (libsofthsm2: CKR_PIN_INCORRECT)",
        "error a frame was refused: command_unknown",
        "error a frame was refused: origin_refused",
        "info ended",
    ];
    assert_eq!(said[2..], rest, "{log}");
    for secret in [PIN, "secret", CONTAINER, ORIGIN, "АвтоСпор", &base64(&[0x5a; 64]), &token] {
        assert!(!log.contains(secret), "{secret}: {log}");
    }
    let mode = std::fs::metadata(workplace.path(LOG)).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[test]
fn the_log_is_switched_off_in_the_configuration() {
    let workplace = Workplace::new();
    let modules = format!("allowed_origins = ['{ORIGIN}']\nmodules = ['{}']\n", softhsm().display());
    workplace.configure(&format!("{modules}log = 'off'"));
    workplace.browser().close();
    assert!(!workplace.path(LOG).exists());
    workplace.configure(&format!("{modules}log = 'loud'"));
    workplace.browser().close();
    assert!(text(&workplace.path(LOG)).contains("error configuration: understanding "));
}

/// Root may lock as much as it likes, so the right to do so is taken away first.
#[test]
fn a_system_that_locks_no_memory_is_told_once_and_serves_nonetheless() {
    let workplace = Workplace::new();
    let host = env!("CARGO_BIN_EXE_qcert-host");
    let mut command = workplace.command("setpriv");
    let privileged = Command::new("setpriv").args(["--bounding-set", "-ipc_lock", "true"]).status().unwrap().success();
    if privileged {
        command.args(["--bounding-set", "-ipc_lock"]);
    }
    command.args(["--nnp", "prlimit", "--memlock=0:0", host]);
    let mut browser = Browser::start(command);
    assert_eq!(browser.next()["event"], "hello");
    browser.create_request("first", "P-256");
    browser.token("first");
    browser.close();
    assert_eq!(text(&workplace.path(LOG)).matches("error memory cannot be locked").count(), 1);
}
