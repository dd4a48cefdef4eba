//! Modules, readers and tokens, as the survey has seen them; no PIN is tried.

use qcert_protocol::{
    ErrorCode,
    workstation::{Check, CheckState, CheckedPart, Module, Token, Tokens, TriesLeft},
};

use super::finding::{Advice, advice, bad, missing, ok, warning};
use crate::places::SMART_CARD_SERVICE;

/// A check for each.
pub fn check(tokens: &Tokens) -> Vec<Check> {
    let works = tokens.modules.iter().any(|module| module.error.is_none());
    let usable =
        tokens.readers.iter().filter_map(|reader| reader.token.as_ref()).any(|token| token.unsuitable.is_none());
    let mut checks: Vec<_> = tokens.modules.iter().map(|module| self::module(module, works)).collect();
    for reader in &tokens.readers {
        checks.push(ok(CheckedPart::Reader, format!("{} ({})", reader.name, reader.module)));
    }
    for reader in &tokens.readers {
        checks.extend(reader.token.as_ref().map(|token| self::token(token, usable)));
    }
    checks.extend(tokens.missing.and_then(absent));
    checks
}

fn module(module: &Module, another_works: bool) -> Check {
    let subject = module.description.as_ref().unwrap_or(&module.name);
    let Some(code) = module.error else { return ok(CheckedPart::Module, subject) };
    let text = advice(
        [
            "Модуль PKCS#11 не загружается или сообщает об ошибке.",
            "The PKCS#11 module does not load, or reports an error.",
        ],
        ["Установите драйвер носителя заново.", "Install the token's driver again."],
    );
    bad(CheckedPart::Module, subject, state(another_works), code, text)
}

/// What nobody needs is a warning, what everybody needs is missing.
fn state(there_is_another: bool) -> CheckState {
    if there_is_another { CheckState::Warning } else { CheckState::Missing }
}

fn token(token: &Token, another_is_usable: bool) -> Check {
    let check = if let Some(code) = token.unsuitable {
        bad(CheckedPart::Token, &token.name.model, state(another_is_usable), code, unsuitable(code))
    } else if let Some((code, text)) = doubtful(token) {
        warning(CheckedPart::Token, &token.name.model, code, text)
    } else {
        ok(CheckedPart::Token, &token.name.model)
    };
    let names = [token.name.label.as_str(), token.name.serial.as_str()];
    Check { name: Some(names.join(" ").trim().to_owned()), ..check }
}

fn unsuitable(code: ErrorCode) -> Advice {
    match code {
        ErrorCode::PinLocked => advice(
            ["Pin-код носителя заблокирован.", "The token's PIN is locked."],
            [
                "Выберите носитель на портале: с Pin-кодом администратора его заменят в окне расширения.",
                "Choose the token in the portal: with the administrator's PIN it is replaced in the extension's window.",
            ],
        ),
        ErrorCode::TokenFull => advice(
            ["На носителе нет места.", "The token has no room."],
            ["Удалите с него ненужные ключи и сертификаты.", "Remove keys and certificates that are not needed."],
        ),
        ErrorCode::TokenUnsuitable => advice(
            ["Носитель не подготовлен: у него нет Pin-кода.", "The token was not initialised: it has no PIN."],
            ["Подготовьте его программой изготовителя.", "Initialise it with its maker's program."],
        ),
        _ => advice(
            ["Носитель неисправен.", "The token is in an error state."],
            [
                "Выньте и снова вставьте его; если не поможет, возьмите другой.",
                "Pull it out and insert it again; if that does not help, take another.",
            ],
        ),
    }
}

/// It works now, and soon may not.
fn doubtful(token: &Token) -> Option<(ErrorCode, Advice)> {
    match token.pin.tries {
        TriesLeft::Low | TriesLeft::Final => Some((
            ErrorCode::PinIncorrect,
            if token.pin.tries == TriesLeft::Final {
                advice(
                    ["Осталась последняя попытка ввода Pin-кода.", "One last try of the PIN is left."],
                    [
                        "Найдите верный Pin-код, прежде чем вводить его: ошибка заблокирует носитель.",
                        "Find the right PIN before you enter it: a wrong one locks the token.",
                    ],
                )
            } else {
                advice(
                    ["Pin-код вводили неверно: попыток осталось мало.", "Wrong PINs were entered: few tries are left."],
                    ["Введите его внимательно.", "Enter it with care."],
                )
            },
        )),
        _ if token.pin.to_be_changed => Some((
            ErrorCode::PinFactory,
            advice(
                ["На носителе заводской Pin-код.", "The token has the factory's PIN."],
                ["Смените его: это предложат при создании ключа.", "Change it: that is offered when a key is made."],
            ),
        )),
        _ => None,
    }
}

