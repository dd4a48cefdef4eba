//! A screen that nobody sees, for what a browser asks outside of its pages.

use std::{
    path::Path,
    process::{Command, Output},
    thread,
    time::Duration,
};

use anyhow::{Context, Result, bail, ensure};

use crate::{browser::WINDOW, programs::Daemon};

/// A display of Xvfb, until it is dropped.
pub struct Display {
    name: String,
    _server: Daemon,
}

impl Display {
    /// Starts one, whose log is in a directory.
    ///
    /// # Errors
    /// Xvfb is not installed.
    pub fn start(directory: &Path) -> Result<Self> {
        let screen = format!("{}x{}x24", WINDOW.0, WINDOW.1);
        let mut start = Command::new("Xvfb");
        start.args(["-displayfd", "1", "-screen", "0", &screen, "-nolisten", "tcp"]);
        let mut server = Daemon::start(&mut start, directory.join("display.log"))?;
        let number = server.wait_for("the display's number", |server| {
            let printed = server.printed();
            printed.lines().rev().find_map(|line| line.parse::<u32>().ok())
        })?;
        Ok(Self { name: format!(":{number}"), _server: server })
    }

    /// What `DISPLAY` is to be.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Waits for the window with this in its title, types into it, and presses Enter.
    ///
    /// # Errors
    /// It does not open.
    pub fn answer(&self, title: &str, text: &str) -> Result<()> {
        self.act_in(&self.window(title)?, &[&["type", text], &["key", "Return"]])
    }

    /// Presses Enter in the window with this in its title.
    ///
    /// # Errors
    /// It does not open.
    pub fn press_enter(&self, title: &str) -> Result<()> {
        self.act_in(&self.window(title)?, &[&["key", "Return"]])
    }

    fn act_in(&self, window: &str, acts: &[&[&str]]) -> Result<()> {
        // There is no window manager that would give it the focus.
        for arguments in [&["windowfocus", "--sync", window][..]].iter().chain(acts) {
            let done = self.tool(arguments)?;
            ensure!(done.status.success(), "xdotool {}: {}", arguments[0], String::from_utf8_lossy(&done.stderr));
        }
        Ok(())
    }

    fn window(&self, title: &str) -> Result<String> {
        for _ in 0..750 {
            let found = self.tool(&["search", "--onlyvisible", "--name", title])?;
            if let Some(window) = String::from_utf8_lossy(&found.stdout).lines().next() {
                return Ok(window.to_owned());
            }
            thread::sleep(Duration::from_millis(20));
        }
        bail!("waited in vain for the window “{title}”")
    }

    fn tool(&self, arguments: &[&str]) -> Result<Output> {
        Command::new("xdotool").args(arguments).env("DISPLAY", &self.name).output().context("start xdotool")
    }
}
