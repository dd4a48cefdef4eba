//! Finds what a command needs, and installs what is missing.
//!
//! Debian's packages come from apt-get; tools that must have one exact version are kept per user and version under
//! `${XDG_CACHE_HOME:-~/.cache}/qcert/tools/<name>-<version>`, so that clones share them.

mod cache;
mod debian;
mod node;

use std::collections::BTreeSet;
use std::env;
use std::ffi::{OsStr, OsString};
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, bail};

pub use self::debian::is_root;
use crate::run::{run, succeeds};
use crate::{macos, repository, windows};

/// What the page is compiled for.
const WASM: &str = "wasm32-unknown-unknown";
/// trunk 0.22 wants a newer compiler than this workspace.
const TRUNK: &str = "0.21.14";
const CARGO_DENY: &str = "0.20.2";
const CARGO_FUZZ: &str = "0.13.2";
const CARGO_NEXTEST: &str = "0.9.143";
const GECKODRIVER: &str = "0.37.1";
/// A second software token, for tests: it locks its PIN as real ones do. They look for this version when it is not on PATH.
const KRYOPTIC: &str = "1.5.4";
const PKILINT: &str = "0.13.3";
const SCHEMATHESIS: &str = "4.32.5";
/// A message centre that speaks SMPP, for tests; they look for this version when it is not on PATH.
const SMPP: &str = "0.5.1";
/// Debian's own binaryen 108 breaks the page at run time (externref table).
const BINARYEN: &str = "132.0.0";
/// Makes the page's script small.
const TERSER: &str = "5.51.4";

/// One thing that a command may need.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Need {
    /// rustfmt and clippy.
    Components,
    /// The compiler's WebAssembly target, trunk, wasm-bindgen, wasm-opt, terser.
    PageTools,
    /// The compiler's WebAssembly target alone, for lints.
    WasmTarget,
    CargoDeny,
    Nextest,
    /// cargo-fuzz, and a C++ compiler for libFuzzer.
    Fuzz,
    /// pkilint, which reads certificates, lists and answers with the standards' eyes.
    Pkilint,
    /// schemathesis, which asks a server everything that its description says and forbids.
    Schemathesis,
    /// node, and the extension's development tools.
    ExtensionTools,
    /// Chromium and its driver, with fonts that have Cyrillic letters.
    Browser,
    /// Firefox and its driver; a display, and what types there, for what it asks outside of its pages.
    Firefox,
    /// SoftHSM, OpenSC's pkcs11-tool, openssl with its engine for PKCS#11, curl, NSS's certutil and modutil.
    TokenTools,
    /// kryoptic, a PKCS#11 module that locks PINs, with what builds it.
    Kryoptic,
    /// curl, which asks the server by TLS.
    Curl,
    /// PostgreSQL's server.
    Postgres,
    /// Kannel, a gateway of text messages, with its tools for trying; node, and npm's smpp.
    Gateways,
    /// promtool, which reads metrics and rules of alerts as Prometheus does.
    Promtool,
    /// What makes Debian packages, and what finds fault with them and with services: dpkg's tools, lintian, systemd.
    Packaging,
    /// What makes the host for Windows: the compiler's target, mingw-w64 to link, zip.
    Windows,
    /// What tries it: Wine.
    Wine,
    /// What compiles the host for macOS, and links nothing: the compiler's target, clang.
    Macos,
    /// What the server is measured beside, and wrk, which asks for OCSP answers: cfssl, openssl.
    ServerPeers,
}

/// What `cargo xtask setup` installs.
pub const EVERYTHING: [Need; 22] = [
    Need::Components,
    Need::WasmTarget,
    Need::Browser,
    Need::Firefox,
    Need::TokenTools,
    Need::Curl,
    Need::Postgres,
    Need::Gateways,
    Need::Promtool,
    Need::Packaging,
    Need::Windows,
    Need::Wine,
    Need::Macos,
    Need::ServerPeers,
    Need::Kryoptic,
    Need::ExtensionTools,
    Need::Nextest,
    Need::Fuzz,
    Need::Pkilint,
    Need::Schemathesis,
    Need::CargoDeny,
    Need::PageTools,
];

/// The tools that were found or installed; commands that it makes find them on PATH.
pub struct Toolbox {
    path: OsString,
}

impl Toolbox {
    /// A command with all tools on its PATH, started in the clone's root, free of what `cargo run` says about xtask itself
    /// (build scripts that look at it would run again).
    pub fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command.current_dir(repository::root()).env("PATH", &self.path);
        for (name, _) in env::vars_os() {
            let of_xtask =
                name.to_str().is_some_and(|it| it.starts_with("CARGO_PKG_") || it.starts_with("CARGO_MANIFEST_"));
            if of_xtask {
                command.env_remove(name);
            }
        }
        command
    }

    /// The PATH on which commands find the tools.
    pub fn path(&self) -> &OsStr {
        &self.path
    }

    pub fn cargo(&self) -> Command {
        self.command("cargo")
    }
}

