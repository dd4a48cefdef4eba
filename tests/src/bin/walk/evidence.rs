//! What the journey leaves: request, certificate, chain, token. Everything is checked before it is believed.

use std::{fs, path::Path, process::Command, time::Duration};

use anyhow::{Context, Result, ensure};
use base64::{Engine, engine::general_purpose::STANDARD};
use qcert_journeys::{Journey, programs, stopwatch::Stopwatch, token::FACTORY_PIN};
use serde_json::{Value, json};

/// What identifies the certificate.
pub struct Evidence {
    /// Upper-case hexadecimal.
    pub serial: String,
    /// CKA_ID, lower-case hexadecimal.
    pub key_id: String,
}

/// Leaves the files and checks them.
///
/// # Errors
/// The certificate does not verify to the CA, or does not lie on the token beside its private key, or the key could
/// leave the token.
pub async fn collect(journey: &Journey, out: &Path) -> Result<Evidence> {
    fs::write(out.join("request.csr"), request(journey).await?)?;
    fs::write(out.join("ca.cer"), journey.portal.get("/ca/chain.pem")?)?;
    fs::copy(journey.portal.messages_file(), out.join("sms.jsonl")).context("keep the text messages")?;
    let certificate = downloaded(journey).await?;
    fs::write(out.join("certificate.cer"), &certificate)?;
    verify(out)?;
    let view: Value = journey
        .browser
        .script_later("fetch('/api/v1/certificates').then(r => r.json()).then(arguments[0])", vec![])
        .await
        .context("ask the portal for the certificates")?;
    let text = |name: &str| view[0][name].as_str().unwrap_or_default().to_owned();
    let evidence = Evidence { serial: text("serial"), key_id: text("keyId") };
    check_token(journey, &evidence, &certificate)?;
    keep_token(journey, out)?;
    Ok(evidence)
}

/// The request as the browser sent it.
async fn request(journey: &Journey) -> Result<Vec<u8>> {
    let sent = journey.browser.sent().await?;
    let (_, body) = sent.iter().rfind(|(address, _)| address.ends_with("/requests")).context("no request was sent")?;
    let body: Value = serde_json::from_str(body).context("read what the browser sent")?;
    let request = body["certificationRequest"].as_str().context("what was sent has no certification request")?;
    STANDARD.decode(request).ok().context("the certification request is not base64")
}

/// What `Скачать` gives.
async fn downloaded(journey: &Journey) -> Result<Vec<u8>> {
    journey.browser.click("link", "Скачать").await?;
    for _ in 0..250 {
        let files = fs::read_dir(journey.computer.downloads()).context("look at the downloads")?;
        let done = |path: &std::path::PathBuf| path.extension().is_some_and(|extension| extension == "cer");
        if let Some(path) = files.filter_map(|entry| Some(entry.ok()?.path())).find(done) {
            return fs::read(&path).with_context(|| format!("read {}", path.display()));
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    anyhow::bail!("the certificate's file was not downloaded")
}

/// With a program that is not ours.
fn verify(out: &Path) -> Result<()> {
    let mut request = Command::new("openssl");
    request.args(["req", "-inform", "DER", "-verify", "-noout", "-in"]).arg(out.join("request.csr"));
    programs::run(&mut request).context("the request does not prove its key")?;
    let mut certificate = Command::new("openssl");
    certificate.args(["verify", "-x509_strict", "-CAfile"]).arg(out.join("ca.cer"));
    programs::run(certificate.arg(out.join("certificate.cer"))).context("the certificate does not verify")?;
    Ok(())
}

fn check_token(journey: &Journey, evidence: &Evidence, certificate: &[u8]) -> Result<()> {
    let contents = journey.computer.token.contents(FACTORY_PIN)?;
    let id = &evidence.key_id;
    ensure!(contents.private_keys == [id.as_str()], "the token holds the private keys {:?}", contents.private_keys);
    ensure!(contents.keys_never_left, "the private key is not sensitive, or can be extracted");
    let beside = contents.certificates.iter().any(|(beside, der)| beside == id && der == certificate);
    ensure!(beside, "the certificate does not lie beside its private key");
    Ok(())
}

/// Puts the token into the directory, with a configuration that names it there.
fn keep_token(journey: &Journey, out: &Path) -> Result<()> {
    let tokens = out.join("tokens");
    if tokens.exists() {
        fs::remove_dir_all(&tokens).context("remove the token of an earlier walk")?;
    }
    journey.computer.token.copy_objects(&tokens)?;
    let text = format!("directories.tokendir = {}\nobjectstore.backend = file\nlog.level = ERROR\n", tokens.display());
    fs::write(out.join("softhsm2.conf"), text).context("write softhsm2.conf")
}

/// Writes `journey.json`.
///
/// # Errors
/// It cannot be written.
pub fn write_journey(
    journey: &Journey,
    out: &Path,
    stopwatch: &Stopwatch,
    evidence: &Evidence,
    key_code: &str,
    bench: &Value,
) -> Result<()> {
    let configuration: Value = serde_json::from_slice(&journey.portal.get("/api/v1/configuration")?)?;
    let manifest = fs::read(journey.computer.extension_directory().join("manifest.json"))?;
    let manifest: Value = serde_json::from_slice(&manifest)?;
    let mut host = Command::new(programs::built("qcert-host", "qcert-host")?);
    let host = String::from_utf8_lossy(&programs::run(host.arg("--version"))?).trim().to_owned();
    let text = json!({
        "steps": stopwatch.json(),
        "serial": evidence.serial,
        "keyId": evidence.key_id,
        "keyCode": key_code,
        "bench": bench,
        "versions": {
            "server": configuration["version"],
            "host": host.rsplit(' ').next(),
            "extension": manifest["version"],
            "browser": journey.browser.version(),
        },
    });
    let file = out.join("journey.json");
    fs::write(&file, serde_json::to_vec_pretty(&text)?).with_context(|| format!("write {}", file.display()))
}
