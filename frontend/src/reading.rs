//! What arrives, as the protocol's types, read from values that the browser has parsed.
//!
//! Serde's derived readers and a JSON parser of our own would be a sixth of the page. The browser has a parser; what
//! is left is to take the fields out. A type that gains a field or a variant does not compile until it is read here, and
//! a test in the browser reads what serde has written.

use js_sys::{Array, JSON, Reflect};
use leptos::prelude::window;
use qcert_protocol::{
    ApplicationState, Base64, ContainerName, ErrorCode, HolderData, KeyAlgorithm, KeyCode, KeyId,
    application::{CertificateType, FieldError, HolderKind},
    holder::{
        Country, Email, FieldReason, FssNumber, InnLegalEntity, InnPerson, Kpp, Ogrn, Ogrnip, Region, Snils, Text,
    },
    portal::{
        ActivationState, ApplicationDetails, ApplicationRow, CertificateDetails, CertificateView, Configuration,
        MistakeAnswer, PackageLinks, PasswordOrdered, Problem, RenewedKey, ReportedMistake, RequestView,
        RevocationReason, RevocationView, Session, TokenName,
    },
    workstation::{
        Carrier, Container, ContainerCertificate, CreatedRequest, Failure, Installed, Module, PinState, Reader,
        Removed, Stage, Token, TokenDetails, TokenId, Tokens, TriesLeft,
    },
};
use time::OffsetDateTime;
use uuid::Uuid;
use wasm_bindgen::{JsCast, JsValue};

use crate::checkup::Hello;

/// What can be read from a value of the browser.
pub trait Read: Sized {
    /// Nothing if the value is of another shape.
    fn read(value: &JsValue) -> Option<Self>;
}

/// Reads JSON; nothing if it is none, or of another shape.
pub fn json<T: Read>(text: &str) -> Option<T> {
    T::read(&JSON::parse(text).ok()?)
}

fn field<T: Read>(object: &JsValue, name: &str) -> Option<T> {
    T::read(&member(object, name))
}

/// A member of an object by its name in Rust; `undefined` where there is none.
#[inline(never)]
fn member(object: &JsValue, name: &str) -> JsValue {
    Reflect::get(object, &wire(name)).unwrap_or(JsValue::UNDEFINED)
}

/// A member's name on the wire.
#[inline(never)]
pub fn wire(name: &str) -> JsValue {
    let mut wire = String::with_capacity(name.len());
    let mut upper = false;
    for c in name.chars() {
        match c {
            '_' => upper = true,
            c if upper => {
                wire.push(c.to_ascii_uppercase());
                upper = false;
            }
            c => wire.push(c),
        }
    }
    wire.into()
}

macro_rules! objects {
    ($($object:ident: $($field:ident)*;)*) => {$(
        impl Read for $object {
            #[inline(never)]
            fn read(value: &JsValue) -> Option<Self> {
                Some(Self { $($field: field(value, stringify!($field))?,)* })
            }
        }
    )*};
}

objects! {
    ApplicationDetails: row data certificate_type container identified renews activation mistakes;
    ApplicationRow: id number holder organization inn state reason request certificate replaces renewable revision;
    CertificateDetails: certificate application holder organization der issuers;
    CertificateView: id serial key_id not_before not_after revoked;
    Configuration: authority support_phone key_algorithm now version packages;
    Container: label key_id has_certificate certificate;
    ContainerCertificate: holder not_after;
    CreatedRequest: certification_request key_id key_code token sensor_taken proof;
    Failure: code tries_left detail;
    FieldError: field reason;
    Hello: extension_version host_version protocol_version;
    HolderData: kind surname given_name country region locality street email snils inn_person inn_legal_entity kpp
        ogrn ogrnip fss_number organization organizational_unit title;
    Installed: token key_id store_error;
    MistakeAnswer: text at;
    Module: name description error;
    PasswordOrdered: resend_after_seconds expires_in_seconds;
    PinState: tries to_be_changed pad min_length max_length;
    Reader: name module token;
    Removed: key_id;
    RenewedKey: key_id token not_after nonce;
    ReportedMistake: text reported_at answer;
    RequestView: id key_code key_id container token password_ordered resend_after_seconds confirmed_at;
    RevocationView: at reason;
    Session: phone expires_at;
    Token: id name pin unsuitable carrier;
    TokenDetails: token manufacturer firmware free_memory mechanisms containers;
    TokenName: label serial model;
    Tokens: modules readers missing;
}

/// Nothing in it has to be there, so that it is an object is all there is to see.
impl Read for PackageLinks {
    fn read(value: &JsValue) -> Option<Self> {
        let link = |name| field(value, name);
        if !value.is_object() || Array::is_array(value) {
            return None;
        }
        Some(Self {
            debian: link("debian")?,
            rpm: link("rpm")?,
            windows: link("windows")?,
            chromium: link("chromium")?,
            firefox: link("firefox")?,
        })
    }
}

impl Read for Problem {
    fn read(value: &JsValue) -> Option<Self> {
        Some(Self {
            kind: field(value, "type")?,
            title: field(value, "title")?,
            status: u16::try_from(field::<u32>(value, "status")?).ok()?,
            code: field(value, "code")?,
            fields: field::<Option<_>>(value, "fields")?.unwrap_or_default(),
            retry_after_seconds: field(value, "retry_after_seconds")?,
            tries_left: field(value, "tries_left")?,
        })
    }
}

macro_rules! names {
    ($($named:ident: $($variant:ident = $name:literal)*;)*) => {$(
        impl Read for $named {
            fn read(value: &JsValue) -> Option<Self> {
                // A variant that is not named does not compile.
                const _: fn($named) = |variant| match variant { $($named::$variant => (),)* };
                const VARIANTS: &[$named] = &[$($named::$variant,)*];
                VARIANTS.get(position(value, &[$($name,)*])?).copied()
            }
        }
    )*};
}

