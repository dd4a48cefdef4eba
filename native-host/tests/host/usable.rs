//! The certificate is usable: programs that are not ours see the pair, and log in with the key that is on the token.

use std::{
    fs::File,
    path::PathBuf,
    process::{Child, Output, Stdio},
};

use serde_json::{Value, json};

use crate::{
    obedient::Obedient,
    workplace::{
        Browser, CONTAINER, ORIGIN, PIN, Workplace, base64, certify, eventually, install_params, softhsm, text,
    },
};

/// A workplace whose token has a certificate; its authority is `ca.pem` there.
struct Certified {
    workplace: Workplace,
    certificate: Vec<u8>,
    key_id: String,
    /// By which other programs use the token.
    module: PathBuf,
}

impl Certified {
    fn new() -> Self {
        Self::at(Workplace::new())
    }

    fn at(workplace: Workplace) -> Self {
        Self::by(workplace, softhsm(), "P-256")
    }

    /// The token only stores the key: other programs reach it by our own module.
    fn stored(algorithm: &str) -> Self {
        let obedient = Obedient::new();
        obedient.control("mechanisms none\nkeys refused");
        let module = std::env::current_exe().unwrap().with_file_name("libqcert_pkcs11.so");
        let certified = Self::by(obedient.workplace, module.clone(), algorithm);
        assert!(certified.workplace.host(["unregister-module"]).status.success());
        assert!(certified.workplace.host(["register-module", module.to_str().unwrap()]).status.success());
        certified
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
    fn install(&self) {
        let mut browser = self.workplace.browser();
        let params = install_params(&browser.token("first"), &self.certificate);
        let installed = browser.ask("installCertificate", params, json!({"pin": PIN, "registerModule": true}));
        assert_eq!(installed["storeError"], Value::Null);
        assert_eq!(installed["keyId"], self.key_id);
    }

    /// The certificate as OpenSC reads it from the token, in a file.
    fn certificate_on_token(&self) -> String {
        let read = self.path("read.der");
        let output = self.pkcs11_tool(&["--read-object", "--type", "cert", "--id", &self.key_id, "-o", &read]);
        assert!(output.status.success(), "{output:?}");
        assert_eq!(std::fs::read(&read).unwrap(), self.certificate);
        let converted = self.workplace.openssl(&["x509", "-inform", "DER", "-in", &read, "-out", "read.pem"]);
        assert!(converted.status.success(), "{converted:?}");
        self.path("read.pem")
    }

    fn pkcs11_tool(&self, arguments: &[&str]) -> Output {
        let token = ["--module", self.module.to_str().unwrap(), "--token-label", "first"];
        self.run("pkcs11-tool", &[&token[..], arguments].concat())
    }

    /// The private key's address after RFC 7512.
    fn key_address(&self) -> String {
        let id: String =
            self.key_id.as_bytes().chunks(2).map(|hex| format!("%{}", String::from_utf8_lossy(hex))).collect();
        format!("pkcs11:token=first;id={id};type=private;pin-source=file:{}", self.path("pin"))
    }

    fn path(&self, name: &str) -> String {
        self.workplace.path(name).to_str().unwrap().to_owned()
    }

    /// A program's answer; it may ask a server for a page by its stdin.
    fn run(&self, program: &str, arguments: &[&str]) -> Output {
        let mut command = self.workplace.command(program);
        // OpenSSL's engine goes by it.
        command.env("PKCS11_MODULE_PATH", &self.module);
        command.args(arguments).stdin(File::open(self.workplace.path("question")).unwrap()).output().unwrap()
    }

    /// Does NSS's client get in, with the certificate of this name?
    fn nss_logs_in(&self, server: &Server, name: &str) -> bool {
        let database = format!("sql:{}", self.path("home/.pki/nssdb"));
        let common = ["-4", "-h", "localhost", "-p", &server.port, "-d", &database, "-o", "-w", PIN];
        self.is_let_in(&self.run("tstclnt", &[&common[..], &["-n", name]].concat()))
    }

    /// Was this the server's page, on which it shows the certificate that it was given?
    fn is_let_in(&self, output: &Output) -> bool {
        let page: String = String::from_utf8_lossy(&output.stdout).split_whitespace().collect();
        page.contains(&base64(&self.certificate))
    }
}

/// `openssl s_server`, which lets in whoever has a certificate of the authority.
struct Server {
    child: Child,
    port: String,
}

impl Server {
    fn start(workplace: &Workplace) -> Self {
        Self::trusting(workplace, "ca.pem")
    }

