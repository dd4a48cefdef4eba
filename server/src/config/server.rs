//! Settings of how the portal is reached.

mod trusted_proxies;

use std::{net::SocketAddr, path::PathBuf};

use time::Duration;

use super::{keys, keys::SecretSource, reader::Reader};
pub use trusted_proxies::TrustedProxies;

/// How the portal is reached.
#[derive(Clone, Debug)]
pub struct Server {
    /// `server.listen`; port 0 takes a free one.
    pub listen: SocketAddr,
    /// `server.origin`: scheme, host and port as browsers see them. Empty: `http://localhost` and the port.
    pub origin: Option<String>,
    /// `server.frontend`: a directory with the built page, in place of the embedded one.
    pub frontend: Option<PathBuf>,
    /// `server.trusted_proxies`: who is believed when it says for whom it asks.
    pub trusted_proxies: TrustedProxies,
    /// `server.proxy_header`: where it says that.
    pub proxy_header: ProxyHeader,
    /// `server.tls_certificate`, and `server.tls_key` or `server.tls_key_credential`. `None`: a proxy has them.
    pub tls: Option<TlsFiles>,
    /// `server.connections`: how many at a time.
    pub connections: usize,
    /// `server.idle_seconds`: how long a connection may ask nothing.
    pub idle: std::time::Duration,
}

/// Where certificate and key for TLS are.
#[derive(Clone, Debug)]
pub struct TlsFiles {
    /// The chain, the portal's own certificate first (PEM).
    pub certificate: PathBuf,
    /// Its private key (PEM).
    pub key: SecretSource,
}

/// The header in which proxies write for whom they ask. One alone: a proxy overwrites or continues the one that it
/// knows, and passes the other on as the client wrote it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProxyHeader {
    /// `X-Forwarded-For`
    XForwardedFor,
    /// `Forwarded`, RFC 7239
    Forwarded,
}

/// `[server]`
pub(super) fn server(reader: &mut Reader<'_>, production: bool) -> Server {
    let origin = reader.parsed("server.origin", "", |text| match text {
        "" => Ok(None),
        text => origin(text, production).map(Some),
    });
    if production && origin.is_none() {
        reader.refuse("server.origin", "must be set in production");
    }
    let tls = tls_files(reader);
    if tls.is_some() && !origin.as_ref().is_some_and(|origin| origin.starts_with("https://")) {
        reader.refuse("server.origin", "must be set, and https, with server.tls_certificate");
    }
    Server {
        listen: reader.parsed("server.listen", "127.0.0.1:8080", |text| {
            text.parse().map_err(|_| "must be an address and a port, as 127.0.0.1:8080")
        }),
        origin,
        frontend: Some(reader.path("server.frontend", "")).filter(|path| !path.as_os_str().is_empty()),
        trusted_proxies: reader.parsed("server.trusted_proxies", "", TrustedProxies::parse),
        proxy_header: reader.parsed("server.proxy_header", "x-forwarded-for", |text| match text {
            "x-forwarded-for" => Ok(ProxyHeader::XForwardedFor),
            "forwarded" => Ok(ProxyHeader::Forwarded),
            _ => Err("must be x-forwarded-for or forwarded"),
        }),
        tls,
        connections: usize::try_from(reader.integer("server.connections", 4096, 16..=1_000_000)).unwrap_or(16),
        idle: Duration::seconds(reader.integer("server.idle_seconds", 75, 1..=3600)).unsigned_abs(),
    }
}

fn tls_files(reader: &mut Reader<'_>) -> Option<TlsFiles> {
    let certificate = reader.path("server.tls_certificate", "");
    let key = keys::secret(reader, "server.tls_key", "server.tls_key_credential");
    match (certificate.as_os_str().is_empty(), key) {
        (false, Some(key)) => Some(TlsFiles { certificate, key }),
        (false, None) => {
            reader.refuse("server.tls_key", "must be set, or server.tls_key_credential, with server.tls_certificate");
            None
        }
        (true, Some(_)) => {
            reader.refuse("server.tls_certificate", "must be set with its key");
            None
        }
        (true, None) => None,
    }
}

