//! Which browsers are installed, and which of them are shut in: a snap's or flatpak's browser sees its own files only and
//! cannot start the host.

use std::{
    fs::File,
    io::Read,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::Duration,
};

use qcert_protocol::{
    ErrorCode,
    workstation::{Check, CheckState, CheckedPart, OLDEST_CHROMIUM, OLDEST_FIREFOX},
};

use super::{
    finding::{advice, bad, ok, warning},
    machine::Machine,
};

/// How long a browser may take to say its version.
const PATIENCE: Duration = Duration::from_secs(5);

/// How often it is asked whether it is ready.
const PAUSE: Duration = Duration::from_millis(20);

struct Known {
    name: &'static str,
    programs: &'static [&'static str],
    snap: &'static str,
    flatpak: &'static str,
    /// What the extension's manifest asks for.
    oldest: u32,
}

const KNOWN: [Known; 4] = [
    Known {
        name: "Chromium",
        programs: &["/usr/bin/chromium", "/usr/bin/chromium-browser"],
        snap: "chromium",
        flatpak: "org.chromium.Chromium",
        oldest: OLDEST_CHROMIUM,
    },
    Known {
        name: "Google Chrome",
        programs: &["/usr/bin/google-chrome-stable", "/usr/bin/google-chrome"],
        snap: "google-chrome",
        flatpak: "com.google.Chrome",
        oldest: OLDEST_CHROMIUM,
    },
    Known {
        name: "Microsoft Edge",
        programs: &["/usr/bin/microsoft-edge-stable", "/usr/bin/microsoft-edge"],
        snap: "microsoft-edge",
        flatpak: "com.microsoft.Edge",
        oldest: OLDEST_CHROMIUM,
    },
    Known {
        name: "Mozilla Firefox",
        programs: &["/usr/bin/firefox-esr", "/usr/bin/firefox"],
        snap: "firefox",
        flatpak: "org.mozilla.firefox",
        oldest: OLDEST_FIREFOX,
    },
];

/// Asks a browser's program what it is, as `Chromium 156.0.8078.0`.
pub type Version<'a> = &'a dyn Fn(&Path) -> Option<String>;

/// A check for each browser that is there.
pub fn check(machine: &Machine, version: Version<'_>) -> Vec<Check> {
    if cfg!(any(windows, target_os = "macos")) {
        // There a browser's place is its own affair; the registration says what is to say.
        return Vec::new();
    }
    let free: Vec<Check> =
        KNOWN.iter().filter_map(|known| Some(installed(known, &program(machine, known)?, version))).collect();
    let state = if free.is_empty() { CheckState::Missing } else { CheckState::Warning };
    let shut_in = KNOWN.iter().flat_map(|known| sandboxed(machine, known, state));
    let checks: Vec<_> = free.iter().cloned().chain(shut_in).collect();
    if checks.is_empty() { vec![none()] } else { checks }
}

/// The browser's program; a snap's hides behind a link, or behind a script that calls it.
fn program(machine: &Machine, known: &Known) -> Option<PathBuf> {
    let paths = known.programs.iter().map(|path| machine.path(path));
    paths.filter(|path| path.exists()).find(|path| !leads_into_snap(path))
}

fn leads_into_snap(path: &Path) -> bool {
    if path.canonicalize().is_ok_and(|real| real.ends_with("usr/bin/snap")) {
        return true;
    }
    let mut head = Vec::new();
    // The wrapper is a few lines, a browser's program many megabytes.
    let read = File::open(path).and_then(|file| file.take(4096).read_to_end(&mut head));
    read.is_ok() && String::from_utf8_lossy(&head).contains("/snap/bin/")
}

fn installed(known: &Known, program: &Path, version: Version<'_>) -> Check {
    let Some(version) = version(program) else {
        return ok(CheckedPart::Browser, format!("{}: {}", known.name, program.display()));
    };
    let major = version.split(|c: char| !c.is_ascii_digit()).find_map(|digits| digits.parse::<u32>().ok());
    if major.is_none_or(|major| major >= known.oldest) {
        return ok(CheckedPart::Browser, version);
    }
    let text = advice(
        [
            "Эта версия браузера слишком старая для расширения.",
            "This version of the browser is too old for the extension.",
        ],
        [
            format!("Обновите браузер до версии {} или новее.", known.oldest),
            format!("Update the browser to {} or later.", known.oldest),
        ],
    );
    warning(CheckedPart::Browser, version, ErrorCode::BrowserUnsupported, text)
}

fn sandboxed(machine: &Machine, known: &Known, state: CheckState) -> Vec<Check> {
    let snap = machine.first(
        &[&format!("/snap/bin/{}", known.snap), &format!("/var/lib/snapd/snap/bin/{}", known.snap)],
        &format!("snap/{}", known.snap),
    );
    let flatpak = machine.first(
        &[&format!("/var/lib/flatpak/app/{}", known.flatpak)],
        &format!(".local/share/flatpak/app/{}", known.flatpak),
    );
    let found = [("snap", snap), ("flatpak", flatpak)].into_iter().filter_map(|(kind, path)| Some((kind, path?)));
    found
        .map(|(kind, path)| {
            let text = advice(
                [
                    format!(
                        "Браузер установлен как {kind}: он изолирован от системы и не может запустить программу Qcert."
                    ),
                    format!(
                        "This browser is a {kind} package: it is shut off from the system and cannot start the host."
                    ),
                ],
                [
                    "Пользуйтесь на портале браузером из пакета системы (.deb, .rpm).",
                    "Use the portal with a browser from the system's own packages (.deb, .rpm).",
                ],
            );
            let subject = format!("{} ({kind}): {}", known.name, path.display());
            bad(CheckedPart::Browser, subject, state, ErrorCode::BrowserSandboxed, text)
        })
        .collect()
}

