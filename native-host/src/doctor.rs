//! `doctor`: every part between the browser and the token, what state it is in, why, and what to do about it.

use std::{path::Path, process::ExitCode};

use anyhow::Result;
use qcert_protocol::{ErrorCode, workstation::Tokens};
use serde::Serialize;

use crate::{
    configuration::{self, Configuration},
    log::Log,
    module::Modules,
    places,
    registration::{self, Browser, Place},
    store,
    survey::survey,
};

/// How a part is.
#[derive(Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
enum State {
    /// It works.
    Good,
    /// It is not needed by everybody.
    Absent,
    /// It keeps the person from working.
    Bad,
}

/// Words in both languages.
#[derive(Serialize)]
struct Words {
    ru: String,
    en: String,
}

fn words(ru: impl Into<String>, en: impl Into<String>) -> Option<Words> {
    Some(Words { ru: ru.into(), en: en.into() })
}

/// What was found out about one part.
#[derive(Serialize)]
struct Check {
    /// Which part; for programs.
    part: &'static str,
    /// Which one of its kind: a file, a browser, a module, a token.
    subject: String,
    state: State,
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<ErrorCode>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cause: Option<Words>,
    #[serde(skip_serializing_if = "Option::is_none")]
    remedy: Option<Words>,
}

impl Check {
    fn good(part: &'static str, subject: impl Into<String>) -> Self {
        Self { part, subject: subject.into(), state: State::Good, code: None, cause: None, remedy: None }
    }

    fn with(self, state: State, code: Option<ErrorCode>, cause: Option<Words>, remedy: Option<Words>) -> Self {
        Self { state, code, cause, remedy, ..self }
    }
}

