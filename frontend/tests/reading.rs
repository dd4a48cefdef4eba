//! What the page reads is what serde writes, and the other way round: the portal and the host read and write with it.
#![cfg(target_arch = "wasm32")]
// A failed step of a test is its failure.
#![allow(clippy::unwrap_used)]

use std::fmt::Debug;

use qcert_frontend::{
    reading::{self, Read},
    writing::{self, Write},
};
use qcert_protocol::{
    ApplicationState, Base64, ErrorCode, KeyAlgorithm,
    application::{CertificateType, HolderKind},
    holder::FieldReason,
    portal::{
        ActivationEntry, ActivationState, ApplicationDetails, CertificateDetails, Configuration, Confirmation,
        Installation, MistakeReport, PackageLinks, PasswordOrder, PasswordOrdered, Problem, RenewedKey, RequestUpload,
        Revocation, RevocationOrder, RevocationReason, Session, SignIn,
    },
    workstation::{
        Cancel, Carrier, CreateRequest, CreatedRequest, Diagnose, Failure, InstallCertificate, Installed, OneToken,
        RemoveKeyPair, Removed, RenewRequest, RequestAgain, Stage, TokenDetails, Tokens, TriesLeft, WatchTokens,
    },
};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Value, json};
use wasm_bindgen_test::{wasm_bindgen_test, wasm_bindgen_test_configure};

wasm_bindgen_test_configure!(run_in_browser);

fn same<T: Read + DeserializeOwned + Serialize + PartialEq + Debug>(value: &Value) {
    let by_serde: T = serde_json::from_value(value.clone()).unwrap();
    let written = serde_json::to_string(&by_serde).unwrap();
    assert_eq!(reading::json::<T>(&written), Some(by_serde), "{written}");
    for name in value.as_object().into_iter().flat_map(|object| object.keys()) {
        let mut other = value.clone();
        other[name] = json!([[]]);
        let read = reading::json::<T>(&other.to_string());
        assert_eq!(read, serde_json::from_value(other).ok(), "{name} of another shape");
        let mut without = value.clone();
        without.as_object_mut().unwrap().remove(name);
        let read = reading::json::<T>(&without.to_string());
        assert_eq!(read, serde_json::from_value(without).ok(), "without {name}");
    }
}

fn token() -> Value {
    json!({
        "id": "a", "name": {"label": "rutoken", "serial": "1", "model": "lite"}, "unsuitable": "pin_locked",
        "carrier": "stores",
        "pin": {"tries": "final", "toBeChanged": true, "pad": false, "minLength": 4, "maxLength": 4_000_000_000_u32},
    })
}

fn row() -> Value {
    json!({
        "id": "01890a5d-ac96-774b-bcce-b302099a8057", "number": "7", "holder": "Иванов Иван Иванович",
        "organization": "ООО «АвтоСпор»", "inn": "6688242590", "state": "readyToInstall", "reason": "why",
        "replaces": "01890a5d-ac96-774b-bcce-b302099a8058", "renewable": true, "revision": 9_007_199_254_740_991_i64,
        "request": {
            "id": "01890a5d-ac96-774b-bcce-b302099a8059", "keyCode": "ABCDE-FGHIJ", "keyId": "1".repeat(40),
            "container": "7@2013-04-11-x", "token": {"label": "", "serial": "1", "model": ""},
            "passwordOrdered": true, "resendAfterSeconds": 120, "confirmedAt": "2026-11-22T19:13:00Z",
        },
        "certificate": certificate(),
    })
}

fn certificate() -> Value {
    json!({
        "id": "01890a5d-ac96-774b-bcce-b302099a8060", "serial": "0A", "keyId": "2".repeat(40),
        "notBefore": "2026-11-22T19:13:00Z", "notAfter": "2027-11-22T19:13:00Z",
        "revoked": {"at": "2026-11-23T19:13:00Z", "reason": "keyCompromise"},
    })
}

fn holder() -> Value {
    json!({
        "kind": "legalEntity", "surname": "Иванов", "givenName": "Иван Иванович", "country": "RU",
        "region": "66 Свердловская область", "locality": "Екатеринбург", "street": "ул. Малопрудная, 5",
        "email": "direktor@e.ru", "snils": "07500122105", "innPerson": "500100732259",
        "innLegalEntity": "6688242590", "kpp": "668801001", "ogrn": "1234567890127",
        "ogrnip": "304500116000157", "fssNumber": "6600000001", "organizationalUnit": "Бухгалтерия",
        "organization": "ООО «АвтоСпор»", "title": "директор",
    })
}

