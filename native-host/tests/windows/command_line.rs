//! What a person does in a terminal, and what is in the registry afterwards.

use serde_json::{Value, json};

use crate::workplace::{EXTENSION, ORIGIN, Workplace, reg, registry};

/// The browsers' keys below `Software`, and the names of their manifests.
const BROWSERS: [(&str, &str); 4] = [
    (r"Chromium\NativeMessagingHosts", "chromium"),
    (r"Google\Chrome\NativeMessagingHosts", "chrome"),
    (r"Microsoft\Edge\NativeMessagingHosts", "edge"),
    (r"Mozilla\NativeMessagingHosts", "firefox"),
];

fn assert_registered(root: &str, folder: &std::path::Path) {
    for (key, browser) in BROWSERS {
        let path = folder.join(format!("ru.qcert.host.{browser}.json"));
        let found = registry(&format!(r"{root}\Software\{key}\ru.qcert.host"));
        assert!(found.contains(&format!("REG_SZ    {}", path.display())), "{browser}: {found}");
        let manifest: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
        assert_eq!(manifest["name"], "ru.qcert.host");
        let program = manifest["path"].as_str().unwrap();
        assert!(program.ends_with("qcert-host.exe") && std::path::Path::new(program).is_file(), "{manifest}");
        match browser {
            "firefox" => assert_eq!(manifest["allowed_extensions"], json!(["portal@qcert.ru"])),
            _ => assert_eq!(manifest["allowed_origins"], json!([EXTENSION])),
        }
    }
}

/// All that is in the registry for browsers' hosts.
fn registered(root: &str) -> String {
    BROWSERS.iter().map(|(key, _)| registry(&format!(r"{root}\Software\{key}"))).collect()
}

#[test]
fn registering_twice_is_as_good_as_once_and_unregistering_leaves_nothing() {
    for (options, root, folder) in [(None, "HKCU", "roaming"), (Some("--system"), "HKLM", "everybody")] {
        let workplace = Workplace::new();
        let before = registered(root);
        let target = [&["--browser", "all", "--portal", ORIGIN], options.as_slice()].concat();
        for _ in 0..2 {
            workplace.done(&[&["register"], &target[..]].concat());
            let folder = workplace.path(folder).join("Qcert");
            assert_registered(root, &folder);
            let configuration = std::fs::read_to_string(folder.join("host.toml")).unwrap();
            assert_eq!(configuration.matches(ORIGIN).count(), 1, "{configuration}");
        }
        for _ in 0..2 {
            workplace.done(&[&["unregister"], &target[..]].concat());
            assert_eq!(registered(root), before);
            assert!(!workplace.path(folder).join("Qcert").exists());
        }
    }
}

#[test]
fn another_host_of_the_same_browser_stays() {
    const OTHER: &str = r"HKCU\Software\Google\Chrome\NativeMessagingHosts\com.example.other";
    let workplace = Workplace::new();
    let before = registered("HKCU");
    reg(&["add", OTHER, "/ve", "/d", r"C:\other.json"]);
    workplace.done(&["register", "--browser", "chrome", "--portal", ORIGIN]);
    workplace.done(&["unregister", "--browser", "chrome"]);
    assert!(registry(OTHER).contains(r"C:\other.json"));
    reg(&["delete", OTHER]);
    workplace.done(&["unregister", "--browser", "chrome"]);
    assert_eq!(registered("HKCU"), before, "keys that are empty were to go");
    assert!(workplace.path(r"roaming\Qcert\host.toml").exists(), "the portal was to stay allowed");
}

#[test]
fn a_user_data_dir_is_refused_for_browsers_do_not_look_there() {
    let workplace = Workplace::new();
    let before = registered("HKCU");
    let output = workplace.host(&["register", "--browser", "chrome", "--portal", ORIGIN, "--user-data-dir", "profile"]);
    assert!(!output.status.success());
    assert!(String::from_utf8_lossy(&output.stderr).contains("--user-data-dir"), "{output:?}");
    assert_eq!(registered("HKCU"), before);
}

#[test]
fn the_doctor_sees_the_registration_and_the_store() {
    let workplace = Workplace::new();
    let checks = |of: &str| -> Vec<Value> {
        let output = workplace.host(&["doctor", "--json"]);
        let checks: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{output:?}"));
        checks.as_array().unwrap().iter().filter(|check| check["part"] == of).cloned().collect()
    };
    assert_eq!(checks("registration")[0]["code"], "host_missing");
    workplace.done(&["register", "--browser", "edge", "--portal", ORIGIN]);
    let registration = checks("registration");
    let subject = registration[0]["subject"].as_str().unwrap();
    assert!(subject.starts_with("Microsoft Edge (user): ") && subject.ends_with("edge.json"), "{registration:?}");
    assert_eq!(registration[0]["state"], "ok");
    assert_eq!(checks("store"), [json!({"part": "store", "subject": "My", "state": "ok"})]);
    std::fs::remove_file(workplace.path(r"roaming\Qcert\ru.qcert.host.edge.json")).unwrap();
    assert_eq!(checks("registration")[0]["code"], "host_missing");
    workplace.done(&["unregister", "--browser", "edge"]);
}

#[test]
fn help_names_the_places_of_windows() {
    let output = Workplace::new().host(&["--help"]);
    let help = String::from_utf8_lossy(&output.stdout).into_owned();
    for place in [r"%ProgramData%\Qcert\host.toml", r"%APPDATA%\Qcert\host.toml", r"%LOCALAPPDATA%\Qcert\host.log"] {
        assert!(help.contains(place), "{help}");
    }
}
