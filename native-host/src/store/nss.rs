//! NSS's store: the database that Chromium and its kin read, and one in each profile of Firefox. NSS's own programs write
//! to them, also while a browser runs.

mod behind;
mod copies;
mod firefox;

use std::{
    collections::BTreeSet,
    ffi::{OsStr, OsString},
    io::{Read, Seek, Write},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::Duration,
};

use qcert_protocol::{ErrorCode, KeyId};
use sha2::{Digest, Sha256};

use super::Way;
#[cfg(not(target_os = "macos"))]
use crate::places::{data_folder, home};
use crate::{access::keep_private, module::name_of, places::STORED_KEY_MODULE};

/// How long a program of NSS may take. It may load a module, and a module may ask its readers.
const PATIENCE: Duration = Duration::from_secs(30);

/// How often it is asked whether it is ready.
const PAUSE: Duration = Duration::from_millis(20);

/// Where NSS and Chromium look for the common database, in their order: `~/.pki/nssdb`, and what the XDG Base Directory
/// Specification says, where Chromium makes one since its version 146 if there is no other.
#[cfg(not(target_os = "macos"))]
fn folders() -> Vec<PathBuf> {
    let newer = data_folder().map(|folder| folder.join("pki/nssdb"));
    home().map(|home| home.join(".pki/nssdb")).into_iter().chain(newer).collect()
}

/// On macOS they have the keychain.
#[cfg(target_os = "macos")]
fn folders() -> Vec<PathBuf> {
    Vec::new()
}

/// The first that is there; the older one, if none is: older browsers know no other, and newer ones take it.
fn folder() -> Option<PathBuf> {
    let folders = folders();
    folders.iter().find(|folder| folder.is_dir()).or(folders.first()).cloned()
}

/// Adds a certificate under the container's name to every database, with no trust at all. One that knows the token's module
/// sees the certificate there. Doing it twice is as good as once.
///
/// # Errors
/// `store_tool_missing` or `store_failed`, of the first database that refuses; the others have the certificate.
pub fn add_certificate(container: &str, der: &[u8], module: &Path) -> Result<(), ErrorCode> {
    let mut file = tempfile::NamedTempFile::new().map_err(|_| ErrorCode::StoreFailed)?;
    file.write_all(der).map_err(|_| ErrorCode::StoreFailed)?;
    // NSS gives a name to one subject only: another one's, after a correction of the application, needs its own.
    let own_name =
        || format!("{container} {}", Sha256::digest(der)[..4].iter().map(|b| format!("{b:02x}")).collect::<String>());
    in_every_database(|folder| {
        if shows(folder, module) {
            return Ok(());
        }
        let add = |name: &str| {
            let mut certutil = certutil(folder, &["-A", "-t", ",,", "-n", name, "-i"]);
            certutil.arg(file.path());
            run(certutil)
        };
        add(container).or_else(|code| if code == ErrorCode::StoreFailed { add(&own_name()) } else { Err(code) })
    })
}

/// Registers a module in every database, so that the browsers find the keys of its tokens, which are these, and the
/// certificates beside them. Doing it twice is as good as once.
///
/// # Errors
/// As [`add_certificate`].
pub fn register_module(way: &Way, keys: &[KeyId]) -> Result<(), ErrorCode> {
    if way.ours.is_some() {
        behind::put(&way.vendor).map_err(|_| ErrorCode::StoreFailed)?;
    }
    in_every_database(|folder| {
        if reaches(folder, way) {
            return Ok(());
        }
        // Ours shows all that the vendor's does: with both, NSS would have each token twice.
        if way.ours.is_some() && registered(folder).iter().any(|known| known.is_our_doing(Some(&way.vendor))) {
            modutil(folder, "-delete", &own_name(&way.vendor), &[])?;
        }
        copies::remove(folder, keys)?;
        modutil(folder, "-add", &own_name(way.file()), &[OsStr::new("-libfile"), way.file().as_os_str()])
    })
}

/// Takes back what [`register_module`] did with this module, or with all of them; says which. What somebody registered
/// under a name of their own stays.
///
/// # Errors
/// As [`add_certificate`].
pub fn unregister_modules(only: Option<&Path>) -> Result<BTreeSet<PathBuf>, ErrorCode> {
    let mut removed = BTreeSet::new();
    for folder in databases() {
        for known in registered(&folder).into_iter().filter(|known| known.is_our_doing(only)) {
            modutil(&folder, "-delete", &known.name, &[])?;
            removed.insert(known.library);
        }
    }
    if removed.iter().any(|library| is_ours(library)) {
        behind::take_back();
    }
    Ok(removed)
}

