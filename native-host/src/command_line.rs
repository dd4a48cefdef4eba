//! What a person or a package can ask of the host in a terminal.

#[cfg(not(windows))]
mod keys;

use std::{path::PathBuf, process::ExitCode};

use anyhow::{Context, Result, ensure};
use clap::{Args, Parser, Subcommand, ValueEnum};
use qcert_protocol::workstation::Diagnose;

use crate::{
    configuration::{self, Configuration, FILE_VARIABLE},
    confinement::confine,
    doctor,
    places::{self, Written},
    registration::{self, Browser, Place},
    worker,
    workers::survey_once,
};

/// Works with tokens for the certification authority's portal. The browser starts it through the extension.
#[derive(Parser)]
#[command(
    name = "qcert-host",
    version,
    after_help = configuration_help()
)]
pub struct CommandLine {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Tells browsers where the host is, and allows a portal to use it.
    Register {
        #[command(flatten)]
        target: Target,
        /// Origin of the portal, as in the address line: `https://ca.example`
        #[arg(long, value_name = "ORIGIN")]
        portal: String,
    },
    /// Takes back what `register` did.
    Unregister {
        #[command(flatten)]
        target: Target,
        /// Origin of the portal that may no longer use the host.
        #[arg(long, value_name = "ORIGIN")]
        portal: Option<String>,
    },
    /// Lets this person's browsers use the keys on tokens: NSS's databases are told of the token's PKCS#11 module.
    #[cfg(not(windows))]
    RegisterModule {
        /// The module's file; without it the modules whose tokens are plugged in.
        module: Option<PathBuf>,
    },
    /// Takes back what `register-module` did, or the person agreed to in the extension's window.
    #[cfg(not(windows))]
    UnregisterModule {
        /// The module's file; without it all that were registered so.
        module: Option<PathBuf>,
    },
    /// Looks for what is missing or broken, and says what to do.
    Doctor {
        /// As JSON.
        #[arg(long)]
        json: bool,
        /// Writes a bundle for the support into this file instead: no PIN, no key, no name.
        #[arg(long, value_name = "FILE", conflicts_with = "json")]
        bundle: Option<PathBuf>,
        /// The bundle has the tokens' labels and serial numbers too, and the last lines of the host's log.
        #[arg(long, requires = "bundle")]
        personal: bool,
    },
    /// Works with one PKCS#11 module, for the host that started it.
    #[command(name = worker::ARGUMENT, hide = true)]
    ModuleWorker {
        /// The module's file.
        module: PathBuf,
    },
    /// Lists readers and tokens.
    Tokens {
        /// As JSON: what the page gets from `listTokens`.
        #[arg(long)]
        json: bool,
    },
}

#[derive(Args)]
struct Target {
    /// Which browser.
    #[arg(long)]
    browser: Which,
    /// For this person (the default).
    #[arg(long, conflicts_with = "system")]
    user: bool,
    /// For everybody on this machine.
    #[arg(long)]
    system: bool,
    /// For a browser that is started with this --user-data-dir.
    #[arg(long, value_name = "DIR", conflicts_with = "system")]
    user_data_dir: Option<PathBuf>,
}

#[derive(Clone, Copy, ValueEnum)]
enum Which {
    Chromium,
    Chrome,
    Edge,
    Firefox,
    All,
}

impl Target {
    fn browsers(&self) -> Vec<Browser> {
        match self.browser {
            Which::Chromium => vec![Browser::Chromium],
            Which::Chrome => vec![Browser::Chrome],
            Which::Edge => vec![Browser::Edge],
            Which::Firefox => vec![Browser::Firefox],
            Which::All => Browser::ALL.to_vec(),
        }
    }

    fn place(&self) -> Result<Place> {
        Ok(match (&self.user_data_dir, self.system) {
            // The browser resolves a relative path by its own folder, not by ours.
            (Some(folder), _) => Place::UserData(std::path::absolute(folder).context("the --user-data-dir")?),
            (None, true) => Place::System,
            (None, false) => Place::Person,
        })
    }
}

