//! TLS between a server and its PostgreSQL: a real one, with a certificate of an authority made here.

use std::path::Path;

use qcert_test_postgres::Cluster;
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};

use crate::support::{Serving, run, stderr};

/// PostgreSQL for `localhost`, and a directory with an authority of holders and the roots that somebody may believe.
struct Site {
    directory: tempfile::TempDir,
    _cluster: Cluster,
    port: u16,
}

impl Site {
    fn new(speaks_tls: bool) -> Self {
        let directory = tempfile::tempdir().unwrap();
        assert!(run(directory.path(), &["ca", "init"]).status.success());
        let issuer = authority("root", directory.path());
        authority("other", directory.path());
        let key = KeyPair::generate().unwrap();
        let certificate = CertificateParams::new(["localhost".to_owned()]).unwrap().signed_by(&key, &issuer).unwrap();
        let (certificate, key) = (certificate.pem(), key.serialize_pem());
        let (cluster, port) = Cluster::at_a_port(speaks_tls.then_some((&certificate, &key))).unwrap();
        Self { directory, _cluster: cluster, port }
    }

    fn path(&self) -> &Path {
        self.directory.path()
    }

    /// Has the settings name the database so.
    fn set(&self, host: &str, query: &str) {
        let url = format!("postgres://qcert@{host}:{}/postgres?{query}", self.port);
        let settings = format!("[database]\nurl = '{url}'\n[secret]\nfile = 'secret.key'");
        std::fs::write(self.path().join("qcert.toml"), settings).unwrap();
    }

    /// Both `config check` and a server that is to start say this of the database, and nothing else.
    fn assert_refused(&self, host: &str, query: &str, why: &str) {
        self.set(host, query);
        let checked = run(self.path(), &["config", "check"]);
        let said = String::from_utf8(checked.stdout.clone()).unwrap();
        assert!(!checked.status.success() && said.lines().count() == 1, "{query}: {said}");
        assert!(said.starts_with("database.url: ") && said.contains(why), "{query}: {said}");
        let started = run(self.path(), &["serve"]);
        assert!(!started.status.success() && stderr(&started).contains(why), "{query}: {}", stderr(&started));
    }

    /// Has the server several connections, and do all of them speak TLS?
    fn connections(&self) -> String {
        let statement = "SELECT count(*) > 1, bool_and(ssl) FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) \
             WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()";
        let url = format!("postgres://qcert@127.0.0.1:{}/postgres", self.port);
        let output = std::process::Command::new("psql").args(["-At", "-c", statement, &url]).output().unwrap();
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }
}

/// Makes an authority of this name, and the file with its root.
fn authority(name: &str, directory: &Path) -> Issuer<'static, KeyPair> {
    let key = KeyPair::generate().unwrap();
    let mut parameters = CertificateParams::default();
    parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    parameters.distinguished_name.push(DnType::CommonName, name);
    let root = parameters.self_signed(&key).unwrap();
    std::fs::write(directory.join(format!("{name}.pem")), root.pem()).unwrap();
    Issuer::new(parameters, key)
}

#[test]
fn every_connection_to_postgresql_speaks_tls_with_whom_the_root_in_the_url_vouches_for() {
    let site = Site::new(true);
    site.set("localhost", "sslmode=verify-full&sslrootcert=root.pem");
    let checked = run(site.path(), &["config", "check"]);
    assert!(checked.status.success(), "{checked:?}");
    let serving = Serving::start(site.path());
    assert!(serving.ask("GET /healthz HTTP/1.1\r\n", "").contains("200 OK"));
    // Those of requests, and the one that listens, which is opened by and by.
    for _ in 0..100 {
        if site.connections() == "t|t" {
            return;
        }
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    panic!("several connections, all by TLS: {}", site.connections());
}

#[test]
fn a_postgresql_that_is_not_the_one_of_the_url_is_refused_with_what_is_wrong() {
    let site = Site::new(true);
    site.assert_refused("localhost", "sslmode=verify-full&sslrootcert=other.pem", "issued by nobody whom sslrootcert");
    site.assert_refused("localhost", "sslmode=verify-full", "issued by nobody whom sslrootcert");
    site.assert_refused("127.0.0.1", "sslmode=verify-full&sslrootcert=root.pem", "is for another host");
    site.assert_refused("localhost", "sslmode=verify-full&sslrootcert=nowhere.pem", "nowhere.pem (sslrootcert)");
    site.assert_refused("localhost", "sslmode=require&sslrootcert=root.pem", "sslmode=verify-full alone");
    site.assert_refused("192.0.2.1", "connect_timeout=1", "must say sslmode=verify-full");
}

#[test]
fn a_postgresql_without_tls_is_refused_where_the_url_demands_it() {
    let site = Site::new(false);
    site.assert_refused("localhost", "sslmode=verify-full&sslrootcert=root.pem", "does not speak TLS");
    site.assert_refused("localhost", "sslmode=require", "does not speak TLS");
    site.set("localhost", "");
    assert!(run(site.path(), &["config", "check"]).status.success());
}
