//! `qcert-server config check`: everything that is wrong, at once, and nothing changed.

use std::{
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use qcert_test_postgres::Database;
use serde_json::Value;

use crate::support::{run, stderr, with_applications};

/// The findings, as setting and problem.
fn checked(directory: &Path, settings: &str) -> Vec<(String, String)> {
    std::fs::write(directory.join("qcert.toml"), settings).unwrap();
    let output = run(directory, &["config", "check", "--json"]);
    let answer: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{}", stderr(&output)));
    let findings = answer["findings"].as_array().unwrap();
    assert_eq!(answer["good"], findings.is_empty(), "{answer}");
    assert_eq!(output.status.code(), Some(if findings.is_empty() { 0 } else { 1 }), "{answer}");
    let text = |finding: &Value, name: &str| finding[name].as_str().unwrap().to_owned();
    findings.iter().map(|finding| (text(finding, "setting"), text(finding, "problem"))).collect()
}

fn settings_of(findings: &[(String, String)]) -> Vec<&str> {
    findings.iter().map(|(setting, _)| setting.as_str()).collect()
}

/// All files below a directory, with what is in them.
fn files(directory: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            found.push((path.clone(), std::fs::read(&path).unwrap()));
        }
    }
    found.sort();
    found
}

#[test]
fn settings_that_can_be_used_are_called_so_and_nothing_is_made() {
    let directory = tempfile::tempdir().unwrap();
    assert!(run(directory.path(), &["ca", "init"]).status.success());
    std::fs::write(directory.path().join("qcert.toml"), "[ca]\nsignature_journal = 'log/journal'").unwrap();
    let before = files(directory.path());
    let output = run(directory.path(), &["config", "check"]);
    assert_eq!(String::from_utf8_lossy(&output.stdout), "the settings can be used\n", "{}", stderr(&output));
    assert_eq!(files(directory.path()), before, "neither database nor secret nor journal");
}

#[test]
fn a_database_that_is_there_is_looked_at_and_left_as_it_is() {
    let directory = with_applications();
    let before = files(directory.path());
    assert_eq!(settings_of(&checked(directory.path(), "")), [""; 0]);
    std::fs::remove_file(directory.path().join("qcert.toml")).unwrap();
    assert_eq!(files(directory.path()), before);
    // user_version, in the file's header.
    let database = directory.path().join("data/qcert.sqlite");
    let connection = rusqlite::Connection::open(&database).unwrap();
    connection.execute_batch("PRAGMA user_version = 99").unwrap();
    drop(connection);
    let found = checked(directory.path(), "");
    assert!(found.len() == 1 && found[0].0 == "database.url" && found[0].1.contains("of a newer server"), "{found:?}");
    std::fs::write(&database, "no database at all, whatever its name is").unwrap();
    assert_eq!(settings_of(&checked(directory.path(), "")), ["database.url"]);
}

#[test]
fn everything_that_is_wrong_is_told_at_once_by_the_settings_name() {
    let directory = tempfile::tempdir().unwrap();
    let secret = directory.path().join("secret");
    std::fs::write(&secret, "x").unwrap();
    std::fs::set_permissions(&secret, std::fs::Permissions::from_mode(0o644)).unwrap();
    let settings = "[server]\nlisten = '192.0.2.1:80'\nfrontend = 'page'\n\
        [otp]\ntries = 0\nlives = 9\n\
        [log]\nformat = 'xml'\n\
        [secret]\nfile = 'secret'\n\
        [ca]\npassphrase_file = 'nowhere'\nsignature_journal = 'secret/journal'\n\
        [sms.first]\nkind = 'http'\nurl = 'https://gateway.invalid/?to={{phone}}&text={{text}}'\nca_file = 'no.pem'\n\
        [sms.second]\nkind = 'http'\nurl = 'http://127.0.0.1/?to={{phone}}&text={{text}}&key={{secret}}'\n\
        secret_file = 'secret'";
    // The environment of these tests names an address of its own, which is good.
    let found = checked(directory.path(), settings);
    let mut names = settings_of(&found);
    names.sort_unstable();
    let expected = [
        "ca.passphrase_file",
        "ca.signature_journal",
        "log.format",
        "otp.lives",
        "otp.tries",
        "secret.file",
        "server.frontend",
        "sms.first.ca_file",
        "sms.first.url",
        "sms.second.secret_file",
    ];
    assert_eq!(names, expected, "{found:#?}");
    let problem = |name: &str| found.iter().find(|(setting, _)| setting == name).unwrap().1.as_str();
    assert!(problem("secret.file").contains("mode 644"), "{}", problem("secret.file"));
    assert!(problem("sms.first.url").contains("gateway.invalid"));
    assert_eq!(problem("otp.lives"), "no such setting");

    let lines = run(directory.path(), &["config", "check"]);
    let text = String::from_utf8(lines.stdout.clone()).unwrap();
    assert_eq!(text.lines().count(), expected.len(), "{text}");
    assert!(text.contains("sms.first.url: nobody knows the host gateway.invalid"), "{text}");
    assert!(stderr(&lines).contains("10 things are wrong"), "{}", stderr(&lines));
}

