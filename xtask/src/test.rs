//! `cargo xtask test`: every check there is, the cheap ones first.

use anyhow::{Context, Result};
use clap::Args;

use crate::run::run;
use crate::setup::{self, Need, Toolbox};
use crate::stopwatch::Stopwatch;
use crate::{bench, fuzz, macos, package, parts, repository, under_target, windows};

#[derive(Args)]
pub struct Options {
    /// Formatting, lints, documentation, the extension's checks and unit tests: no browser, no token, no page.
    #[arg(long)]
    quick: bool,
}

/// A heading, and what is done under it.
type Step = (&'static str, fn(&Toolbox) -> Result<()>);

/// What needs neither a browser nor a token.
const CHECKS: &[Step] = &[
    ("formatting", |tools| {
        run(tools.cargo().args(["fmt", "--all", "--check"]))?;
        fuzz::MANIFESTS
            .iter()
            .try_for_each(|manifest| run(tools.cargo().args(["fmt", "--manifest-path", manifest, "--check"])))
    }),
    ("lints", |tools| clippy(tools, &["--workspace", "--all-targets"])),
    ("lints of the page", |tools| {
        clippy(
            tools,
            &["--target", "wasm32-unknown-unknown", "--package", "qcert-frontend", "--package", "qcert-protocol"],
        )
    }),
    ("licences and sources", |tools| {
        ["Cargo.toml"].iter().chain(&fuzz::MANIFESTS).try_for_each(|manifest| {
            run(tools.cargo().args(["deny", "--manifest-path", manifest, "check", "bans", "licenses", "sources"]))
        })
    }),
    ("documentation", documentation),
    ("extension: types", |tools| npm(tools, "check")),
    ("extension: browser's rules", lint_extension),
    ("extension: tests", |tools| npm(tools, "test")),
];

const UNIT_TESTS: &[Step] = &[("unit tests", |tools| nextest(tools, &["--workspace", "--lib", "--bins"]))];

/// The page and the programs are built once, as the journeys want them; the run whose summary counts is the last.
const WHOLE: &[Step] = &[
    ("page", parts::build_page),
    ("page: its weight", bench::page::check_built),
    ("page: tests in the browser", in_the_browser),
    ("programs and tests", |tools| run(tools.cargo().args(["build", "--workspace", "--all-targets"]))),
    ("packages: made, installed, used, upgraded, purged", package::trial::try_packages),
    ("host for Windows: built here, tried under Wine", windows::try_host),
    ("host for macOS: compiled, no more", macos::check_host),
    ("parsers under a fuzzer", fuzz::shortly),
    ("examples in the documentation", |tools| run(tools.cargo().args(["test", "--workspace", "--doc", "--quiet"]))),
    ("portal on PostgreSQL", |tools| {
        // The whole workspace is named so that nothing is built anew; the profile chooses.
        let mut cargo = tools.cargo();
        cargo.args(["nextest", "run", "--no-fail-fast", "--workspace", "--profile", "postgres"]);
        run(cargo.env("QCERT_TEST_STORE", "postgres"))
    }),
    ("unit, crate and journey tests", |tools| nextest(tools, &["--workspace"])),
];

fn run_steps(tools: &Toolbox, steps: &[Step]) -> Result<()> {
    for (number, (name, action)) in steps.iter().enumerate() {
        println!("\n== {}/{} {name}", number + 1, steps.len());
        let stopwatch = Stopwatch::start();
        action(tools).with_context(|| format!("the step \"{name}\" failed after {stopwatch}"))?;
        // The last step's own summary is the last thing said.
        if number + 1 < steps.len() {
            println!("== {name}: {stopwatch}");
        }
    }
    Ok(())
}

pub fn run_everything(options: &Options) -> Result<()> {
    let mut needs = vec![Need::Components, Need::WasmTarget, Need::CargoDeny, Need::ExtensionTools, Need::Nextest];
    if !options.quick {
        needs.extend([
            Need::PageTools,
            Need::Browser,
            Need::Firefox,
            Need::TokenTools,
            Need::Kryoptic,
            Need::Curl,
            Need::Postgres,
            Need::Gateways,
            Need::Promtool,
            Need::Fuzz,
            Need::Pkilint,
            Need::Schemathesis,
            Need::Packaging,
            Need::Windows,
            Need::Wine,
            Need::Macos,
        ]);
    }
    let tools = setup::prepare(&needs)?;
    run_steps(&tools, &[CHECKS, if options.quick { UNIT_TESTS } else { WHOLE }].concat())
}

fn clippy(tools: &Toolbox, what: &[&str]) -> Result<()> {
    run(tools.cargo().arg("clippy").args(what).args(["--", "-D", "warnings"]))
}

fn documentation(tools: &Toolbox) -> Result<()> {
    let mut cargo = tools.cargo();
    cargo.args(["doc", "--workspace", "--no-deps", "--quiet"]);
    run(cargo.env("RUSTDOCFLAGS", "-D rustdoc::broken_intra_doc_links -D warnings"))
}

fn npm(tools: &Toolbox, script: &str) -> Result<()> {
    let mut npm = tools.command("npm");
    run(npm.current_dir(repository::root().join("extension")).args(["run", "--silent", script]))
}

/// By Firefox's linter, in the form that Firefox loads: of Chromium's keys it knows too little to judge them.
fn lint_extension(tools: &Toolbox) -> Result<()> {
    let root = repository::root().join("extension");
    let written = under_target("extension/firefox");
    let origin = "https://qcert.example";
    qcert_extension::write(&root.join("src"), qcert_extension::Browser::Firefox, origin, &written)?;
    let mut npm = tools.command("npm");
    npm.current_dir(root).args(["run", "--silent", "lint", "--", "--source-dir"]);
    run(npm.arg(written))
}

/// What is tested inside a page, with `wasm_bindgen_test`; the page's pure parts are among the unit tests.
fn in_the_browser(tools: &Toolbox) -> Result<()> {
    let mut cargo = tools.cargo();
    cargo.args(["test", "--target", "wasm32-unknown-unknown", "--package", "qcert-frontend"]);
    // Named, so that another browser's driver on PATH is not taken.
    run(cargo.env("CHROMEDRIVER", "chromedriver"))
}

fn nextest(tools: &Toolbox, what: &[&str]) -> Result<()> {
    // All that fails at once: a run takes long enough.
    run(tools.cargo().args(["nextest", "run", "--no-fail-fast"]).args(what))
}
