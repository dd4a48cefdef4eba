//! Registration for a person and for everybody: twice changes nothing, removal leaves nothing behind, and what somebody
//! else put there stays.

use std::{
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::Output,
};

use serde_json::Value;

use crate::workplace::{Workplace, text};

const MANIFEST: &str = "ru.qcert.host.json";
const CHROMIUM: &str = "home/.config/chromium/NativeMessagingHosts";

/// A workplace whose host reads the usual files, and has none yet.
fn workplace() -> Workplace {
    let workplace = Workplace::without_token();
    std::fs::remove_file(workplace.path("host.toml")).unwrap();
    workplace
}

/// The host, without the variable that would name another file than the usual ones.
fn host(workplace: &Workplace, arguments: &[&str]) -> Output {
    let mut command = workplace.command(env!("CARGO_BIN_EXE_qcert-host"));
    command.args(arguments).env_remove("QCERT_HOST_CONFIG").output().unwrap()
}

fn register(workplace: &Workplace, browser: &str) -> Output {
    host(workplace, &["register", "--browser", browser, "--portal", "https://ca.example"])
}

fn unregister(workplace: &Workplace, browser: &str) -> Output {
    host(workplace, &["unregister", "--browser", browser, "--portal", "https://ca.example"])
}

fn told(output: &Output) -> String {
    [&output.stdout, &output.stderr].map(|told| String::from_utf8_lossy(told).into_owned()).concat()
}

/// Everything below a folder, with the time of its last change.
fn contents(folder: &Path) -> Vec<(PathBuf, std::time::SystemTime)> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        found.push((entry.path(), entry.metadata().unwrap().modified().unwrap()));
        if entry.file_type().unwrap().is_dir() {
            found.extend(contents(&entry.path()));
        }
    }
    found.sort();
    found
}

#[test]
fn a_second_registration_changes_nothing_and_removal_leaves_nothing_behind() {
    let workplace = workplace();
    let home = workplace.path("home");
    std::fs::create_dir(home.join(".config")).unwrap();
    assert!(register(&workplace, "all").status.success());
    let once = contents(&home);
    assert_eq!(once.iter().filter(|(path, _)| path.ends_with(MANIFEST)).count(), 4);
    assert!(register(&workplace, "all").status.success());
    assert_eq!(contents(&home), once);
    for _ in 0..2 {
        let output = unregister(&workplace, "all");
        assert!(output.status.success(), "{}", told(&output));
        let left: Vec<_> = contents(&home).into_iter().map(|(path, _)| path).filter(|path| path.is_file()).collect();
        assert_eq!(left, [] as [PathBuf; 0]);
    }
    for folder in [".config/chromium", ".config/google-chrome", ".config/microsoft-edge", ".mozilla"] {
        assert!(!home.join(folder).exists(), "{folder} was not there before");
    }
}

#[test]
fn what_a_browser_keeps_beside_the_manifest_stays() {
    let workplace = workplace();
    register(&workplace, "chromium");
    workplace.file(&format!("{CHROMIUM}/other.host.json"), "{}");
    unregister(&workplace, "chromium");
    let left: Vec<_> = contents(&workplace.path(CHROMIUM)).into_iter().map(|(path, _)| path).collect();
    assert_eq!(left, [workplace.path(CHROMIUM).join("other.host.json")]);
}

#[test]
fn what_an_interrupted_registration_left_goes_with_the_manifest() {
    let workplace = workplace();
    std::fs::create_dir_all(workplace.path(CHROMIUM)).unwrap();
    let half = workplace.file(&format!("{CHROMIUM}/.{MANIFEST}.a1B2c3"), "{\"name\": \"ru.qce");
    assert!(register(&workplace, "chromium").status.success());
    let manifest: Value = serde_json::from_str(&text(&workplace.path(CHROMIUM).join(MANIFEST))).unwrap();
    assert_eq!(manifest["name"], "ru.qcert.host");
    unregister(&workplace, "chromium");
    assert!(!half.exists() && !workplace.path(CHROMIUM).exists());
}

