//! `pkilint`, and the one finding that is expected.

use std::env;
use std::path::PathBuf;
use std::process::Command;

/// OGRN, SNILS, INNLE, OGRNIP, INN of a person.
const NUMERIC: [&str; 5] = ["1.2.643.100.1", "1.2.643.100.3", "1.2.643.100.4", "1.2.643.100.5", "1.2.643.3.131.1.1"];

/// On PATH, as `cargo xtask test` runs it; else where that keeps its tools.
fn program(name: &str) -> PathBuf {
    let on_path = env::var_os("PATH").map(|path| env::split_paths(&path).collect::<Vec<_>>()).unwrap_or_default();
    let caches = [env::var_os("XDG_CACHE_HOME").map(PathBuf::from), env::home_dir().map(|home| home.join(".cache"))];
    let tools = caches.into_iter().flatten().filter_map(|cache| cache.join("qcert/tools").read_dir().ok()).flatten();
    let kept = tools.filter_map(|tool| Some(tool.ok()?.path().join("programs")));
    let found = on_path.into_iter().chain(kept).map(|directory| directory.join(name)).find(|path| path.is_file());
    found.unwrap_or_else(|| panic!("this test needs {name} of pkilint: `cargo xtask setup` installs it"))
}

/// The findings from notices on, as `<code> (<severity>)<: words>`; those about the numbers of the order are counted.
pub fn findings(words: &str, der: &[u8]) -> (usize, Vec<String>) {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("file.der"), der).unwrap();
    let mut words = words.split(' ');
    let mut command = Command::new(program(words.next().unwrap()));
    command.args(["lint", "-s", "NOTICE"]).args(words).arg("file.der").current_dir(directory.path());
    let output = command.output().unwrap();
    let [text, complaint] = [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    assert_eq!(complaint, "");
    let is_numeric = |line: &&str| {
        line.starts_with("itu.invalid_asn1_syntax (FATAL)")
            && line.contains("\"DirectoryString\"")
            && NUMERIC.iter().any(|oid| line.contains(&format!("type OID {oid}:")))
    };
    let lines = text.lines().filter(|line| line.starts_with("    ")).map(str::trim_start);
    let (numeric, others): (Vec<&str>, Vec<&str>) = lines.partition(is_numeric);
    // Each of its findings makes it fail: nothing was overlooked.
    assert_eq!(output.status.success(), numeric.is_empty() && others.is_empty(), "{text}");
    (numeric.len(), others.into_iter().map(str::to_owned).collect())
}
