//! Operators with their tokens, and the people whose applications they keep.

use std::{fs, path::Path};

use qcert_protocol::ActivationCode;
use qcert_test_postgres::Database;
use serde_json::Value;

use crate::support::{Serving, run, stderr, with_applications};

#[test]
fn operators_are_added_with_a_token_that_is_shown_once_and_removed() {
    let directory = tempfile::tempdir().unwrap();
    let add = ["operators", "add", "anna", "--role", "approver", "--role", "auditor", "--days", "5", "--json"];
    let added: serde_json::Value = serde_json::from_slice(&run(directory.path(), &add).stdout).unwrap();
    let token = added["token"].as_str().unwrap();
    assert!(token.starts_with("qcert_operator_") && added["roles"] == serde_json::json!(["approver", "auditor"]));
    let listed = String::from_utf8(run(directory.path(), &["operators", "list", "--json"]).stdout).unwrap();
    assert!(listed.contains("\"anna\"") && !listed.contains(token), "{listed}");
    let again = run(directory.path(), &add);
    assert_eq!(again.status.code(), Some(3), "{}", stderr(&again));
    assert!(run(directory.path(), &["operators", "remove", "anna"]).status.success());
    assert_eq!(run(directory.path(), &["operators", "remove", "anna"]).status.code(), Some(3));
    assert_eq!(run(directory.path(), &["operators", "add", "boris", "--role", "king"]).status.code(), Some(2));
    assert_eq!(run(directory.path(), &["--config", "missing.toml", "operators", "list"]).status.code(), Some(1));
}

