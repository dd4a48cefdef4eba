//! The way to PostgreSQL: is it as safe as the URL seems to say, and what is wrong when TLS fails?

use std::{net::IpAddr, path::Path};

use sqlx::postgres::{PgConnectOptions, PgSslMode};
use tokio_rustls::rustls::{
    self, CertificateError,
    pki_types::{CertificateDer, pem::PemObject},
};

use super::{StoreError, Stored};

/// Refuses a URL that leaves open whether the way is protected, or names roots that nobody would look at.
pub(super) fn check(url: &str, options: &PgConnectOptions) -> Stored<()> {
    let mode = options.get_ssl_mode();
    if !is_on_this_machine(options) && matches!(mode, PgSslMode::Allow | PgSslMode::Prefer) {
        return Err(refused(
            "on the way to another machine anybody could read along: the URL must say sslmode=verify-full, or \
             sslmode=disable if the way is protected otherwise",
        ));
    }
    let Some(file) = root_file(url) else { return Ok(()) };
    if !matches!(mode, PgSslMode::VerifyCa | PgSslMode::VerifyFull) {
        return Err(refused("sslrootcert in the URL is looked at with sslmode=verify-full alone"));
    }
    check_roots(Path::new(&file))
}

fn is_on_this_machine(options: &PgConnectOptions) -> bool {
    let host = options.get_host().trim_start_matches('[').trim_end_matches(']');
    let is_loopback = || host.parse().map_or(host == "localhost", |address: IpAddr| address.is_loopback());
    options.get_socket().is_some() || host.starts_with('/') || is_loopback()
}

/// The file that `sslrootcert` names. Certificates may also stand in the URL itself.
fn root_file(url: &str) -> Option<String> {
    let (_, query) = url.split_once('?')?;
    let query = query.split('#').next().unwrap_or_default();
    let names = ["sslrootcert", "ssl-root-cert", "ssl-ca"];
    let (_, value) = form_urlencoded::parse(query.as_bytes()).find(|(name, _)| names.contains(&&**name))?;
    (!value.trim_start().starts_with("-----BEGIN")).then(|| value.into_owned())
}

/// A file without certificates would leave those that the system trusts.
fn check_roots(file: &Path) -> Stored<()> {
    let cannot = |error: &dyn std::fmt::Display| {
        StoreError::Unavailable(format!("cannot read certificates from {} (sslrootcert): {error}", file.display()))
    };
    let mut certificates = CertificateDer::pem_file_iter(file).map_err(|error| cannot(&error))?;
    match certificates.next() {
        Some(first) => first.map(drop).map_err(|error| cannot(&error)),
        None => Err(cannot(&"there are none")),
    }
}

fn refused(why: &str) -> StoreError {
    StoreError::Unavailable(why.to_owned())
}

/// What a person can do something about, if it was TLS that failed.
pub(super) fn trouble(error: &sqlx::Error) -> Option<String> {
    if let sqlx::Error::Tls(error) = error
        && error.to_string().contains("does not support TLS")
    {
        return Some("PostgreSQL does not speak TLS, which sslmode in the URL demands; see its setting ssl".to_owned());
    }
    let sqlx::Error::Io(error) = error else { return None };
    let problem = match error.get_ref()?.downcast_ref::<rustls::Error>()? {
        rustls::Error::InvalidCertificate(problem) => problem,
        other => return Some(format!("TLS with PostgreSQL failed: {other}")),
    };
    Some(match problem {
        CertificateError::UnknownIssuer => "PostgreSQL's certificate was issued by nobody whom sslrootcert in the URL \
             names or the system trusts"
            .to_owned(),
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            "PostgreSQL's certificate is for another host than the one in the URL".to_owned()
        }
        other => format!("PostgreSQL's certificate cannot be accepted: {other}"),
    })
}

#[cfg(test)]
mod tests {
    use std::str::FromStr;

    use super::*;

    fn checked(url: &str) -> Result<(), String> {
        check(url, &PgConnectOptions::from_str(url).unwrap()).map_err(|error| error.to_string())
    }

    #[test]
    fn a_way_to_another_machine_is_protected_or_said_not_to_be() {
        for open in ["db.example/qcert", "192.0.2.1/qcert?sslmode=prefer", "[2001:db8::1]/qcert?sslmode=allow"] {
            let refused = checked(&format!("postgres://qcert@{open}")).unwrap_err();
            assert!(refused.contains("sslmode=verify-full"), "{open}: {refused}");
        }
        for good in [
            "db.example/qcert?sslmode=verify-full",
            "db.example/qcert?sslmode=require",
            "db.example/qcert?sslmode=disable",
            "localhost/qcert",
            "127.0.0.1:5433/qcert",
            "[::1]/qcert",
            "localhost/qcert?host=/run/postgresql",
        ] {
            assert_eq!(checked(&format!("postgres://qcert@{good}")), Ok(()), "{good}");
        }
    }

    #[test]
    fn roots_that_nobody_would_look_at_are_refused() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let url = |mode: &str| {
            format!("postgres://qcert@db.example/qcert?sslmode={mode}&sslrootcert={}", file.path().display())
        };
        for mode in ["require", "disable"] {
            assert!(checked(&url(mode)).unwrap_err().contains("sslrootcert"), "{mode}");
        }
        assert!(checked(&url("verify-full")).unwrap_err().contains("there are none"));
        let root = rcgen::generate_simple_self_signed(["db.example".to_owned()]).unwrap();
        std::fs::write(file.path(), root.cert.pem()).unwrap();
        assert_eq!(checked(&url("verify-full")), Ok(()));
        assert_eq!(checked(&url("verify-ca").replace("sslrootcert", "ssl-ca")), Ok(()));
        let nowhere =
            checked("postgres://qcert@db.example/qcert?sslmode=verify-full&sslrootcert=%2Fno%20where").unwrap_err();
        assert!(nowhere.contains("/no where"), "{nowhere}");
    }
}
