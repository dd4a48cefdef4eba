//! Where the machine's files are: under `/` and the person's home, or in a folder that a test has made up.

use std::path::{Path, PathBuf};

use qcert_protocol::workstation::{Packages, System};

/// A machine and the person at it.
pub struct Machine {
    root: PathBuf,
    home: Option<PathBuf>,
}

impl Machine {
    /// This one.
    pub fn this() -> Self {
        Self { root: "/".into(), home: std::env::home_dir().filter(|home| home.is_absolute()) }
    }

    /// One in a folder: its root, and in that the home `/home/person`.
    #[cfg(all(test, unix))]
    pub fn made_up(root: &Path) -> Self {
        Self { root: root.to_owned(), home: Some(root.join("home/person")) }
    }

    /// A file by its absolute path.
    pub fn path(&self, absolute: &str) -> PathBuf {
        self.root.join(absolute.trim_start_matches('/'))
    }

    /// A file in the person's home.
    pub fn in_home(&self, relative: &str) -> Option<PathBuf> {
        self.home.as_ref().map(|home| home.join(relative))
    }

    /// The first that is there, of files in the system and one in the home.
    pub fn first(&self, absolute: &[&str], in_home: &str) -> Option<PathBuf> {
        let system = absolute.iter().map(|path| self.path(path));
        system.chain(self.in_home(in_home)).find(|path| path.exists())
    }

    /// The folders in a folder of the home, sorted.
    pub fn folders_in_home(&self, relative: &str) -> Vec<PathBuf> {
        let Some(folder) = self.in_home(relative) else { return Vec::new() };
        let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
        let mut folders: Vec<_> = entries.map(|entry| entry.path()).filter(|path| path.is_dir()).collect();
        folders.sort();
        folders
    }

    /// A text with `~` for the person's home.
    pub fn without_home(&self, text: &str) -> String {
        let home = self.home.as_deref().and_then(Path::to_str).filter(|home| home.len() > 1);
        home.map_or_else(|| text.to_owned(), |home| text.replace(home.trim_end_matches(['/', '\\']), "~"))
    }

    /// The operating system, by `os-release`(5).
    pub fn system(&self) -> System {
        if cfg!(windows) {
            return System { packages: Packages::Windows, name: "Windows".into() };
        }
        if cfg!(target_os = "macos") {
            return System { packages: Packages::Other, name: "macOS".into() };
        }
        let files = ["/etc/os-release", "/usr/lib/os-release"];
        let text = files.iter().find_map(|file| std::fs::read_to_string(self.path(file)).ok()).unwrap_or_default();
        let value = |key: &str| {
            let line = text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix('='));
            line.unwrap_or_default().trim_matches(['"', '\'']).to_owned()
        };
        let kin = format!("{} {}", value("ID"), value("ID_LIKE"));
        let is = |names: &[&str]| kin.split_whitespace().any(|one| names.contains(&one));
        let packages = match () {
            () if is(&["debian", "ubuntu", "astra"]) => Packages::Debian,
            () if is(&["rhel", "fedora", "centos", "suse", "opensuse", "altlinux", "redos", "rosa"]) => Packages::Rpm,
            () => Packages::Other,
        };
        let name = Some(value("PRETTY_NAME")).filter(|name| !name.is_empty());
        System { packages, name: name.unwrap_or_else(|| std::env::consts::OS.to_owned()) }
    }
}

#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests {
    use super::*;

    fn system_of(os_release: &str) -> System {
        let root = tempfile::tempdir().unwrap();
        std::fs::create_dir(root.path().join("etc")).unwrap();
        std::fs::write(root.path().join("etc/os-release"), os_release).unwrap();
        Machine::made_up(root.path()).system()
    }

    #[test]
    fn a_system_takes_its_familys_packages() {
        for (os_release, packages) in [
            ("ID=debian", Packages::Debian),
            ("ID=linuxmint\nID_LIKE=\"ubuntu debian\"", Packages::Debian),
            ("ID=astra\nID_LIKE=debian", Packages::Debian),
            ("ID=\"rocky\"\nID_LIKE=\"rhel centos fedora\"", Packages::Rpm),
            ("ID=altlinux", Packages::Rpm),
            ("ID=redos", Packages::Rpm),
            ("ID=nixos", Packages::Other),
            ("VERSION_ID=debian", Packages::Other),
            ("", Packages::Other),
        ] {
            assert_eq!(system_of(os_release).packages, packages, "{os_release}");
        }
        assert_eq!(system_of("ID=debian\nPRETTY_NAME=\"Debian GNU/Linux 12\"").name, "Debian GNU/Linux 12");
    }

    #[test]
    fn the_home_is_written_as_a_tilde() {
        let machine = Machine { root: "/".into(), home: Some("/home/ivanov".into()) };
        assert_eq!(machine.without_home("in /home/ivanov/.config and /etc"), "in ~/.config and /etc");
        let without = Machine { root: "/".into(), home: Some("/".into()) };
        assert_eq!(without.without_home("/etc/a"), "/etc/a");
    }
}
