//! `createRequest`: a key pair on the token, and a PKCS#10 request signed by it. `renewRequest`: the same, vouched for by
//! the key that it follows.

use cryptoki::{
    error::{Error, RvError},
    session::Session,
};
use qcert_pki::CertificationRequest;
use qcert_protocol::{
    Base64, ErrorCode, KeyAlgorithm, KeyId,
    workstation::{CreateRequest, CreatedRequest, Failure, OldKey, RenewRequest, SENSOR_BYTES, Stage},
};
use rcgen::{CertificateParams, DistinguishedName, DnType};

use super::{
    Login, Operation,
    half_made::{HalfMade, check_private},
    our_pair,
    proof::check_nonce,
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
        self.make(params, None)
    }

    /// The same, and the old key vouches for the new one.
    ///
    /// # Errors
    /// `key_not_found` before anything is made, if the old key is not on the token.
    pub(super) fn renew_request(&self, params: RenewRequest) -> Result<CreatedRequest, Failure> {
        let (new, renews) = params.split();
        check_nonce(&renews)?;
        self.make(&new, Some(&renews))
    }

    fn make(&self, params: &CreateRequest, renews: Option<&OldKey>) -> Result<CreatedRequest, Failure> {
        check(params)?;
        let found = survey::find(self.loader, &params.token)?;
        check_mechanisms(&found, params.algorithm)?;
        let session = self.login(&found)?;
        let old = match renews {
            Some(renews) => Some((renews, find_old(&found, &session, renews)?)),
            None => None,
        };
        check_room(&found, params.algorithm)?;
        self.stage(Stage::Seeding)?;
        let Made { pair, private, public, key_id, sensor_taken } = match found.token.carrier {
            None => self.generate(&found, &session, params)?,
            Some(_) => self.make_for_carrier(&found, &session, params)?,
        };
        self.stage(Stage::Signing)?;
        let key = TokenKey::new(&found, &session, private, public);
        let mut created = requested(&key, &params.common_name, key_id, sensor_taken)?;
        if let Some((renews, old)) = old {
            self.check_cancelled()?;
            let new = key.public.public_key().map_err(|_| ErrorCode::SigningFailed)?;
            created.proof = Some(self.vouch(&old, renews, &new)?);
        }
        self.check_cancelled()?;
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
    match params.sensor.0.len() {
        ..SENSOR_BYTES => Err(ErrorCode::SensorInsufficient),
        SENSOR_BYTES..=SENSOR_MAX_BYTES => check_common_name(&params.common_name),
        _ => Err(ErrorCode::FrameMalformed),
    }
}

/// Can a request's subject have this name?
///
/// # Errors
/// `frame_malformed`.
pub(super) fn check_common_name(name: &str) -> Result<(), ErrorCode> {
    let good =
        !name.trim().is_empty() && name.chars().count() <= COMMON_NAME_MAX && !name.chars().any(char::is_control);
    if good { Ok(()) } else { Err(ErrorCode::FrameMalformed) }
}

/// The pair whose certificate is renewed, whichever CKA_ID the token gave it.
fn find_old<'a>(found: &'a Found, session: &'a Login, renews: &OldKey) -> Result<TokenKey<'a>, Failure> {
    let pair = our_pair::find(session, &renews.key_id, |seen| seen.key.key_id() == renews.key_id);
    let pair = pair.map_err(|error| found.failure(&error, ErrorCode::ModuleFailed))?.ok_or(ErrorCode::KeyNotFound)?;
    Ok(TokenKey::new(found, session, pair.private, pair.half))
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

/// A request that this pair signs, and what is told of it.
///
/// # Errors
/// `signing_failed`, `token_removed`.
pub(super) fn requested(
    key: &TokenKey<'_>,
    common_name: &str,
    key_id: KeyId,
    sensor_taken: bool,
) -> Result<CreatedRequest, Failure> {
    let request = certification_request(key, common_name)?;
    // Nobody should learn from the authority what can be found here.
    let verified = CertificationRequest::parse_and_verify(&request).map_err(|_| ErrorCode::SigningFailed)?;
    Ok(CreatedRequest {
        certification_request: Base64(request),
        key_id,
        key_code: verified.public_key().key_code(),
        token: key.found.token.name.clone(),
        sensor_taken,
        proof: None,
    })
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
