//! A person's computer: home, token, registered host, extension, browser profile.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result};
use serde_json::Value;

use crate::{Portal, Token, programs, token::PIN};

/// The browser that a person uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Software {
    /// Chromium.
    Chromium,
    /// Firefox.
    Firefox,
}

impl Software {
    /// The browser of a journey that names none: Chromium, or Firefox if `QCERT_TEST_BROWSER` says so.
    pub fn usual() -> Self {
        match std::env::var_os("QCERT_TEST_BROWSER") {
            Some(name) if name == "firefox" => Self::Firefox,
            _ => Self::Chromium,
        }
    }
}

/// A computer with everything that a journey needs. A test takes parts away before it opens a browser.
pub struct Workstation {
    directory: PathBuf,
    /// The browser.
    pub software: Software,
    /// The token in its only reader.
    pub token: Token,
    /// A token of kryoptic in its place, which locks as real ones do.
    pub locking_token: Option<qcert_test_kryoptic::Token>,
    /// The token's user PIN.
    pub pin: String,
    /// Does the test install the extension?
    pub extension: bool,
    /// Directories of extensions that are not ours.
    pub other_extensions: Vec<PathBuf>,
    /// Are host and extension those that a package has installed on this machine?
    pub installed: bool,
    /// The display on which the browser is seen; without it there is no window at all.
    pub display: Option<String>,
}

impl Workstation {
    /// Sets a computer up for a portal.
    ///
    /// # Errors
    /// A program is not built, or fails.
    pub fn set_up(directory: &Path, portal: &Portal) -> Result<Self> {
        Self::set_up_with(directory, portal, PIN, Software::usual())
    }

    /// Sets a computer up whose token has another PIN, or that has another browser.
    ///
    /// # Errors
    /// As [`Self::set_up`].
    pub fn set_up_with(directory: &Path, portal: &Portal, pin: &str, software: Software) -> Result<Self> {
        Self::set_up_for(directory, &portal.origin(), pin, software)
    }

    /// Sets a computer up for a site that need not be a portal.
    ///
    /// # Errors
    /// As [`Self::set_up`].
    pub fn set_up_for(directory: &Path, origin: &str, pin: &str, software: Software) -> Result<Self> {
        let computer = Self::with_token(directory, pin, software)?;
        computer.copy_extension(origin)?;
        computer.set_modules(&[programs::built("libqcert_token_shim.so", "qcert-token-shim")?])?;
        if software == Software::Firefox {
            computer.list_profile()?;
        }
        computer.register_host(&programs::built("qcert-host", "qcert-host")?, origin)?;
        Ok(computer)
    }

    /// Tells the browser of a host, in place of the one before, and allows a site to use it.
    ///
    /// # Errors
    /// The host does not like that.
    pub fn register_host(&self, host: &Path, origin: &str) -> Result<()> {
        let mut register = Command::new(host);
        register.args(["register", "--portal", origin, "--browser"]);
        match self.software {
            Software::Chromium => register.args(["chromium", "--user-data-dir"]).arg(self.profile()),
            // It looks in the person's home, whatever its profile.
            Software::Firefox => register.arg("firefox"),
        };
        programs::run(self.furnish(&mut register)).map(drop)
    }

    /// A computer with what a package has installed on this machine; the host finds the token's module by itself.
    ///
    /// # Errors
    /// As [`Self::set_up`].
    pub fn as_installed(directory: &Path, software: Software) -> Result<Self> {
        let computer = Self::with_token(directory, PIN, software)?;
        Ok(Self { extension: false, installed: true, ..computer })
    }

    fn with_token(directory: &Path, pin: &str, software: Software) -> Result<Self> {
        for name in ["home", "profile", "temporary", "downloads"] {
            fs::create_dir_all(directory.join(name)).context("make the computer's directories")?;
        }
        let token = Token::make(directory, "Рутокен", pin)?;
        let (directory, pin) = (directory.to_owned(), pin.to_owned());
        let (other_extensions, locking_token, display) = Default::default();
        let (extension, installed) = (true, false);
        Ok(Self { directory, software, token, locking_token, pin, extension, other_extensions, installed, display })
    }

    /// Puts a token of kryoptic with the same label and PIN in place of the other.
    ///
    /// # Errors
    /// kryoptic was not built, or refuses.
    pub fn exchange_token(&mut self) -> Result<()> {
        self.locking_token = Some(qcert_test_kryoptic::Token::make(&self.directory, "Рутокен", &self.pin)?);
        self.set_modules(&[qcert_test_kryoptic::module()?])
    }

    /// The profile's directory.
    pub fn profile(&self) -> PathBuf {
        self.path("profile")
    }

    /// Where the browser puts what a person downloads.
    pub fn downloads(&self) -> PathBuf {
        self.path("downloads")
    }

    /// The extension, packaged for the portal.
    pub fn extension_directory(&self) -> PathBuf {
        self.path("extension")
    }

    /// The directories of all extensions in the browser.
    pub fn extensions(&self) -> Vec<PathBuf> {
        let ours = self.extension.then(|| self.extension_directory());
        ours.into_iter().chain(self.other_extensions.iter().cloned()).collect()
    }

    /// A file or directory of this computer.
    pub fn path(&self, name: &str) -> PathBuf {
        self.directory.join(name)
    }

