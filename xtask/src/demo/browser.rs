//! Chromium, with a profile of the demo's own and the extension loaded.

use std::fs::File;
use std::process::{Command, Stdio};

use anyhow::Result;

use super::world::{PORTAL, World};
use crate::repository;
use crate::setup::{Toolbox, is_root};

pub fn command(tools: &Toolbox, world: &World) -> Result<Command> {
    let log: File = world.log("chromium.log")?;
    let mut command = tools.command("chromium");
    command
        .arg(format!("--user-data-dir={}", world.path("chromium").display()))
        .arg(format!("--load-extension={}", repository::root().join("extension/src").display()))
        .args(["--no-first-run", "--no-default-browser-check", "--disable-sync", "--disable-component-update"])
        .args(["--disable-background-networking", "--password-store=basic"]);
    if is_root() {
        // Chromium does not start as root with its sandbox.
        command.arg("--no-sandbox");
    }
    command.arg(PORTAL);
    // The browser starts the host, and the host inherits where the demo's token, configuration and person are.
    world.furnish(&mut command);
    command.stdin(Stdio::null()).stderr(log.try_clone()?).stdout(log);
    Ok(command)
}
