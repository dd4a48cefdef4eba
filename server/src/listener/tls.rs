//! The portal's certificate and key, read again when they change.

use std::{
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use anyhow::{Context, ensure};
use ring::digest::{Context as Hash, SHA256};
use tokio_rustls::rustls::{
    ServerConfig,
    client::verify_server_name,
    crypto::ring::default_provider,
    pki_types::{CertificateDer, PrivateKeyDer, ServerName, pem::PemObject},
    server::ParsedCertificate,
};

use crate::{ca::secret, config::TlsFiles};

/// How often the files are looked at.
const PERIOD: Duration = Duration::from_secs(2);

/// What new connections are secured with.
pub struct Tls {
    files: TlsFiles,
    /// The host that browsers ask for.
    host: String,
    first: [u8; 32],
    current: RwLock<Arc<ServerConfig>>,
}

/// A pair as it was read, and what tells it from another.
struct Pair {
    certificate: Vec<u8>,
    key: zeroize::Zeroizing<String>,
    digest: [u8; 32],
}

impl Tls {
    /// Reads certificate and key for a host.
    ///
    /// # Errors
    /// When one of them cannot be read or used, or they do not belong together.
    pub fn load(files: TlsFiles, host: &str) -> anyhow::Result<Self> {
        let pair = Pair::read(&files)?;
        let current = RwLock::new(Arc::new(usable(&files, &pair, host)?));
        Ok(Self { files, host: host.to_owned(), first: pair.digest, current })
    }

    /// What the next connection is secured with.
    pub fn current(&self) -> Arc<ServerConfig> {
        // It is replaced whole, so whoever panicked while it was locked left a good one.
        Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Looks at the files until the task is dropped. A pair that cannot be used is told of once, and the one before
    /// goes on: programs that renew certificates write key and certificate one after the other.
    pub async fn watch(self: Arc<Self>) {
        let mut seen = self.first;
        loop {
            let tls = Arc::clone(&self);
            // Files may be on a disk that answers late.
            let looked = tokio::task::spawn_blocking(move || tls.look(seen)).await;
            seen = looked.unwrap_or(seen);
            tokio::time::sleep(PERIOD).await;
        }
    }

    /// Takes what is there if it is another than was seen; answers what is seen now.
    fn look(&self, seen: [u8; 32]) -> [u8; 32] {
        let read = Pair::read(&self.files);
        let digest = read.as_ref().map_or_else(|error| digest(&[format!("{error:#}").as_bytes()]), |pair| pair.digest);
        if seen == digest {
            return digest;
        }
        match read.and_then(|pair| usable(&self.files, &pair, &self.host)) {
            Ok(config) => {
                *self.current.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(config);
                tracing::info!("new connections have another certificate");
            }
            Err(error) => tracing::warn!("the certificate before goes on: {error:#}"),
        }
        digest
    }
}

impl Pair {
    fn read(files: &TlsFiles) -> anyhow::Result<Self> {
        let path = &files.certificate;
        let certificate = std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
        let key = secret::read(&files.key)?;
        let digest = digest(&[&certificate, key.as_bytes()]);
        Ok(Self { certificate, key, digest })
    }
}

fn digest(parts: &[&[u8]]) -> [u8; 32] {
    let mut hash = Hash::new(&SHA256);
    for part in parts {
        hash.update(&(part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    let mut digest = [0; 32];
    digest.copy_from_slice(hash.finish().as_ref());
    digest
}

/// TLS 1.2 and 1.3 with this pair, for HTTP/1.1.
fn usable(files: &TlsFiles, pair: &Pair, host: &str) -> anyhow::Result<ServerConfig> {
    let path = files.certificate.display();
    let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pair.certificate).collect();
    let chain = chain.with_context(|| format!("{path} has a certificate that is no PEM"))?;
    ensure!(!chain.is_empty(), "{path} has no certificate");
    // What the key's file holds must not reach a log.
    let key = PrivateKeyDer::from_pem_slice(pair.key.as_bytes())
        .map_err(|_| anyhow::anyhow!("there is no private key in PEM, not encrypted, beside the certificate {path}"))?;
    warn_of_another_host(&chain[0], host);
    let mut config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .with_context(|| format!("the certificate {path} and its key cannot be used together"))?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}

/// A proxy may ask by another name, so this is no error.
fn warn_of_another_host(certificate: &CertificateDer<'_>, host: &str) {
    let name = ServerName::try_from(host.trim_matches(['[', ']']));
    let fits = match (ParsedCertificate::try_from(certificate), &name) {
        (Ok(certificate), Ok(name)) => verify_server_name(&certificate, name).is_ok(),
        _ => false,
    };
    if !fits {
        tracing::warn!(host, "the certificate is not for the host of server.origin: browsers will refuse it");
    }
}
