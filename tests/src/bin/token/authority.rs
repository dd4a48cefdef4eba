//! An authority for as long as a measurement takes, by openssl.

use std::fs;

use anyhow::{Context, Result};
use qcert_journeys::programs;

use super::host::Computer;

/// Makes its key and certificate.
pub fn found(computer: &Computer) -> Result<()> {
    let key = ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=CA"];
    programs::run(computer.command("openssl").args(key).args(["-keyout", "ca.key", "-out", "ca.pem", "-days", "2"]))
        .map(drop)
}

/// A certificate for a request, DER.
pub fn certify(computer: &Computer, request: &[u8]) -> Result<Vec<u8>> {
    fs::write(computer.path("request.csr"), request).context("write a request")?;
    let mut openssl = computer.command("openssl");
    openssl.args(["x509", "-req", "-in", "request.csr", "-inform", "DER", "-CA", "ca.pem", "-CAkey", "ca.key"]);
    programs::run(openssl.args(["-days", "1", "-outform", "DER", "-out", "certificate.der"]))?;
    fs::read(computer.path("certificate.der")).context("read a certificate")
}
