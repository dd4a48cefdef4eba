//! The host for macOS. There is no Mac here and no SDK of Apple's, so nothing is linked and nothing runs: the compiler and
//! the lints read it, and say that it still fits what it calls.

use std::fs;

use anyhow::{Context, Result};

use crate::run::run;
use crate::setup::Toolbox;
use crate::under_target;

/// As rustup calls it.
pub const TARGET: &str = "aarch64-apple-darwin";

/// The host's lints. Tests of its own system it has none.
pub fn check_host(tools: &Toolbox) -> Result<()> {
    let mut cargo = tools.cargo();
    cargo.args(["clippy", "--target", TARGET, "--package", "qcert-host", "--", "-D", "warnings"]);
    // The C of ring is compiled, too. It asks for one header of the SDK, and can do without the C library's.
    let headers = under_target("macos/usr/include");
    fs::create_dir_all(&headers).with_context(|| format!("make {}", headers.display()))?;
    fs::write(headers.join("TargetConditionals.h"), "#define TARGET_OS_OSX 1\n").context("write a header")?;
    cargo.env("SDKROOT", under_target("macos")).env("CC_aarch64_apple_darwin", "clang");
    cargo.env("CFLAGS_aarch64_apple_darwin", "-DRING_CORE_NOSTDLIBINC=1");
    run(&mut cargo)
}
