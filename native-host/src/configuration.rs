//! The administrator's configuration: which sites may use the host, and which PKCS#11 modules it loads.

use std::{
    io::ErrorKind,
    num::NonZero,
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context, Result};
use qcert_pki::Certificate;
use serde::Deserialize;

use crate::{EXTENSION_ID, access, log::Level, places};

/// Environment variable that names the one configuration file to read.
pub const FILE_VARIABLE: &str = "QCERT_HOST_CONFIG";

/// PIN that makers of tokens set, when the configuration does not list others.
const FACTORY_PIN: &str = "12345678";

/// A person has to find the keys of a PIN pad; a token may take more than a minute for an RSA key.
const MODULE_TIME_LIMIT: Duration = Duration::from_secs(180);

/// In MiB. Modules take some ten; one with an interpreter or several modules inside may take a hundred.
const MODULE_MEMORY_LIMIT: u32 = 512;

/// One file, as it is written. What is absent is taken from the other file, or is the default.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    allowed_origins: Option<Vec<String>>,
    modules: Option<Vec<PathBuf>>,
    factory_pins: Option<Vec<String>>,
    extension_ids: Option<Vec<String>>,
    authority_certificates: Option<Vec<PathBuf>>,
    stored_key_module: Option<PathBuf>,
    log: Option<Level>,
    module_time_limit: Option<NonZero<u32>>,
    module_memory_limit: Option<NonZero<u32>>,
}

/// What the host goes by.
#[derive(Clone)]
pub struct Configuration {
    /// Origins that may use the host; compared byte by byte.
    pub allowed_origins: Vec<String>,
    /// Modules to load, in this order; `None` means the well-known places.
    modules: Option<Vec<PathBuf>>,
    /// PINs that a person is asked to change.
    pub factory_pins: Vec<String>,
    /// Extensions in Chromium and its kin that may start the host.
    pub extension_ids: Vec<String>,
    /// Files with certificates of the authority (PEM), which go onto the token beside a holder's.
    pub authority_certificates: Vec<PathBuf>,
    /// `qcert-pkcs11`, where it is not in a well-known place.
    pub stored_key_module: Option<PathBuf>,
    /// How much the log of [`crate::log`] is told.
    pub log: Level,
    /// How long a PKCS#11 module may take for one step before it is ended.
    pub module_time_limit: Duration,
    /// How much memory a worker may have with its module, in MiB, before it is ended.
    pub module_memory_limit: u32,
}

impl Default for Configuration {
    fn default() -> Self {
        Self::merged(File::default(), File::default())
    }
}

impl Configuration {
    /// Reads the configuration of this machine and this person. What the system's file says wins.
    ///
    /// # Errors
    /// A file that cannot be read, is not TOML or has unknown keys; a missing file is an empty one.
    pub fn load() -> Result<Self> {
        if let Some(file) = std::env::var_os(FILE_VARIABLE) {
            return Ok(Self::merged(File::default(), read(Path::new(&file))?));
        }
        let person = match places::person_file() {
            Some(path) => read(&path)?,
            None => File::default(),
        };
        let system = places::system_file();
        access::check_system_owner(&system)?;
        Ok(Self::merged(person, read(&system)?))
    }

    fn merged(person: File, system: File) -> Self {
        Self {
            allowed_origins: system.allowed_origins.or(person.allowed_origins).unwrap_or_default(),
            modules: system.modules.or(person.modules),
            factory_pins: system.factory_pins.or(person.factory_pins).unwrap_or_else(|| vec![FACTORY_PIN.to_owned()]),
            extension_ids: system
                .extension_ids
                .or(person.extension_ids)
                .unwrap_or_else(|| vec![EXTENSION_ID.to_owned()]),
            authority_certificates: system.authority_certificates.or(person.authority_certificates).unwrap_or_default(),
            stored_key_module: system.stored_key_module.or(person.stored_key_module),
            log: system.log.or(person.log).unwrap_or_default(),
            module_time_limit: system
                .module_time_limit
                .or(person.module_time_limit)
                .map_or(MODULE_TIME_LIMIT, |seconds| Duration::from_secs(seconds.get().into())),
            module_memory_limit: system
                .module_memory_limit
                .or(person.module_memory_limit)
                .map_or(MODULE_MEMORY_LIMIT, NonZero::get),
        }
    }

