//! The same with programs that are not ours: OpenSC's pkcs11-tool, and openssl with the engine of libp11.

use std::path::Path;

use anyhow::Result;
use qcert_journeys::{
    programs,
    stopwatch::timed,
    token::{PIN, SOFTHSM},
};

use super::host::Computer;

/// Milliseconds of a pair and a request, and of the certificate that is written beside the key and read back.
pub fn round(computer: &Computer, number: usize, certificate: &Path) -> Result<f64> {
    let id = format!("{number:04x}");
    let made = |arguments: &[&str]| {
        let mut tool = computer.command("pkcs11-tool");
        tool.args(["--module", SOFTHSM, "--token-label", "token", "--login", "--pin", PIN, "--id", &id]);
        programs::run(tool.args(arguments)).map(drop)
    };
    let certificate = certificate.to_string_lossy();
    let (done, took) = timed(|| {
        made(&["--keypairgen", "--key-type", "EC:prime256v1", "--label", "container"])?;
        request(computer, &id)?;
        made(&["--write-object", &certificate, "--type", "cert", "--label", "container"])?;
        made(&["--read-object", "--type", "cert", "--output-file", "read.der"])
    });
    done?;
    Ok(took.as_secs_f64() * 1000.0)
}

fn request(computer: &Computer, id: &str) -> Result<()> {
    let key = format!("pkcs11:token=token;id=%{}%{};type=private;pin-value={PIN}", &id[..2], &id[2..]);
    let mut openssl = computer.command("openssl");
    openssl.env("PKCS11_MODULE_PATH", SOFTHSM).args(["req", "-new", "-engine", "pkcs11", "-keyform", "engine"]);
    programs::run(openssl.args(["-subj", "/CN=bench", "-out", "others.csr", "-key", &key])).map(drop)
}

/// Milliseconds until pkcs11-tool has listed the tokens.
pub fn list(computer: &Computer) -> Result<f64> {
    let (done, took) = timed(|| programs::run(computer.command("pkcs11-tool").args(["--module", SOFTHSM, "-L"])));
    done?;
    Ok(took.as_secs_f64() * 1000.0)
}
