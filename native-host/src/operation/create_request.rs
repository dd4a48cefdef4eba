//! `createRequest`: a key pair on the token, and a PKCS#10 request signed by it.

use cryptoki::{
    error::{Error, RvError},
    mechanism::MechanismType,
    session::Session,
};
use qcert_pki::CertificationRequest;
use qcert_protocol::{
    Base64, ErrorCode, KeyAlgorithm,
    workstation::{CreateRequest, CreatedRequest, Failure, SENSOR_BYTES, Stage},
};
use rcgen::{CertificateParams, DistinguishedName, DnType};

use super::{Operation, half_made::HalfMade};
use crate::{
    survey::{self, Found},
    token_key::TokenKey,
};

/// The most that is taken from the biological sensor, in bytes.
const SENSOR_MAX_BYTES: usize = 4096;

/// RFC 5280, ub-common-name, in characters.
const COMMON_NAME_MAX: usize = 64;

impl Operation<'_> {
    /// Makes the pair and the request. If anything fails after the pair was made, the pair is removed.
    pub(super) fn create_request(&self, params: &CreateRequest) -> Result<CreatedRequest, Failure> {
        check(params)?;
        let found = survey::find(self.loader, &params.token)?;
        check_mechanisms(&found, params.algorithm)?;
        let session = self.login(&found)?;
        self.stage(Stage::Seeding)?;
        let sensor_taken = seed(&found, &session, &params.sensor.0)?;
        self.stage(Stage::GeneratingKey)?;
        let mut pair = HalfMade::generate(&found, &session, self.orphans, params)?;
        self.check_cancelled()?;
        let (public, key_id) = pair.name()?;
        pair.check_private()?;
        self.stage(Stage::Signing)?;
        let key = TokenKey::new(&found, &session, pair.private()?, public);
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

fn certification_request(key: &TokenKey<'_>, common_name: &str) -> Result<Vec<u8>, Failure> {
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, common_name);
    match params.serialize_request(key) {
        Ok(request) => Ok(request.der().to_vec()),
        Err(_) => Err(key.failure.take().unwrap_or_else(|| ErrorCode::SigningFailed.into())),
    }
}
