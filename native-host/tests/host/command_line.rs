//! What a person does in a terminal.

use serde_json::{Value, json};

use crate::workplace::{Workplace, text};

const MANIFEST: &str = "ru.qcert.host.json";

fn register(workplace: &Workplace, arguments: &[&str]) -> std::process::Output {
    workplace.host([&["register", "--portal", "https://ca.example"], arguments].concat())
}

#[test]
fn registering_writes_the_manifest_and_allows_the_portal_once() {
    let workplace = Workplace::new();
    for _ in 0..2 {
        let output = register(&workplace, &["--browser", "all"]);
        assert!(output.status.success(), "{output:?}");
    }
    for place in [
        ".config/chromium/NativeMessagingHosts",
        ".config/google-chrome/NativeMessagingHosts",
        ".config/microsoft-edge/NativeMessagingHosts",
        ".mozilla/native-messaging-hosts",
    ] {
        let manifest: Value = serde_json::from_str(&text(&workplace.path("home").join(place).join(MANIFEST))).unwrap();
        assert_eq!(manifest["name"], "ru.qcert.host");
        assert_eq!(manifest["type"], "stdio");
        assert_eq!(manifest["path"], env!("CARGO_BIN_EXE_qcert-host"));
    }
    let configuration = text(&workplace.path("host.toml"));
    assert_eq!(configuration.matches("https://ca.example").count(), 1, "{configuration}");
    assert!(configuration.contains("http://localhost:8080") && configuration.contains("modules"), "{configuration}");
}

#[test]
fn a_browser_with_its_own_user_data_dir_is_registered_there() {
    let workplace = Workplace::new();
    let profile = workplace.path("profile");
    let output = register(&workplace, &["--browser", "chromium", "--user-data-dir", profile.to_str().unwrap()]);
    assert!(output.status.success(), "{output:?}");
    let manifest: Value = serde_json::from_str(&text(&profile.join("NativeMessagingHosts").join(MANIFEST))).unwrap();
    assert_eq!(manifest["allowed_origins"], json!(["chrome-extension://janafhkdmnhiphgcpjmeohjibkidkkib/"]));
    assert!(!workplace.path("home/.config").exists());
}

#[test]
fn unregistering_takes_everything_back() {
    let workplace = Workplace::new();
    register(&workplace, &["--browser", "all"]);
    for _ in 0..2 {
        let output = workplace.host(["unregister", "--browser", "all", "--portal", "https://ca.example"]);
        assert!(output.status.success(), "{output:?}");
    }
    let left = workplace.run("find", [workplace.path("home").to_str().unwrap(), "-name", MANIFEST]);
    assert!(left.stdout.is_empty(), "{left:?}");
    assert!(!text(&workplace.path("host.toml")).contains("https://ca.example"));
}

#[test]
fn what_is_no_origin_is_refused_and_nothing_is_written() {
    let workplace = Workplace::new();
    let before = text(&workplace.path("host.toml"));
    let output = workplace.host(["register", "--browser", "chromium", "--portal", "https://ca.example/"]);
    assert!(!output.status.success());
    assert_eq!(text(&workplace.path("host.toml")), before);
    assert!(!workplace.path("home/.config").exists());
}

#[test]
fn tokens_are_listed_for_programs_as_for_the_page() {
    let workplace = Workplace::new();
    let output = workplace.host(["tokens", "--json"]);
    let tokens: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(tokens["readers"][0]["token"]["name"]["label"], "first");
    let human = workplace.host(["tokens"]);
    assert!(String::from_utf8_lossy(&human.stdout).contains("first"));
}

#[test]
fn the_doctor_names_what_is_missing_and_what_to_do() {
    let workplace = Workplace::without_token();
    let output = workplace.host(["doctor", "--json"]);
    assert!(!output.status.success());
    let checks: Value = serde_json::from_slice(&output.stdout).unwrap();
    let of = |code: &str| checks.as_array().unwrap().iter().find(|check| check["code"] == code).unwrap().clone();
    for code in ["reader_missing", "host_missing"] {
        let check = of(code);
        assert_eq!(check["state"], "missing");
        for words in [&check["cause"], &check["remedy"]] {
            assert!(words["ru"].is_string() && words["en"].is_string(), "{check}");
        }
    }
}

#[test]
fn the_doctor_is_content_with_a_workplace_that_works() {
    let workplace = Workplace::new();
    register(&workplace, &["--browser", "chromium"]);
    let output = workplace.host(["doctor"]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
}

#[test]
fn the_doctor_tells_a_host_that_may_not_be_started_from_one_that_is_not_there() {
    let workplace = Workplace::new();
    register(&workplace, &["--browser", "chromium"]);
    let manifest = workplace.path("home/.config/chromium/NativeMessagingHosts/ru.qcert.host.json");
    let registered = text(&manifest);
    let program = env!("CARGO_BIN_EXE_qcert-host");
    let not_executable = workplace.file("not-executable", "").to_string_lossy().into_owned();
    for (good, bad, code) in [
        ("janafhkdmnhiphgcpjmeohjibkidkkib", "another", "host_forbidden"),
        (program, "/no/such/program", "host_missing"),
        (program, not_executable.as_str(), "host_missing"),
        ("{", "", "host_missing"),
    ] {
        assert!(registered.contains(good));
        std::fs::write(&manifest, registered.replace(good, bad)).unwrap();
        let output = workplace.host(["doctor", "--json"]);
        let checks: Value = serde_json::from_slice(&output.stdout).unwrap();
        let found = checks.as_array().unwrap().iter().find(|check| check["code"] == code);
        let found = found.unwrap_or_else(|| panic!("{bad}: {checks}"));
        assert!(found["remedy"]["ru"].is_string());
        assert!(!output.status.success(), "{bad}");
    }
}

#[test]
fn help_suffices() {
    let output = Workplace::without_token().host(["--help"]);
    let help = String::from_utf8_lossy(&output.stdout).into_owned();
    for word in ["register", "unregister", "doctor", "tokens", "QCERT_HOST_CONFIG", "allowed_origins"] {
        assert!(help.contains(word), "{help}");
    }
}
