//! The files of `ca.directory`.
//!
//! An issuing key is named by the SHA-1 of its public key: `issuing-<40 hex>.key` (unless it is in an HSM), `.csr` while
//! a root has not answered, and `.pem`, its certificate and those above it, as soon as it issues. Each file appears whole
//! or not at all and is never overwritten, and the certificate is the last one: so whatever is interrupted leaves an
//! authority that is as it was, and at most a key that nobody uses. The first authorities had `issuing.key`,
//! `issuing.pem` and `root.pem`.

use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};
use pkcs8::der::pem;
use qcert_pki::{Certificate, CertificationRequest, PublicKey};

use super::hex;

const ROOT_CERTIFICATE: &str = "root.pem";
const EARLIER_CERTIFICATE: &str = "issuing.pem";
const EARLIER_KEY: &str = "issuing.key";

/// An issuing certificate, those above it, the file it is in, and where its key would be if it is in one.
pub(super) struct Certified {
    pub(super) chain: Vec<Certificate>,
    pub(super) file: PathBuf,
    pub(super) key: PathBuf,
}

/// A key that waits for its certificate.
pub(super) struct Requested {
    pub(super) public_key: PublicKey,
    pub(super) key: PathBuf,
}

/// `ca.directory`.
pub(super) struct Directory<'a>(pub(super) &'a Path);

impl Directory<'_> {
    pub(super) fn root_key(&self) -> PathBuf {
        self.0.join("root.key")
    }

    pub(super) fn root_certificate(&self) -> PathBuf {
        self.0.join(ROOT_CERTIFICATE)
    }

    /// The revocation list that an authority above ours issues.
    pub(super) fn root_list(&self, above: &Certificate) -> PathBuf {
        self.0.join(format!("root-{}.crl", hex(&above.key_identifier())))
    }

    pub(super) fn key(&self, key: &PublicKey) -> PathBuf {
        self.0.join(format!("{}.key", stem(key)))
    }

    pub(super) fn request(&self, key: &PublicKey) -> PathBuf {
        self.0.join(format!("{}.csr", stem(key)))
    }

    pub(super) fn certificate(&self, key: &PublicKey) -> PathBuf {
        self.0.join(format!("{}.pem", stem(key)))
    }

    /// Every issuing certificate, newest first.
    ///
    /// # Errors
    /// When a file cannot be read or is no chain of certificates.
    pub(super) fn certified(&self) -> anyhow::Result<Vec<Certified>> {
        let mut all: Vec<Certified> = self.certificates()?.into_iter().map(certified).collect::<anyhow::Result<_>>()?;
        let earlier = self.0.join(EARLIER_CERTIFICATE);
        if earlier.exists() {
            let chain = [read_certificates(&earlier)?, read_certificates(&self.root_certificate())?].concat();
            all.push(Certified { chain, file: earlier, key: self.0.join(EARLIER_KEY) });
        }
        all.sort_by_cached_key(|found| age(&found.chain));
        Ok(all)
    }

    /// The file of every issuing certificate, but for one of the first layout.
    ///
    /// # Errors
    /// When the directory cannot be read.
    pub(super) fn certificates(&self) -> anyhow::Result<Vec<PathBuf>> {
        self.files("pem")
    }

    /// Every key that waits for its certificate.
    ///
    /// # Errors
    /// When a request cannot be read.
    pub(super) fn requested(&self) -> anyhow::Result<Vec<Requested>> {
        let mut all = Vec::new();
        for path in self.files("csr")?.into_iter().filter(|path| !path.with_extension("pem").exists()) {
            let unreadable = || format!("{} is no request", path.display());
            let text = std::fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
            let (_, der) = pem::decode_vec(&text).map_err(anyhow::Error::from).with_context(unreadable)?;
            let request = CertificationRequest::parse_and_verify(&der).with_context(unreadable)?;
            all.push(Requested { public_key: request.public_key().clone(), key: path.with_extension("key") });
        }
        Ok(all)
    }

    /// Files of issuing keys with this ending, by name.
    fn files(&self, extension: &str) -> anyhow::Result<Vec<PathBuf>> {
        let entries = match std::fs::read_dir(self.0) {
            Ok(entries) => entries,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(error).with_context(|| format!("cannot read {}", self.0.display())),
        };
        let mut files = Vec::new();
        for entry in entries {
            let path = entry.with_context(|| format!("cannot read {}", self.0.display()))?.path();
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            if name.starts_with("issuing-") && path.extension().is_some_and(|found| found == extension) {
                files.push(path);
            }
        }
        files.sort();
        Ok(files)
    }
}

/// What is in an issuing certificate's file.
///
/// # Errors
/// When it cannot be read, or is no chain of certificates.
pub(super) fn certified(file: PathBuf) -> anyhow::Result<Certified> {
    Ok(Certified { chain: read_certificates(&file)?, key: file.with_extension("key"), file })
}

/// By this the newest comes first. The key's name decides between those of one second: all servers of an authority
/// choose the same one.
pub(super) fn age(chain: &[Certificate]) -> impl Ord + use<> {
    let newest = chain.first().map(|certificate| (certificate.not_before(), certificate.key_identifier()));
    std::cmp::Reverse(newest)
}

fn stem(key: &PublicKey) -> String {
    format!("issuing-{}", hex(&key.subject_key_identifier()))
}

/// All certificates of a file, in PEM or one in DER.
///
/// # Errors
/// When it cannot be read, or holds no certificate.
pub(super) fn read_certificates(path: &Path) -> anyhow::Result<Vec<Certificate>> {
    let content = std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    let certificates = match std::str::from_utf8(&content) {
        Ok(text) if text.contains("-----BEGIN CERTIFICATE-----") => Certificate::parse_pem(text),
        _ => Certificate::parse(&content).map(|certificate| vec![certificate]),
    };
    let certificates = certificates.with_context(|| format!("{} cannot be read as certificates", path.display()))?;
    ensure!(!certificates.is_empty(), "{} holds no certificate", path.display());
    Ok(certificates)
}
