//! A token of the test's own behind the shim.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use cryptoki::{
    context::{CInitializeArgs, CInitializeFlags, Pkcs11},
    error::{Error, RvError},
    mechanism::Mechanism,
    object::{Attribute, ObjectClass},
    session::{Session, UserType},
    slot::Slot,
    types::AuthPin,
};
use tempfile::TempDir;

pub const PIN: &str = "12345678";

/// A SoftHSM token of the test's own behind the shim. Settings are environment variables, so each test needs a
/// process of its own, as `cargo nextest` gives it.
pub struct Bench {
    directory: TempDir,
    pub pkcs11: Pkcs11,
}

impl Bench {
    pub fn new() -> Self {
        let directory = TempDir::new().unwrap();
        let tokens = directory.path().join("tokens");
        fs::create_dir(&tokens).unwrap();
        let configuration = directory.path().join("softhsm2.conf");
        fs::write(&configuration, format!("directories.tokendir = {}\nlog.level = ERROR\n", tokens.display())).unwrap();
        let made = Command::new("softhsm2-util")
            .args(["--init-token", "--free", "--label", "Test", "--so-pin", "87654321", "--pin", PIN])
            .env("SOFTHSM2_CONF", &configuration)
            .output()
            .expect("softhsm2-util runs; it comes with the package softhsm2");
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        // SAFETY: nextest gives each test a process, and no other thread runs yet.
        unsafe {
            std::env::set_var("SOFTHSM2_CONF", &configuration);
            std::env::set_var("QCERT_SHIM_CONTROL", directory.path().join("control"));
        }
        let pkcs11 = Pkcs11::new(shim()).unwrap();
        pkcs11.initialize(CInitializeArgs::new(CInitializeFlags::OS_LOCKING_OK)).unwrap();
        Self { directory, pkcs11 }
    }

    pub fn control(&self, text: &str) {
        control(self.directory.path(), text);
    }

    pub fn slot(&self) -> Slot {
        self.pkcs11.get_slots_with_token().unwrap()[0]
    }

    pub fn login(&self, pin: &str) -> Result<Session, Error> {
        let session = self.pkcs11.open_rw_session(self.slot())?;
        session.login(UserType::User, Some(&AuthPin::new(pin.into())))?;
        Ok(session)
    }
}

fn control(directory: &Path, text: &str) {
    let new = directory.join("control.new");
    fs::write(&new, text).unwrap();
    fs::rename(new, directory.join("control")).unwrap();
}

/// Cargo puts the library beside the test or one directory up, depending on what it built for.
fn shim() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let candidates = test.ancestors().skip(1).take(2).map(|directory| directory.join("libqcert_token_shim.so"));
    candidates.max_by_key(|path| path.metadata().and_then(|m| m.modified()).ok()).unwrap()
}

pub fn generate(session: &Session) -> Result<(), Error> {
    let curve = Attribute::EcParams(vec![0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07]);
    let public = [Attribute::Token(true), curve];
    let private = [Attribute::Token(true), Attribute::Private(true), Attribute::Sensitive(true)];
    session.generate_key_pair(&Mechanism::EccKeyPairGen, &public, &private).map(|_| ())
}

pub fn private_keys(bench: &Bench) -> usize {
    let session = bench.login(PIN).unwrap();
    session.find_objects(&[Attribute::Class(ObjectClass::PRIVATE_KEY)]).unwrap().len()
}

pub fn rv<T>(result: Result<T, Error>) -> RvError {
    match result {
        Err(Error::Pkcs11(rv, _)) => rv,
        Err(other) => panic!("{other}"),
        Ok(_) => panic!("the call succeeded"),
    }
}