/// Checks everything and prints it. The exit code says whether a person could work.
///
/// # Errors
/// Only that the result cannot be printed.
pub fn run(json: bool) -> Result<ExitCode> {
    let mut checks = Vec::new();
    let configuration = check_configuration(&mut checks);
    check_registration(&mut checks);
    check_tokens(&mut checks, &survey(&Modules::new(configuration, Log::off().into())).tokens);
    check_store(&mut checks);
    if json {
        println!("{}", serde_json::to_string_pretty(&checks)?);
    } else {
        checks.iter().for_each(print);
    }
    let bad = checks.iter().any(|check| check.state == State::Bad);
    Ok(if bad { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

fn print(check: &Check) {
    let mark = match check.state {
        State::Good => "+",
        State::Absent => "-",
        State::Bad => "!",
    };
    println!(
        "{mark} {}: {}{}",
        check.part,
        check.subject,
        check.code.map_or(String::new(), |c| format!(" [{}]", c.as_str()))
    );
    for text in [&check.cause, &check.remedy].into_iter().flatten() {
        println!("    {}\n    {}", text.ru, text.en);
    }
}

fn check_configuration(checks: &mut Vec<Check>) -> Configuration {
    let file = std::env::var(configuration::FILE_VARIABLE).unwrap_or_else(|_| {
        let person = places::person_file().map(|file| format!(", {}", file.display())).unwrap_or_default();
        format!("{}{person}", places::system_file().display())
    });
    let check = Check::good("configuration", file);
    match Configuration::load() {
        Ok(configuration) if configuration.allowed_origins.is_empty() => {
            checks.push(check.with(
                State::Bad,
                Some(ErrorCode::OriginRefused),
                words("Ни одному сайту не разрешено работать с программой.", "No site is allowed to use the host."),
                words(
                    "Выполните: qcert-host register --browser all --portal https://адрес-портала",
                    "Run: qcert-host register --browser all --portal https://the.portal",
                ),
            ));
            configuration
        }
        Ok(configuration) => {
            let origins = configuration.allowed_origins.join(", ");
            checks.push(check);
            checks.push(Check::good("origins", origins));
            configuration
        }
        Err(error) => {
            checks.push(check.with(
                State::Bad,
                Some(ErrorCode::HostConfigurationInvalid),
                words(format!("Файл настроек не читается: {error:#}"), format!("The file cannot be read: {error:#}")),
                words("Исправьте или удалите этот файл.", "Mend or remove this file."),
            ));
            Configuration::default()
        }
    }
}

fn check_registration(checks: &mut Vec<Check>) {
    let mut anywhere = false;
    for browser in Browser::ALL {
        for (place, name) in [(Place::Person, "user"), (Place::System, "system")] {
            let Some(path) = registration::found(browser, &place) else { continue };
            let check = Check::good("registration", format!("{browser} ({name}): {}", path.display()));
            checks.push(match registration::check_manifest(browser, &path) {
                Ok(()) => {
                    anywhere = true;
                    check
                }
                Err(code) => broken_registration(check, &path, code),
            });
        }
    }
    if !anywhere {
        checks.push(Check::good("registration", "-").with(
            State::Bad,
            Some(ErrorCode::HostMissing),
            words("Браузеры не знают о программе.", "No browser knows of the host."),
            words(
                "Выполните: qcert-host register --browser all --portal https://адрес-портала",
                "Run: qcert-host register --browser all --portal https://the.portal",
            ),
        ));
    }
}

fn broken_registration(check: Check, path: &Path, code: ErrorCode) -> Check {
    let cause = if code == ErrorCode::HostForbidden {
        words("Расширению не разрешено запускать программу.", "The extension may not start the host.")
    } else {
        words(
            "Файл повреждён или называет программу, которой нет.",
            "It is damaged, or names a program that is not there.",
        )
    };
    let remedy = words(
        format!("Зарегистрируйте программу снова или удалите {}.", path.display()),
        format!("Register again, or remove {}.", path.display()),
    );
    check.with(State::Bad, Some(code), cause, remedy)
}

fn check_tokens(checks: &mut Vec<Check>, tokens: &Tokens) {
    for module in &tokens.modules {
        let subject = module.description.clone().unwrap_or_else(|| module.name.clone());
        let check = Check::good("module", subject);
        checks.push(match module.error {
            None => check,
            Some(code) => check.with(
                State::Absent,
                Some(code),
                words("Модуль PKCS#11 не загружается.", "The PKCS#11 module does not load."),
                words("Установите драйвер токена заново.", "Install the token's driver again."),
            ),
        });
    }
    for reader in &tokens.readers {
        let Some(token) = &reader.token else { continue };
        let check = Check::good("token", format!("{} {} ({})", token.name.label, token.name.serial, reader.name));
        checks.push(match token.unsuitable {
            None => check,
            Some(code) => check.with(State::Absent, Some(code), unsuitable_cause(code), unsuitable_remedy(code)),
        });
    }
    if let Some(code) = tokens.missing {
        let (cause, remedy) = missing(code);
        checks.push(Check::good("token", "-").with(State::Bad, Some(code), cause, remedy));
    }
}

fn unsuitable_cause(code: ErrorCode) -> Option<Words> {
    match code {
        ErrorCode::PinLocked => words("PIN-код заблокирован.", "The PIN is locked."),
        ErrorCode::TokenFull => words("На токене нет места.", "The token has no room."),
        ErrorCode::TokenUnsuitable => words(
            "Токен не подготовлен: нет PIN-кода пользователя.",
            "The token was not initialised: it has no user PIN.",
        ),
        _ => words("Токен неисправен.", "The token is in an error state."),
    }
}

fn unsuitable_remedy(code: ErrorCode) -> Option<Words> {
    match code {
        ErrorCode::PinLocked => {
            words("Разблокируйте его PIN-кодом администратора токена.", "Unlock it with the token's administrator PIN.")
        }
        ErrorCode::TokenFull => {
            words("Удалите ненужные ключи и сертификаты.", "Remove keys and certificates not needed.")
        }
        _ => words("Подготовьте токен программой его производителя.", "Initialise it with its maker's program."),
    }
}

fn missing(code: ErrorCode) -> (Option<Words>, Option<Words>) {
    match code {
        ErrorCode::ModuleMissing => (
            words("Не найден ни один модуль PKCS#11.", "No PKCS#11 module was found."),
            words("Установите драйвер токена.", "Install the token's driver."),
        ),
        ErrorCode::ReaderMissing => (
            words("Не подключён ни один считыватель.", "No reader is connected."),
            words(
                format!("Подключите токен; проверьте службу {}.", places::SMART_CARD_SERVICE),
                format!("Plug the token in; see that {} runs.", places::SMART_CARD_SERVICE),
            ),
        ),
        ErrorCode::TokenMissing => {
            (words("Токен не вставлен.", "No token is plugged in."), words("Подключите токен.", "Plug the token in."))
        }
        _ => (
            words("Ни один модуль PKCS#11 не работает.", "No PKCS#11 module works."),
            words("Установите драйвер токена заново.", "Install the token's driver again."),
        ),
    }
}

fn check_store(checks: &mut Vec<Check>) {
    for (part, error) in store::parts() {
        let check = Check::good("store", part);
        checks.push(match error {
            None => check,
            Some(code) => {
                let (cause, remedy) = store_trouble(code);
                check.with(State::Absent, Some(code), cause, remedy)
            }
        });
    }
}

fn store_trouble(code: ErrorCode) -> (Option<Words>, Option<Words>) {
    match code {
        ErrorCode::StoreToolMissing => (
            words(
                "Без этой программы сертификат не попадёт в хранилище браузера.",
                "Without this program the certificate does not get into the browser's store.",
            ),
            words("Установите пакет libnss3-tools (nss-tools).", "Install libnss3-tools (nss-tools)."),
        ),
        _ => (
            words("Хранилище сертификатов не открывается.", "The certificate store does not open."),
            words("Войдите в систему заново; проверьте профиль.", "Sign in anew; see whether the profile is whole."),
        ),
    }
}