/// The way of a module that somebody named: before `qcert-pkcs11` stands whichever it is by now.
pub fn way_by(module: PathBuf) -> Way {
    if is_ours(&module) {
        Way { vendor: behind::module_of_person(), ours: Some(module) }
    } else {
        Way { vendor: module, ours: None }
    }
}

/// Can every database use these keys?
pub fn is_registered(way: &Way) -> bool {
    folder().iter().chain(&firefox::databases()).all(|folder| reaches(folder, way))
}

fn reaches(folder: &Path, way: &Way) -> bool {
    if way.ours.is_some() { shows_stored_keys(folder, &way.vendor) } else { shows(folder, &way.vendor) }
}

/// Does a database see the tokens of this module?
fn shows(folder: &Path, vendor: &Path) -> bool {
    is_known(folder, vendor) || shows_stored_keys(folder, vendor)
}

/// And the keys that these tokens only store?
fn shows_stored_keys(folder: &Path, vendor: &Path) -> bool {
    registered(folder).iter().any(|known| is_ours(&known.library)) && behind::is(vendor)
}

/// Is this `qcert-pkcs11`?
fn is_ours(library: &Path) -> bool {
    name_of(library) == STORED_KEY_MODULE
}

/// What a module is called in the databases.
fn own_name(module: &Path) -> String {
    format!("Qcert {}", name_of(module))
}

fn certutil(folder: &Path, arguments: &[&str]) -> Command {
    let mut certutil = Command::new("certutil");
    certutil.arg("-d").arg(database(folder)).args(arguments);
    certutil
}

fn modutil(folder: &Path, action: &str, name: &str, more: &[&OsStr]) -> Result<(), ErrorCode> {
    let mut modutil = Command::new("modutil");
    modutil.args(["-force", action, name]).args(more).arg("-dbdir").arg(database(folder));
    run(modutil)
}

/// One database that refuses keeps the others from nothing.
fn in_every_database(change: impl Fn(&Path) -> Result<(), ErrorCode>) -> Result<(), ErrorCode> {
    let has_common = cfg!(not(target_os = "macos"));
    let common = if has_common { prepare().and_then(|folder| change(&folder)) } else { Ok(()) };
    let firefox = firefox::databases();
    let outcomes: Vec<_> = firefox.iter().map(|folder| change(folder)).collect();
    outcomes.into_iter().fold(common, Result::and)
}

/// Is there any?
#[cfg(target_os = "macos")]
pub fn has_databases() -> bool {
    !databases().is_empty()
}

/// Those that there are.
fn databases() -> Vec<PathBuf> {
    let common = folders().into_iter().filter(|folder| folder.join("cert9.db").exists());
    common.chain(firefox::databases()).collect()
}

/// NSS's programs, by PATH: where each is, or its name and that it is missing. Then the database, and whether it can be
/// written; one that is not there yet is made with the first certificate.
pub fn parts() -> Vec<(String, Option<ErrorCode>)> {
    let part = |program: &str| match find_program(program) {
        Some(path) => (path.display().to_string(), None),
        None => (program.to_owned(), Some(ErrorCode::StoreToolMissing)),
    };
    let mut parts: Vec<_> = ["certutil", "modutil"].map(part).into();
    parts.extend(folder().map(|folder| (folder.display().to_string(), refusal(&folder))));
    parts
}

fn refusal(folder: &Path) -> Option<ErrorCode> {
    let file = folder.join("cert9.db");
    let good = !file.exists() || std::fs::OpenOptions::new().append(true).open(&file).is_ok();
    (!good).then_some(ErrorCode::StoreFailed)
}

fn find_program(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|folder| folder.join(name)).find(|program| program.is_file())
}

/// A module in a database's list.
struct Registered {
    library: PathBuf,
    name: String,
}

impl Registered {
    /// Did [`register_module`] do it, with this module or with any?
    fn is_our_doing(&self, only: Option<&Path>) -> bool {
        self.name == own_name(&self.library) && only.is_none_or(|only| same(only, &self.library))
    }
}

