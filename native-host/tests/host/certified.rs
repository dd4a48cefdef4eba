//! A token with a certificate on it, and a server that lets in whoever has one: for programs that are not ours.

use std::{
    fs::File,
    path::PathBuf,
    process::{Child, Output, Stdio},
};

use serde_json::{Value, json};

use crate::{
    obedient::{Obedient, shim},
    workplace::{PIN, Workplace, base64, certify, eventually, install_params, softhsm, text},
};

/// A token that only stores, and our own module, installed beside it.
pub fn storing() -> (Obedient, PathBuf) {
    let obedient = Obedient::new();
    let module = obedient.workplace.path("qcert-pkcs11.so");
    std::fs::copy(std::env::current_exe().unwrap().with_file_name("libqcert_pkcs11.so"), &module).unwrap();
    obedient.configure(&[shim()], &format!("stored_key_module = '{}'", module.display()));
    obedient.control("mechanisms none\nkeys refused");
    (obedient, module)
}

/// A workplace whose token has a certificate; its authority is `ca.pem` there.
pub struct Certified {
    pub workplace: Workplace,
    certificate: Vec<u8>,
    pub key_id: String,
    /// By which other programs use the token.
    module: PathBuf,
}

impl Certified {
    pub fn new() -> Self {
        Self::at(Workplace::new())
    }

    pub fn at(workplace: Workplace) -> Self {
        Self::by(workplace, softhsm(), "P-256")
    }

    /// The token only stores the key: other programs reach it by our own module.
    pub fn stored(algorithm: &str) -> Self {
        let (obedient, module) = storing();
        Self::by(obedient.workplace, module, algorithm)
    }

    /// From the key pair to the installation, by the host.
    fn by(workplace: Workplace, module: PathBuf, algorithm: &str) -> Self {
        let created = workplace.browser().create_request("first", algorithm);
        let certificate = certify(&workplace, &created);
        workplace.file("question", "GET / HTTP/1.0\r\n\r\n");
        workplace.file("pin", PIN);
        let key_id = created["keyId"].as_str().unwrap().to_owned();
        let this = Self { workplace, certificate, key_id, module };
        this.install();
        this
    }

    /// The person has agreed that NSS may use the token.
    pub fn install(&self) {
        let mut browser = self.workplace.browser();
        let params = install_params(&browser.token("first"), &self.certificate);
        let installed = browser.ask("installCertificate", params, json!({"pin": PIN, "registerModule": true}));
        assert_eq!(installed["storeError"], Value::Null);
        assert_eq!(installed["keyId"], self.key_id);
    }

    /// The certificate as OpenSC reads it from the token, in a file.
    pub fn certificate_on_token(&self) -> String {
        let read = self.path("read.der");
        let output = self.pkcs11_tool(&["--read-object", "--type", "cert", "--id", &self.key_id, "-o", &read]);
        assert!(output.status.success(), "{output:?}");
        assert_eq!(std::fs::read(&read).unwrap(), self.certificate);
        let converted = self.workplace.openssl(&["x509", "-inform", "DER", "-in", &read, "-out", "read.pem"]);
        assert!(converted.status.success(), "{converted:?}");
        self.path("read.pem")
    }

    pub fn pkcs11_tool(&self, arguments: &[&str]) -> Output {
        let token = ["--module", self.module.to_str().unwrap(), "--token-label", "first"];
        self.run("pkcs11-tool", &[&token[..], arguments].concat())
    }

    /// The private key's address after RFC 7512.
    pub fn key_address(&self) -> String {
        let id: String =
            self.key_id.as_bytes().chunks(2).map(|hex| format!("%{}", String::from_utf8_lossy(hex))).collect();
        format!("pkcs11:token=first;id={id};type=private;pin-source=file:{}", self.path("pin"))
    }

    pub fn path(&self, name: &str) -> String {
        self.workplace.path(name).to_str().unwrap().to_owned()
    }

    /// A program's answer; it may ask a server for a page by its stdin.
    pub fn run(&self, program: &str, arguments: &[&str]) -> Output {
        let mut command = self.workplace.command(program);
        // OpenSSL's engine goes by it.
        command.env("PKCS11_MODULE_PATH", &self.module);
        command.args(arguments).stdin(File::open(self.workplace.path("question")).unwrap()).output().unwrap()
    }

    /// Does NSS's client get in, with the certificate of this name?
    pub fn nss_logs_in(&self, server: &Server, name: &str) -> bool {
        let database = format!("sql:{}", self.path("home/.pki/nssdb"));
        let common = ["-4", "-h", "localhost", "-p", &server.port, "-d", &database, "-o", "-w", PIN];
        self.is_let_in(&self.run("tstclnt", &[&common[..], &["-n", name]].concat()))
    }

    /// Was this the server's page, on which it shows the certificate that it was given?
    pub fn is_let_in(&self, output: &Output) -> bool {
        let page: String = String::from_utf8_lossy(&output.stdout).split_whitespace().collect();
        page.contains(&base64(&self.certificate))
    }
}

/// `openssl s_server`, which lets in whoever has a certificate of the authority.
pub struct Server {
    child: Child,
    pub port: String,
}

impl Server {
    pub fn start(workplace: &Workplace) -> Self {
        Self::trusting(workplace, "ca.pem")
    }

    pub fn trusting(workplace: &Workplace, authority: &str) -> Self {
        make_certificate(
            workplace,
            "server",
            &["-addext", "subjectAltName=DNS:localhost", "-CA", "ca.pem", "-CAkey", "ca.key"],
        );
        let log = workplace.path("server.log");
        let arguments = ["s_server", "-accept", "127.0.0.1:0", "-cert", "server.pem", "-key", "server.key", "-www"];
        let demands = ["-CAfile", authority, "-Verify", "2", "-verify_return_error"];
        let mut command = workplace.command("openssl");
        command.current_dir(workplace.path("")).args(arguments).args(demands);
        let output = File::create(&log).unwrap();
        let child = command.stdin(Stdio::null()).stderr(output.try_clone().unwrap()).stdout(output).spawn().unwrap();
        let told = || text(&log).lines().find_map(|line| Some(line.strip_prefix("ACCEPT 127.0.0.1:")?.to_owned()));
        eventually("the server listens", || told().is_some());
        Self { child, port: told().unwrap() }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A key and a certificate in files of this name, for `localhost`.
pub fn make_certificate(workplace: &Workplace, name: &str, more: &[&str]) {
    let files = [format!("{name}.key"), format!("{name}.pem")];
    let key = ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", &files[0]];
    let made =
        workplace.openssl(&[&key[..], &["-out", &files[1], "-subj", "/CN=localhost", "-days", "2"], more].concat());
    assert!(made.status.success(), "{made:?}");
}