    /// What a file says, alone.
    ///
    /// # Errors
    /// A text that is not TOML, has unknown keys, or a module's relative path.
    pub fn of(text: &str) -> Result<Self> {
        Ok(Self::merged(File::default(), parse(text)?))
    }

    /// May this site use the host?
    pub fn allows(&self, origin: &str) -> bool {
        self.allowed_origins.iter().any(|allowed| allowed == origin)
    }

    /// Is this one of the PINs that tokens are sold with?
    pub fn is_factory_pin(&self, pin: &str) -> bool {
        self.factory_pins.iter().any(|factory| factory == pin)
    }

    /// The authority's certificates; of files that cannot be read `doctor` tells.
    pub fn authority(&self) -> Vec<Certificate> {
        let read = self.authority_certificates.iter().filter_map(|file| certificates(file).ok());
        read.flatten().collect()
    }

    /// The modules to load now: those configured, else those that are found in the well-known places.
    pub fn module_paths(&self) -> Vec<PathBuf> {
        self.modules.clone().unwrap_or_else(places::well_known_modules)
    }

    /// The module by which other programs use keys that a token only stores, if it is installed.
    pub fn stored_key_module(&self) -> Option<PathBuf> {
        match &self.stored_key_module {
            Some(path) => Some(path.clone()).filter(|path| path.exists()),
            None => places::stored_key_module(),
        }
    }
}

fn read(path: &Path) -> Result<File> {
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(File::default()),
        Err(error) => return Err(error).with_context(|| format!("reading {}", path.display())),
    };
    parse(&text).with_context(|| format!("understanding {}", path.display()))
}

fn parse(text: &str) -> Result<File> {
    let file: File = understand(text)?;
    // The browser starts the host wherever it likes: a relative path would load what lies there.
    let lists = file.modules.iter().chain(&file.authority_certificates).flatten();
    let relative = lists.chain(&file.stored_key_module).any(|path| !path.is_absolute());
    anyhow::ensure!(!relative, "the path of a module or of a certificate must be absolute");
    Ok(file)
}

/// The certificates in a file.
///
/// # Errors
/// It cannot be read, or is not PEM.
pub fn certificates(file: &Path) -> Result<Vec<Certificate>> {
    let text = std::fs::read_to_string(file).with_context(|| format!("reading {}", file.display()))?;
    let certificates = Certificate::parse_pem(&text);
    certificates.map_err(|_| anyhow::anyhow!("{} is not a list of certificates in PEM", file.display()))
}

fn understand(text: &str) -> Result<File> {
    // The parser's message quotes the line, which may be a PIN's: only its place is told.
    toml_edit::de::from_str(text).map_err(|error| {
        let line = error.span().map_or(1, |span| 1 + text[..span.start].matches('\n').count());
        anyhow::anyhow!("line {line} is not TOML, has an unknown key, or a value of another type")
    })
}

/// The file that `register` and `unregister` change.
///
/// # Errors
/// For a person without a home.
pub fn file_to_change(system: bool) -> Result<PathBuf> {
    if let Some(file) = std::env::var_os(FILE_VARIABLE) {
        return Ok(file.into());
    }
    if system { Ok(places::system_file()) } else { places::person_file().context(places::NO_HOME) }
}

/// Adds an origin to `allowed_origins` of a file, or takes it away; the rest of the file stays as it is, and where there
/// is none the file goes. Doing it twice is as good as once.
///
/// # Errors
/// A file that cannot be read, understood or written.
pub fn change_origin(path: &Path, origin: &str, allow: bool) -> Result<()> {
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == ErrorKind::NotFound => String::new(),
        Err(error) => return Err(error).with_context(|| format!("reading {}", path.display())),
    };
    let mut origins =
        parse(&text).with_context(|| format!("understanding {}", path.display()))?.allowed_origins.unwrap_or_default();
    if origins.iter().any(|known| known == origin) == allow {
        return Ok(());
    }
    if allow {
        origins.push(origin.to_owned())
    } else {
        origins.retain(|known| known != origin)
    }
    let mut document: toml_edit::DocumentMut = text.parse().context("understanding the configuration")?;
    document["allowed_origins"] = toml_edit::value(origins.into_iter().collect::<toml_edit::Array>());
    let text = document.to_string();
    if text.trim() == "allowed_origins = []" {
        return remove(path);
    }
    write_whole(path, text.as_bytes())
}

