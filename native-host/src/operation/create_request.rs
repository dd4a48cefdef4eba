//! `createRequest`: a key pair on the token, and a PKCS#10 request signed by it.

use cryptoki::{
    error::{Error, RvError},
    mechanism::{Mechanism, MechanismType},
    object::{Attribute, AttributeType, ObjectHandle},
    session::Session,
};
use qcert_pki::CertificationRequest;
use qcert_protocol::{
    Base64, ContainerName, ErrorCode, KeyAlgorithm, KeyId,
    workstation::{CreateRequest, CreatedRequest, Failure, SENSOR_BYTES, Stage},
};
use rcgen::{CertificateParams, DistinguishedName, DnType};

use super::Operation;
use crate::{
    survey::{self, Found},
    token_key::{PublicHalf, TokenKey, curve_parameters, id_of},
};

/// The most that is taken from the biological sensor, in bytes.
const SENSOR_MAX_BYTES: usize = 4096;

/// RFC 5280, ub-common-name, in characters.
const COMMON_NAME_MAX: usize = 64;

impl Operation<'_> {
    /// Makes the pair and the request. If anything fails after the pair was made, the pair is removed.
    pub(super) fn create_request(&self, params: &CreateRequest) -> Result<CreatedRequest, Failure> {
        check(params)?;
        let found = survey::find(self.modules, &params.token)?;
        check_mechanisms(&found, params.algorithm)?;
        let session = self.login(&found)?;
        self.stage(Stage::Seeding)?;
        let sensor_taken = seed(&found, &session, &params.sensor.0)?;
        self.stage(Stage::GeneratingKey)?;
        let pair = Pair::generate(&found, &session, params)?;
        self.check_cancelled()?;
        let (public, key_id) = pair.name()?;
        pair.check_private()?;
        self.stage(Stage::Signing)?;
        let key = TokenKey::new(&found, &session, pair.private, public);
        let request = certification_request(&key, &params.common_name)?;
        // Nobody should learn from the authority what can be found here.
        let verified = CertificationRequest::parse_and_verify(&request).map_err(|_| ErrorCode::SigningFailed)?;
        self.check_cancelled()?;
        pair.keep();
        Ok(CreatedRequest {
            certification_request: Base64(request),
            key_id,
            key_code: verified.public_key().key_code(),
            token: found.token.name.clone(),
            sensor_taken,
        })
    }
}

fn check(params: &CreateRequest) -> Result<(), ErrorCode> {
    let name = &params.common_name;
    if params.sensor.0.len() < SENSOR_BYTES {
        return Err(ErrorCode::SensorInsufficient);
    }
    let good_name =
        !name.trim().is_empty() && name.chars().count() <= COMMON_NAME_MAX && !name.chars().any(char::is_control);
    if params.sensor.0.len() > SENSOR_MAX_BYTES || !good_name {
        return Err(ErrorCode::FrameMalformed);
    }
    Ok(())
}

fn check_mechanisms(found: &Found, algorithm: KeyAlgorithm) -> Result<(), Failure> {
    let has = found.module.pkcs11.get_mechanism_list(found.slot);
    let has = has.map_err(|error| found.failure(&error, ErrorCode::ModuleFailed))?;
    let needed = match algorithm {
        KeyAlgorithm::P256 | KeyAlgorithm::P384 => [MechanismType::ECC_KEY_PAIR_GEN, MechanismType::ECDSA],
        KeyAlgorithm::Rsa2048 => [MechanismType::RSA_PKCS_KEY_PAIR_GEN, MechanismType::RSA_PKCS],
    };
    if needed.iter().all(|mechanism| has.contains(mechanism)) { Ok(()) } else { Err(ErrorCode::TokenUnsuitable.into()) }
}

/// Stirs the sensor's bytes into the token's generator, where the token lets one do that.
fn seed(found: &Found, session: &Session, sensor: &[u8]) -> Result<bool, Failure> {
    match session.seed_random(sensor) {
        Ok(()) => Ok(true),
        Err(Error::Pkcs11(
            RvError::RandomSeedNotSupported | RvError::RandomNoRng | RvError::FunctionNotSupported,
            _,
        )) => Ok(false),
        Err(error) => Err(found.failure(&error, ErrorCode::KeyGenerationFailed)),
    }
}

/// A pair that was just made: removed again when dropped, unless it is kept.
struct Pair<'a> {
    found: &'a Found,
    session: &'a Session,
    public: ObjectHandle,
    private: ObjectHandle,
    kept: bool,
}