#[inline(never)]
fn position(value: &JsValue, names: &[&str]) -> Option<usize> {
    let text = value.as_string()?;
    names.iter().position(|name| *name == text)
}

names! {
    ActivationState: NotNeeded = "notNeeded" Needed = "needed" Done = "done";
    Carrier: Signs = "signs" Stores = "stores";
    CertificateType: Qualified = "qualified";
    FieldReason: Empty = "empty" TooLong = "tooLong" Form = "form" Character = "character" CheckDigits = "checkDigits"
        Missing = "missing" Superfluous = "superfluous";
    HolderKind: LegalEntity = "legalEntity" SoleProprietor = "soleProprietor" Person = "person";
    KeyAlgorithm: P256 = "P-256" P384 = "P-384" Rsa2048 = "RSA-2048";
    Stage: LoggingIn = "loggingIn" Seeding = "seeding" GeneratingKey = "generatingKey" Signing = "signing"
        Writing = "writing" ReadingBack = "readingBack" Storing = "storing";
    TriesLeft: Full = "full" Low = "low" Final = "final" None = "none";
}

macro_rules! texts {
    ($($parsed:ty: $parse:expr;)*) => {$(
        impl Read for $parsed {
            fn read(value: &JsValue) -> Option<Self> {
                let text = value.as_string()?;
                let parse: fn(&str) -> Option<Self> = $parse;
                parse(&text)
            }
        }
    )*};
}

texts! {
    ApplicationState: Self::parse;
    ContainerName: Self::parse;
    Country: |text| Self::parse(text).ok();
    Email: |text| Self::parse(text).ok();
    ErrorCode: |text| Self::ALL.iter().copied().find(|code| code.as_str() == text);
    FssNumber: |text| Self::parse(text).ok();
    InnLegalEntity: |text| Self::parse(text).ok();
    InnPerson: |text| Self::parse(text).ok();
    KeyCode: Self::parse;
    KeyId: Self::parse;
    Kpp: |text| Self::parse(text).ok();
    Ogrn: |text| Self::parse(text).ok();
    Ogrnip: |text| Self::parse(text).ok();
    Region: |text| Self::parse(text).ok();
    RevocationReason: Self::parse;
    Snils: |text| Self::parse(text).ok();
    Uuid: uuid;
}

/// A UUID with its dashes. The library's parser also knows other forms and names every mistake, which takes half a kilobyte.
pub fn uuid(text: &str) -> Option<Uuid> {
    let mut digits = text.chars().filter(|c| *c != '-').map(|c| c.to_digit(16));
    let mut bytes = [0; 16];
    for byte in &mut bytes {
        *byte = u8::try_from(digits.next()?? << 4 | digits.next()??).ok()?;
    }
    (text.len() == 36 && digits.next().is_none()).then(|| Uuid::from_bytes(bytes))
}

impl<const MAX: usize> Read for Text<MAX> {
    fn read(value: &JsValue) -> Option<Self> {
        Self::parse(&value.as_string()?).ok()
    }
}

impl Read for TokenId {
    fn read(value: &JsValue) -> Option<Self> {
        value.as_string().map(Self)
    }
}

impl Read for JsValue {
    fn read(value: &JsValue) -> Option<Self> {
        Some(value.clone())
    }
}

impl Read for String {
    fn read(value: &JsValue) -> Option<Self> {
        value.as_string()
    }
}

impl Read for bool {
    fn read(value: &JsValue) -> Option<Self> {
        value.as_bool()
    }
}

/// A whole number that the browser holds exactly.
#[inline(never)]
fn whole(value: &JsValue) -> Option<f64> {
    value.as_f64().filter(|number| number.trunc() == *number && number.abs() <= js_sys::Number::MAX_SAFE_INTEGER)
}

impl Read for i64 {
    fn read(value: &JsValue) -> Option<Self> {
        whole(value).map(|number| number as Self)
    }
}

impl Read for u64 {
    fn read(value: &JsValue) -> Option<Self> {
        whole(value).filter(|number| *number >= 0.0).map(|number| number as Self)
    }
}

impl Read for u32 {
    fn read(value: &JsValue) -> Option<Self> {
        whole(value).filter(|number| (0.0..=f64::from(Self::MAX)).contains(number)).map(|number| number as Self)
    }
}

impl Read for OffsetDateTime {
    fn read(value: &JsValue) -> Option<Self> {
        // A text that is no time is NaN. Fractions of a second are shown nowhere.
        let milliseconds = js_sys::Date::parse(&value.as_string()?);
        Self::from_unix_timestamp(milliseconds.is_finite().then_some((milliseconds / 1000.0) as i64)?).ok()
    }
}

impl Read for Base64 {
    fn read(value: &JsValue) -> Option<Self> {
        // The browser's answer has a character for each byte.
        let bytes = window().atob(&value.as_string()?).ok()?;
        Some(Self(bytes.chars().map(|byte| byte as u8).collect()))
    }
}

impl<T: Read> Read for Option<T> {
    fn read(value: &JsValue) -> Option<Self> {
        if value.is_undefined() || value.is_null() { Some(None) } else { T::read(value).map(Some) }
    }
}

impl<T: Read> Read for Vec<T> {
    fn read(value: &JsValue) -> Option<Self> {
        let array = value.dyn_ref::<Array>()?;
        let mut all = Self::new();
        for i in 0..array.length() {
            all.push(T::read(&array.get(i))?);
        }
        Some(all)
    }
}
