//! Connections to gateways, plain or by TLS.

use std::{
    path::Path,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use anyhow::{Context as _, ensure};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
};
use tokio_rustls::{
    TlsConnector,
    client::TlsStream,
    rustls::{
        ClientConfig, RootCertStore,
        crypto::ring,
        pki_types::{CertificateDer, ServerName, pem::PemObject},
    },
};

/// Whose certificates are believed.
#[derive(Clone)]
pub struct Trust(TlsConnector);

impl Trust {
    /// The authorities in a file (PEM), or those that the system trusts.
    ///
    /// # Errors
    /// When there are none, or the file cannot be read.
    pub fn of(file: Option<&Path>) -> anyhow::Result<Self> {
        let mut roots = RootCertStore::empty();
        match file {
            Some(file) => {
                let cannot = || format!("cannot read certificates from {}", file.display());
                for certificate in CertificateDer::pem_file_iter(file).with_context(cannot)? {
                    roots.add(certificate.with_context(cannot)?).with_context(cannot)?;
                }
                ensure!(!roots.is_empty(), "{} has no certificates", file.display());
            }
            None => drop(roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs)),
        }
        let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(Self(TlsConnector::from(Arc::new(config))))
    }
}

/// A connection.
pub enum Stream {
    /// By TCP alone.
    Plain(TcpStream),
    /// By TLS.
    Tls(Box<TlsStream<TcpStream>>),
}

/// Opens a connection, by TLS if it is said whom to believe.
///
/// # Errors
/// What cannot be done, as a code: `connection` or `tls`.
pub async fn open(host: &str, port: u16, trust: Option<&Trust>) -> Result<Stream, &'static str> {
    // An address of IPv6 has brackets in a URL, and nowhere else.
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let stream = TcpStream::connect((host, port)).await.map_err(|error| {
        tracing::warn!(host, port, %error, "a gateway cannot be reached");
        "connection"
    })?;
    let _ = stream.set_nodelay(true);
    let Some(trust) = trust else { return Ok(Stream::Plain(stream)) };
    let name = ServerName::try_from(host.to_owned()).map_err(|_| "tls")?;
    let stream = trust.0.connect(name, stream).await.map_err(|error| {
        tracing::warn!(host, port, %error, "a gateway cannot be reached by TLS");
        "tls"
    })?;
    Ok(Stream::Tls(Box::new(stream)))
}

impl AsyncRead for Stream {
    fn poll_read(self: Pin<&mut Self>, context: &mut Context<'_>, to: &mut ReadBuf<'_>) -> Poll<std::io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_read(context, to),
            Self::Tls(stream) => Pin::new(stream).poll_read(context, to),
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<std::io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_write(context, bytes),
            Self::Tls(stream) => Pin::new(stream).poll_write(context, bytes),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_flush(context),
            Self::Tls(stream) => Pin::new(stream).poll_flush(context),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_shutdown(context),
            Self::Tls(stream) => Pin::new(stream).poll_shutdown(context),
        }
    }
}