/// What is not there at all; of a module that fails its own check speaks.
fn absent(code: ErrorCode) -> Option<Check> {
    let (part, text) = match code {
        ErrorCode::ModuleMissing => (
            CheckedPart::Module,
            advice(
                ["Не найден ни один модуль PKCS#11 для носителей.", "No PKCS#11 module for tokens was found."],
                ["Установите драйвер вашего носителя.", "Install the driver of your token."],
            ),
        ),
        ErrorCode::ReaderMissing => (
            CheckedPart::Reader,
            advice(
                ["Не подключён ни один считыватель.", "No reader is connected."],
                [
                    format!("Вставьте носитель в разъём USB; если он вставлен, проверьте службу {SMART_CARD_SERVICE}."),
                    format!("Insert the token into a USB port; if it is there, see that {SMART_CARD_SERVICE} runs."),
                ],
            ),
        ),
        ErrorCode::TokenMissing => (
            CheckedPart::Token,
            advice(["Носитель не вставлен.", "No token is inserted."], ["Вставьте его.", "Insert it."]),
        ),
        _ => return None,
    };
    Some(missing(part, "-", code, text))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn checks(tokens: serde_json::Value) -> Vec<(CheckedPart, CheckState, Option<ErrorCode>)> {
        let tokens: Tokens = serde_json::from_value(tokens).unwrap();
        check(&tokens).into_iter().map(|check| (check.part, check.state, check.code)).collect()
    }

    fn token(tries: &str, to_be_changed: bool, unsuitable: Option<&str>) -> serde_json::Value {
        json!({"name": "R", "module": "m", "token": {
            "id": "t", "name": {"label": "Иванов", "serial": "0a", "model": "ECP"}, "unsuitable": unsuitable,
            "pin": {"tries": tries, "toBeChanged": to_be_changed, "pad": false, "minLength": 4, "maxLength": 8},
        }})
    }

    #[test]
    fn the_state_of_a_pin_is_told_in_steps() {
        let state = |tries: &str, factory: bool, unsuitable: Option<&str>| {
            let reader = token(tries, factory, unsuitable);
            let (_, state, code) = checks(json!({"modules": [{"name": "m"}], "readers": [reader]}))[2];
            (state, code)
        };
        assert_eq!(state("full", false, None), (CheckState::Ok, None));
        assert_eq!(state("full", true, None), (CheckState::Warning, Some(ErrorCode::PinFactory)));
        assert_eq!(state("final", false, None), (CheckState::Warning, Some(ErrorCode::PinIncorrect)));
        assert_eq!(state("none", false, Some("pin_locked")), (CheckState::Missing, Some(ErrorCode::PinLocked)));
    }

    #[test]
    fn a_token_or_module_that_fails_is_a_warning_where_another_works() {
        let modules = json!([{"name": "m"}, {"name": "n", "error": "module_failed"}]);
        let readers = [token("full", false, None), token("none", false, Some("pin_locked"))];
        let found = checks(json!({"modules": modules, "readers": readers}));
        assert!(found.iter().all(|(_, state, _)| *state != CheckState::Missing), "{found:?}");
        assert_eq!(found.iter().filter(|(_, state, _)| *state == CheckState::Warning).count(), 2);
    }

    #[test]
    fn the_first_part_that_is_not_there_is_named_once() {
        for (tokens, part) in [
            (json!({"modules": [], "readers": [], "missing": "module_missing"}), CheckedPart::Module),
            (
                json!({"modules": [{"name": "m", "error": "module_failed"}], "readers": [], "missing": "module_failed"}),
                CheckedPart::Module,
            ),
            (json!({"modules": [{"name": "m"}], "readers": [], "missing": "reader_missing"}), CheckedPart::Reader),
            (
                json!({"modules": [{"name": "m"}], "readers": [{"name": "R", "module": "m"}], "missing": "token_missing"}),
                CheckedPart::Token,
            ),
        ] {
            let found = checks(tokens);
            let missing: Vec<_> = found.iter().filter(|(_, state, _)| *state == CheckState::Missing).collect();
            assert!(missing.len() == 1 && missing[0].0 == part, "{found:?}");
        }
    }

    #[test]
    fn what_may_name_a_person_stands_apart() {
        let tokens = json!({"modules": [{"name": "m"}], "readers": [token("full", false, None)]});
        let found = check(&serde_json::from_value(tokens).unwrap());
        assert_eq!(found[2].name.as_deref(), Some("Иванов 0a"));
        assert!(!format!("{} {}", found[1].subject, found[2].subject).contains("Иванов"));
    }
}