    /// Gives a program this computer's home, token and host; the browser passes them on to the host.
    pub fn furnish<'a>(&self, command: &'a mut Command) -> &'a mut Command {
        for name in ["XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_CACHE_HOME", "XDG_STATE_HOME"] {
            command.env_remove(name);
        }
        if !self.installed {
            command.env("QCERT_HOST_CONFIG", self.host_configuration());
        }
        command
            .envs(self.display.iter().map(|display| ("DISPLAY", display)))
            .env("HOME", self.path("home"))
            .env("TMPDIR", self.path("temporary"))
            .env("SOFTHSM2_CONF", self.token.configuration())
            .env("KRYOPTIC_CONF", self.path("kryoptic.toml"))
            .env("QCERT_SHIM_CONTROL", self.token.control_file())
    }

    /// Replaces the list of PKCS#11 modules in the host's configuration.
    ///
    /// # Errors
    /// The file cannot be read or written.
    pub fn set_modules(&self, modules: &[PathBuf]) -> Result<()> {
        let paths: Vec<_> = modules.iter().map(|path| path.to_string_lossy().into_owned()).collect();
        // A TOML array of strings is written like a JSON one.
        self.configure_host("modules", &serde_json::to_string(&paths)?)
    }

    /// Allows one site to use the host, in place of the portal.
    ///
    /// # Errors
    /// The file cannot be read or written.
    pub fn allow_only(&self, origin: &str) -> Result<()> {
        self.configure_host("allowed_origins", &format!("[\"{origin}\"]"))
    }

    /// Takes the host's registration away, as if it had never been installed.
    ///
    /// # Errors
    /// It was not there.
    pub fn remove_host(&self) -> Result<()> {
        fs::remove_file(self.host_manifest()).context("remove the host's manifest")
    }

    /// Registers the host for another extension only.
    ///
    /// # Errors
    /// There is no registration.
    pub fn register_host_for_another_extension(&self) -> Result<()> {
        let text = fs::read(self.host_manifest()).context("read the host's manifest")?;
        let mut manifest: Value = serde_json::from_slice(&text).context("read the host's manifest")?;
        match self.software {
            Software::Chromium => {
                manifest["allowed_origins"] = serde_json::json!([format!("chrome-extension://{}/", "a".repeat(32))]);
            }
            Software::Firefox => manifest["allowed_extensions"] = serde_json::json!(["another@example"]),
        }
        fs::write(self.host_manifest(), manifest.to_string()).context("write the host's manifest")
    }

    /// Packages the extension for another site; the page's own stays in its content script's reach.
    ///
    /// # Errors
    /// The extension cannot be copied.
    pub fn package_extension_for(&self, origin: &str) -> Result<()> {
        self.copy_extension(origin)
    }

    /// Names the profile where Firefox looks for its profiles, as it does itself for one that it makes.
    fn list_profile(&self) -> Result<()> {
        let folder = self.path("home/.mozilla/firefox");
        fs::create_dir_all(&folder).context("make Firefox's folder")?;
        let profile = format!("[Profile0]\nName=test\nIsRelative=0\nPath={}\n", self.profile().display());
        fs::write(folder.join("profiles.ini"), profile).context("write profiles.ini")
    }

    /// What this browser's database of certificates and the tokens that it knows have, with the trust of each.
    ///
    /// # Errors
    /// There is no database, or certutil is not installed.
    pub fn listed_certificates(&self) -> Result<String> {
        let database = match self.software {
            Software::Chromium => self.path("home/.pki/nssdb"),
            Software::Firefox => self.profile(),
        };
        let (database, pin) = (format!("sql:{}", database.display()), self.path("pin"));
        fs::write(&pin, &self.pin).context("write the PIN for certutil")?;
        let mut certutil = Command::new("certutil");
        certutil.args(["-L", "-d", &database, "-h", "all", "-f"]).arg(pin);
        let listed = programs::run(self.furnish(&mut certutil))?;
        Ok(String::from_utf8_lossy(&listed).into_owned())
    }

    fn host_configuration(&self) -> PathBuf {
        self.path("host.toml")
    }

    /// Writes one line of the host's configuration; the others stay.
    fn configure_host(&self, key: &str, value: &str) -> Result<()> {
        let old = fs::read_to_string(self.host_configuration()).unwrap_or_default();
        let others: Vec<_> = old.lines().filter(|line| !line.starts_with(key)).collect();
        let text = format!("{key} = {value}\n{}\n", others.join("\n"));
        fs::write(self.host_configuration(), text).context("write the host's configuration")
    }

    fn host_manifest(&self) -> PathBuf {
        match self.software {
            Software::Chromium => self.profile().join("NativeMessagingHosts/ru.qcert.host.json"),
            Software::Firefox => self.path("home/.mozilla/native-messaging-hosts/ru.qcert.host.json"),
        }
    }

    fn copy_extension(&self, origin: &str) -> Result<()> {
        let browser = match self.software {
            Software::Chromium => qcert_extension::Browser::Chromium,
            Software::Firefox => qcert_extension::Browser::Firefox,
        };
        let sources = programs::repository().join("extension/src");
        qcert_extension::write(&sources, browser, origin, &self.extension_directory())
    }
}
