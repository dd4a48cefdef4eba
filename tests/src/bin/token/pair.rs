//! A key pair, its request, and the certificate written beside the key and read back: by the host, by the same calls made
//! directly and by other programs, in turn, on tokens of their own that have equally much on them.

use anyhow::{Context, Result, anyhow, ensure};
use base64::{Engine, engine::general_purpose::STANDARD};
use qcert_journeys::{
    figure::{Figure, median},
    stopwatch::timed,
    token::SOFTHSM,
};
use serde_json::{Value, json};

use super::{
    Arguments, authority,
    direct::Direct,
    host::{Computer, Host, token_id},
    others,
};

const CONTAINER: &str = "1@2026-01-01-Bench";

/// Rounds that count; one before them does not.
const ROUNDS: usize = 15;

/// Medians of all rounds.
pub fn measure(arguments: &Arguments) -> Result<Vec<Figure>> {
    let [ours, direct, theirs] = [(); 3].map(|()| Computer::with(&[SOFTHSM.into()]));
    let (ours, direct, theirs) = (ours?, direct?, theirs?);
    authority::found(&ours)?;
    let mut host = Host::start(&ours, &arguments.host)?;
    let token = token_id(&host.ask("watchTokens", json!({"on": true}), false)?)?;
    round(&mut host, &ours, &token)?;
    let certificate = ours.path("certificate.der");
    let mut calls = Direct::start(&direct, &certificate)?;
    calls.round()?;
    let (mut times, mut stores) = (<[Vec<f64>; 3]>::default(), Vec::new());
    for number in 0..ROUNDS {
        let Round { token: took, store } = round(&mut host, &ours, &token)?;
        stores.push(store);
        times[0].push(took);
        times[1].push(calls.round()?);
        times[2].push(others::round(&theirs, number, &certificate)?);
    }
    let [ours, direct, theirs] = times.map(median);
    Ok(vec![
        Figure::new("pair, request, certificate; beside the calls alone", ours, Some(direct), "ms"),
        Figure::new("pair, request, certificate; beside pkcs11-tool and openssl", ours, Some(theirs), "ms"),
        Figure::new("over the module's own time", ours - direct, None, "ms"),
        Figure::new("certificate into NSS's database, by certutil", median(stores), None, "ms"),
    ])
}

/// Milliseconds.
pub struct Round {
    /// With the token.
    token: f64,
    /// With the person's certificate store, which certutil works with.
    store: f64,
}

/// One certificate.
pub fn round(host: &mut Host, computer: &Computer, token: &str) -> Result<Round> {
    let params = json!({
        "token": token, "container": CONTAINER, "commonName": "Bench", "algorithm": "P-256",
        "sensor": STANDARD.encode([0x5a; 64]),
    });
    let (created, requested) = timed(|| host.ask("createRequest", params, true));
    let request = created?["certificationRequest"].as_str().context("no request")?.to_owned();
    let certificate =
        authority::certify(computer, &STANDARD.decode(request).map_err(|_| anyhow!("a request that is not Base64"))?)?;
    let params = json!({"token": token, "container": CONTAINER, "certificate": STANDARD.encode(certificate)});
    let (begun, written) = timed(|| until_stored(host, params));
    let id = begun?;
    let (installed, stored) = timed(|| host.result(&id));
    let installed = installed?;
    ensure!(installed["storeError"] == Value::Null, "the store refuses: {installed}");
    let milliseconds = |time: std::time::Duration| time.as_secs_f64() * 1000.0;
    Ok(Round { token: milliseconds(requested + written), store: milliseconds(stored) })
}

/// Until the certificate was read back, and the person's store is next.
fn until_stored(host: &mut Host, params: Value) -> Result<String> {
    let id = host.send("installCertificate", params, true)?;
    loop {
        let frame = host.next()?;
        ensure!(frame["error"] == Value::Null, "the host answers {frame}");
        if frame["stage"] == "storing" {
            return Ok(id);
        }
    }
}
