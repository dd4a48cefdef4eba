//! The person's certificate store: what it consists of, and whether that can be used.

use qcert_protocol::{
    ErrorCode,
    workstation::{Check, CheckedPart},
};

use super::finding::{Advice, advice, ok, warning};
use crate::store;

/// A check for each part of it.
pub fn check() -> Vec<Check> {
    let check = |(part, error): (String, Option<ErrorCode>)| match error {
        None => ok(CheckedPart::Store, part),
        Some(code) => warning(CheckedPart::Store, part, code, trouble(code)),
    };
    store::parts().into_iter().map(check).collect()
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