/// What `--help` says of the configuration.
fn configuration_help() -> String {
    let Written { person, system, module, certificates, log } = places::WRITTEN;
    format!(
        "The configuration is {person}, and {system}, which wins:\n\
         \n  allowed_origins = ['https://ca.example']  # sites that may use the host\
         \n  modules = ['{module}']  # PKCS#11 modules; without it the well-known places\
         \n  factory_pins = ['12345678']               # PINs that a person is asked to change\
         \n  authority_certificates = ['{certificates}']  # PEM; beside a holder's on the token\
         \n  log = 'info'                              # or 'error', 'off': {log}\
         \n  module_time_limit = 180                   # seconds for one step of a module before it is ended\
         \n  extension_ids = ['a…p']                   # extensions that may start the host; without it that of the sources\n\
         \n{FILE_VARIABLE} names one file to read instead of both."
    )
}

impl CommandLine {
    /// Does what was asked.
    ///
    /// # Errors
    /// What the person has to know.
    pub fn run(self) -> Result<ExitCode> {
        match self.command {
            Command::Register { target, portal } => register(&target, &portal)?,
            Command::Unregister { target, portal } => unregister(&target, portal.as_deref())?,
            #[cfg(not(windows))]
            Command::RegisterModule { module } => {
                confine_aloud();
                keys::register(module)?;
            }
            #[cfg(not(windows))]
            Command::UnregisterModule { module } => keys::unregister(module)?,
            Command::Doctor { json, bundle, personal } => {
                confine_aloud();
                return doctor::run(json, bundle.as_deref(), Diagnose { names: personal, log: personal });
            }
            Command::Tokens { json } => {
                confine_aloud();
                tokens(json)?;
            }
            Command::ModuleWorker { module } => return worker::run(module),
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// Before modules are loaded: they get no more than when a browser asks.
fn confine_aloud() {
    for kept in confine() {
        eprintln!("qcert-host: not given up: {kept}");
    }
}

fn register(target: &Target, portal: &str) -> Result<()> {
    registration::check_origin(portal)?;
    let file = configuration::file_to_change(target.system)?;
    configuration::change_origin(&file, portal, true)?;
    println!("{portal} may use the host: {}", file.display());
    let configuration = Configuration::load()?;
    if !configuration.allows(portal) {
        println!("but {} says otherwise, and wins", places::system_file().display());
    }
    let program = std::env::current_exe().context("finding this program")?;
    let place = target.place()?;
    for_each_browser(target, |browser| {
        let path = registration::register(browser, &place, &program, &configuration.extension_ids)?;
        println!("{browser}: {}", path.display());
        Ok(())
    })
}

/// One browser that fails is named, and keeps the others from nothing.
fn for_each_browser(target: &Target, mut act: impl FnMut(Browser) -> Result<()>) -> Result<()> {
    let mut failed = Vec::new();
    for browser in target.browsers() {
        if let Err(error) = act(browser) {
            eprintln!("{browser}: {error:#}");
            failed.push(browser.to_string());
        }
    }
    ensure!(failed.is_empty(), "not done for {}", failed.join(", "));
    Ok(())
}

fn unregister(target: &Target, portal: Option<&str>) -> Result<()> {
    if let Some(portal) = portal {
        let file = configuration::file_to_change(target.system)?;
        if file.exists() {
            configuration::change_origin(&file, portal, false)?;
            println!("{portal} may no longer use the host: {}", file.display());
        }
    }
    let program = std::env::current_exe().context("finding this program")?;
    let place = target.place()?;
    for_each_browser(target, |browser| {
        if let Some(path) = registration::unregister(browser, &place, &program)? {
            println!("{browser}: removed {}", path.display());
        }
        Ok(())
    })
}

fn tokens(json: bool) -> Result<()> {
    let tokens = survey_once(Configuration::load()?);
    if json {
        println!("{}", serde_json::to_string_pretty(&tokens)?);
        return Ok(());
    }
    for module in &tokens.modules {
        let state = module.error.map_or("", |error| error.as_str());
        println!("{}  {}{state}", module.name, module.description.as_deref().unwrap_or_default());
    }
    for reader in &tokens.readers {
        match &reader.token {
            None => println!("  {}: -", reader.name),
            Some(token) => {
                let unsuitable = token.unsuitable.map_or(String::new(), |code| format!("  ({})", code.as_str()));
                println!(
                    "  {}: {} {} {}{unsuitable}",
                    reader.name, token.name.label, token.name.serial, token.name.model
                );
            }
        }
    }
    if let Some(missing) = tokens.missing {
        println!("{}", missing.as_str());
    }
    Ok(())
}