/// Makes sure that everything in `needs` is there.
pub fn prepare(needs: &[Need]) -> Result<Toolbox> {
    let needs: BTreeSet<Need> = needs.iter().copied().collect();
    debian::install(&needs)?;
    let mut directories = Vec::new();
    if [Need::PageTools, Need::ExtensionTools, Need::Gateways].iter().any(|need| needs.contains(need)) {
        directories.extend(node::runtime()?);
    }
    for need in &needs {
        match need {
            Need::Components => components()?,
            Need::WasmTarget => compilers_target(WASM)?,
            Need::Windows => compilers_target(windows::TARGET)?,
            Need::Macos => compilers_target(macos::TARGET)?,
            Need::PageTools => {
                compilers_target(WASM)?;
                directories.extend(page_tools(&directories)?);
            }
            Need::CargoDeny => {
                let options = ["--locked", "--no-default-features"];
                directories.push(cache::from_crate("cargo-deny", CARGO_DENY, &options, "cargo-deny", "5 minutes")?);
            }
            Need::Fuzz => {
                directories.push(cache::from_crate("cargo-fuzz", CARGO_FUZZ, &["--locked"], "cargo-fuzz", "a minute")?);
            }
            Need::Kryoptic => {
                let options = ["--no-default-features", "--features", "minimal,kryoptic-lib/dynamic"];
                let module = "libkryoptic_pkcs11.so";
                directories.push(cache::library("kryoptic", KRYOPTIC, &options, module, "3 minutes")?);
            }
            Need::Pkilint => {
                let programs = [
                    ("lint_pkix_cert", "pkilint.bin.lint_pkix_cert"),
                    ("lint_crl", "pkilint.bin.lint_crl"),
                    ("lint_ocsp_response", "pkilint.bin.lint_ocsp_response"),
                ];
                directories.push(cache::from_pypi("pkilint", PKILINT, &programs)?);
            }
            Need::Firefox => {
                let options = ["--locked"];
                directories.push(cache::from_crate("geckodriver", GECKODRIVER, &options, "geckodriver", "2 minutes")?);
            }
            Need::Schemathesis => {
                let programs = [("schemathesis", "schemathesis.cli")];
                directories.push(cache::from_pypi("schemathesis", SCHEMATHESIS, &programs)?);
            }
            Need::Nextest => directories.extend(nextest()?),
            Need::ExtensionTools => node::extension_tools(&directories)?,
            Need::Gateways => {
                directories.push(cache::from_npm("smpp", SMPP, "node_modules/smpp/index.js", &directories)?);
            }
            Need::Browser
            | Need::TokenTools
            | Need::Curl
            | Need::Postgres
            | Need::Promtool
            | Need::Packaging
            | Need::Wine
            | Need::ServerPeers => {}
        }
    }
    Ok(Toolbox { path: path_with(&directories)? })
}

fn path_with(directories: &[PathBuf]) -> Result<OsString> {
    let inherited = env::var_os("PATH").unwrap_or_default();
    env::join_paths(directories.iter().cloned().chain(env::split_paths(&inherited))).context("extend PATH by the tools")
}

fn page_tools(node: &[PathBuf]) -> Result<Vec<PathBuf>> {
    let bindgen = repository::locked_version("wasm-bindgen").context("the page is not built with wasm-bindgen")?;
    Ok(vec![
        // Without --locked: its lock file names a package that was withdrawn.
        cache::from_crate("wasm-bindgen-cli", &bindgen, &["--no-default-features"], "wasm-bindgen", "3 minutes")?,
        cache::from_crate("trunk", TRUNK, &["--locked", "--no-default-features"], "trunk", "6 minutes")?,
        cache::from_npm("binaryen", BINARYEN, "node_modules/.bin/wasm-opt", node)?,
        cache::from_npm("terser", TERSER, "node_modules/.bin/terser", node)?,
    ])
}

fn nextest() -> Result<Option<PathBuf>> {
    if succeeds(Command::new("cargo").args(["nextest", "--version"])) {
        return Ok(None);
    }
    let directory = cache::from_crate("cargo-nextest", CARGO_NEXTEST, &["--locked"], "cargo-nextest", "6 minutes")?;
    Ok(Some(directory))
}

fn components() -> Result<()> {
    let found = |name: &str| succeeds(Command::new("cargo").args([name, "--version"]));
    if found("fmt") && found("clippy") {
        return Ok(());
    }
    println!("Installing rustfmt and clippy (a minute)");
    run(Command::new("rustup").args(["component", "add", "rustfmt", "clippy"]))
}

fn compilers_target(name: &str) -> Result<()> {
    let output = Command::new("rustc").args(["--print", "target-libdir", "--target", name]).output();
    let libraries = output.context("start rustc")?.stdout;
    if PathBuf::from(String::from_utf8_lossy(&libraries).trim()).is_dir() {
        return Ok(());
    }
    if !succeeds(Command::new("rustup").arg("--version")) {
        bail!("the compiler has no target {name}, and there is no rustup to add it: see https://rustup.rs");
    }
    println!("Installing the compiler's target {name} (a minute)");
    run(Command::new("rustup").args(["target", "add", name]))
}
