//! The host for Windows: built here with Debian's mingw-w64, and tried under Wine, which is as near as this system comes.

mod archive;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result};

use crate::repository::{root, target};
use crate::run::{run, run_quietly};
use crate::setup::Toolbox;
use crate::under_target;

/// As rustup calls it.
pub const TARGET: &str = "x86_64-pc-windows-gnu";

/// The host's lints and unit tests, its tests as browsers and persons start it (`native-host/tests/windows`), and the
/// archive that workstations get: all as programs of Windows.
pub fn try_host(tools: &Toolbox) -> Result<()> {
    let host = ["--target", TARGET, "--package", "qcert-host"];
    run(tools.cargo().arg("clippy").args(host).args(["--all-targets", "--", "-D", "warnings"]))?;
    run(tools.cargo().args(["test", "--no-run", "--lib", "--test", "windows"]).args(host))?;
    let wine = Wine::new(tools, &under_target("wine"))?;
    let mut cargo = tools.cargo();
    cargo.args(["test", "--quiet", "--lib", "--test", "windows"]).args(host);
    cargo.env("CARGO_TARGET_X86_64_PC_WINDOWS_GNU_RUNNER", "wine");
    cargo.env("QCERT_TEST_READER", r"C:\windows\system32\qcert-test-reader.dll");
    wine.compile(&root().join("native-host/tests/windows/reader.c"), "qcert-test-reader.dll", &[])?;
    run(wine.environment(&mut cargo))?;
    archive::try_archive(tools, &wine, &target().join(TARGET).join("debug/qcert-host.exe"))
}

/// A Windows of its own, newly made; its processes end with it.
pub struct Wine<'a> {
    tools: &'a Toolbox,
    directory: PathBuf,
}

impl<'a> Wine<'a> {
    pub fn new(tools: &'a Toolbox, directory: &Path) -> Result<Self> {
        if directory.exists() {
            fs::remove_dir_all(directory).with_context(|| format!("empty {}", directory.display()))?;
        }
        fs::create_dir_all(directory.join("home")).with_context(|| format!("make {}", directory.display()))?;
        let wine = Self { tools, directory: directory.to_path_buf() };
        run_quietly(&mut wine.command(&["wineboot", "--init"])).context("make a Windows")?;
        wine.mend()?;
        Ok(wine)
    }

    /// A program of Windows.
    pub fn command(&self, words: &[&str]) -> Command {
        let mut command = self.tools.command("wine");
        // Windows' folders of a person are links to those of the home.
        command.args(words).env("HOME", self.directory.join("home"));
        self.environment(&mut command);
        command
    }

    /// What a program of Windows printed, whose success is asked for.
    pub fn run(&self, words: &[&str]) -> Result<String> {
        Ok(String::from_utf8_lossy(&run_quietly(&mut self.command(words))?.stdout).into_owned())
    }

    /// What a program of Windows printed, whether it succeeds or not.
    pub fn output(&self, words: &[&str]) -> Result<String> {
        let output = self.command(words).stdin(Stdio::null()).output().context("start wine")?;
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }

    /// What makes a program that starts Wine use this one, without a window, and without .NET and a browser, which Wine
    /// would want to install.
    pub fn environment<'c>(&self, command: &'c mut Command) -> &'c mut Command {
        command
            .env("WINEPREFIX", self.prefix())
            .env("WINEDEBUG", "-all")
            .env("WINEDLLOVERRIDES", "mscoree,mshtml,winemenubuilder.exe=")
            .env_remove("DISPLAY")
    }

    /// For files beside this Windows.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    fn prefix(&self) -> PathBuf {
        self.directory.join("prefix")
    }

    /// The drive on which Windows is.
    pub fn drive(&self) -> PathBuf {
        self.prefix().join("drive_c")
    }

    /// Rust's standard library takes its randomness from a library of Windows that Wine 8 has not.
    fn mend(&self) -> Result<()> {
        const MISSING: &str = "bcryptprimitives.dll";
        if self.libraries().join(MISSING).exists() {
            return Ok(());
        }
        let source = self.directory.join("bcryptprimitives.c");
        fs::write(&source, include_str!("windows/bcryptprimitives.c")).context("write the source of a library")?;
        self.compile(&source, MISSING, &["-ladvapi32"])
    }

    /// A library of C, where Windows has its own.
    fn compile(&self, source: &Path, name: &str, with: &[&str]) -> Result<()> {
        let mut compiler = self.tools.command("x86_64-w64-mingw32-gcc");
        compiler.args(["-Wall", "-Werror", "-shared", "-o"]).arg(self.libraries().join(name)).arg(source).args(with);
        run_quietly(&mut compiler).map(drop)
    }

    fn libraries(&self) -> PathBuf {
        self.drive().join("windows/system32")
    }
}

impl Drop for Wine<'_> {
    fn drop(&mut self) {
        // Its registry and services would stay for some seconds, and hold the directory.
        let mut server = self.tools.command("wineserver");
        let _ = self.environment(&mut server).arg("--kill").output();
    }
}
