//! Copies of the embedded database.

use std::path::Path;

use crate::support::{Serving, run, stderr, with_applications};

fn applications(directory: &Path) -> String {
    String::from_utf8(run(directory, &["applications", "list"]).stdout).unwrap()
}

fn files(directory: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(directory).unwrap();
    let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn a_backup_of_a_running_server_is_whole_private_and_never_takes_anothers_place() {
    use std::os::unix::fs::PermissionsExt;
    let directory = with_applications();
    let serving = Serving::start(directory.path());
    let output = run(directory.path(), &["backup", "copy.sqlite"]);
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success() && said.contains("secret.key") && said.contains("data/ca"), "{output:?}");
    assert!(serving.get("/healthz").starts_with("HTTP/1.1 200"));
    assert_eq!(files(directory.path()), ["copy.sqlite", "data"]);
    let copy = directory.path().join("copy.sqlite");
    assert_eq!(std::fs::metadata(&copy).unwrap().permissions().mode() & 0o777, 0o600);
    let before = std::fs::read(&copy).unwrap();
    let again = run(directory.path(), &["backup", "copy.sqlite"]);
    assert!(!again.status.success() && stderr(&again).contains("is there already"), "{}", stderr(&again));
    assert_eq!(std::fs::read(&copy).unwrap(), before);
}

#[test]
fn a_restored_backup_is_the_database_and_the_one_before_is_kept() {
    let directory = with_applications();
    let listed = applications(directory.path());
    assert!(run(directory.path(), &["backup", "copy.sqlite"]).status.success());
    let data = directory.path().join("data");
    std::fs::remove_file(data.join("qcert.sqlite")).unwrap();
    assert!(run(directory.path(), &["restore", "copy.sqlite"]).status.success());
    assert_eq!(applications(directory.path()), listed);

    let twice = run(directory.path(), &["restore", "copy.sqlite"]);
    assert!(!twice.status.success() && stderr(&twice).contains("--replace"), "{}", stderr(&twice));
    // Damaged, and with the traces of a server that was killed.
    std::fs::write(data.join("qcert.sqlite"), [7; 8192]).unwrap();
    std::fs::write(data.join("qcert.sqlite-wal"), [7; 64]).unwrap();
    let replaced = run(directory.path(), &["restore", "copy.sqlite", "--replace"]);
    assert!(replaced.status.success(), "{}", stderr(&replaced));
    assert_eq!(applications(directory.path()), listed);
    assert_eq!(std::fs::read(data.join("qcert.sqlite.replaced")).unwrap(), [7; 8192]);
}

#[test]
fn nothing_is_restored_while_a_server_runs() {
    let directory = with_applications();
    assert!(run(directory.path(), &["backup", "copy.sqlite"]).status.success());
    let serving = Serving::start(directory.path());
    let refused = run(directory.path(), &["restore", "copy.sqlite", "--replace"]);
    assert!(!refused.status.success() && stderr(&refused).contains("stop the server"), "{}", stderr(&refused));
    assert!(serving.get("/healthz").starts_with("HTTP/1.1 200"));
    drop(serving);
    assert!(run(directory.path(), &["restore", "copy.sqlite", "--replace"]).status.success());
}

#[test]
fn what_is_no_whole_backup_of_this_server_is_not_restored() {
    let directory = with_applications();
    let listed = applications(directory.path());
    assert!(run(directory.path(), &["backup", "copy.sqlite"]).status.success());
    let whole = std::fs::read(directory.path().join("copy.sqlite")).unwrap();
    let mut newer = whole.clone();
    // user_version, in the file's header.
    newer[60..64].copy_from_slice(&99_u32.to_be_bytes());
    let mut damaged = whole.clone();
    // The page of the applications.
    let page = whole.windows(8).position(|bytes| bytes == b"67092365").unwrap() / 4096 * 4096;
    damaged[page..page + 4096].fill(0xff);
    for (bytes, said) in [(newer, "newer server"), (damaged, "damaged"), (b"text".repeat(2000), "cannot be read")] {
        std::fs::write(directory.path().join("bad.sqlite"), bytes).unwrap();
        let refused = run(directory.path(), &["restore", "bad.sqlite", "--replace"]);
        assert!(!refused.status.success() && stderr(&refused).contains(said), "{}", stderr(&refused));
    }
    assert_eq!(applications(directory.path()), listed);
    let left = files(&directory.path().join("data"));
    assert!(left.iter().all(|name| !name.ends_with(".new") && !name.ends_with(".replaced")), "{left:?}");
}
