//! Containers in data objects, for tokens that take no private keys; [`qcert_stored_key::container`] has the format.

use cryptoki::{
    error::Error,
    object::{Attribute, AttributeType, ObjectClass, ObjectHandle},
    session::Session,
};
use qcert_pki::PublicKey;
use qcert_protocol::{ContainerName, ErrorCode, workstation::Failure};
use qcert_stored_key::{
    Generator, PrivateKey, SYSTEM_OCTETS,
    container::{PRIVATE, PUBLIC, object_id},
};
use zeroize::Zeroizing;

use crate::{
    secret_value::{self, SecretTemplate},
    survey::Found,
};

/// What all objects of all containers have.
fn ours(private: bool) -> Vec<Attribute> {
    vec![
        Attribute::Class(ObjectClass::DATA),
        Attribute::Token(true),
        Attribute::Private(private),
        Attribute::Application(if private { PRIVATE } else { PUBLIC }.into()),
    ]
}

/// Both objects of one container, the private one first: without a login it is not seen.
///
/// # Errors
/// Those of PKCS#11.
pub fn find(session: &Session, id: &[u8]) -> Result<Vec<ObjectHandle>, Error> {
    // A pair that the token makes may have a name of another length for a moment.
    let Ok(key_id) = id.try_into() else { return Ok(Vec::new()) };
    let mut found = find_half(session, key_id, true)?;
    found.extend(find_half(session, key_id, false)?);
    Ok(found)
}

/// Is the private half there? Seen after the login.
///
/// # Errors
/// Those of PKCS#11.
pub fn has_private(session: &Session, key_id: &[u8; 20]) -> Result<bool, Error> {
    Ok(!find_half(session, key_id, true)?.is_empty())
}

fn find_half(session: &Session, key_id: &[u8; 20], private: bool) -> Result<Vec<ObjectHandle>, Error> {
    let mut template = ours(private);
    template.push(Attribute::ObjectId(object_id(key_id)));
    session.find_objects(&template)
}

/// The public halves of all containers, with their labels. Needs no PIN.
///
/// # Errors
/// Those of PKCS#11.
pub fn public_halves(session: &Session) -> Result<Vec<(PublicKey, String)>, Error> {
    let mut halves = Vec::new();
    for object in session.find_objects(&ours(false))? {
        let (mut key, mut label) = (None, String::new());
        for attribute in session.get_attributes(object, &[AttributeType::Value, AttributeType::Label])? {
            match attribute {
                Attribute::Value(spki) => key = PublicKey::from_spki_der(&spki).ok(),
                Attribute::Label(octets) => label = String::from_utf8_lossy(&octets).into_owned(),
                _ => {}
            }
        }
        halves.extend(key.map(|key| (key, label)));
    }
    Ok(halves)
}

/// Is there a container of this key? Needs no PIN.
///
/// # Errors
/// Those of PKCS#11.
pub fn holds(session: &Session, key: &PublicKey) -> Result<bool, Error> {
    Ok(public_halves(session)?.iter().any(|(half, _)| half == key))
}

/// Writes a container, its public half first: without that nobody would find the other again.
///
/// # Errors
/// Those of C_CreateObject; `key_generation_failed`, if the key cannot be written.
pub fn write(
    found: &Found,
    session: &Session,
    label: &ContainerName,
    key: &PrivateKey,
    public: &PublicKey,
) -> Result<(), Failure> {
    let failed = |error| found.failure(&error, ErrorCode::KeyGenerationFailed);
    let named = |private, value| {
        let mut template = ours(private);
        template.push(Attribute::Label(label.as_str().into()));
        template.push(Attribute::ObjectId(object_id(&public.key_id().to_bytes())));
        template.push(Attribute::Value(value));
        template
    };
    session.create_object(&named(false, public.spki_der().to_vec())).map_err(failed)?;
    let document = key.to_pkcs8().map_err(|_| ErrorCode::KeyGenerationFailed)?;
    let template = SecretTemplate::new(named(true, document.as_bytes().to_vec()));
    session.create_object(template.attributes()).map_err(failed)?;
    Ok(())
}

/// Reads the private half, has it sign as CKM_ECDSA and CKM_RSA_PKCS do, and wipes it.
///
/// # Errors
/// `key_not_found`, `signing_failed`, `token_removed`.
pub fn sign(found: &Found, session: &Session, key_id: &[u8; 20], input: &[u8]) -> Result<Vec<u8>, Failure> {
    let failed = |error| found.failure(&error, ErrorCode::SigningFailed);
    let object = find_half(session, key_id, true).map_err(failed)?.first().copied().ok_or(ErrorCode::KeyNotFound)?;
    let value = secret_value::read(&found.module, session, object).map_err(failed)?;
    let key = PrivateKey::from_pkcs8(&value).map_err(|_| ErrorCode::SigningFailed)?;
    let mut generator = generator(&[]).ok_or(ErrorCode::SigningFailed)?;
    Ok(key.sign(input, &mut generator).map_err(|_| ErrorCode::SigningFailed)?)
}

/// A generator of the system's randomness and the sensor's; none where the system gives none.
pub fn generator(sensor: &[u8]) -> Option<Generator> {
    let mut system = Zeroizing::new([0; SYSTEM_OCTETS]);
    getrandom::fill(&mut *system).ok()?;
    Some(Generator::new(&system, sensor))
}
