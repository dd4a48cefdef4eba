//! A key pair for a token that makes none: made here, handed over, and forgotten.

use cryptoki::{
    error::Error,
    object::{Attribute, KeyType, ObjectClass, ObjectHandle},
    session::Session,
};
use der::{Encode, asn1::OctetStringRef};
use qcert_pki::PublicKey;
use qcert_protocol::{
    ErrorCode,
    workstation::{CreateRequest, Failure, Stage},
};
use qcert_stored_key::{PrivateKey, Secrets, Unusable};

use super::{
    Operation,
    create_request::Made,
    half_made::{HalfMade, check_private, remove},
};
use crate::{
    carrier::signs,
    in_ram::InRam,
    secret_value::SecretTemplate,
    stored,
    survey::Found,
    token_key::{Private, PublicHalf, curve_parameters},
};

impl Operation<'_> {
    /// Makes the pair, and writes it: as key objects where the token signs and takes them, else as a container in data
    /// objects.
    ///
    /// # Errors
    /// `key_generation_failed`, `token_removed`, `token_full`, `cancelled`.
    pub(super) fn make_for_carrier<'a>(
        &'a self,
        found: &'a Found,
        session: &'a Session,
        params: &CreateRequest,
    ) -> Result<Made<'a>, Failure> {
        let failed = |error| found.failure(&error, ErrorCode::KeyGenerationFailed);
        let unusable = |Unusable| ErrorCode::KeyGenerationFailed;
        let mut generator = stored::generator(&params.sensor.0).ok_or(ErrorCode::KeyGenerationFailed)?;
        self.stage(Stage::GeneratingKey)?;
        let key = Box::new(PrivateKey::generate(params.algorithm, &mut generator).map_err(unusable)?);
        let _in_ram = InRam::keep_value(&*key);
        let public = key.public_key().map_err(unusable)?;
        self.check_cancelled()?;
        let mechanisms = found.module.pkcs11.get_mechanism_list(found.slot).map_err(failed)?;
        let mut pair = HalfMade::begin(found, session, self.orphans);
        pair.may_have(public.key_id().to_bytes().to_vec());
        let object =
            if signs(&mechanisms, params.algorithm) { hand_over(found, session, params, &key, &public)? } else { None };
        let private = if let Some(object) = object {
            if !check_private(session, object, true).map_err(failed)? {
                return Err(ErrorCode::KeyGenerationFailed.into());
            }
            Private::Object(object)
        } else {
            stored::write(found, session, &params.container, &key, &public)?;
            Private::Stored(public.key_id().to_bytes())
        };
        let half = PublicHalf::of(&public).ok_or(ErrorCode::KeyGenerationFailed)?;
        Ok(Made { pair, private, public: half, key_id: public.key_id(), sensor_taken: true })
    }
}

/// Writes both halves as key objects, the public one first: without that nobody would find the other again. None for a
/// token that does not take them, and nothing of them is left on it.
fn hand_over(
    found: &Found,
    session: &Session,
    params: &CreateRequest,
    key: &PrivateKey,
    public: &PublicKey,
) -> Result<Option<ObjectHandle>, Failure> {
    let (public_half, private_half) = templates(params, key, public).ok_or(ErrorCode::KeyGenerationFailed)?;
    let create = || {
        session.create_object(&public_half)?;
        session.create_object(private_half.attributes())
    };
    let refused = |error: Error| found.failure(&error, ErrorCode::KeyGenerationFailed);
    match create().map_err(refused) {
        Ok(object) => Ok(Some(object)),
        // Modules have many words for that, as many as for a fault; what is a fault will be one in the other form, too.
        Err(failure) if matches!(failure.code, ErrorCode::KeyGenerationFailed | ErrorCode::TokenUnsuitable) => {
            remove(session, &public.key_id().to_bytes()).map_err(refused)?;
            Ok(None)
        }
        Err(failure) => Err(failure),
    }
}

/// Templates of the public and of the private half; none for a key that cannot be written so.
fn templates(params: &CreateRequest, key: &PrivateKey, public: &PublicKey) -> Option<(Vec<Attribute>, SecretTemplate)> {
    let secrets = key.secrets().ok()?;
    let kind = if matches!(secrets, Secrets::Rsa(_)) { KeyType::RSA } else { KeyType::EC };
    let both = [
        Attribute::KeyType(kind),
        Attribute::Token(true),
        Attribute::Label(params.container.as_str().into()),
        Attribute::Id(public.key_id().to_bytes().to_vec()),
    ];
    let mut public_half =
        vec![Attribute::Class(ObjectClass::PUBLIC_KEY), Attribute::Private(false), Attribute::Verify(true)];
    let mut private_half = vec![
        Attribute::Class(ObjectClass::PRIVATE_KEY),
        Attribute::Private(true),
        Attribute::Sensitive(true),
        Attribute::Extractable(false),
        Attribute::Sign(true),
    ];
    match &secrets {
        Secrets::Elliptic(scalar) => {
            let curve = Attribute::EcParams(curve_parameters(params.algorithm)?.to_vec());
            // PKCS#11 §2.3.3: CKA_EC_POINT is the DER of an OCTET STRING.
            let point = OctetStringRef::new(public.subject_public_key()).ok()?.to_der().ok()?;
            public_half.extend([curve.clone(), Attribute::EcPoint(point)]);
            private_half.extend([curve, Attribute::Value(scalar.to_vec())]);
        }
        Secrets::Rsa([modulus, public_exponent, private_exponent, p, q, exponent_1, exponent_2, coefficient]) => {
            let open = [Attribute::Modulus(modulus.to_vec()), Attribute::PublicExponent(public_exponent.to_vec())];
            public_half.extend(open.clone());
            private_half.extend(open);
            private_half.extend([
                Attribute::PrivateExponent(private_exponent.to_vec()),
                Attribute::Prime1(p.to_vec()),
                Attribute::Prime2(q.to_vec()),
                Attribute::Exponent1(exponent_1.to_vec()),
                Attribute::Exponent2(exponent_2.to_vec()),
                Attribute::Coefficient(coefficient.to_vec()),
            ]);
        }
    }
    public_half.extend(both.clone());
    private_half.extend(both);
    Some((public_half, SecretTemplate::new(private_half)))
}
