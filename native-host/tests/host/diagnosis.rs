//! `diagnose`, and the support bundle of `doctor --bundle`.

use serde_json::{Value, json};

use crate::workplace::{Browser, CONTAINER, PIN, Workplace, base64, certify, text};

/// The token's label, as somebody may call theirs.
const LABEL: &str = "Токен Иванова";

/// A workplace whose token has a key and its certificate, and a host that has worked with it.
fn used() -> (Workplace, Browser) {
    let workplace = Workplace::without_token();
    workplace.add_token(LABEL, PIN);
    let mut browser = workplace.browser();
    let created = browser.create_request(LABEL, "P-256");
    let (token, certificate) = (browser.token(LABEL), base64(&certify(&workplace, &created)));
    let params = json!({"token": token, "container": CONTAINER, "certificate": certificate});
    browser.ask("installCertificate", params, json!({"pin": PIN}));
    (workplace, browser)
}

fn diagnose(browser: &mut Browser, personal: bool) -> Value {
    browser.ask("diagnose", json!({"names": personal, "log": personal}), Value::Null)
}

/// What is said of a part.
fn checks<'a>(diagnosis: &'a Value, part: &str) -> Vec<&'a Value> {
    diagnosis["checks"].as_array().unwrap().iter().filter(|check| check["part"] == part).collect()
}

#[test]
fn a_diagnosis_has_every_part_behind_the_browser_and_needs_no_pin() {
    let (_workplace, mut browser) = used();
    let diagnosis = diagnose(&mut browser, true);
    for part in ["host", "module", "reader", "token", "store"] {
        assert!(!checks(&diagnosis, part).is_empty(), "{part}: {diagnosis}");
    }
    assert_eq!(checks(&diagnosis, "token")[0]["state"], "ok");
    assert!(checks(&diagnosis, "token")[0]["name"].as_str().unwrap().starts_with(LABEL));
    assert_eq!(diagnosis["hostVersion"], env!("CARGO_PKG_VERSION"));
    assert!(diagnosis["system"]["name"].is_string());
    assert!(diagnosis["log"].as_array().unwrap().iter().any(|line| line.as_str().unwrap().contains("createRequest")));
}

#[test]
fn a_diagnosis_names_what_is_missing() {
    let workplace = Workplace::without_token();
    let mut browser = workplace.browser();
    let diagnosis = diagnose(&mut browser, false);
    let missing: Vec<_> = diagnosis["checks"].as_array().unwrap().iter().filter(|c| c["state"] == "missing").collect();
    assert!(missing.iter().any(|check| check["code"] == "reader_missing"), "{diagnosis}");
}

#[test]
fn a_site_that_may_not_use_the_host_gets_no_diagnosis() {
    let workplace = Workplace::new();
    let mut browser = workplace.browser();
    let request = json!({
        "id": "1", "origin": "https://evil.example", "command": "diagnose", "params": {"names": true, "log": true},
    });
    browser.send_text(&request.to_string());
    assert_eq!(browser.answer("1"), json!({"id": "1", "error": {"code": "origin_refused"}}));
    assert_eq!(browser.refused("diagnose", json!({"names": true}), Value::Null)["code"], "frame_malformed");
}

/// What nobody's bundle has in it, whatever the person allowed.
fn assert_no_secret(workplace: &Workplace, bundle: &str) {
    let home = workplace.path("home").to_string_lossy().into_owned();
    let organisation = CONTAINER.split('-').next_back().unwrap();
    for secret in [PIN, CONTAINER, organisation, "АвтоСпор", "Test CA", home.as_str()] {
        assert!(!bundle.contains(secret), "{secret}: {bundle}");
    }
}

#[test]
fn a_bundle_has_no_name_unless_the_person_allows_it_and_never_a_secret() {
    let (workplace, mut browser) = used();
    let serial = browser.ask("listTokens", Value::Null, Value::Null)["readers"][0]["token"]["name"]["serial"].clone();
    let serial = serial.as_str().unwrap();
    let file = workplace.path("home/bundle.json");
    let name = file.to_str().unwrap();

    let plain = diagnose(&mut browser, false).to_string();
    workplace.host(["doctor", "--bundle", name]);
    for bundle in [plain, text(&file)] {
        assert_no_secret(&workplace, &bundle);
        assert!(!bundle.contains(LABEL) && !bundle.contains(&format!("\"{LABEL} {serial}")), "{bundle}");
        assert!(!bundle.contains("createRequest"), "{bundle}");
    }

    let allowed = diagnose(&mut browser, true).to_string();
    workplace.host(["doctor", "--bundle", name, "--personal"]);
    for bundle in [allowed, text(&file)] {
        assert_no_secret(&workplace, &bundle);
        assert!(bundle.contains(&format!("{LABEL} {serial}")) && bundle.contains("createRequest"), "{bundle}");
    }
}

#[test]
fn a_bundle_is_readable_json_for_this_persons_eyes() {
    use std::os::unix::fs::PermissionsExt;
    let workplace = Workplace::new();
    let file = workplace.path("bundle.json");
    let output = workplace.host(["doctor", "--bundle", file.to_str().unwrap()]);
    assert!(String::from_utf8_lossy(&output.stdout).contains("bundle.json"), "{output:?}");
    let bundle: Value = serde_json::from_str(&text(&file)).unwrap();
    assert_eq!(bundle["bundle"], 1);
    assert!(!checks(&bundle["host"], "clock").is_empty());
    assert!(text(&file).lines().count() > 20);
    assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600);
}

#[test]
fn a_home_is_written_as_a_tilde() {
    let workplace = Workplace::new();
    workplace.host(["register", "--portal", "https://ca.example", "--browser", "chromium"]);
    let mut browser = workplace.browser();
    let diagnosis = diagnose(&mut browser, false);
    let registration = checks(&diagnosis, "registration")[0];
    assert!(registration["subject"].as_str().unwrap().contains("~/.config/chromium"), "{registration}");
    assert!(!diagnosis.to_string().contains("https://ca.example"), "other sites are not a page's affair");
}
