//! `pkilint`, and the one finding that is expected.

use std::process::Command;

use crate::tools::program;

/// OGRN, SNILS, INNLE, OGRNIP, INN of a person.
const NUMERIC: [&str; 5] = ["1.2.643.100.1", "1.2.643.100.3", "1.2.643.100.4", "1.2.643.100.5", "1.2.643.3.131.1.1"];

/// The findings from notices on, as `<code> (<severity>)<: words>`; those about the numbers of the order are counted.
pub fn findings(words: &str, der: &[u8]) -> (usize, Vec<String>) {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("file.der"), der).unwrap();
    let mut words = words.split(' ');
    let mut command = Command::new(program(words.next().unwrap(), "pkilint"));
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
