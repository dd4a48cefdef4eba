//! The signature journal: a line for each signature of the authority's keys, written before it is made.

use std::{
    fs::{File, OpenOptions},
    io::Write,
    path::Path,
};

use anyhow::Context;
use ring::digest::{SHA256, digest};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

use super::{hex, key::Key};
use crate::{config::Authority, store::IssuerId};

/// Signs where nobody waits, as `ca init` and its like do, having noted it in the journal if one is set.
///
/// # Errors
/// When it cannot be noted, or the key cannot be used.
pub(super) fn sign_noted(
    settings: &Authority,
    key: &dyn Key,
    to_be_signed: &[u8],
    now: OffsetDateTime,
) -> anyhow::Result<Vec<u8>> {
    if let Some(path) = &settings.signature_journal {
        Journal::open(path)?.note(now, &key.public_key().subject_key_identifier(), to_be_signed)?;
    }
    key.sign_here(to_be_signed)
}

/// A file that only grows. Several processes may share it: each line is one write to its end.
pub(super) struct Journal(File);

impl Journal {
    /// Opens the file, or makes it.
    ///
    /// # Errors
    /// When it cannot be written.
    pub(super) fn open(path: &Path) -> anyhow::Result<Self> {
        let mut options = OpenOptions::new();
        options.append(true).create(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        Ok(Self(options.open(path).with_context(|| format!("cannot write {}", path.display()))?))
    }

    /// Notes what will be signed: time, key, kind, SHA-256 of the bytes.
    ///
    /// # Errors
    /// When it cannot be written; then nothing may be signed.
    pub(super) fn note(&self, now: OffsetDateTime, issuer: &IssuerId, to_be_signed: &[u8]) -> anyhow::Result<()> {
        let (at, digest) = (now.format(&Rfc3339)?, hex(digest(&SHA256, to_be_signed).as_ref()));
        let line = format!("{at} {} {} {digest}\n", hex(issuer), kind(to_be_signed));
        let written = (&self.0).write(line.as_bytes()).context("cannot write the signature journal")?;
        anyhow::ensure!(written == line.len(), "the signature journal took half a line");
        Ok(())
    }
}

/// What the bytes are, by the first field of their sequence: the version in `[0]` of a TBSCertificate (RFC 5280
/// §4.1), the version as INTEGER of a TBSCertList (1, §5.1) or of a CertificationRequestInfo (0, RFC 2986 §4.1), the
/// responder of an OCSP answer (RFC 6960 §4.2.1).
fn kind(to_be_signed: &[u8]) -> &'static str {
    let length_octets = match to_be_signed.get(1) {
        Some(length @ 0x81..=0x84) => usize::from(length - 0x80),
        _ => 0,
    };
    match to_be_signed.get(2 + length_octets..).unwrap_or_default() {
        [0xa0, ..] => "certificate",
        [0x02, 1, 0, ..] => "request",
        [0x02, ..] => "revocation-list",
        [0xa1 | 0xa2, ..] => "ocsp-answer",
        _ => "other",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_tells_time_key_kind_and_digest() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("journal");
        for _ in 0..2 {
            let bytes = [0x30, 0x82, 0, 3, 0xa0, 1, 0];
            Journal::open(&path).unwrap().note(OffsetDateTime::UNIX_EPOCH, &[7; 20], &bytes).unwrap();
        }
        let text = std::fs::read_to_string(&path).unwrap();
        let start = format!("1970-01-01T00:00:00Z {} certificate ", "07".repeat(20));
        assert!(text.lines().count() == 2 && text.lines().all(|line| line.starts_with(&start)), "{text}");
        assert_eq!(text.lines().next().map(str::len), Some(start.len() + 64));
    }

    #[test]
    fn lists_requests_and_answers_are_told_from_certificates() {
        assert_eq!(kind(&[0x30, 3, 2, 1, 1]), "revocation-list");
        assert_eq!(kind(&[0x30, 3, 2, 1, 0]), "request");
        assert_eq!(kind(&[0x30, 0x81, 3, 0xa2, 1, 1]), "ocsp-answer");
        assert_eq!(kind(&[]), "other");
    }
}