fn renews() -> Value {
    json!({
        "keyId": "3".repeat(40), "token": {"label": "l", "serial": "1", "model": "m"},
        "notAfter": "2026-12-22T19:13:00Z", "nonce": "AAAA",
    })
}

fn answered() -> Value {
    json!({
        "text": "a", "reportedAt": "2026-11-22T19:13:00Z",
        "answer": {"text": "Исправили", "at": "2026-11-23T19:13:00Z"},
    })
}

#[wasm_bindgen_test]
fn what_the_portal_writes_is_read_as_it_was_written() {
    same::<qcert_protocol::portal::ApplicationRow>(&row());
    same::<qcert_protocol::HolderData>(&holder());
    same::<qcert_protocol::portal::RequestView>(&row()["request"]);
    same::<qcert_protocol::portal::CertificateView>(&certificate());
    same::<ApplicationDetails>(&json!({
        "row": row(), "data": holder(), "certificateType": "qualified", "container": "7@2013-04-11-x",
        "identified": true, "renews": renews(), "activation": "needed", "mistakes": [answered(), {"text": "b", "reportedAt": "2026-11-22T19:13:00Z"}],
    }));
    same::<RenewedKey>(&renews());
    same::<qcert_protocol::portal::ReportedMistake>(&answered());
    same::<qcert_protocol::portal::MistakeAnswer>(&answered()["answer"]);
    same::<CertificateDetails>(&json!({
        "certificate": certificate(), "application": "01890a5d-ac96-774b-bcce-b302099a8057",
        "holder": "Иванов", "organization": "ООО", "der": "MIIA/+8=", "issuers": ["MIIB", ""],
    }));
    same::<Configuration>(&json!({
        "authority": "УЦ", "supportPhone": "8 800", "keyAlgorithm": "P-256", "now": "2026-11-22T19:13:00Z",
        "version": "0.1.0", "packages": {"debian": "https://ca.example/a.deb", "firefox": "https://ca.example/a.xpi"},
    }));
    same::<PackageLinks>(&json!({"rpm": "a", "windows": "b", "chromium": "c"}));
    same::<PasswordOrdered>(&json!({"resendAfterSeconds": 120, "expiresInSeconds": 600}));
    same::<Session>(&json!({"phone": "+7 922 ··· ··45", "expiresAt": "2026-11-22T19:13:00Z"}));
    same::<Problem>(&json!({
        "type": "urn:qcert:problem:otp_wrong", "title": "wrong", "status": 422, "code": "otp_wrong",
        "fields": [{"field": "phone", "reason": "checkDigits"}], "retryAfterSeconds": 1, "triesLeft": 4,
    }));
}

#[wasm_bindgen_test]
fn what_the_workstation_writes_is_read_as_it_was_written() {
    same::<qcert_protocol::workstation::Token>(&token());
    same::<Tokens>(&json!({
        "modules": [{"name": "m", "description": "d", "error": "module_failed"}, {"name": "n"}],
        "readers": [{"name": "r", "module": "m", "token": token()}, {"name": "r", "module": "m"}],
        "missing": "token_missing",
    }));
    same::<TokenDetails>(&json!({
        "token": token(), "manufacturer": "Aktiv", "firmware": "1.0", "freeMemory": 65_536, "mechanisms": ["ECDSA"],
        "containers": [{"label": "7@2013-04-11-x", "keyId": "1".repeat(40), "hasCertificate": true,
            "certificate": {"holder": "Иванов Иван Иванович", "notAfter": "2027-11-22T19:13:00Z"}}],
    }));
    same::<CreatedRequest>(&json!({
        "certificationRequest": "AAAA", "keyId": "1".repeat(40), "keyCode": "ABCDE-FGHIJ",
        "token": {"label": "l", "serial": "1", "model": "m"}, "sensorTaken": true, "proof": "AAAA",
    }));
    same::<Installed>(&json!({
        "token": {"label": "l", "serial": "1", "model": "m"}, "keyId": "1".repeat(40), "storeError": "store_failed",
    }));
    same::<Removed>(&json!({"keyId": "1".repeat(40)}));
    same::<Failure>(&json!({"code": "pin_incorrect", "triesLeft": "low", "detail": "CKR_PIN_INCORRECT"}));
}

fn written<T: Write + DeserializeOwned + Serialize>(value: Value) {
    let known: T = serde_json::from_value(value.clone()).unwrap();
    let text = String::from(writing::json(&known.write()));
    assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), serde_json::to_value(&known).unwrap());
    assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), value, "nothing was left out");
}

