//! What no file of this repository may have, whatever its language.

use std::fs;
use std::process::Command;

use crate::repository::root;

/// Split, so that this file does not find itself. The list is matched against text, the reason is shown.
const FORBIDDEN: [(&str, &str, &str); 4] = [
    ("TO", "DO", "say it in an issue, or do it"),
    ("FIX", "ME", "say it in an issue, or do it"),
    ("/ro", "ot/", "a path of one person's machine"),
    ("<<<<", "<<< ", "an unfinished merge"),
];

#[test]
fn no_file_has_reminders_paths_of_a_machine_or_unfinished_merges() {
    let mut found = Vec::new();
    for name in tracked_files() {
        // Pictures and other files that are not text have nothing to read; a deleted file has nothing at all.
        let Ok(text) = fs::read_to_string(root().join(&name)) else { continue };
        for (number, line) in text.lines().enumerate() {
            for (start, end, reason) in FORBIDDEN {
                if has_word(line, &format!("{start}{end}")) {
                    found.push(format!("{name}:{}: {start}{end}: {reason}", number + 1));
                }
            }
        }
    }
    assert!(found.is_empty(), "\n{}", found.join("\n"));
}

/// Ways to ask the machine for the time or for chance, and the files that may: where they enter a program, and where a
/// signature's or key's own randomness is a library's business. `clippy.toml` bans the functions, this finds the rest.
const AMBIENT: [&str; 11] = [
    "SystemTime::now",
    "Instant::now",
    "now_utc(",
    "now_local(",
    "SystemRandom::new",
    "getrandom::",
    "OsRng",
    "SysRng",
    "rand::rng",
    "new_v4(",
    "now_v7(",
];

const ENTRANCES: [&str; 15] = [
    "native-host/src/clock.rs",
    "native-host/src/operation/half_made.rs",
    "native-host/src/operation/proof.rs",
    "native-host/src/stored.rs",
    "pkcs11/src/signing.rs",
    "pki/fuzz/src/lib.rs",
    "server/src/ca/key/file.rs",
    "server/src/clock.rs",
    "server/src/publication/responder.rs",
    "server/src/randomness.rs",
    "tests/load/src/bench/floor.rs",
    "tests/load/src/chance.rs",
    "tests/load/src/clock.rs",
    "tests/src/stopwatch.rs",
    "xtask/src/stopwatch.rs",
];

#[test]
fn clock_and_randomness_are_passed_in_and_enter_each_program_where_it_says_so() {
    let mut found: Vec<String> = tracked_files().into_iter().filter(|name| asks_the_machine(name)).collect();
    found.sort();
    assert_eq!(found, ENTRANCES, "ask the Clock and the Randomness that were passed in");
}

/// Whether a source file of a program asks for the time or for chance outside its tests.
fn asks_the_machine(name: &str) -> bool {
    let of_a_program = name.ends_with(".rs") && name.contains("src/") && name != "xtask/src/tidiness.rs";
    let text = if of_a_program { fs::read_to_string(root().join(name)).unwrap_or_default() } else { String::new() };
    let code = text.split("#[cfg(test)]").next().unwrap_or_default();
    code.lines().any(|line| !line.trim_start().starts_with("//") && AMBIENT.iter().any(|way| line.contains(way)))
}

/// Libraries that clippy knows by their names; what is banned of each is all that they have here.
const LIBRARIES: [(&str, &str); 3] = [
    ("time", "pub struct OffsetDateTime; impl OffsetDateTime { pub fn now_utc() {} }"),
    ("uuid", "pub struct Uuid; impl Uuid { pub fn now_v7() {} pub fn new_v4() {} }"),
    ("rand", "pub fn rng() {}"),
];

const AMBIENT_CALLS: [&str; 6] = [
    "std::time::SystemTime::now()",
    "std::time::Instant::now()",
    "time::OffsetDateTime::now_utc()",
    "uuid::Uuid::now_v7()",
    "uuid::Uuid::new_v4()",
    "rand::rng()",
];

#[test]
fn clippy_refuses_the_ambient_clock_and_randomness() {
    let directory = tempfile::tempdir().unwrap();
    let compile = |program: &str, name: &str, text: &str| {
        let source = directory.path().join(format!("{name}.rs"));
        fs::write(&source, text).unwrap();
        let mut command = Command::new(program);
        command.args(["--edition=2024", "--crate-type=lib", "--crate-name", name]).arg(source);
        command.arg("--out-dir").arg(directory.path()).arg("-L").arg(directory.path()).current_dir(directory.path());
        if program == "clippy-driver" {
            command.args(LIBRARIES.iter().flat_map(|(library, _)| ["--extern", library]));
        }
        let output = command.env("CLIPPY_CONF_DIR", root()).output().unwrap();
        String::from_utf8(output.stderr).unwrap()
    };
    for (name, text) in LIBRARIES {
        assert_eq!(compile("rustc", name, text), "");
    }
    let calls = AMBIENT_CALLS.map(|call| format!("pub fn ambient() {{ let _ = {call}; }}"));
    for (call, text) in AMBIENT_CALLS.iter().zip(calls) {
        let said = compile("clippy-driver", "ambient", &text);
        let method = call.trim_end_matches("()");
        assert!(said.contains(&format!("use of a disallowed method `{method}`")), "{call}: {said}");
    }
}

/// What `ARCHITECTURE.md` names in the table of tests, and which tests there are.
#[test]
fn every_invariant_names_tests_that_there_are() {
    let architecture = fs::read_to_string(root().join("ARCHITECTURE.md")).unwrap();
    let (_, invariants) = architecture.split_once("\n## Invariants\n").unwrap();
    let invariants = invariants.split("\n## ").next().unwrap();
    let is_invariant = |line: &&str| line.split_once(". ").is_some_and(|(number, _)| number.parse::<u32>().is_ok());
    let count = invariants.lines().filter(is_invariant).count();
    let sources: Vec<String> = tracked_files()
        .iter()
        .filter(|name| name.ends_with(".rs") || name.ends_with(".test.mjs"))
        .filter_map(|name| fs::read_to_string(root().join(name)).ok())
        .collect();
    let there_is = |test: &str| {
        let ways = [format!("fn {test}("), format!("test('{test}'")];
        sources.iter().any(|text| ways.iter().any(|way| text.contains(way)))
    };
    let rows: Vec<&str> = invariants.lines().filter(|line| line.starts_with("| ")).skip(1).collect();
    assert_eq!(rows.len(), count, "a row for each invariant");
    for (number, row) in rows.iter().enumerate() {
        assert!(row.starts_with(&format!("| {} |", number + 1)), "{row}");
        let tests: Vec<&str> = row.split('`').skip(1).step_by(2).collect();
        assert!(!tests.is_empty(), "{row}");
        for test in tests {
            assert!(there_is(test), "there is no test {test}");
        }
    }
}

/// The text of a clone, or of an archive of one (which has no git).
fn tracked_files() -> Vec<String> {
    let output = Command::new("git").args(["ls-files", "-z"]).current_dir(root()).output();
    let names = output.map(|output| output.stdout).unwrap_or_default();
    String::from_utf8_lossy(&names).split('\0').filter(|name| !name.is_empty()).map(str::to_owned).collect()
}

/// Whether the text is there and not as the inner part of a longer word (base64 has everything).
fn has_word(line: &str, word: &str) -> bool {
    line.match_indices(word).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        let after = line[at + word.len()..].chars().next();
        let inside = |neighbour: Option<char>| neighbour.is_some_and(|it| it.is_ascii_alphanumeric() || it == '+');
        let path = word.starts_with('/');
        !inside(before) && (path || !inside(after))
    })
}
