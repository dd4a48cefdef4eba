//! What leaves, as values that the browser writes as JSON: the other half of [`crate::reading`], for the same reason. A
//! type that gains a field does not compile until it is written here, and a test in the browser compares with serde.

use js_sys::{JSON, JsString, Object, Reflect};
use leptos::prelude::window;
use qcert_protocol::{
    Base64, ContainerName, KeyAlgorithm, KeyId,
    portal::{
        ActivationEntry, Confirmation, Installation, MistakeReport, PasswordOrder, RequestUpload, Revocation,
        RevocationOrder, RevocationReason, SignIn, TokenName,
    },
    workstation::{
        Cancel, CreateRequest, Diagnose, InstallCertificate, OldKey, OneToken, RemoveKeyPair, RenewRequest,
        RequestAgain, TokenId, WatchTokens,
    },
};
use wasm_bindgen::JsValue;

use crate::reading::wire;

/// What can be written as a value of the browser.
pub trait Write {
    /// The value; `undefined` for what is left out.
    fn write(&self) -> JsValue;
}

/// As a text of JSON.
pub fn json(value: &JsValue) -> JsString {
    // A tree of plain values has a text.
    JSON::stringify(value).unwrap_or_default()
}

/// An object of these members, by their names in Rust; those that are left out are not there.
#[inline(never)]
pub fn object(members: &[(&str, JsValue)]) -> JsValue {
    let object = Object::new();
    for (name, value) in members {
        if !value.is_undefined() {
            // A plain object takes any member.
            let _ = Reflect::set(&object, &wire(name), value);
        }
    }
    object.into()
}

macro_rules! objects {
    ($($object:ident: $($field:ident)*;)*) => {$(
        impl Write for $object {
            #[inline(never)]
            fn write(&self) -> JsValue {
                // A field that is not named does not compile.
                let Self { $($field,)* } = self;
                object(&[$((stringify!($field), $field.write()),)*])
            }
        }
    )*};
}

objects! {
    ActivationEntry: code;
    Cancel: request;
    Confirmation: password;
    CreateRequest: token container common_name algorithm sensor;
    Diagnose: names log;
    InstallCertificate: token container certificate;
    Installation: token in_store;
    MistakeReport: text;
    OldKey: key_id nonce;
    OneToken: token;
    PasswordOrder: phone;
    RemoveKeyPair: token key_id;
    RenewRequest: token container common_name algorithm sensor renews;
    RequestAgain: token container key_id common_name;
    RequestUpload: certification_request container token proof;
    Revocation: reason password;
    RevocationOrder: reason;
    SignIn: phone password;
    TokenName: label serial model;
    WatchTokens: on;
}

macro_rules! texts {
    ($($written:ident: $text:expr;)*) => {$(
        impl Write for $written {
            fn write(&self) -> JsValue {
                let text: fn(&Self) -> &str = $text;
                JsValue::from_str(text(self))
            }
        }
    )*};
}

texts! {
    ContainerName: Self::as_str;
    KeyAlgorithm: |algorithm| algorithm.name();
    KeyId: Self::as_str;
    RevocationReason: |reason| reason.as_str();
    String: Self::as_str;
    TokenId: |token| &token.0;
}

impl Write for bool {
    fn write(&self) -> JsValue {
        (*self).into()
    }
}

impl<T: Write> Write for Option<T> {
    fn write(&self) -> JsValue {
        self.as_ref().map_or(JsValue::UNDEFINED, T::write)
    }
}

impl Write for Base64 {
    fn write(&self) -> JsValue {
        // The browser takes a character for each byte, and refuses no byte.
        let characters: String = self.0.iter().map(|byte| char::from(*byte)).collect();
        window().btoa(&characters).unwrap_or_default().into()
    }
}