    fn trusting(workplace: &Workplace, authority: &str) -> Self {
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
fn make_certificate(workplace: &Workplace, name: &str, more: &[&str]) {
    let files = [format!("{name}.key"), format!("{name}.pem")];
    let key = ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", &files[0]];
    let made =
        workplace.openssl(&[&key[..], &["-out", &files[1], "-subj", "/CN=localhost", "-days", "2"], more].concat());
    assert!(made.status.success(), "{made:?}");
}

#[test]
fn openssl_and_curl_log_in_with_the_tokens_key_and_nobody_without_it() {
    openssl_and_curl_log_in(&Certified::new());
}

#[test]
fn openssl_and_curl_log_in_with_a_key_that_the_token_only_stores() {
    openssl_and_curl_log_in(&Certified::stored("P-256"));
    openssl_and_curl_log_in(&Certified::stored("RSA-2048"));
}

fn openssl_and_curl_log_in(certified: &Certified) {
    let server = Server::start(&certified.workplace);
    make_certificate(&certified.workplace, "stranger", &[]);
    let (authority, certificate, key) =
        (certified.path("ca.pem"), certified.certificate_on_token(), certified.key_address());
    let stranger = ["stranger.pem", "stranger.key"].map(|name| certified.path(name));

    let address = format!("127.0.0.1:{}", server.port);
    let openssl = |more: &[&str]| {
        let common = ["s_client", "-connect", &address, "-CAfile", &authority, "-verify_return_error", "-quiet"];
        certified.is_let_in(&certified.run("openssl", &[&common[..], more].concat()))
    };
    assert!(openssl(&["-cert", &certificate, "-engine", "pkcs11", "-keyform", "engine", "-key", &key]));
    assert!(!openssl(&[]), "without a certificate");
    assert!(!openssl(&["-cert", &stranger[0], "-key", &stranger[1]]), "of another authority");
    assert!(!openssl(&["-cert", &certificate, "-key", &stranger[1]]), "without the key");

    let address = format!("https://localhost:{}/", server.port);
    let curl = |more: &[&str]| {
        certified.is_let_in(&certified.run("curl", &[&["--silent", "--cacert", &authority, &address], more].concat()))
    };
    assert!(curl(&["--engine", "pkcs11", "--key-type", "ENG", "--key", &key, "--cert", &certificate]));
    assert!(!curl(&[]), "without a certificate");
    assert!(!curl(&["--cert", &stranger[0], "--key", &stranger[1]]), "of another authority");
}

#[test]
fn nss_sees_key_and_certificate_by_the_registered_module_and_logs_in_with_them() {
    nss_sees_both_and_logs_in(&Certified::new());
}

#[test]
fn nss_logs_in_with_a_key_that_the_token_only_stores() {
    nss_sees_both_and_logs_in(&Certified::stored("P-256"));
    nss_sees_both_and_logs_in(&Certified::stored("RSA-2048"));
}

fn nss_sees_both_and_logs_in(certified: &Certified) {
    let server = Server::start(&certified.workplace);
    let database = format!("sql:{}", certified.path("home/.pki/nssdb"));
    let token = ["-d", &database, "-h", "first", "-f", &certified.path("pin")];
    let nss = |arguments: &[&str]| String::from_utf8_lossy(&certified.run("certutil", arguments).stdout).into_owned();
    let keys = nss(&[&["-K"], &token[..]].concat());
    let key = keys.lines().find(|line| line.contains(&certified.key_id)).unwrap_or_else(|| panic!("no key: {keys}"));
    assert!(key.ends_with(CONTAINER), "{key}");
    let name = format!("first:{CONTAINER}");
    let listed = nss(&[&["-L"], &token[..]].concat());
    let line =
        listed.lines().find(|line| line.starts_with(&name)).unwrap_or_else(|| panic!("no certificate: {listed}"));
    assert!(line.trim_end().ends_with("u,u,u"), "a user's, whose key is there: {line}");

    assert!(certified.nss_logs_in(&server, &name));
    assert!(!certified.nss_logs_in(&server, "none"), "without a certificate");
    assert!(certified.workplace.host(["unregister-module"]).status.success());
    assert!(!certified.nss_logs_in(&server, &name), "without the module");
}

#[test]
fn the_authoritys_certificates_go_onto_the_token_too_and_a_server_that_knows_the_root_alone_lets_in() {
    let workplace = Workplace::new();
    let authority = |name: &str, more: &[&str]| {
        let subject = format!("/CN=Test {name}");
        make_certificate(&workplace, name, &[&["-subj", &subject, "-addext", "keyUsage=keyCertSign"], more].concat());
    };
    authority("root", &[]);
    authority("ca", &["-CA", "root.pem", "-CAkey", "root.key"]);
    let server = Server::trusting(&workplace, "root.pem");
    let chain = [text(&workplace.path("root.pem")), text(&workplace.path("ca.pem"))].concat();
    let chain = workplace.file("chain.pem", chain);
    let certified = Certified::at(workplace);
    let name = format!("first:{CONTAINER}");
    assert!(!certified.nss_logs_in(&server, &name), "without what is between root and holder");

    let (modules, chain) = (softhsm().display().to_string(), chain.display().to_string());
    certified.workplace.configure(&format!(
        "allowed_origins = ['{ORIGIN}']\nmodules = ['{modules}']\nauthority_certificates = ['{chain}']\n"
    ));
    let doctor = certified.workplace.host(["doctor"]);
    assert!(String::from_utf8_lossy(&doctor.stdout).contains(&format!("+ configuration: {chain}")), "{doctor:?}");
    (0..2).for_each(|_| certified.install());
    let objects = certified.workplace.objects("first");
    assert_eq!(objects.matches("Certificate Object").count(), 2, "the holder's and the one between: {objects}");
    assert!(certified.nss_logs_in(&server, &name));
    let details = |browser: &mut Browser| {
        let token = browser.token("first");
        browser.ask("tokenDetails", json!({"token": token}), Value::Null)
    };
    let containers = details(&mut certified.workplace.browser())["containers"].clone();
    assert_eq!(containers.as_array().unwrap().len(), 1, "the authority's is no container: {containers}");
}

/// Two certificates for one key would be two entries for one person, and of the one without a key Firefox makes no use.
#[test]
fn where_the_module_is_registered_the_certificate_on_the_token_is_the_only_one() {
    let workplace = Workplace::new();
    let mut browser = workplace.browser();
    let created = browser.create_request("first", "P-256");
    let certificate = certify(&workplace, &created);
    let params = install_params(&browser.token("first"), &certificate);
    browser.ask("installCertificate", params.clone(), json!({"pin": PIN}));
    let database = format!("sql:{}", workplace.path("home/.pki/nssdb").display());
    let theirs = ["-A", "-t", ",,", "-n", "Theirs", "-d", &database, "-i", "ca.pem"];
    let added = workplace.command("certutil").args(theirs).current_dir(workplace.path("")).status().unwrap();
    assert!(added.success());
    let listed = || String::from_utf8_lossy(&workplace.run("certutil", ["-L", "-d", &database]).stdout).into_owned();
    assert!(listed().contains(CONTAINER), "nobody has registered the module: {}", listed());
    assert!(workplace.host(["register-module"]).status.success());
    let expected = |listed: String| listed.contains("Theirs") && !listed.contains(CONTAINER);
    assert!(expected(listed()), "{}", listed());
    browser.ask("installCertificate", params, json!({"pin": PIN}));
    assert!(expected(listed()), "{}", listed());
    assert_eq!(workplace.objects("first").matches("Certificate Object").count(), 1);
}

/// OpenSC's tool shows a stored key beside its certificate, after the login alone, signs with it, and cannot take it out.
#[test]
fn opensc_signs_with_a_key_that_the_token_only_stores_and_does_not_get_it() {
    let certified = Certified::stored("P-384");
    let shown = |arguments: &[&str]| {
        String::from_utf8_lossy(&certified.pkcs11_tool(&[&["--list-objects"], arguments].concat()).stdout).into_owned()
    };
    assert!(!shown(&[]).contains("Private Key Object"));
    let login = ["--login", "--pin", PIN];
    let objects = shown(&login);
    for kind in ["Private Key Object; EC", "Public Key Object; EC", "Certificate Object"] {
        assert_eq!(objects.matches(kind).count(), 1, "{objects}");
    }
    assert!(objects.contains("Access:     sensitive"), "{objects}");
    let (message, signature) = (certified.path("question"), certified.path("signature"));
    let digest = certified.path("digest");
    assert!(certified.workplace.openssl(&["dgst", "-sha384", "-binary", "-out", &digest, &message]).status.success());
    let sign = ["--sign", "--mechanism", "ECDSA", "--signature-format", "openssl", "--id", &certified.key_id];
    let signed =
        certified.pkcs11_tool(&[&login[..], &sign, &["--input-file", &digest, "--output-file", &signature]].concat());
    assert!(signed.status.success(), "{signed:?}");
    let certificate = certified.certificate_on_token();
    let public = certified.workplace.openssl(&["x509", "-in", &certificate, "-pubkey", "-noout", "-out", "public.pem"]);
    assert!(public.status.success());
    let verify = ["dgst", "-sha384", "-verify", "public.pem", "-signature", &signature, &message];
    assert!(certified.workplace.openssl(&verify).status.success());
    let key = certified.path("key");
    let read = ["--read-object", "--type", "privkey", "--id", &certified.key_id, "--output-file", &key];
    let refused = certified.pkcs11_tool(&[&login[..], &read].concat());
    assert!(!certified.workplace.path("key").exists(), "{refused:?}");
    let remove = ["--delete-object", "--type", "privkey", "--id", &certified.key_id];
    assert!(!certified.pkcs11_tool(&[&login[..], &remove].concat()).status.success());
    assert_eq!(shown(&login), objects);
}

/// Names of the modules in a database's list that are not NSS's own.
fn modules(workplace: &Workplace) -> Vec<String> {
    let list = text(&workplace.path("home/.pki/nssdb/pkcs11.txt"));
    let names = list.lines().filter_map(|line| line.strip_prefix("name=")).filter(|name| !name.starts_with("NSS "));
    names.map(str::to_owned).collect()
}

#[test]
fn a_person_registers_the_module_of_their_token_once_and_takes_back_exactly_that() {
    let workplace = Workplace::new();
    let remark = || String::from_utf8_lossy(&workplace.host(["doctor"]).stdout).contains("qcert-host register-module");
    assert!(remark(), "doctor says how");
    for _ in 0..2 {
        let output = workplace.host(["register-module"]);
        assert!(output.status.success(), "{output:?}");
        assert_eq!(modules(&workplace), ["Qcert libsofthsm2"]);
    }
    assert!(!remark());
    let database = format!("sql:{}", workplace.path("home/.pki/nssdb").display());
    let theirs = workplace.path("theirs.so");
    std::fs::copy(softhsm(), &theirs).unwrap();
    let add = ["-force", "-dbdir", &database, "-add", "Theirs", "-libfile", theirs.to_str().unwrap()];
    assert!(workplace.run("modutil", add).status.success());
    for _ in 0..2 {
        let output = workplace.host(["unregister-module"]);
        assert!(output.status.success(), "{output:?}");
        assert_eq!(modules(&workplace), ["Theirs"]);
    }
}

#[test]
fn without_a_token_a_module_is_registered_by_its_file_alone() {
    let workplace = Workplace::without_token();
    let output = workplace.host(["register-module"]);
    assert!(!output.status.success() && String::from_utf8_lossy(&output.stderr).contains("no token"), "{output:?}");
    assert!(workplace.host(["register-module", softhsm().to_str().unwrap()]).status.success());
    assert_eq!(modules(&workplace), ["Qcert libsofthsm2"]);
    assert!(workplace.host(["unregister-module", "/no/such/module.so"]).status.success());
    assert_eq!(modules(&workplace), ["Qcert libsofthsm2"]);
    assert!(workplace.host(["unregister-module", softhsm().to_str().unwrap()]).status.success());
    assert!(modules(&workplace).is_empty());
}
