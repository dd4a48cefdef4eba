//! A token of kryoptic, a PKCS#11 module that somebody else wrote. It locks as real tokens do: ten wrong PINs, of the
//! user or of the administrator, with warnings in the flags before. The administrator's PIN unblocks the user's.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, ensure};

/// The administrator's PIN.
pub const SO_PIN: &str = "87654321";

/// How many wrong PINs in a row lock it.
pub const TRIES: usize = 10;

/// The library, as Cargo calls it.
const LIBRARY: &str = "libkryoptic_pkcs11.so";

/// The version that `cargo xtask setup` builds.
const KEPT: &str = "kryoptic-1.5.4";

/// The module: in a directory that `cargo xtask test` has on PATH, or in the cache of tools.
///
/// # Errors
/// It was not built.
pub fn module() -> Result<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    let cache = env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
    let cache = cache.or_else(|| Some(PathBuf::from(env::var_os("HOME")?).join(".cache")));
    let kept = cache.map(|cache| cache.join("qcert/tools").join(KEPT).join("bin"));
    let module = env::split_paths(&path).chain(kept).map(|folder| folder.join(LIBRARY)).find(|file| file.is_file());
    module.context("`cargo xtask setup` builds kryoptic")
}

/// One initialised token.
pub struct Token {
    directory: PathBuf,
}

impl Token {
    /// Makes a token in a directory: `kryoptic.toml` and `kryoptic.sql`.
    ///
    /// # Errors
    /// kryoptic or pkcs11-tool is not there, or refuses.
    pub fn make(directory: &Path, label: &str, pin: &str) -> Result<Self> {
        let token = Self { directory: directory.to_owned() };
        let objects = directory.join("kryoptic.sql");
        let text = format!("[[slots]]\nslot = 42\ndbtype = \"sqlite\"\ndbargs = \"{}\"\n", objects.display());
        fs::write(token.configuration(), text).context("write the configuration of kryoptic")?;
        token.tool(&["--init-token", "--slot", "42", "--label", label, "--so-pin", SO_PIN])?;
        token.tool(&["--init-pin", "--login", "--login-type", "so", "--so-pin", SO_PIN, "--new-pin", pin])?;
        Ok(token)
    }

    /// kryoptic's configuration, for `KRYOPTIC_CONF`.
    pub fn configuration(&self) -> PathBuf {
        self.directory.join("kryoptic.toml")
    }

    /// Takes so many tries of the user's PIN.
    ///
    /// # Errors
    /// pkcs11-tool is not there, or the token lets anybody in.
    pub fn take_tries(&self, count: usize) -> Result<()> {
        (0..count).try_for_each(|_| {
            let answer = self.tool(&["--login", "--pin", "no such PIN", "--list-objects"]);
            let refused = answer.is_err_and(|error| error.to_string().contains("CKR_PIN_"));
            ensure!(refused, "the token did not refuse a wrong PIN");
            Ok(())
        })
    }

    /// What OpenSC's `pkcs11-tool` prints when it does this.
    ///
    /// # Errors
    /// It fails; the text has its last words.
    pub fn tool(&self, arguments: &[&str]) -> Result<String> {
        let mut tool = Command::new("pkcs11-tool");
        tool.env("KRYOPTIC_CONF", self.configuration()).arg("--module").arg(module()?).args(arguments);
        let output = tool.output().context("start pkcs11-tool")?;
        let printed = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let (said, told) = (printed(&output.stdout), printed(&output.stderr));
        ensure!(output.status.success(), "pkcs11-tool: {}\n{told}{said}", output.status);
        Ok(said)
    }
}
