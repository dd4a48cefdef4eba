//! Builds the parts of the product.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result};

use crate::repository::{cargo_home, root};
use crate::run::run;
use crate::setup::Toolbox;

/// The page, as it is served: release, through wasm-opt, in `frontend/dist`.
pub fn build_page(tools: &Toolbox) -> Result<()> {
    build_with_trunk(tools, &root().join("frontend"))
}

/// A page in `directory/dist`. Trunk is told to take the tools that it is given and to fetch none itself.
pub fn build_with_trunk(tools: &Toolbox, directory: &std::path::Path) -> Result<()> {
    run(tools.cargo().current_dir(directory).args(["fetch", "--target", "wasm32-unknown-unknown"]))?;
    let mut trunk = tools.command("trunk");
    trunk.current_dir(directory).args(["build", "--release"]);
    // trunk reads NO_COLOR as a boolean, and stops at the usual `1`.
    trunk.env("TRUNK_OFFLINE", "true").env("TRUNK_SKIP_VERSION_CHECK", "true").env_remove("NO_COLOR");
    trunk.env("CARGO_ENCODED_RUSTFLAGS", without_this_machines_paths()?.join("\u{1f}"));
    run(&mut trunk)
}

/// A panic names its source, which each visitor would load: by its shortest name, and the same wherever it was built.
fn without_this_machines_paths() -> Result<Vec<String>> {
    let mut places: Vec<PathBuf> = vec![root()];
    let registries = cargo_home().join("registry/src");
    for registry in fs::read_dir(&registries).with_context(|| format!("list {}", registries.display()))? {
        places.push(registry?.path());
    }
    Ok(places.iter().map(|place| format!("--remap-path-prefix={}=", place.display())).collect())
}

/// What the demo, the walk and the benchmarks run. Always all of it: another selection has other features of shared
/// dependencies, and Cargo would build those again.
const PROGRAMS: [&str; 5] = ["qcert-server", "qcert-host", "qcert-pkcs11", "qcert-token-shim", "qcert-journeys"];

/// The programs, unoptimised: they wait for people and tokens, not for themselves.
pub fn build_programs(tools: &Toolbox) -> Result<()> {
    let mut cargo = tools.cargo();
    cargo.arg("build");
    for package in PROGRAMS {
        cargo.args(["--package", package]);
    }
    run(&mut cargo)
}
