//! Debian's packages, by the file that shows that one is there.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;
use std::{env, fs};

use anyhow::{Result, bail};

use super::Need;
use crate::run::{run, succeeds};

/// A package, what needs it, and what shows that it is there: the program or absolute file that it brings, or a command
/// that succeeds.
const PACKAGES: &[(&str, Need, &str)] = &[
    ("chromium", Need::Browser, "chromium"),
    ("chromium-driver", Need::Browser, "chromedriver"),
    ("firefox-esr", Need::Firefox, "firefox-esr"),
    ("xvfb", Need::Firefox, "Xvfb"),
    ("xdotool", Need::Firefox, "xdotool"),
    ("fonts-dejavu-core", Need::Browser, "/usr/share/fonts/truetype/dejavu"),
    ("softhsm2", Need::TokenTools, "softhsm2-util"),
    ("opensc", Need::TokenTools, "pkcs11-tool"),
    ("openssl", Need::TokenTools, "openssl"),
    ("libnss3-tools", Need::TokenTools, "certutil"),
    ("libengine-pkcs11-openssl", Need::TokenTools, "openssl engine pkcs11"),
    ("curl", Need::TokenTools, "curl"),
    ("clang", Need::Kryoptic, "clang"),
    ("libssl-dev", Need::Kryoptic, "/usr/include/openssl/ssl.h"),
    ("libsqlite3-dev", Need::Kryoptic, "/usr/include/sqlite3.h"),
    ("pkg-config", Need::Kryoptic, "pkg-config"),
    ("curl", Need::Curl, "curl"),
    ("postgresql", Need::Postgres, "/usr/lib/postgresql"),
    ("kannel", Need::Gateways, "/usr/sbin/bearerbox"),
    ("kannel-extras", Need::Gateways, "/usr/lib/kannel/test/fakesmsc"),
    ("prometheus", Need::Promtool, "promtool"),
    ("g++", Need::Fuzz, "c++"),
    ("python3-venv", Need::Pkilint, "python3 -m ensurepip --version"),
    ("python3-venv", Need::Schemathesis, "python3 -m ensurepip --version"),
    ("dpkg-dev", Need::Packaging, "dpkg-shlibdeps"),
    ("binutils", Need::Packaging, "strip"),
    ("lintian", Need::Packaging, "lintian"),
    ("systemd", Need::Packaging, "systemd-analyze"),
    ("openssl", Need::Packaging, "openssl"),
    ("gcc-mingw-w64-x86-64-win32", Need::Windows, "x86_64-w64-mingw32-gcc"),
    ("wine", Need::Wine, "wine"),
    ("wine64", Need::Wine, "/usr/lib/wine/wine64"),
    ("zip", Need::Windows, "zip"),
    ("clang", Need::Macos, "clang"),
    ("golang-cfssl", Need::ServerPeers, "cfssl"),
    ("openssl", Need::ServerPeers, "openssl"),
    ("wrk", Need::ServerPeers, "wrk"),
    ("nodejs", Need::ExtensionTools, "node"),
    ("npm", Need::ExtensionTools, "npm"),
    ("nodejs", Need::PageTools, "node"),
    ("npm", Need::PageTools, "npm"),
    ("nodejs", Need::Gateways, "node"),
    ("npm", Need::Gateways, "npm"),
];

/// Installs the packages that are missing, or says how when it may not.
pub fn install(needs: &BTreeSet<Need>) -> Result<()> {
    let missing = missing(needs, is_there);
    if missing.is_empty() {
        return Ok(());
    }
    let line = format!("apt-get install --no-install-recommends {}", missing.join(" "));
    if !succeeds(Command::new("apt-get").arg("--version")) {
        bail!(
            "missing: {}. These are the names of Debian's packages; install what your system calls them.",
            missing.join(", ")
        );
    }
    if !is_root() {
        bail!("some programs are missing; as root, run this and then this command again:\n\n    {line}\n");
    }
    println!("Installing from Debian: {} (a minute or two)", missing.join(" "));
    run(Command::new("apt-get").args(["update", "-qq"]))?;
    let mut command = Command::new("apt-get");
    command.args(["install", "-y", "-qq", "--no-install-recommends"]).args(&missing);
    run(command.env("DEBIAN_FRONTEND", "noninteractive"))
}

/// Whether this process may do everything: apt-get wants it, and Chromium's sandbox refuses it.
pub fn is_root() -> bool {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let effective = status.lines().find_map(|line| line.strip_prefix("Uid:")?.split_whitespace().nth(1));
    effective == Some("0")
}

fn missing(needs: &BTreeSet<Need>, is_there: impl Fn(&str) -> bool) -> Vec<&'static str> {
    let mut names = Vec::new();
    for (name, need, brings) in PACKAGES {
        if needs.contains(need) && !names.contains(name) && !is_there(brings) {
            names.push(*name);
        }
    }
    names
}

fn is_there(brings: &str) -> bool {
    if brings.starts_with('/') {
        return Path::new(brings).exists();
    }
    if let [program, arguments @ ..] = &brings.split(' ').collect::<Vec<_>>()[..]
        && !arguments.is_empty()
    {
        return succeeds(Command::new(program).args(arguments));
    }
    env::var_os("PATH").is_some_and(|path| env::split_paths(&path).any(|directory| directory.join(brings).is_file()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_package_that_two_needs_share_is_asked_for_once() {
        let needs = BTreeSet::from([Need::ExtensionTools, Need::PageTools]);
        assert_eq!(missing(&needs, |_| false), ["nodejs", "npm"]);
    }

    #[test]
    fn nothing_is_asked_for_that_no_command_needs_or_that_is_there() {
        assert!(missing(&BTreeSet::from([Need::CargoDeny]), |_| false).is_empty());
        assert!(missing(&BTreeSet::from(super::super::EVERYTHING), |_| true).is_empty());
    }
}