impl<'a> Pair<'a> {
    fn generate(found: &'a Found, session: &'a Session, params: &CreateRequest) -> Result<Self, Failure> {
        // Some modules let the identifier be set only here; the key's own name is not known before the key.
        let mut id = vec![0; 20];
        getrandom::fill(&mut id).map_err(|_| ErrorCode::KeyGenerationFailed)?;
        let (mechanism, kind) = match curve_parameters(params.algorithm) {
            Some(curve) => (Mechanism::EccKeyPairGen, vec![Attribute::EcParams(curve.to_vec())]),
            None => (
                Mechanism::RsaPkcsKeyPairGen,
                vec![Attribute::ModulusBits(2048.into()), Attribute::PublicExponent(vec![1, 0, 1])],
            ),
        };
        let both = both_halves(&params.container, id);
        let public = [&both[..], &kind, &[Attribute::Private(false), Attribute::Verify(true)]].concat();
        let private = [
            &both[..],
            &[
                Attribute::Private(true),
                Attribute::Sensitive(true),
                Attribute::Extractable(false),
                Attribute::Sign(true),
            ],
        ]
        .concat();
        let (public, private) = session
            .generate_key_pair(&mechanism, &public, &private)
            .map_err(|error| found.failure(&error, ErrorCode::KeyGenerationFailed))?;
        Ok(Self { found, session, public, private, kept: false })
    }

    fn failed(&self, error: &Error) -> Failure {
        self.found.failure(error, ErrorCode::KeyGenerationFailed)
    }

    /// Gives both halves the name that follows from the key; a token that refuses keeps the one it has.
    fn name(&self) -> Result<(PublicHalf, KeyId), Failure> {
        let half = PublicHalf::read(self.session, self.public).map_err(|error| self.failed(&error))?;
        let half = half.ok_or(ErrorCode::KeyGenerationFailed)?;
        let key = half.public_key().map_err(|_| ErrorCode::KeyGenerationFailed)?;
        let name = [Attribute::Id(key.key_id().to_bytes().to_vec())];
        // The private half first: if only the public one refuses, the two would differ, and are made equal again.
        if self.session.update_attributes(self.private, &name).is_ok()
            && self.session.update_attributes(self.public, &name).is_err()
        {
            let id = id_of(self.session, self.public).map_err(|error| self.failed(&error))?;
            self.session.update_attributes(self.private, &[Attribute::Id(id)]).map_err(|error| self.failed(&error))?;
        }
        let id = id_of(self.session, self.private).map_err(|error| self.failed(&error))?;
        let id = <[u8; 20]>::try_from(id).map_err(|_| ErrorCode::KeyGenerationFailed)?;
        Ok((half, KeyId::from_bytes(&id)))
    }

    /// Invariant 2: a token may silently ignore what the template asked for.
    fn check_private(&self) -> Result<(), Failure> {
        use AttributeType as T;
        let asked = [T::Sensitive, T::Extractable, T::AlwaysSensitive, T::NeverExtractable];
        let attributes = self.session.get_attributes(self.private, &asked).map_err(|error| self.failed(&error))?;
        let locked_in = attributes.contains(&Attribute::Sensitive(true))
            && attributes.contains(&Attribute::Extractable(false))
            && !attributes.contains(&Attribute::AlwaysSensitive(false))
            && !attributes.contains(&Attribute::NeverExtractable(false));
        if locked_in { Ok(()) } else { Err(ErrorCode::KeyGenerationFailed.into()) }
    }

    fn keep(mut self) {
        self.kept = true;
    }
}

impl Drop for Pair<'_> {
    fn drop(&mut self) {
        if !self.kept {
            // On a token that was pulled out the pair stays; `removeKeyPair` finds it when the token is back.
            let _ = self.session.destroy_object(self.private);
            let _ = self.session.destroy_object(self.public);
        }
    }
}

fn both_halves(container: &ContainerName, id: Vec<u8>) -> Vec<Attribute> {
    vec![Attribute::Token(true), Attribute::Label(container.as_str().into()), Attribute::Id(id)]
}

fn certification_request(key: &TokenKey<'_>, common_name: &str) -> Result<Vec<u8>, Failure> {
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, common_name);
    match params.serialize_request(key) {
        Ok(request) => Ok(request.der().to_vec()),
        Err(_) => Err(key.failure.take().unwrap_or_else(|| ErrorCode::SigningFailed.into())),
    }
}
