//! What lies on a token, as its owner sees it after login.

use anyhow::{Context, Result, ensure};
use cryptoki::{
    context::{CInitializeArgs, CInitializeFlags, Pkcs11},
    object::{Attribute, AttributeType, ObjectClass, ObjectHandle},
    session::{Session, UserType},
    types::AuthPin,
};
use serde::{Deserialize, Serialize};

/// Keys and certificates; a CKA_ID is hexadecimal, lower case.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Contents {
    /// CKA_ID of each private key.
    pub private_keys: Vec<String>,
    /// CKA_ID of each public key.
    pub public_keys: Vec<String>,
    /// CKA_ID and CKA_VALUE (DER) of each certificate.
    pub certificates: Vec<(String, Vec<u8>)>,
    /// Was every private key always private and sensitive, and never extractable?
    pub keys_never_left: bool,
}

impl Contents {
    /// Nothing at all is there.
    pub fn is_empty(&self) -> bool {
        self.private_keys.is_empty() && self.public_keys.is_empty() && self.certificates.is_empty()
    }
}

/// Looks at the one token of a PKCS#11 module.
///
/// # Errors
/// There is not exactly one initialised token, or it refuses the PIN.
pub fn read(module: &str, pin: &str) -> Result<Contents> {
    let pkcs11 = Pkcs11::new(module).with_context(|| format!("load {module}"))?;
    pkcs11.initialize(CInitializeArgs::new(CInitializeFlags::OS_LOCKING_OK)).context("initialise the module")?;
    let initialised = pkcs11.get_slots_with_initialized_token().context("list the tokens")?;
    ensure!(initialised.len() == 1, "{} initialised tokens, not one", initialised.len());
    let session = pkcs11.open_ro_session(initialised[0]).context("open a session")?;
    session.login(UserType::User, Some(&AuthPin::new(pin.into()))).context("log in")?;
    let all = |class| session.find_objects(&[Attribute::Class(class)]).context("find objects");
    let mut contents = Contents { keys_never_left: true, ..Contents::default() };
    for key in all(ObjectClass::PRIVATE_KEY)? {
        contents.keys_never_left &= never_left(&session, key)?;
        contents.private_keys.push(hex(&bytes(&session, key, AttributeType::Id)?));
    }
    for key in all(ObjectClass::PUBLIC_KEY)? {
        contents.public_keys.push(hex(&bytes(&session, key, AttributeType::Id)?));
    }
    for certificate in all(ObjectClass::CERTIFICATE)? {
        let id = hex(&bytes(&session, certificate, AttributeType::Id)?);
        contents.certificates.push((id, bytes(&session, certificate, AttributeType::Value)?));
    }
    Ok(contents)
}

fn never_left(session: &Session, key: ObjectHandle) -> Result<bool> {
    let kinds = [
        AttributeType::Sensitive,
        AttributeType::AlwaysSensitive,
        AttributeType::NeverExtractable,
        AttributeType::Private,
    ];
    let found = session.get_attributes(key, &kinds).context("read a key's attributes")?;
    Ok(found.len() == kinds.len()
        && found.iter().all(|attribute| {
            matches!(
                attribute,
                Attribute::Sensitive(true)
                    | Attribute::AlwaysSensitive(true)
                    | Attribute::NeverExtractable(true)
                    | Attribute::Private(true)
            )
        }))
}

fn bytes(session: &Session, object: ObjectHandle, kind: AttributeType) -> Result<Vec<u8>> {
    let found = session.get_attributes(object, &[kind]).context("read an attribute")?;
    match found.into_iter().next() {
        Some(Attribute::Id(value) | Attribute::Value(value)) => Ok(value),
        _ => Ok(Vec::new()),
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
