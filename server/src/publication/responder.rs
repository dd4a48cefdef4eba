//! Who signs answers: a key of this process alone, certified by the issuing key for a few days (RFC 6960 §4.2.2.2), so
//! that the issuing key is not asked for every answer.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use anyhow::{anyhow, ensure};
use qcert_pki::{
    Certificate, PublicKey, Serial, SignatureAlgorithm, assemble, ocsp::ResponderCertificate,
    profile_check::check_responder,
};
use qcert_protocol::holder::Text;
use ring::{
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair},
};
use time::{Duration, OffsetDateTime};

use crate::{
    ca::Issuer,
    clock::Stopwatch,
    hex::hex,
    portal::Portal,
    randomness,
    store::{AuthorityRecord, IssuerId},
};

/// How long a responder's certificate is good. Nobody looks up whether it is revoked, so it is short; it is renewed at
/// half of it.
const LIFETIME: Duration = Duration::days(4);
/// Clocks of those who ask may be a little behind.
const BACKDATED: Duration = Duration::minutes(5);
/// How long a renewal that failed rests while the certificate is still good.
const REST: Duration = Duration::MINUTE;

/// SubjectPublicKeyInfo of a key on P-256 up to the point, RFC 5480 §2.
const P256_SPKI: &[u8] = &[
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce,
    0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
];

/// A key with its certificate.
pub(super) struct Responder {
    pub(super) certificate: Vec<u8>,
    pub(super) public_key: PublicKey,
    pub(super) not_after: OffsetDateTime,
    pair: EcdsaKeyPair,
    // ECDSA's nonces are the library's own business; nothing that is stored or tested depends on them.
    randomness: SystemRandom,
}

impl Responder {
    pub(super) const SIGNATURE_ALGORITHM: SignatureAlgorithm = SignatureAlgorithm::EcdsaSha256;

    pub(super) fn sign(&self, bytes: &[u8]) -> anyhow::Result<Vec<u8>> {
        let signature = self.pair.sign(&self.randomness, bytes).map_err(|_| anyhow!("the responder's key failed"))?;
        Ok(signature.as_ref().to_vec())
    }
}

/// The responder of each issuer, and when it is to be renewed.
#[derive(Default)]
pub(super) struct Responders {
    current: Mutex<HashMap<IssuerId, (Arc<Responder>, OffsetDateTime)>>,
    /// One at a time makes a new one; the others wait for it.
    making: tokio::sync::Mutex<()>,
}

impl Responders {
    /// The responder for an issuer; a new one when the last is past half its time.
    pub(super) async fn of(&self, portal: &Portal, issuer: &Issuer) -> anyhow::Result<Arc<Responder>> {
        let now = portal.clock.now();
        if let Some(responder) = self.fresh(&issuer.id(), now) {
            return Ok(responder);
        }
        let _making = self.making.lock().await;
        if let Some(responder) = self.fresh(&issuer.id(), now) {
            return Ok(responder);
        }
        match make(portal, issuer, now).await {
            Ok(responder) => {
                let (responder, renew_at) = (Arc::new(responder), now + LIFETIME / 2);
                self.keep(issuer.id(), &responder, renew_at);
                Ok(responder)
            }
            // The issuing key may be away for a while; the old one is good until its time is over.
            Err(error) => match self.any(&issuer.id()).filter(|responder| now < responder.not_after) {
                Some(responder) => {
                    tracing::error!(%error, "the responder's certificate is not renewed");
                    self.keep(issuer.id(), &responder, now + REST);
                    Ok(responder)
                }
                None => Err(error),
            },
        }
    }

    fn fresh(&self, issuer: &IssuerId, now: OffsetDateTime) -> Option<Arc<Responder>> {
        let current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        let fresh = current.get(issuer).filter(|(responder, renew_at)| now < *renew_at && now < responder.not_after);
        fresh.map(|(responder, _)| Arc::clone(responder))
    }

    fn any(&self, issuer: &IssuerId) -> Option<Arc<Responder>> {
        let current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        current.get(issuer).map(|(responder, _)| Arc::clone(responder))
    }

    fn keep(&self, issuer: IssuerId, responder: &Arc<Responder>, renew_at: OffsetDateTime) {
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        current.insert(issuer, (Arc::clone(responder), renew_at));
    }
}

/// Makes a key and has it certified: checked, committed, signed, compared, stored, as every certificate.
async fn make(portal: &Portal, issuer: &Issuer, now: OffsetDateTime) -> anyhow::Result<Responder> {
    let randomness = SystemRandom::new();
    let refused = |_| anyhow!("cannot make a responder's key");
    let pkcs8 = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &randomness).map_err(refused)?;
    let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, pkcs8.as_ref(), &randomness)
        .map_err(|error| anyhow!("the responder's key was refused: {error}"))?;
    let public_key = PublicKey::from_spki_der(&[P256_SPKI, pair.public_key().as_ref()].concat())?;

    let serial = Serial::from_random(randomness::bytes(&*portal.randomness)?);
    let whole = now.replace_nanosecond(0)?;
    let not_after = (whole + LIFETIME).min(issuer.certificate().not_after());
    let expected = ResponderCertificate {
        issuer: issuer.certificate(),
        signature_algorithm: issuer.signature_algorithm(),
        common_name: &common_name(&public_key)?,
        public_key: &public_key,
        serial: &serial,
        not_before: (whole - BACKDATED).max(issuer.certificate().not_before()),
        not_after,
    };
    let to_be_signed = expected.to_be_signed()?;
    check_responder(&to_be_signed, &expected).map_err(|findings| {
        let findings: Vec<String> = findings.iter().map(ToString::to_string).collect();
        anyhow!("the profile check found: {}", findings.join("; "))
    })?;
    let record = AuthorityRecord {
        serial: serial.to_string(),
        issuer: issuer.id(),
        kind: "ocsp".to_owned(),
        to_be_signed: to_be_signed.clone(),
        created_at: now,
    };
    ensure!(portal.store.commit_authority_certificate(&record).await?, "the serial was used before");
    let stopwatch = Stopwatch::start(&*portal.clock);
    let signature = issuer.sign(&to_be_signed).await;
    portal.signed("ocsp_responder", &stopwatch, &signature);
    let der = assemble(&to_be_signed, issuer.signature_algorithm(), &signature?)?;
    let certificate = Certificate::parse(&der)?;
    certificate.verify_issued_by(issuer.certificate())?;
    ensure!(certificate.tbs_der() == to_be_signed, "what was signed is not what was committed");
    let stored = portal.store.complete_authority_certificate(&record.serial, &der, portal.clock.now()).await?;
    ensure!(stored, "the responder's certificate was not stored");
    Ok(Responder { certificate: der, public_key, not_after, pair, randomness })
}

/// Names the key, so that two servers' responders have two names.
fn common_name(key: &PublicKey) -> anyhow::Result<Text<64>> {
    let identifier = hex(&key.subject_key_identifier()[..8]);
    Text::parse(&format!("OCSP {identifier}")).map_err(|reason| anyhow!("the responder's name: {reason:?}"))
}