fn none() -> Check {
    let text = advice(
        [
            "Не найден ни один браузер, для которого есть расширение.",
            "No browser was found for which there is an extension.",
        ],
        [
            "Установите Chromium, Chrome, Edge или Firefox из пакета системы.",
            "Install Chromium, Chrome, Edge or Firefox from the system's packages.",
        ],
    );
    warning(CheckedPart::Browser, "-", ErrorCode::BrowserUnsupported, text)
}

/// What a browser's program says of itself with `--version`.
pub fn version_of(program: &Path) -> Option<String> {
    let mut browser = Command::new(program);
    browser.arg("--version").stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut browser = browser.spawn().ok()?;
    let mut waited = Duration::ZERO;
    while browser.try_wait().ok()?.is_none() {
        if waited >= PATIENCE {
            let _ = browser.kill();
            let _ = browser.wait();
            return None;
        }
        std::thread::sleep(PAUSE);
        waited += PAUSE;
    }
    let mut said = String::new();
    browser.stdout?.take(300).read_to_string(&mut said).ok()?;
    Some(said.lines().next()?.trim().to_owned()).filter(|line| !line.is_empty())
}

#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests {
    use super::*;

    fn look(files: &[(&str, &str)]) -> Vec<(CheckState, String)> {
        let root = tempfile::tempdir().unwrap();
        for (name, content) in files {
            let path = root.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, content).unwrap();
        }
        let checks = check(&Machine::made_up(root.path()), &|_| None);
        let subject = |check: Check| check.subject.replace(root.path().to_str().unwrap(), "");
        checks.into_iter().map(|check| (check.state, subject(check))).collect()
    }

    #[test]
    fn a_browser_of_the_system_is_good_and_one_in_a_sandbox_beside_it_is_a_warning() {
        let found = look(&[("usr/bin/chromium", "ELF"), ("var/lib/flatpak/app/org.mozilla.firefox/current", "")]);
        let firefox = "Mozilla Firefox (flatpak): /var/lib/flatpak/app/org.mozilla.firefox".to_owned();
        assert_eq!(found, [(CheckState::Ok, "Chromium: /usr/bin/chromium".into()), (CheckState::Warning, firefox)]);
    }

    #[test]
    fn browsers_that_are_all_in_sandboxes_are_named_as_what_is_missing() {
        for (file, subject) in [
            ("snap/bin/chromium", "Chromium (snap): /snap/bin/chromium"),
            ("home/person/snap/firefox/common/x", "Mozilla Firefox (snap): /home/person/snap/firefox"),
            (
                "home/person/.local/share/flatpak/app/com.google.Chrome/x",
                "Google Chrome (flatpak): /home/person/.local/share/flatpak/app/com.google.Chrome",
            ),
        ] {
            assert_eq!(look(&[(file, "")]), [(CheckState::Missing, subject.to_owned())]);
        }
    }

    #[test]
    fn a_script_of_the_system_that_calls_the_snap_is_no_browser_of_the_system() {
        let found =
            look(&[("usr/bin/firefox", "#!/bin/sh\nexec /snap/bin/firefox \"$@\"\n"), ("snap/bin/firefox", "")]);
        assert_eq!(found, [(CheckState::Missing, "Mozilla Firefox (snap): /snap/bin/firefox".to_owned())]);
    }

    #[test]
    fn a_browser_that_is_too_old_for_the_extension_is_named() {
        let root = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(root.path().join("usr/bin")).unwrap();
        std::fs::write(root.path().join("usr/bin/firefox-esr"), "ELF").unwrap();
        let state = |version: &str| {
            let answer = |_: &Path| Some(version.to_owned());
            check(&Machine::made_up(root.path()), &answer)[0].state
        };
        assert_eq!(state("Mozilla Firefox 141.0.2"), CheckState::Warning);
        assert_eq!(state("Mozilla Firefox 142.0"), CheckState::Ok);
    }

    #[test]
    fn the_oldest_versions_are_those_of_the_extensions_manifest() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../extension/src/manifest.json");
        let manifest: serde_json::Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
        let major =
            |text: &serde_json::Value| text.as_str().unwrap().split('.').next().unwrap().parse::<u32>().unwrap();
        let chromium = major(&manifest["minimum_chrome_version"]);
        let firefox = major(&manifest["browser_specific_settings"]["gecko"]["strict_min_version"]);
        for known in &KNOWN {
            assert_eq!(known.oldest, if known.snap == "firefox" { firefox } else { chromium }, "{}", known.name);
        }
    }
}
