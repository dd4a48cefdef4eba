//! TLS as programs see it that are not ours: `curl` and `openssl s_client`.

use std::{
    io::Write,
    net::TcpStream,
    os::unix::fs::{PermissionsExt, symlink},
    path::Path,
    process::{Command, Output, Stdio},
    time::Duration,
};

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, SerialNumber};

use crate::support::{Serving, run, stderr};

/// An authority for the portal's own certificate, and a directory with the portal's settings.
struct Site {
    directory: tempfile::TempDir,
    issuer: Issuer<'static, KeyPair>,
}

impl Site {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let key = KeyPair::generate().unwrap();
        let mut parameters = CertificateParams::default();
        parameters.distinguished_name.push(DnType::CommonName, "Authority of portals");
        parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let root = parameters.self_signed(&key).unwrap();
        std::fs::write(directory.path().join("root.pem"), root.pem()).unwrap();
        let site = Self { directory, issuer: Issuer::new(parameters, key) };
        let settings = "[server]\norigin = 'https://localhost:8443'\ntls_certificate = 'tls.pem'\ntls_key = 'tls.key'";
        std::fs::write(site.path().join("qcert.toml"), settings).unwrap();
        site
    }

    /// The same, with an authority of holders and a first pair in place, each behind a link as certbot lays them.
    fn ready() -> Self {
        let site = Self::new();
        assert!(run(site.path(), &["ca", "init"]).status.success());
        site.make(1);
        site.link("tls.pem", "tls1.pem");
        site.link("tls.key", "tls1.key");
        site
    }

    fn path(&self) -> &Path {
        self.directory.path()
    }

    /// Makes `tls<serial>.pem` and its key.
    fn make(&self, serial: u8) {
        let key = KeyPair::generate().unwrap();
        let mut parameters = CertificateParams::new(["localhost".to_owned()]).unwrap();
        parameters.distinguished_name.push(DnType::CommonName, "localhost");
        parameters.serial_number = Some(SerialNumber::from(vec![0x40, serial]));
        let certificate = parameters.signed_by(&key, &self.issuer).unwrap();
        std::fs::write(self.path().join(format!("tls{serial}.pem")), certificate.pem()).unwrap();
        self.write_key(&format!("tls{serial}.key"), &key.serialize_pem(), 0o600);
    }

    fn write_key(&self, name: &str, text: &str, mode: u32) {
        let path = self.path().join(name);
        std::fs::write(&path, text).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
    }

    /// Puts a link in the place of the one that is there.
    fn link(&self, name: &str, target: &str) {
        let new = self.path().join("new-link");
        symlink(target, &new).unwrap();
        std::fs::rename(new, self.path().join(name)).unwrap();
    }

    fn serve(&self) -> Serving {
        Serving::logging(self.path())
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.path().join("log")).unwrap()
    }

    fn assert_serves(&self, serving: &Serving) {
        let output = self.curl(serving, &[]);
        assert!(output.status.success() && output.stdout == b"ok", "{output:?}");
    }

    fn curl(&self, serving: &Serving, arguments: &[&str]) -> Output {
        let url = format!("https://localhost:{}/healthz", serving.port);
        let resolve = format!("localhost:{}:127.0.0.1", serving.port);
        let root = self.path().join("root.pem");
        let always = ["--silent", "--show-error", "--max-time", "5", "--resolve", &resolve, "--cacert"];
        Command::new("curl").args(always).arg(root).args(arguments).arg(url).output().unwrap()
    }
}

fn s_client(serving: &Serving, arguments: &[&str]) -> String {
    let address = format!("127.0.0.1:{}", serving.port);
    let mut command = Command::new("openssl");
    command.args(["s_client", "-connect", &address]).args(arguments).stdin(Stdio::null());
    let output = command.output().unwrap();
    [output.stdout, output.stderr].map(|part| String::from_utf8_lossy(&part).into_owned()).concat()
}

/// The serial number of the certificate that a new connection is shown.
fn serial(serving: &Serving) -> String {
    let shown = s_client(serving, &["-showcerts"]);
    let start = shown.find("-----BEGIN CERTIFICATE").unwrap_or_else(|| panic!("{shown}"));
    let mut openssl = Command::new("openssl");
    openssl.args(["x509", "-noout", "-serial"]).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = openssl.spawn().unwrap();
    child.stdin.take().unwrap().write_all(&shown.as_bytes()[start..]).unwrap();
    let output = child.wait_with_output().unwrap();
    String::from_utf8_lossy(&output.stdout).trim().trim_start_matches("serial=").to_owned()
}

fn eventually(what: &str, mut is: impl FnMut() -> bool) {
    let come = (0..200).any(|_| {
        std::thread::sleep(Duration::from_millis(50));
        is()
    });
    assert!(come, "{what}");
}

