//! Native messaging.

use serde_json::json;

use crate::workplace::{EXTENSION, ORIGIN, Workplace};

#[test]
fn a_browser_hears_hello_whichever_it_is() {
    let workplace = Workplace::new();
    let manifest = workplace.path("ru.qcert.host.firefox.json");
    for arguments in [[EXTENSION, "--parent-window=0"], [manifest.to_str().unwrap(), "portal@qcert.ru"]] {
        let mut browser = workplace.browser(&arguments);
        let hello = browser.next();
        assert_eq!(hello["event"], "hello");
        assert_eq!(hello["hostVersion"], env!("CARGO_PKG_VERSION"));
        browser.close();
    }
}

/// A pipe in text mode would end at 0x1A and change 0x0A.
#[test]
fn a_frame_comes_through_byte_by_byte() {
    let workplace = Workplace::new();
    workplace.file(r"roaming\Qcert\host.toml", &format!("allowed_origins = ['{ORIGIN}']"));
    let mut browser = workplace.browser(&[EXTENSION]);
    browser.next();
    let request =
        json!({"id": "Ж\u{1a}\r\n", "origin": ORIGIN, "command": "cancel", "params": {"request": "1"}}).to_string();
    // So long that its length has both of them, too.
    browser.send(&format!("{request}{}", " ".repeat(0x1a0a - request.len())));
    let answer = browser.next();
    assert_eq!(answer["id"], "Ж\u{1a}\r\n", "{answer}");
    assert_eq!(answer["result"]["found"], false, "{answer}");
    browser.close();
}

#[test]
fn the_administrators_list_wins_and_another_site_is_refused() {
    let workplace = Workplace::new();
    workplace.file(r"roaming\Qcert\host.toml", "allowed_origins = ['https://mine.example']");
    workplace.file(r"everybody\Qcert\host.toml", &format!("allowed_origins = ['{ORIGIN}']"));
    let mut browser = workplace.browser(&[EXTENSION]);
    browser.next();
    for (origin, code) in [("https://mine.example", "origin_refused"), (ORIGIN, "command_unknown")] {
        browser.send(&json!({"id": "1", "origin": origin, "command": "no such command"}).to_string());
        assert_eq!(browser.next()["error"]["code"], code);
    }
    browser.close();
    let log = std::fs::read_to_string(workplace.path(r"local\Qcert\host.log")).unwrap();
    let lines: Vec<_> = log.lines().map(|line| line.splitn(3, ' ').nth(2).unwrap()).collect();
    let (started, rest) = lines.split_first().unwrap();
    assert!(started.starts_with("info started, version "), "{log}");
    let expected =
        ["error a frame was refused: origin_refused", "error a frame was refused: command_unknown", "info ended"];
    assert_eq!(rest, expected, "nothing that was to be given up was kept: {log}");
}

#[test]
fn a_library_that_is_no_module_is_named_and_the_host_goes_on() {
    let workplace = Workplace::new();
    let root = std::env::var("SystemRoot").unwrap();
    let modules = format!(r"modules = ['{root}\System32\version.dll', '{root}\System32\no-such-module.dll']");
    workplace.file(r"roaming\Qcert\host.toml", &format!("allowed_origins = ['{ORIGIN}']\n{modules}"));
    let mut browser = workplace.browser(&[EXTENSION]);
    browser.next();
    browser.send(&json!({"id": "1", "origin": ORIGIN, "command": "listTokens"}).to_string());
    let answer = browser.next();
    let modules = answer["result"]["modules"].as_array().unwrap_or_else(|| panic!("{answer}"));
    let told: Vec<_> = modules.iter().map(|module| (module["name"].as_str(), module["error"].as_str())).collect();
    let failed = Some("module_failed");
    assert_eq!(told, [(Some("version"), failed), (Some("no-such-module"), failed)], "{answer}");
    browser.close();
}

#[test]
fn a_module_is_understood_and_what_it_prints_is_in_no_frame() {
    let module = std::env::var("QCERT_TEST_READER").expect("names the module that reader.c was compiled to");
    let workplace = Workplace::new();
    let modules = format!("modules = ['{module}']");
    workplace.file(r"roaming\Qcert\host.toml", &format!("allowed_origins = ['{ORIGIN}']\n{modules}"));
    let mut browser = workplace.browser(&[EXTENSION]);
    browser.next();
    browser.send(&json!({"id": "1", "origin": ORIGIN, "command": "listTokens"}).to_string());
    let answer = browser.next();
    assert_eq!(answer["result"]["modules"][0]["description"], "a reader 4.2", "{answer}");
    assert_eq!(answer["result"]["readers"][0]["name"], "An empty reader", "{answer}");
    assert_eq!(answer["result"]["missing"], "token_missing", "{answer}");
    let prints = || std::fs::read_to_string(workplace.path(r"local\Qcert\host.log")).unwrap().contains(" prints");
    let noted = (0..500).any(|_| prints() || (std::thread::sleep(std::time::Duration::from_millis(20)), false).1);
    assert!(noted, "the log does not say that it prints");
    assert_eq!(browser.close(), "", "what it prints goes nowhere");
}
