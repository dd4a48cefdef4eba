//! The person's certificate store: what it consists of, and whether that can be used.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
};

use qcert_protocol::{
    ErrorCode,
    workstation::{Check, CheckedPart, Tokens},
};

use super::finding::{Advice, advice, ok, remark, warning};
use crate::{
    module::name_of,
    store::{self, is_registered},
};

/// A check for each part of it, and a word for each module with a token whose keys other programs do not see yet.
pub fn check(tokens: &Tokens, modules: &[PathBuf]) -> Vec<Check> {
    let check = |(part, error): (String, Option<ErrorCode>)| match error {
        None => ok(CheckedPart::Store, part),
        Some(code) => warning(CheckedPart::Store, part, code, trouble(code)),
    };
    let with_token = tokens.readers.iter().filter(|reader| reader.token.is_some());
    let with_token: BTreeSet<_> = with_token.map(|reader| reader.module.as_str()).collect();
    let unregistered =
        modules.iter().filter(|path| with_token.contains(name_of(path).as_str()) && !is_registered(path));
    store::parts().into_iter().map(check).chain(unregistered.map(|path| not_yet(path))).collect()
}

/// Nobody is hindered by it: it is offered when the certificate is installed, and the person's to decide.
fn not_yet(module: &Path) -> Check {
    let words = advice(
        [
            "Браузеры этого человека пока не видят ключей на носителях этого модуля.",
            "This person's browsers do not see the keys on this module's tokens yet.",
        ],
        [
            "Согласитесь на это при установке сертификата или выполните: qcert-host register-module",
            "Agree to it when the certificate is installed, or run: qcert-host register-module",
        ],
    );
    remark(CheckedPart::Store, module.display().to_string(), words)
}

fn trouble(code: ErrorCode) -> Advice {
    match code {
        ErrorCode::StoreToolMissing => advice(
            [
                "Без этой программы сертификат не попадёт в хранилище браузера.",
                "Without this program the certificate does not get into the browser's store.",
            ],
            ["Установите пакет libnss3-tools (nss-tools).", "Install libnss3-tools (nss-tools)."],
        ),
        _ if cfg!(windows) => advice(
            ["Хранилище сертификатов не открывается.", "The certificate store does not open."],
            ["Войдите в систему заново; проверьте профиль.", "Sign in anew; see whether the profile is whole."],
        ),
        _ => advice(
            ["Эту базу сертификатов нельзя изменить.", "This certificate database cannot be written."],
            ["Проверьте, кому принадлежат папка и файлы в ней.", "See who owns the folder and the files in it."],
        ),
    }
}