#[wasm_bindgen_test]
fn what_the_page_writes_is_what_serde_writes() {
    let name = || json!({"label": "\"\\\u{1}л", "serial": "1", "model": "m"});
    let every_byte: Vec<u8> = (0..=255).collect();
    let bytes = || serde_json::to_value(Base64(every_byte.clone())).unwrap();
    let (key, container) = ("1".repeat(40), "7@2013-04-11-ООО «x»");
    written::<PasswordOrder>(json!({"phone": "+79222114545"}));
    written::<SignIn>(json!({"phone": "+79222114545", "password": "123456"}));
    written::<MistakeReport>(json!({"text": "две\nстроки"}));
    written::<ActivationEntry>(json!({"code": "A-B"}));
    written::<RequestUpload>(json!({"certificationRequest": bytes(), "container": container, "token": name()}));
    written::<RequestUpload>(json!({
        "certificationRequest": bytes(), "container": container, "token": name(), "proof": bytes(),
    }));
    written::<Confirmation>(json!({"password": "123456"}));
    written::<Installation>(json!({"token": name(), "inStore": true}));
    for reason in RevocationReason::OF_HOLDER {
        written::<RevocationOrder>(json!({"reason": reason}));
        written::<Revocation>(json!({"reason": reason, "password": "123456"}));
    }
    for algorithm in [KeyAlgorithm::P256, KeyAlgorithm::P384, KeyAlgorithm::Rsa2048] {
        written::<CreateRequest>(json!({
            "token": "a", "container": container, "commonName": "ООО", "algorithm": algorithm, "sensor": bytes(),
        }));
    }
    written::<RenewRequest>(json!({
        "token": "a", "container": container, "commonName": "ООО", "algorithm": "P-256", "sensor": bytes(),
        "renews": {"keyId": key, "nonce": bytes()},
    }));
    written::<RequestAgain>(json!({"token": "a", "container": container, "keyId": key, "commonName": "ООО"}));
    written::<InstallCertificate>(json!({"token": "a", "container": container, "certificate": bytes()}));
    written::<RemoveKeyPair>(json!({"token": "a", "keyId": key}));
    written::<OneToken>(json!({"token": "a"}));
    written::<WatchTokens>(json!({"on": true}));
    written::<Diagnose>(json!({"names": true, "log": false}));
    written::<Cancel>(json!({"request": "page-1"}));
}

#[wasm_bindgen_test]
fn a_uuid_has_its_five_groups_and_nothing_else() {
    let good = "01890a5d-ac96-774b-bcce-b302099a8057";
    assert_eq!(reading::uuid(good), uuid::Uuid::parse_str(good).ok());
    for bad in ["", "check", &good[1..], &good.replace('a', "g"), &format!("{good}0"), &good.replace('-', "")] {
        assert_eq!(reading::uuid(bad), None, "{bad}");
    }
}

#[wasm_bindgen_test]
fn every_name_on_the_wire_is_read() {
    use ApplicationState::*;
    fn all<T: Read + Serialize + PartialEq + Debug + Copy>(variants: &[T]) {
        for variant in variants {
            assert_eq!(reading::json(&serde_json::to_string(variant).unwrap()), Some(*variant));
        }
        assert_eq!(reading::json::<T>("\"another\""), None);
    }
    all(ErrorCode::ALL);
    all(&[Available, Preparing, Sent, Issuing, ReadyToInstall, Installed, Rejected, Withdrawn, Expired, Revoked]);
    all(&[KeyAlgorithm::P256, KeyAlgorithm::P384, KeyAlgorithm::Rsa2048]);
    all(&[ActivationState::NotNeeded, ActivationState::Needed, ActivationState::Done]);
    all(&[Carrier::Signs, Carrier::Stores]);
    all(&[CertificateType::Qualified]);
    all(&RevocationReason::OF_HOLDER);
    all(&[HolderKind::LegalEntity, HolderKind::SoleProprietor, HolderKind::Person]);
    all(&[FieldReason::Empty, FieldReason::TooLong, FieldReason::Form, FieldReason::Character]);
    all(&[FieldReason::CheckDigits, FieldReason::Missing, FieldReason::Superfluous]);
    all(&[TriesLeft::Full, TriesLeft::Low, TriesLeft::Final, TriesLeft::None]);
    all(&[Stage::LoggingIn, Stage::Seeding, Stage::GeneratingKey, Stage::Signing]);
    all(&[Stage::Writing, Stage::ReadingBack, Stage::Storing]);
}

#[wasm_bindgen_test]
fn a_number_that_does_not_fit_is_refused() {
    for text in ["-1", "1.5", "4294967296", "\"1\"", "null", "true"] {
        assert_eq!(reading::json::<u32>(text), None, "{text}");
    }
    assert_eq!(reading::json::<i64>("-3"), Some(-3));
}
