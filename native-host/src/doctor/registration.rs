//! With which browsers the host is registered, and whether they could start it.

use qcert_protocol::{
    ErrorCode,
    workstation::{Check, CheckedPart},
};

use super::finding::{Advice, advice, missing, ok};
use crate::registration::{self, Browser, Place};

/// A check for each registration.
pub fn check(extensions: &[String]) -> Vec<Check> {
    let mut checks = Vec::new();
    for browser in Browser::ALL {
        for (place, name) in [(Place::Person, "user"), (Place::System, "system")] {
            let Some(path) = registration::found(browser, &place) else { continue };
            let subject = format!("{browser} ({name}): {}", path.display());
            checks.push(match registration::check_manifest(browser, &path, extensions) {
                Ok(()) => ok(CheckedPart::Registration, subject),
                Err(code) => {
                    missing(CheckedPart::Registration, subject, code, broken(code, &path.display().to_string()))
                }
            });
        }
    }
    checks
}

/// Nowhere.
pub fn nowhere() -> Check {
    missing(
        CheckedPart::Registration,
        "-",
        ErrorCode::HostMissing,
        advice(["Браузеры не знают о программе.", "No browser knows of the host."], REGISTER),
    )
}

/// How to register.
pub const REGISTER: [&str; 2] = [
    "Выполните: qcert-host register --browser all --portal https://адрес-портала",
    "Run: qcert-host register --browser all --portal https://the.portal",
];

fn broken(code: ErrorCode, path: &str) -> Advice {
    let cause = if code == ErrorCode::HostForbidden {
        ["Расширению не разрешено запускать программу.", "The extension may not start the host."]
    } else {
        ["Файл повреждён или называет программу, которой нет.", "It is damaged, or names a program that is not there."]
    };
    advice(
        cause,
        [format!("Зарегистрируйте программу снова или удалите {path}."), format!("Register again, or remove {path}.")],
    )
}
