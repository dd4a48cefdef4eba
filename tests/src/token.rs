//! A SoftHSM token behind the shim that can pull and lock it.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use crate::{contents::Contents, programs};
use anyhow::{Context, Result};

/// The user PIN of a test's token.
pub const PIN: &str = "24681357";

/// SoftHSM itself, which the shim stands before.
pub const SOFTHSM: &str = "/usr/lib/softhsm/libsofthsm2.so";

/// What the makers of tokens set.
pub const FACTORY_PIN: &str = "12345678";

/// One initialised token.
pub struct Token {
    directory: PathBuf,
}

impl Token {
    /// Makes a token: `softhsm2.conf` and `tokens/` in the directory.
    ///
    /// # Errors
    /// SoftHSM is not installed or refuses.
    pub fn make(directory: &Path, label: &str, pin: &str) -> Result<Self> {
        let token = Self { directory: directory.to_owned() };
        let objects = directory.join("tokens");
        fs::create_dir_all(&objects).context("make the directory of the token")?;
        let text =
            format!("directories.tokendir = {}\nobjectstore.backend = file\nlog.level = ERROR\n", objects.display());
        fs::write(token.configuration(), text).context("write the configuration of SoftHSM")?;
        token.add(label, pin)?;
        Ok(token)
    }

    /// Makes a token more, in a reader of its own beside the first.
    ///
    /// # Errors
    /// As [`Self::make`].
    pub fn add(&self, label: &str, pin: &str) -> Result<()> {
        let mut make = Command::new("softhsm2-util");
        make.args(["--init-token", "--free", "--label", label, "--so-pin", "87654321", "--pin", pin]);
        programs::run(make.env("SOFTHSM2_CONF", self.configuration())).map(drop)
    }

    /// SoftHSM's configuration file, for `SOFTHSM2_CONF`.
    pub fn configuration(&self) -> PathBuf {
        self.directory.join("softhsm2.conf")
    }

    /// The shim's control file, for `QCERT_SHIM_CONTROL`.
    pub fn control_file(&self) -> PathBuf {
        self.directory.join("token-control")
    }

    /// Tells the shim what the token does from now on; its own documentation has the commands.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn control(&self, commands: &str) -> Result<()> {
        // Renamed, so that nobody reads half of it.
        let new = self.directory.join("token-control.new");
        fs::write(&new, commands).context("write the control file")?;
        fs::rename(new, self.control_file()).context("put the control file in place")
    }

    /// Takes the token out of its reader.
    ///
    /// # Errors
    /// As [`Self::control`].
    pub fn pull(&self) -> Result<()> {
        self.control("token out\n")
    }

    /// Puts the token back, an ordinary one again.
    ///
    /// # Errors
    /// As [`Self::control`].
    pub fn insert(&self) -> Result<()> {
        self.control("")
    }

    /// Copies the token's files to a new directory.
    ///
    /// # Errors
    /// They cannot be copied.
    pub fn copy_objects(&self, to: &Path) -> Result<()> {
        programs::copy_directory(&self.directory.join("tokens"), to)
    }

    /// Makes a key pair `mail` that is none of the portal's.
    ///
    /// # Errors
    /// pkcs11-tool is not installed, or the token refuses.
    pub fn make_strangers_pair(&self, pin: &str) -> Result<()> {
        let mut make = Command::new("pkcs11-tool");
        make.args(["--module", SOFTHSM, "--login", "--pin", pin, "--keypairgen", "--key-type", "EC:prime256v1"]);
        make.args(["--label", "mail", "--id", &"ab".repeat(20)]);
        programs::run(make.env("SOFTHSM2_CONF", self.configuration())).map(drop)
    }

    /// What is on the token, seen past the shim and after login.
    ///
    /// # Errors
    /// The token does not answer, or the PIN is another.
    pub fn contents(&self, pin: &str) -> Result<Contents> {
        // SoftHSM takes its configuration from the environment, so it is asked by a process that has the right one.
        let mut look = Command::new(programs::built("token-contents", "qcert-journeys")?);
        let printed = programs::run(look.arg(pin).env("SOFTHSM2_CONF", self.configuration()))?;
        serde_json::from_slice(&printed).context("read what token-contents printed")
    }
}
