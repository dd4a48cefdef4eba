//! The cryptographic floor: what a certificate costs when nothing but its cryptography is done.

use anyhow::{Context, Result, anyhow};
use qcert_pki::CertificationRequest;
use ring::{
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair},
};

use super::Figure;
use crate::{clock::Stopwatch, holder::certification_request};

const TIMES: u32 = 3_000;

pub(super) fn measure() -> Result<Vec<Figure>> {
    let request = certification_request()?;
    let verify = each(|| {
        CertificationRequest::parse_and_verify(&request).map(drop).map_err(|code| anyhow!("the request is bad: {code}"))
    })?;
    let random = SystemRandom::new();
    let refused = |_| anyhow!("no key can be made");
    let pkcs8 = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &random).map_err(refused)?;
    let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, pkcs8.as_ref(), &random)
        .map_err(|error| anyhow!("no key can be read: {error}"))?;
    let to_be_signed = vec![0x30; 1_000];
    let sign = each(|| pair.sign(&random, &to_be_signed).map(drop).map_err(|_| anyhow!("nothing can be signed")))?;
    Ok(vec![
        Figure::new("floor.verify", verify, "µs"),
        Figure::new("floor.sign", sign, "µs"),
        Figure::new("floor.both", verify + sign, "µs"),
    ])
}

/// Microseconds of one.
fn each(action: impl Fn() -> Result<()>) -> Result<f64> {
    let stopwatch = Stopwatch::start();
    for _ in 0..TIMES {
        action().context("measure the floor")?;
    }
    Ok(stopwatch.elapsed().as_secs_f64() * 1e6 / f64::from(TIMES))
}
