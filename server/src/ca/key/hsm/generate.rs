//! A key pair is made on the token: sensitive, not extractable, named by its subject key identifier.

use anyhow::{Context, bail};
use cryptoki::{
    mechanism::Mechanism,
    object::{Attribute, AttributeType, ObjectHandle},
    session::Session,
};
use pkcs8::der::{
    Decode, Encode,
    asn1::{OctetStringRef, UintRef},
};
use qcert_pki::{Algorithm, PublicKey};

use super::module::Module;
use crate::ca::key::{algorithm_identifier, public_key};

/// RFC 5480 §2.1.1.1: named curves, as CKA_EC_PARAMS.
const P256: &[u8] = &[0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07];
const P384: &[u8] = &[0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x22];

pub(super) fn generate(module: &Module, algorithm: Algorithm) -> anyhow::Result<PublicKey> {
    let made = module.with(|started| {
        let session = started.pkcs11.open_rw_session(module.slot(&started.pkcs11)?)?;
        module.log_in(&session)?;
        Ok(make(&session, algorithm, &module.settings.key_label))
    });
    made?.context("cannot make a key pair in the HSM")
}

fn make(session: &Session, algorithm: Algorithm, label: &str) -> anyhow::Result<PublicKey> {
    let label = Attribute::Label(label.as_bytes().to_vec());
    let (mechanism, parameters) = match algorithm {
        Algorithm::P256 => (Mechanism::EccKeyPairGen, vec![Attribute::EcParams(P256.to_vec())]),
        Algorithm::P384 => (Mechanism::EccKeyPairGen, vec![Attribute::EcParams(P384.to_vec())]),
        Algorithm::Rsa { bits } => {
            let exponent = Attribute::PublicExponent(vec![1, 0, 1]);
            (Mechanism::RsaPkcsKeyPairGen, vec![Attribute::ModulusBits(u64::try_from(bits)?.into()), exponent])
        }
        Algorithm::Ed25519 => bail!("the authority has no keys of this kind"),
    };
    let public = [vec![Attribute::Token(true), Attribute::Verify(true), label.clone()], parameters].concat();
    let private = [
        Attribute::Token(true),
        Attribute::Private(true),
        Attribute::Sensitive(true),
        Attribute::Extractable(false),
        Attribute::Sign(true),
        label,
    ];
    let (public, private) = session.generate_key_pair(&mechanism, &public, &private)?;
    let named = read(session, public, algorithm).and_then(|key| {
        let id = Attribute::Id(key.subject_key_identifier().to_vec());
        session.update_attributes(public, std::slice::from_ref(&id))?;
        session.update_attributes(private, &[id])?;
        Ok(key)
    });
    if named.is_err() {
        // A pair that nobody can name is of no use. Should it stay, it harms nobody.
        let _ = session.destroy_object(private);
        let _ = session.destroy_object(public);
    }
    named
}

fn read(session: &Session, public: ObjectHandle, algorithm: Algorithm) -> anyhow::Result<PublicKey> {
    let bits = match algorithm {
        Algorithm::Rsa { .. } => {
            let asked = [AttributeType::Modulus, AttributeType::PublicExponent];
            match &session.get_attributes(public, &asked)?[..] {
                [Attribute::Modulus(modulus), Attribute::PublicExponent(exponent)] => {
                    [UintRef::new(modulus)?, UintRef::new(exponent)?].to_der()?
                }
                _ => bail!("the token does not tell the public key"),
            }
        }
        _ => match &session.get_attributes(public, &[AttributeType::EcPoint])?[..] {
            // PKCS#11 §2.3.3: the DER of an OCTET STRING; some modules give the point as it is.
            [Attribute::EcPoint(point)] => match <&OctetStringRef>::from_der(point) {
                Ok(inner) if inner.as_bytes().first() == Some(&0x04) => inner.as_bytes().to_vec(),
                _ => point.clone(),
            },
            _ => bail!("the token does not tell the public key"),
        },
    };
    public_key(algorithm_identifier(algorithm)?, &bits)
}