#[test]
fn a_server_says_the_same_when_it_starts() {
    let directory = tempfile::tempdir().unwrap();
    let settings = "[server]\nfrontend = 'page'\n[sms.first]\nkind = 'http'\nca_file = 'no.pem'\n\
        url = 'https://gateway.invalid/?to={{phone}}&text={{text}}'";
    let found = checked(directory.path(), settings);
    assert_eq!(settings_of(&found), ["server.frontend", "ca.directory", "sms.first.ca_file", "sms.first.url"]);
    let output = run(directory.path(), &["serve"]);
    assert_eq!(output.status.code(), Some(1));
    let said = stderr(&output);
    for (setting, problem) in &found[..3] {
        assert!(said.contains(&format!("{setting}: {problem}")), "{setting}: {said}");
    }
    assert!(said.contains("`qcert-server ca init`") && !said.contains("sms.first.url"), "{said}");
    assert!(!directory.path().join("data").exists(), "nothing was begun");
}

#[test]
fn a_key_that_cannot_be_opened_and_an_hsm_that_is_away_are_told() {
    let directory = tempfile::tempdir().unwrap();
    let passphrase = directory.path().join("passphrase");
    std::fs::write(&passphrase, "one").unwrap();
    std::fs::set_permissions(&passphrase, std::fs::Permissions::from_mode(0o600)).unwrap();
    let settings = "[ca]\npassphrase_file = 'passphrase'\n";
    std::fs::write(directory.path().join("qcert.toml"), settings).unwrap();
    assert!(run(directory.path(), &["ca", "init"]).status.success());
    assert_eq!(settings_of(&checked(directory.path(), settings)), [""; 0]);
    std::fs::write(&passphrase, "another").unwrap();
    assert_eq!(settings_of(&checked(directory.path(), settings)), ["ca.directory"]);
    std::fs::write(&passphrase, "one").unwrap();
    let hsm = "[hsm]\nmodule = '/nowhere/lib.so'\ntoken = 'T'\npin_file = 'passphrase'";
    let found = checked(directory.path(), &format!("{settings}{hsm}"));
    assert_eq!(settings_of(&found), ["hsm.module"]);
    let said = String::from_utf8(run(directory.path(), &["config", "check"]).stdout).unwrap();
    assert!(said.contains("(a server starts anyway, and tries again)"), "{said}");
}

#[test]
fn a_database_of_postgresql_is_asked_and_left_as_it_is() {
    let directory = tempfile::tempdir().unwrap();
    assert!(run(directory.path(), &["ca", "init"]).status.success());
    let database = Database::new().unwrap();
    let settings = |url: &str| format!("[database]\nurl = '{url}'\n[secret]\nfile = 'secret.key'");
    assert_eq!(settings_of(&checked(directory.path(), &settings(&database.url()))), [""; 0]);
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let found = checked(directory.path(), &settings(&format!("postgres://qcert:hidden@{closed}/qcert")));
    assert_eq!(settings_of(&found), ["database.url"]);
    assert!(!found[0].1.contains("hidden"), "{found:?}");
}

#[test]
fn a_file_that_is_no_settings_is_told_with_the_place_and_not_with_what_stands_there() {
    let directory = tempfile::tempdir().unwrap();
    let said = |text: &str| match checked(directory.path(), text).as_slice() {
        [(setting, problem)] if setting.is_empty() => problem.clone(),
        other => panic!("{other:?}"),
    };
    let twice = said("[otp]\ntries = 3\ntries = 4\n");
    assert!(twice.starts_with("line 3, column 1: ") && twice.contains("duplicate key"), "{twice}");
    let open = said("[database]\nurl = 'postgres://qcert:hidden@host/qcert\n");
    assert!(open.starts_with("line 2, column ") && !open.contains("hidden"), "{open}");
    let other = |bytes: &[u8]| {
        std::fs::write(directory.path().join("qcert.toml"), bytes).unwrap();
        let output = run(directory.path(), &["config", "check"]);
        assert_eq!(output.status.code(), Some(1));
        stderr(&output)
    };
    let windows = other(b"[support]\nphone = '\xd2\xe5\xeb'\n");
    assert!(windows.contains("qcert.toml: it is not encoded in UTF-8: line 2"), "{windows}");
    let utf16 = other(b"\xff\xfe[\0o\0t\0p\0]\0");
    assert!(utf16.contains("UTF-16"), "{utf16}");
}

#[test]
fn a_value_of_another_kind_is_told_in_clear_words() {
    let directory = tempfile::tempdir().unwrap();
    assert!(run(directory.path(), &["ca", "init"]).status.success());
    let settings = "[otp]\ntries = [5]\nresend_seconds = true\n[support]\nphone = 1979-05-27\n[session]\n\
        idle_minutes = 1.5\n[[colour]]\nred = 1";
    let found = checked(directory.path(), settings);
    let problem = |name: &str| found.iter().find(|(setting, _)| setting == name).unwrap().1.as_str();
    assert!(
        problem("otp.tries").ends_with("is a list; several values are one text, with commas or spaces between them")
    );
    assert!(problem("otp.resend_seconds").ends_with("is true or false"));
    assert!(problem("support.phone").ends_with("is a date or a time"));
    assert!(problem("session.idle_minutes").ends_with("is a number with a fraction"));
    assert_eq!(found.len(), 5, "{found:?}");
    // With the mark that some editors begin a file with.
    assert_eq!(settings_of(&checked(directory.path(), "\u{feff}[otp]\ntries = 3")), [""; 0]);
}