#[test]
fn curl_and_openssl_are_served_by_tls_1_2_and_1_3_and_by_nothing_older() {
    let site = Site::ready();
    let serving = site.serve();
    for version in ["--tlsv1.3", "--tls-max=1.2"] {
        let arguments: Vec<&str> = version.split('=').collect();
        let output = site.curl(&serving, &[&arguments[..], &["--include"]].concat());
        let answer = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success() && answer.starts_with("HTTP/1.1 200"), "{version}: {output:?}");
        assert!(!answer.to_lowercase().contains("strict-transport-security"), "localhost: {answer}");
    }
    for (version, is_good) in [("-tls1", false), ("-tls1_1", false), ("-tls1_2", true)] {
        // The level lets openssl itself offer the old ones.
        let said = s_client(&serving, &[version, "-cipher", "ALL:@SECLEVEL=0"]);
        assert_eq!(!said.contains("Cipher is (NONE)"), is_good, "{version}: {said}");
        assert_eq!(!said.contains("SSL alert number"), is_good, "{version}: {said}");
    }
    let said = s_client(&serving, &["-alpn", "h2,http/1.1"]);
    assert!(said.contains("ALPN protocol: http/1.1"), "{said}");
    let stranger = site.curl(&serving, &["--cacert", "/dev/null"]);
    assert!(!stranger.status.success(), "curl believes a certificate of nobody");
    let mut plain = TcpStream::connect(("127.0.0.1", serving.port)).unwrap();
    plain.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    plain.write_all(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
    let mut answer = Vec::new();
    let _ = std::io::Read::read_to_end(&mut plain, &mut answer);
    assert!(!String::from_utf8_lossy(&answer).contains("HTTP/1.1"), "{answer:?}");
}

#[test]
fn another_certificate_is_taken_without_a_restart_once_it_fits_its_key() {
    let site = Site::ready();
    let serving = site.serve();
    assert_eq!(serial(&serving), "4001");
    site.make(2);
    site.link("tls.key", "tls2.key");
    eventually("the pair that does not match is told of", || site.log().contains("the certificate before goes on"));
    assert_eq!(serial(&serving), "4001");
    site.assert_serves(&serving);
    site.link("tls.pem", "tls2.pem");
    eventually("the new certificate is shown", || serial(&serving) == "4002");
    site.assert_serves(&serving);

    // A key that others can read is not taken, nor is half a file; both are told of once.
    site.make(3);
    site.write_key("tls3.key", &std::fs::read_to_string(site.path().join("tls3.key")).unwrap(), 0o644);
    site.link("tls.key", "tls3.key");
    site.link("tls.pem", "tls3.pem");
    eventually("the open key is told of", || site.log().contains("mode 644"));
    let whole = std::fs::read_to_string(site.path().join("tls3.pem")).unwrap();
    site.write_key("tls3.pem", &whole[..whole.len() / 2], 0o644);
    site.write_key("tls3.key", &std::fs::read_to_string(site.path().join("tls3.key")).unwrap(), 0o600);
    eventually("half a file is told of", || site.log().matches("goes on").count() >= 3);
    assert_eq!(serial(&serving), "4002");
    site.write_key("tls3.pem", &whole, 0o644);
    eventually("the whole file is taken", || serial(&serving) == "4003");
    let log = site.log();
    assert!(!log.contains("PRIVATE KEY") && log.matches("another certificate").count() == 2, "{log}");
}

#[test]
fn a_certificate_and_key_that_cannot_be_used_are_said_at_the_start() {
    let site = Site::ready();
    let key = std::fs::read_to_string(site.path().join("tls1.key")).unwrap();
    let refused = |what: &str| {
        let output = run(site.path(), &["serve"]);
        assert!(!output.status.success() && stderr(&output).contains(what), "{what}: {}", stderr(&output));
        assert!(!stderr(&output).contains("PRIVATE KEY"));
    };
    site.write_key("tls1.key", &key, 0o640);
    refused("mode 640");
    site.write_key("tls1.key", &KeyPair::generate().unwrap().serialize_pem(), 0o600);
    refused("cannot be used together");
    site.write_key(
        "tls1.key",
        "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n",
        0o600,
    );
    refused("no private key in PEM");
    site.write_key("tls1.key", &key, 0o600);
    std::fs::write(site.path().join("tls1.pem"), "no certificate\n").unwrap();
    refused("has no certificate");
    std::fs::remove_file(site.path().join("tls1.pem")).unwrap();
    refused("cannot read tls.pem");
}

#[test]
fn handshakes_that_never_end_keep_nobody_from_being_served() {
    let site = Site::ready();
    let serving = site.serve();
    let hello = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03";
    let stuck: Vec<TcpStream> = (0..200)
        .map(|n| {
            let mut stream = TcpStream::connect(("127.0.0.1", serving.port)).unwrap();
            stream.write_all(&hello[..n % hello.len()]).unwrap();
            stream
        })
        .collect();
    site.assert_serves(&serving);
    drop(stuck);
}

#[test]
fn a_key_may_be_a_credential_of_systemd() {
    let site = Site::ready();
    let credentials = site.path().join("credentials");
    std::fs::create_dir(&credentials).unwrap();
    std::fs::rename(site.path().join("tls1.key"), credentials.join("portal-key")).unwrap();
    let settings = std::fs::read_to_string(site.path().join("qcert.toml")).unwrap();
    let settings = settings.replace("tls_key = 'tls.key'", "tls_key_credential = 'portal-key'");
    std::fs::write(site.path().join("qcert.toml"), settings).unwrap();
    let serving = Serving::start_with(site.path(), &[("CREDENTIALS_DIRECTORY", credentials.to_str().unwrap())]);
    site.assert_serves(&serving);
}