/// Removes a file that says nothing more, and its folder if nothing else is there.
fn remove(path: &Path) -> Result<()> {
    std::fs::remove_file(path).with_context(|| format!("removing {}", path.display()))?;
    if let Some(folder) = path.parent() {
        // What else is there is not ours to remove.
        let _ = std::fs::remove_dir(folder);
    }
    Ok(())
}

/// How the name begins under which a file is written before it is whole: who is interrupted leaves one behind.
pub fn half_written_prefix(name: &std::ffi::OsStr) -> String {
    format!(".{}.", name.to_string_lossy())
}

/// Writes a file so that a reader sees the old one or the new one, never a half. Anybody may read it.
///
/// # Errors
/// Those of the file system.
pub fn write_whole(path: &Path, content: &[u8]) -> Result<()> {
    let folder = path.parent().context("a file without a folder")?;
    std::fs::create_dir_all(folder).with_context(|| format!("making {}", folder.display()))?;
    let half = half_written_prefix(path.file_name().context("a file without a name")?);
    let half = tempfile::Builder::new().prefix(&half).tempfile_in(folder);
    let mut file = half.with_context(|| format!("writing in {}", folder.display()))?;
    std::io::Write::write_all(&mut file, content)?;
    access::let_everybody_read(file.path())?;
    file.as_file().sync_all()?;
    file.persist(path).with_context(|| format!("writing {}", path.display()))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_system_file_says_wins() {
        let person = parse("allowed_origins = ['https://mine']\nfactory_pins = ['1']").unwrap();
        let system = parse("allowed_origins = ['https://theirs']").unwrap();
        let configuration = Configuration::merged(person, system);
        assert!(configuration.allows("https://theirs"));
        assert!(!configuration.allows("https://mine"));
        assert!(configuration.is_factory_pin("1"));
    }

    #[test]
    fn an_origin_is_compared_exactly() {
        let configuration =
            Configuration::merged(File::default(), parse("allowed_origins = ['https://ca.example:8443']").unwrap());
        for other in
            ["https://ca.example", "https://ca.example:8443/", "http://ca.example:8443", "HTTPS://ca.example:8443"]
        {
            assert!(!configuration.allows(other), "{other}");
        }
        assert!(configuration.allows("https://ca.example:8443"));
    }

    #[test]
    fn without_a_configuration_nobody_is_allowed_and_the_usual_factory_pin_is_known() {
        let configuration = Configuration::merged(File::default(), File::default());
        assert!(!configuration.allows(""));
        assert!(configuration.is_factory_pin("12345678"));
    }

    #[test]
    fn an_unknown_key_is_refused_and_the_error_quotes_no_value() {
        let error = parse("\nfactory_pin = ['87654321']").err().unwrap().to_string();
        assert!(!error.contains("87654321"), "{error}");
        let error = parse("factory_pins = 87654321").err().unwrap().to_string();
        assert!(!error.contains("87654321"), "{error}");
    }

    #[test]
    fn a_module_is_named_by_its_whole_path() {
        assert!(parse(&format!("modules = ['{}']", std::env::temp_dir().join("m.so").display())).is_ok());
        assert!(parse("modules = ['m.so']").is_err());
        assert!(parse("stored_key_module = 'm.so'").is_err());
    }

    #[test]
    fn an_origin_is_added_once_and_taken_away_with_comments_kept() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("deep/host.toml");
        std::fs::create_dir(folder.path().join("deep")).unwrap();
        std::fs::write(&path, "# ours\nlog = 'off'\n").unwrap();
        change_origin(&path, "http://localhost:8080", true).unwrap();
        change_origin(&path, "http://localhost:8080", true).unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(text.starts_with("# ours\n"));
        assert_eq!(text.matches("http://localhost:8080").count(), 1);
        change_origin(&path, "http://localhost:8080", false).unwrap();
        assert_eq!(read(&path).unwrap().allowed_origins.unwrap(), Vec::<String>::new());
    }

    #[test]
    fn a_file_that_only_allowed_an_origin_goes_with_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("deep/host.toml");
        change_origin(&path, "http://localhost:8080", true).unwrap();
        assert!(path.exists());
        change_origin(&path, "http://localhost:8080", false).unwrap();
        assert!(!folder.path().join("deep").exists() && folder.path().exists());
    }
}
