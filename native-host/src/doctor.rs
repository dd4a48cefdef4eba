//! The check of the workstation from the host's side: every part from the browser to the token, what state it is in, why,
//! and what to do about it. A person sees it in a terminal (`doctor`), the page asks for it (`diagnose`), and the support
//! gets it in a bundle.
//!
//! **Invariant:** what may name a person (a token's label and serial number, the log) is in a diagnosis only when it was
//! asked for, the home is written `~`, and no token is logged in to.

mod browsers;
mod bundle;
mod extension;
mod finding;
mod machine;
mod registration;
mod store;
mod tokens;

use std::{path::Path, process::ExitCode};

use anyhow::Result;
use qcert_protocol::{
    ErrorCode, PROTOCOL_MINOR, PROTOCOL_VERSION,
    workstation::{Check, CheckState, CheckedPart, Diagnose, Diagnosis, Tokens, Words},
};
use time::format_description::well_known::Rfc3339;

use self::{
    finding::{advice, missing, ok, warning},
    machine::Machine,
};
use crate::{
    clock,
    configuration::{self, Configuration},
    log, places,
    workers::survey_once,
};

/// How many lines of the log a diagnosis has at most.
const LOG_LINES: usize = 100;

/// Checks everything, and prints it or writes a support bundle. The exit code says whether a person could work.
///
/// # Errors
/// Only that the result cannot be printed or written.
pub fn run(json: bool, bundle: Option<&Path>, wanted: Diagnose) -> Result<ExitCode> {
    let machine = Machine::this();
    let (configuration, of_configuration) = check_configuration();
    let extensions = &configuration.extension_ids;
    let tokens = survey_once(configuration.clone());
    let mut checks = browsers::check(&machine, &browsers::version_of);
    checks.extend(or_nowhere(extension::check(&machine, extensions), extension::nowhere));
    checks.push(program());
    checks.extend(of_configuration);
    checks.extend(or_nowhere(registration::check(extensions), registration::nowhere));
    checks.extend(tokens::check(&tokens));
    checks.extend(store::check(&tokens, &configuration));
    checks.push(clock());
    let bad = checks.iter().any(|check| check.state == CheckState::Missing);
    if let Some(file) = bundle {
        bundle::write(file, &diagnosis(&machine, checks, wanted))?;
        println!("{}", file.display());
    } else if json {
        println!("{}", serde_json::to_string_pretty(&checks)?);
    } else {
        checks.iter().for_each(print);
    }
    Ok(if bad { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// What a page is told. Where the browser has found the host, and which other sites may use it, is not the page's affair.
pub fn diagnose(tokens: &Tokens, configuration: &Configuration, wanted: Diagnose) -> Diagnosis {
    let machine = Machine::this();
    let mut checks = browsers::check(&machine, &|_| None);
    checks.extend(extension::check(&machine, &configuration.extension_ids));
    checks.push(program());
    checks.extend(registration::check(&configuration.extension_ids));
    checks.extend(tokens::check(tokens));
    checks.extend(store::check(tokens, configuration));
    diagnosis(&machine, checks, wanted)
}

fn diagnosis(machine: &Machine, mut checks: Vec<Check>, wanted: Diagnose) -> Diagnosis {
    for check in &mut checks {
        let words = [&mut check.cause, &mut check.remedy].into_iter().flatten();
        let texts = words.flat_map(|Words { ru, en }| [ru, en]).chain([&mut check.subject]);
        texts.for_each(|text| *text = machine.without_home(text));
        check.name.take_if(|_| !wanted.names);
    }
    let log = if wanted.log { log::last_lines(LOG_LINES) } else { Vec::new() };
    Diagnosis {
        host_version: env!("CARGO_PKG_VERSION").to_owned(),
        protocol: format!("{PROTOCOL_VERSION}.{PROTOCOL_MINOR}"),
        program: machine.without_home(&program_path()),
        system: machine.system(),
        checks,
        log: log.iter().map(|line| machine.without_home(line)).collect(),
    }
}

fn or_nowhere(checks: Vec<Check>, nowhere: fn() -> Check) -> Vec<Check> {
    if checks.is_empty() { vec![nowhere()] } else { checks }
}

fn program_path() -> String {
    std::env::current_exe().map(|path| path.display().to_string()).unwrap_or_default()
}

fn program() -> Check {
    ok(CheckedPart::Host, format!("{} ({})", env!("CARGO_PKG_VERSION"), program_path()))
}

/// The host has no network, so it knows its own clock alone.
fn clock() -> Check {
    let now = clock::now().replace_nanosecond(0).ok().and_then(|now| now.format(&Rfc3339).ok()).unwrap_or_default();
    Check {
        cause: Some(Words {
            ru: "Программа не выходит в сеть: с часами портала это время сравнивает его страница проверки.".into(),
            en: "The host has no network: the portal's page with the check compares this time with the portal's."
                .into(),
        }),
        ..ok(CheckedPart::Clock, now)
    }
}

fn print(check: &Check) {
    let mark = match check.state {
        CheckState::Ok => "+",
        CheckState::Warning => "-",
        CheckState::Missing => "!",
    };
    let part = serde_json::to_value(check.part).unwrap_or_default();
    let name = check.name.as_ref().map_or(String::new(), |name| format!(", {name}"));
    let code = check.code.map_or(String::new(), |code| format!(" [{}]", code.as_str()));
    println!("{mark} {}: {}{name}{code}", part.as_str().unwrap_or_default(), check.subject);
    for text in [&check.cause, &check.remedy].into_iter().flatten() {
        println!("    {}\n    {}", text.ru, text.en);
    }
}

fn check_configuration() -> (Configuration, Vec<Check>) {
    let file = std::env::var(configuration::FILE_VARIABLE).unwrap_or_else(|_| {
        let person = places::person_file().map(|file| format!(", {}", file.display())).unwrap_or_default();
        format!("{}{person}", places::system_file().display())
    });
    let part = CheckedPart::Configuration;
    match Configuration::load() {
        Ok(configuration) if configuration.allowed_origins.is_empty() => {
            let cause = ["Ни одному сайту не разрешено работать с программой.", "No site is allowed to use the host."];
            let check = missing(part, file, ErrorCode::OriginRefused, advice(cause, registration::REGISTER));
            (configuration, vec![check])
        }
        Ok(configuration) => {
            let mut checks = vec![ok(part, file), ok(part, configuration.allowed_origins.join(", "))];
            checks.extend(configuration.authority_certificates.iter().map(|file| authority(file)));
            (configuration, checks)
        }
        Err(error) => {
            let text = advice(
                [format!("Файл настроек не читается: {error:#}"), format!("The file cannot be read: {error:#}")],
                ["Исправьте или удалите этот файл.", "Mend or remove this file."],
            );
            (Configuration::default(), vec![missing(part, file, ErrorCode::HostConfigurationInvalid, text)])
        }
    }
}

/// A file with certificates of the authority. Who cannot have them on the token works nonetheless.
fn authority(file: &Path) -> Check {
    let (part, subject) = (CheckedPart::Configuration, file.display().to_string());
    match configuration::certificates(file) {
        Ok(_) => ok(part, subject),
        Err(error) => {
            let text = advice(
                [format!("Сертификаты центра не читаются: {error:#}"), format!("No certificates: {error:#}")],
                ["Возьмите их у портала: /ca/chain.pem", "Take them from the portal: /ca/chain.pem"],
            );
            warning(part, subject, ErrorCode::HostConfigurationInvalid, text)
        }
    }
}