#[test]
fn a_manifest_that_names_another_program_is_replaced_and_not_removed() {
    let workplace = workplace();
    std::fs::create_dir_all(workplace.path(CHROMIUM)).unwrap();
    let other = workplace.file("another-host", "#!/bin/sh\n");
    std::fs::set_permissions(&other, PermissionsExt::from_mode(0o755)).unwrap();
    let theirs = format!(r#"{{"name": "ru.qcert.host", "path": "{}"}}"#, other.display());
    let manifest = workplace.file(&format!("{CHROMIUM}/{MANIFEST}"), &theirs);
    let output = unregister(&workplace, "chromium");
    assert!(!output.status.success());
    assert!(told(&output).contains(other.to_str().unwrap()), "{}", told(&output));
    assert_eq!(text(&manifest), theirs);

    assert!(register(&workplace, "chromium").status.success());
    assert!(text(&manifest).contains(env!("CARGO_BIN_EXE_qcert-host")));
    for damaged in ["", "{", r#"{"name": "ru.qcert.host", "path": "/no/such/program"}"#] {
        std::fs::create_dir_all(workplace.path(CHROMIUM)).unwrap();
        std::fs::write(&manifest, damaged).unwrap();
        assert!(unregister(&workplace, "chromium").status.success(), "{damaged}");
        assert!(!manifest.exists(), "{damaged}");
    }
}

#[test]
fn a_link_in_the_manifests_place_is_replaced_and_not_followed() {
    let workplace = workplace();
    std::fs::create_dir_all(workplace.path(CHROMIUM)).unwrap();
    let victim = workplace.file("victim", "untouched");
    let manifest = workplace.path(CHROMIUM).join(MANIFEST);
    std::os::unix::fs::symlink(&victim, &manifest).unwrap();
    assert!(register(&workplace, "chromium").status.success());
    assert!(manifest.symlink_metadata().unwrap().is_file());
    assert_eq!(text(&victim), "untouched");
}

#[test]
fn a_browser_whose_folder_cannot_be_written_is_named_and_the_others_are_registered() {
    let workplace = workplace();
    std::fs::create_dir_all(workplace.path("home/.config")).unwrap();
    workplace.file("home/.config/google-chrome", "no folder");
    let output = register(&workplace, "all");
    assert!(!output.status.success());
    assert!(told(&output).contains("Google Chrome: "), "{}", told(&output));
    for place in [CHROMIUM, "home/.config/microsoft-edge/NativeMessagingHosts", "home/.mozilla/native-messaging-hosts"]
    {
        assert!(workplace.path(place).join(MANIFEST).exists(), "{place}");
    }
}

/// With an `/etc` of their own, which nobody else sees and which ends with the script.
#[test]
fn registrations_for_everybody_and_for_a_person_go_independently() {
    const SCRIPT: &str = "
        mount -t tmpfs none /etc
        files() { find /etc \"$HOME\" -type f -printf '%p %T@\\n' | sort; }
        for browser in chromium chrome edge; do
            \"$0\" register --system --browser $browser --portal https://ca.example > /dev/null
        done
        system=$(files)
        for browser in chromium chrome edge; do
            \"$0\" register --system --browser $browser --portal https://ca.example > /dev/null
        done
        test \"$system\" = \"$(files)\" || echo the second registration changed something
        echo \"$system\" | cut -d ' ' -f 1
        \"$0\" register --browser chromium --portal https://ca.example > /dev/null
        \"$0\" unregister --browser chromium --portal https://ca.example > /dev/null
        test \"$system\" = \"$(files)\" || echo the removal for a person changed something
        for browser in chromium chrome edge; do
            \"$0\" unregister --system --browser $browser --portal https://ca.example > /dev/null
        done
        echo after:
        find /etc -mindepth 1 | sort";
    let workplace = workplace();
    let mut unshare = workplace.command("unshare");
    unshare.args(["--map-root-user", "--mount", "sh", "-euc", SCRIPT, env!("CARGO_BIN_EXE_qcert-host")]);
    let output = unshare.env_remove("QCERT_HOST_CONFIG").output().unwrap();
    let printed = told(&output);
    let (registered, after) = printed.split_once("after:\n").unwrap_or_else(|| panic!("{printed}"));
    let expected = [
        "/etc/chromium/native-messaging-hosts/ru.qcert.host.json",
        "/etc/opt/chrome/native-messaging-hosts/ru.qcert.host.json",
        "/etc/opt/edge/native-messaging-hosts/ru.qcert.host.json",
        "/etc/qcert/host.toml",
    ];
    assert_eq!(registered.lines().collect::<Vec<_>>(), expected);
    let manifests = after.lines().filter(|path| path.contains("native-messaging-hosts"));
    assert_eq!(manifests.count(), 0, "{after}");
}