fn origin(text: &str, production: bool) -> Result<String, &'static str> {
    let (scheme, rest) = text.split_once("://").ok_or("must be scheme://host")?;
    let local = is_local(text);
    // Browsers leave out the port that the scheme has anyway, and an origin is compared as they write it.
    let port = rest.rsplit_once(':').map(|(_, port)| port);
    if matches!((scheme, port), (_, Some("")) | ("https", Some("443")) | ("http", Some("80"))) {
        return Err("must not have the port that its scheme has anyway");
    }
    let plain = !rest.is_empty() && rest.bytes().all(|b| b.is_ascii_alphanumeric() || b".-:[]".contains(&b));
    match scheme {
        _ if !plain || text != text.to_lowercase() => Err("must be scheme, host and port alone, in lower case"),
        "https" => Ok(text.to_owned()),
        "http" if local && !production => Ok(text.to_owned()),
        "http" => Err("must be https: outside localhost a browser keeps no session without it"),
        _ => Err("must begin with https:// or http://"),
    }
}

/// Is this origin one that browsers trust without TLS?
pub fn is_local(origin: &str) -> bool {
    matches!(host(origin), "localhost" | "127.0.0.1" | "[::1]")
}

/// The host of an origin, without its port.
pub fn host(origin: &str) -> &str {
    let rest = origin.split_once("://").map_or(origin, |(_, rest)| rest);
    match rest.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|b| b.is_ascii_digit()) => host,
        _ => rest,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::config::{Settings, SettingsError};

    #[test]
    fn an_origin_is_written_as_browsers_write_it() {
        let read = |origin: &str| Settings::read(&format!("[server]\norigin = '{origin}'"), &BTreeMap::new());
        for origin in ["https://qcert.example:443", "http://localhost:80", "https://qcert.example:"] {
            assert!(read(origin).is_err(), "{origin}: every request of the page would be from another site");
        }
        for origin in ["https://qcert.example:8443", "http://localhost:443", "http://[::1]:8080", "http://[::1]"] {
            assert!(read(origin).is_ok(), "{origin}");
        }
    }

    #[test]
    fn a_host_is_told_from_its_port() {
        assert_eq!(host("http://localhost:8080"), "localhost");
        assert_eq!(host("https://qcert.example"), "qcert.example");
        assert!(is_local("http://[::1]:80"));
        assert!(!is_local("https://localhost.example"));
    }

    #[test]
    fn a_setting_that_is_gone_says_what_took_its_place() {
        let file = "[server]\nclient_address_header = 'X-Forwarded-For'";
        let variable = ("QCERT__SERVER__CLIENT_ADDRESS_HEADER".to_owned(), "X-Forwarded-For".to_owned());
        for read in [Settings::read(file, &BTreeMap::new()), Settings::read("", &BTreeMap::from([variable]))] {
            let SettingsError(errors) = read.unwrap_err();
            assert!(errors.len() == 1 && errors[0].contains("server.trusted_proxies"), "{errors:?}");
        }
    }

    #[test]
    fn tls_wants_certificate_and_key_and_an_https_origin() {
        let read = |file: &str| Settings::read(&format!("[server]\n{file}"), &BTreeMap::new());
        let wrong = |file: &str| {
            let SettingsError(errors) = read(file).unwrap_err();
            errors.join("\n")
        };
        let (certificate, key, origin) =
            ("tls_certificate = 'c.pem'\n", "tls_key = 'k.pem'\n", "origin = 'https://qcert.example'\n");
        assert!(read(&[certificate, key, origin].concat()).unwrap().server.tls.is_some());
        assert!(read(&[certificate, "tls_key_credential = 'k'\n", origin].concat()).unwrap().server.tls.is_some());
        assert!(wrong(&[certificate, key].concat()).starts_with("server.origin: "));
        assert!(
            wrong(&[certificate, key, "origin = 'http://localhost:8080'\n"].concat()).starts_with("server.origin: ")
        );
        assert!(wrong(&[certificate, origin].concat()).starts_with("server.tls_key: "));
        assert!(wrong(&[key, origin].concat()).starts_with("server.tls_certificate: "));
        assert!(wrong(&[certificate, key, "tls_key_credential = 'k'\n", origin].concat()).contains("together"));
    }
}