#[test]
fn a_renewed_token_works_on_a_running_server_and_the_one_before_ends_when_it_was_said() {
    let database = Database::new().unwrap();
    for url in [None, Some(database.url())] {
        let directory = with_applications();
        if let Some(url) = url {
            let secret = directory.path().join("secret.key");
            fs::write(&secret, [7; 32]).unwrap();
            fs::set_permissions(&secret, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
            let settings = format!("[database]\nurl = '{url}'\n[secret]\nfile = 'secret.key'\n");
            fs::write(directory.path().join("qcert.toml"), settings).unwrap();
        }
        let typed = |arguments: &[&str]| typed(directory.path(), arguments);
        let token = |answer: &Value| answer["token"].as_str().unwrap().to_owned();
        let first = token(&typed(&["operators", "add", "anna", "--role", "auditor"]));
        let serving = Serving::start(directory.path());
        let lets_in = |token: &str| {
            let line = format!("GET /api/v1/operator/audit HTTP/1.1\r\nAuthorization: Bearer {token}\r\n");
            let answer = serving.ask(&line, "");
            assert!(answer.starts_with("HTTP/1.1 200") || answer.contains("operator_token_required"), "{answer}");
            answer.starts_with("HTTP/1.1 200")
        };
        assert!(lets_in(&first));
        let renewed = typed(&["operators", "renew", "anna", "--days", "5", "--overlap", "2"]);
        let second = token(&renewed);
        assert_eq!((&renewed["name"], &renewed["roles"]), (&"anna".into(), &serde_json::json!(["auditor"])));
        assert!(second != first && lets_in(&second) && lets_in(&first));
        let third = token(&typed(&["operators", "renew", "anna", "--by", "boris"]));
        assert!(lets_in(&third) && !lets_in(&second) && !lets_in(&first), "without a word the one before ends at once");

        let fails = |arguments: &[&str]| run(directory.path(), arguments).status.code().unwrap();
        assert_eq!(fails(&["operators", "renew", "nobody"]), 3);
        assert_eq!(fails(&["operators", "renew", "anna", "--days", "367"]), 3);
        assert_eq!(fails(&["operators", "renew", "anna", "--overlap", "169"]), 3);
        assert_eq!(fails(&["operators", "renew", "anna", "--overlap", "-1"]), 2);
        assert!(lets_in(&third), "what was refused has changed nothing");
        let line = format!("GET /api/v1/operator/audit HTTP/1.1\r\nAuthorization: Bearer {third}\r\n");
        let audit = serving.ask(&line, "");
        assert!(audit.contains("operator renewed") && audit.contains("\"boris\""), "{audit}");
        assert!(audit.contains("anna, the earlier good for 7200 s more"), "{audit}");
        assert!(![first, second, third.clone()].iter().any(|token| audit.contains(token.as_str())), "{audit}");
        assert_eq!(fails(&["operators", "remove", "anna"]), 0);
        assert!(!lets_in(&third));
        assert_eq!(fails(&["operators", "renew", "anna"]), 3, "who was removed stays removed");
    }
}

/// What a command answers as JSON.
fn typed(directory: &Path, arguments: &[&str]) -> Value {
    let output = run(directory, &[arguments, &["--json"]].concat());
    assert!(output.status.success(), "{}", stderr(&output));
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn a_table_is_imported_and_searched_and_what_is_wrong_with_it_is_told_to_scripts() {
    let directory = with_applications();
    let columns = "number;phone;kind;surname;givenName;country;region;locality;email;snils;innPerson\n";
    let line = "70000001;89990000001;person;Щукин;Пётр Ильич;RU;66 Свердловская область;Екатеринбург;p@e.ru";
    let good = format!("{columns}{line};075-001-221 05;500100732259\n");
    let file = directory.path().join("table.csv");
    std::fs::write(&file, good.replace("221 05", "221 06")).unwrap();
    let refused = run(directory.path(), &["applications", "import", "table.csv", "--json"]);
    assert_eq!(refused.status.code(), Some(3));
    let told: serde_json::Value = serde_json::from_slice(&refused.stdout).unwrap();
    let fault = &told["faults"][0];
    assert_eq!((&fault["line"], &fault["field"]), (&serde_json::json!(2), &serde_json::json!("snils")));
    assert!(stderr(&refused).contains("line 2: snils: check digits do not fit"), "{}", stderr(&refused));
    std::fs::write(&file, good).unwrap();
    let imported = run(directory.path(), &["applications", "import", "table.csv"]);
    assert_eq!(String::from_utf8_lossy(&imported.stdout), "1 added, 0 changed, 0 unchanged\n");
    let found = run(directory.path(), &["applications", "search", "name", "щукин", "--json"]);
    let found: serde_json::Value = serde_json::from_slice(&found.stdout).unwrap();
    assert_eq!((&found[0]["number"], found.as_array().unwrap().len()), (&serde_json::json!("70000001"), 1));
    let wrong = run(directory.path(), &["applications", "search", "snils", "1"]);
    assert_eq!(wrong.status.code(), Some(3));
    assert!(stderr(&wrong).contains("field_invalid; value: not of the expected form"), "{}", stderr(&wrong));
}

#[test]
fn a_new_phone_is_proposed_and_waits() {
    let directory = with_applications();
    let propose = ["phones", "propose", "67092365", "+79990000000", "--by", "anna", "--json"];
    let proposed: serde_json::Value = serde_json::from_slice(&run(directory.path(), &propose).stdout).unwrap();
    let id = proposed["id"].as_str().unwrap();
    let same = run(directory.path(), &["phones", "confirm", id, "--by", "anna"]);
    assert!(same.status.code() == Some(3) && stderr(&same).contains("second_operator_required"), "{same:?}");
    let early = run(directory.path(), &["phones", "confirm", id, "--by", "boris"]);
    assert!(early.status.code() == Some(3) && stderr(&early).contains("phone_change_too_early; in "), "{early:?}");
    assert!(run(directory.path(), &["phones", "cancel", id, "--by", "boris"]).status.success());
    assert_eq!(String::from_utf8_lossy(&run(directory.path(), &["phones", "list"]).stdout), "");
    let unlocked = run(directory.path(), &["phones", "unlock", "+79222114545"]);
    assert_eq!(String::from_utf8_lossy(&unlocked.stdout), "no try was taken from it\n");
    assert_eq!(String::from_utf8_lossy(&run(directory.path(), &["mistakes", "list", "--json"]).stdout), "[]\n");
}

#[test]
fn an_activation_code_is_made_and_shown_once() {
    let directory = with_applications();
    let make = ["applications", "activation-code", "67092365", "--by", "anna"];
    let first = String::from_utf8(run(directory.path(), &make).stdout).unwrap();
    assert!(ActivationCode::parse(&first).is_some(), "{first}");
    let second = run(directory.path(), &[&make[..], &["--json"]].concat());
    let second: serde_json::Value = serde_json::from_slice(&second.stdout).unwrap();
    assert_eq!(second["number"], "67092365");
    assert!(ActivationCode::parse(second["code"].as_str().unwrap()).is_some() && second["code"] != first.trim());
    let unknown = run(directory.path(), &["applications", "activation-code", "1"]);
    assert!(unknown.status.code() == Some(3) && stderr(&unknown).contains("application_not_found"), "{unknown:?}");
}

#[test]
fn activation_codes_of_all_that_have_none_are_in_a_table_for_its_owner_alone() {
    use std::os::unix::fs::PermissionsExt;
    let directory = with_applications();
    run(directory.path(), &["applications", "activation-code", "67092365"]);
    let make = ["applications", "activation-codes", "codes.csv", "--by", "anna"];
    let made = run(directory.path(), &make);
    assert_eq!(
        String::from_utf8_lossy(&made.stdout),
        "made 5 codes; they are in codes.csv alone\n",
        "{}",
        stderr(&made)
    );
    let file = directory.path().join("codes.csv");
    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    let table = std::fs::read_to_string(&file).unwrap();
    let lines: Vec<&str> = table.trim_start_matches('\u{feff}').lines().collect();
    assert_eq!((lines[0], lines.len()), ("number;holder;organization;code", 6));
    assert!(lines[1..].iter().all(|line| !line.starts_with("67092365;")));
    assert!(lines[1..].iter().all(|line| ActivationCode::parse(line.rsplit(';').next().unwrap()).is_some()));
    assert!(!directory.path().join("codes.csv.draft").exists());

    let again = run(directory.path(), &make);
    assert!(again.status.code() == Some(1) && stderr(&again).contains("is there already"), "{again:?}");
    let none = run(directory.path(), &["applications", "activation-codes", "others.csv"]);
    assert_eq!(String::from_utf8_lossy(&none.stdout), "no application is without a code\n");
    assert!(!directory.path().join("others.csv").exists());
}