/// A database's list of modules. It is read, not asked for: asking would load every module.
fn registered(folder: &Path) -> Vec<Registered> {
    let list = std::fs::read_to_string(folder.join("pkcs11.txt")).unwrap_or_default();
    let modules = list.split("\n\n").filter_map(|module| {
        let value = |key| module.lines().find_map(|line| line.strip_prefix(key)).map(str::trim);
        // NSS's own has no file.
        let library = value("library=").filter(|library| !library.is_empty())?;
        Some(Registered { library: library.into(), name: value("name=")?.to_owned() })
    });
    modules.collect()
}

fn is_known(folder: &Path, module: &Path) -> bool {
    registered(folder).iter().any(|known| same(&known.library, module))
}

fn same(one: &Path, other: &Path) -> bool {
    let [one, other] = [one, other].map(|path| path.canonicalize().unwrap_or_else(|_| path.to_owned()));
    one == other
}

/// The store's folder; a person who never had a store gets one, without a password, as browsers make it.
fn prepare() -> Result<PathBuf, ErrorCode> {
    let folder = folder().ok_or(ErrorCode::StoreFailed)?;
    if folder.join("cert9.db").exists() {
        return Ok(folder);
    }
    std::fs::create_dir_all(&folder).map_err(|_| ErrorCode::StoreFailed)?;
    if let Some(parent) = folder.parent() {
        keep_private(parent).map_err(|_| ErrorCode::StoreFailed)?;
    }
    run(certutil(&folder, &["-N", "--empty-password"]))?;
    Ok(folder)
}

fn database(folder: &Path) -> OsString {
    let mut name = OsString::from("sql:");
    name.push(folder);
    name
}

/// What a program prints.
fn output(mut command: Command) -> Result<Vec<u8>, ErrorCode> {
    let failed = |_| ErrorCode::StoreFailed;
    // A file: nobody need read while it writes.
    let mut file = tempfile::tempfile().map_err(failed)?;
    command.stdout(file.try_clone().map_err(failed)?);
    run_to_end(command)?;
    let mut printed = Vec::new();
    file.rewind().and_then(|()| file.read_to_end(&mut printed)).map_err(failed)?;
    Ok(printed)
}

fn run(mut command: Command) -> Result<(), ErrorCode> {
    command.stdout(Stdio::null());
    run_to_end(command)
}

/// Runs a program that can neither ask the person nor write into the host's frames.
fn run_to_end(mut command: Command) -> Result<(), ErrorCode> {
    let child = command.stdin(Stdio::null()).stderr(Stdio::null()).spawn();
    let mut child = match child {
        Ok(child) => child,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Err(ErrorCode::StoreToolMissing),
        Err(_) => return Err(ErrorCode::StoreFailed),
    };
    let mut waited = Duration::ZERO;
    while waited < PATIENCE {
        match child.try_wait() {
            Ok(Some(status)) if status.success() => return Ok(()),
            Ok(None) => {}
            Ok(Some(_)) | Err(_) => return Err(ErrorCode::StoreFailed),
        }
        std::thread::sleep(PAUSE);
        waited += PAUSE;
    }
    let _ = child.kill();
    let _ = child.wait();
    Err(ErrorCode::StoreFailed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_database_that_cannot_be_written_is_named_and_one_that_will_be_made_is_not() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(refusal(folder.path()), None);
        // A folder in the file's place: even the administrator cannot write to it.
        std::fs::create_dir(folder.path().join("cert9.db")).unwrap();
        assert_eq!(refusal(folder.path()), Some(ErrorCode::StoreFailed));
    }

    #[test]
    fn a_module_is_registered_if_the_list_names_its_file() {
        let folder = tempfile::tempdir().unwrap();
        let list = "library=\nname=NSS Internal PKCS #11 Module\n\nlibrary=/opt/a.so\nname=Qcert a\n";
        std::fs::write(folder.path().join("pkcs11.txt"), list).unwrap();
        assert!(is_known(folder.path(), Path::new("/opt/a.so")));
        assert!(!is_known(folder.path(), Path::new("/opt/b.so")));
    }

    #[test]
    fn a_program_that_is_not_installed_has_its_own_code() {
        assert_eq!(run(Command::new("qcert-no-such-program")), Err(ErrorCode::StoreToolMissing));
        assert_eq!(run(Command::new("false")), Err(ErrorCode::StoreFailed));
    }
}
