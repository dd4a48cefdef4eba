//! `createRequest`: a key pair on the token, and a PKCS#10 request signed by it.

use cryptoki::{
    error::{Error, RvError},
    session::Session,
};
use qcert_pki::CertificationRequest;
use qcert_protocol::{
    Base64, ErrorCode, KeyAlgorithm, KeyId,
    workstation::{CreateRequest, CreatedRequest, Failure, SENSOR_BYTES, Stage},
};
use rcgen::{CertificateParams, DistinguishedName, DnType};

use super::{
    Operation,
    half_made::{HalfMade, check_private},
};
use crate::{
    carrier::{carrier, makes},
    survey::{self, Found},
    token_key::{Private, PublicHalf, TokenKey},
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
        check_room(&found, params.algorithm)?;
        self.stage(Stage::Seeding)?;
        let Made { pair, private, public, key_id, sensor_taken } = match found.token.carrier {
            None => self.generate(&found, &session, params)?,
            Some(_) => self.make_for_carrier(&found, &session, params)?,
        };
        self.stage(Stage::Signing)?;
        let key = TokenKey::new(&found, &session, private, public);
        let request = certification_request(&key, &params.common_name)?;
        // Nobody should learn from the authority what can be found here.
        let verified = CertificationRequest::parse_and_verify(&request).map_err(|_| ErrorCode::SigningFailed)?;
        self.check_cancelled()?;
        let created = CreatedRequest {
            certification_request: Base64(request),
            key_id,
            key_code: verified.public_key().key_code(),
            token: found.token.name.clone(),
            sensor_taken,
        };
        let ids = pair.keep();
        // A module that crashes while it logs out leaves a pair of which nobody was told: the next worker removes it.
        drop(session);
        self.orphans.keep(&found, &ids);
        Ok(created)
    }

    /// Has the token make the pair.
    fn generate<'a>(
        &'a self,
        found: &'a Found,
        session: &'a Session,
        params: &CreateRequest,
    ) -> Result<Made<'a>, Failure> {
        let sensor_taken = seed(found, session, &params.sensor.0)?;
        self.stage(Stage::GeneratingKey)?;
        let mut pair = HalfMade::generate(found, session, self.orphans, params)?;
        self.check_cancelled()?;
        let (public, key_id) = pair.name()?;
        let private = pair.private()?;
        let failed = |error| found.failure(&error, ErrorCode::KeyGenerationFailed);
        if !check_private(session, private, false).map_err(failed)? {
            return Err(ErrorCode::KeyGenerationFailed.into());
        }
        Ok(Made { pair, private: Private::Object(private), public, key_id, sensor_taken })
    }
}

/// A pair that is on the token, and removed again unless it is kept.
pub(super) struct Made<'a> {
    pub(super) pair: HalfMade<'a>,
    pub(super) private: Private,
    pub(super) public: PublicHalf,
    pub(super) key_id: KeyId,
    pub(super) sensor_taken: bool,
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
    let can = carrier(&has).is_some() || makes(&has, algorithm);
    if can { Ok(()) } else { Err(ErrorCode::TokenUnsuitable.into()) }
}

/// A full token is told of before a key is made for it, if it says how much room it has.
fn check_room(found: &Found, algorithm: KeyAlgorithm) -> Result<(), Failure> {
    let failed = |error| found.failure(&error, ErrorCode::ModuleFailed);
    let info = found.module.pkcs11.get_token_info(found.slot).map_err(failed)?;
    // Both halves in their longest form, with their names.
    let needed = if algorithm == KeyAlgorithm::Rsa2048 { 2048 } else { 768 };
    let has_room =
        |total: Option<usize>, free: Option<usize>| total == Some(0) || free.is_none_or(|free| free >= needed);
    let room = has_room(info.total_public_memory(), info.free_public_memory())
        && has_room(info.total_private_memory(), info.free_private_memory());
    if room { Ok(()) } else { Err(ErrorCode::TokenFull.into()) }
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
