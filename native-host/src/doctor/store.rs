//! The person's certificate store: what it consists of, and whether that can be used.

use std::{collections::BTreeSet, path::Path};

use qcert_protocol::{
    ErrorCode,
    workstation::{Check, CheckedPart, Tokens},
};

use super::finding::{Advice, advice, ok, remark, warning};
use crate::{
    configuration::Configuration,
    module::name_of,
    store::{self, Way, is_registered},
};

/// A check for each part of it, and a word for each module with a token whose keys other programs do not see yet.
pub fn check(tokens: &Tokens, configuration: &Configuration) -> Vec<Check> {
    let check = |(part, error): (String, Option<ErrorCode>)| match error {
        None => ok(CheckedPart::Store, part),
        Some(code) => warning(CheckedPart::Store, part, code, trouble(code)),
    };
    let modules = configuration.module_paths();
    let ways = tokens.readers.iter().filter_map(|reader| {
        let module = modules.iter().find(|path| name_of(path) == reader.module)?;
        Some(Way::to(reader.token.as_ref()?, module, configuration))
    });
    let ways: Vec<_> = ways.collect();
    let unregistered: BTreeSet<_> = ways.iter().flatten().filter(|way| !is_registered(way)).map(Way::file).collect();
    let missing = ways.iter().any(Result::is_err).then(no_module_for_stored_keys);
    store::parts().into_iter().map(check).chain(unregistered.into_iter().map(not_yet)).chain(missing).collect()
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

/// The portal's journey does not need it; whoever logs in with the certificate does.
fn no_module_for_stored_keys() -> Check {
    let words = advice(
        [
            "Ключ на этом носителе хранится как данные; другие программы найдут его только через этот модуль.",
            "The token stores its key as data, and other programs find it by this module alone.",
        ],
        [
            "Установите пакет qcert-host, в нём есть этот модуль, или назовите его файл в stored_key_module.",
            "Install the package qcert-host, which has the module, or name its file in stored_key_module.",
        ],
    );
    warning(CheckedPart::Store, "qcert-pkcs11".to_owned(), ErrorCode::StoreToolMissing, words)
}

fn trouble(code: ErrorCode) -> Advice {
    match code {
        ErrorCode::StoreToolMissing => advice(
            [
                "Без этой программы сертификат не попадёт в хранилище браузера.",
                "Without this program the certificate does not get into the browser's store.",
            ],
            if cfg!(target_os = "macos") {
                ["Установите NSS: brew install nss", "Install NSS: brew install nss"]
            } else {
                ["Установите пакет libnss3-tools (nss-tools).", "Install libnss3-tools (nss-tools)."]
            },
        ),
        _ if cfg!(any(windows, target_os = "macos")) => advice(
            ["Хранилище сертификатов не открывается.", "The certificate store does not open."],
            ["Войдите в систему заново; проверьте профиль.", "Sign in anew; see whether the profile is whole."],
        ),
        _ => advice(
            ["Эту базу сертификатов нельзя изменить.", "This certificate database cannot be written."],
            ["Проверьте, кому принадлежат папка и файлы в ней.", "See who owns the folder and the files in it."],
        ),
    }
}
