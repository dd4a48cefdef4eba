//! A SoftHSM token of the test's own, behind the shim that takes it away.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

pub const PIN: &str = "12345678";
const MODULE: &str = "/usr/lib/softhsm/libsofthsm2.so";

/// Where the token is, for the process that has it to itself.
const ALONE: &str = "QCERT_TEST_HSM";

pub struct SoftHsm {
    directory: PathBuf,
}

impl SoftHsm {
    /// Makes a token in a directory that the test removes.
    pub fn new(directory: &Path) -> Self {
        let directory = directory.join("hsm");
        fs::create_dir_all(directory.join("tokens")).unwrap();
        let tokens = directory.join("tokens");
        let text = format!("directories.tokendir = {}\nlog.level = ERROR\n", tokens.display());
        fs::write(directory.join("softhsm2.conf"), text).unwrap();
        let hsm = Self { directory };
        hsm.pin(PIN);
        let made = Command::new("softhsm2-util")
            .args(["--init-token", "--free", "--label", "Authority", "--so-pin", "87654321", "--pin", PIN])
            .envs(hsm.environment())
            .output()
            .expect("softhsm2-util runs; it comes with the package softhsm2");
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        hsm
    }

    /// A token for this very process. Modules read the environment once and for the whole process, so two tests of one
    /// process would have one token between them: this starts the test, by its name, in a process of its own and waits
    /// until it has passed there; there, and nowhere else, it answers the token.
    pub fn alone(test: &str) -> Option<Self> {
        if let Some(directory) = std::env::var_os(ALONE) {
            return Some(Self { directory: directory.into() });
        }
        let directory = tempfile::tempdir().unwrap();
        let hsm = Self::new(directory.path());
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["--exact", test, "--nocapture"]).env(ALONE, &hsm.directory).envs(hsm.environment());
        let output = command.output().unwrap();
        let said = [output.stdout, output.stderr].map(|part| String::from_utf8_lossy(&part).into_owned()).concat();
        assert!(output.status.success() && said.contains("1 passed"), "{said}");
        None
    }

    /// What the modules want in the environment.
    pub fn environment(&self) -> [(String, String); 3] {
        let file = |name: &str| self.directory.join(name).display().to_string();
        [
            ("SOFTHSM2_CONF".to_owned(), file("softhsm2.conf")),
            ("QCERT_SHIM_CONTROL".to_owned(), file("control")),
            ("QCERT_SHIM_MODULE".to_owned(), MODULE.to_owned()),
        ]
    }

    /// The `[hsm]` of the settings.
    pub fn settings(&self) -> String {
        let pin = self.directory.join("pin");
        format!("[hsm]\nmodule = '{}'\ntoken = 'Authority'\npin_file = '{}'\n", shim().display(), pin.display())
    }

    pub fn pin(&self, pin: &str) {
        use std::os::unix::fs::PermissionsExt;
        let path = self.directory.join("pin");
        fs::write(&path, pin).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    }

    /// What the shim does with the token from now on.
    pub fn control(&self, text: &str) {
        let new = self.directory.join("control.new");
        fs::write(&new, text).unwrap();
        fs::rename(new, self.directory.join("control")).unwrap();
    }

    /// How many wrong PINs the token was given, while it counts them.
    pub fn wrong_pins(&self) -> u32 {
        let counted = fs::read_to_string(self.directory.join("control.wrong-pins"));
        counted.map_or(0, |text| text.trim().parse().unwrap())
    }
}

/// Cargo puts the library beside the test or one directory up, depending on what it built for.
fn shim() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let candidates = test.ancestors().skip(1).take(2).map(|directory| directory.join("libqcert_token_shim.so"));
    candidates.max_by_key(|path| path.metadata().and_then(|m| m.modified()).ok()).unwrap()
}
