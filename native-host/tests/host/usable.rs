//! The certificate is usable: programs that are not ours see the pair, and log in with the key that is on the token.

use serde_json::{Value, json};

use crate::{
    certified::{Certified, Server, make_certificate},
    workplace::{Browser, CONTAINER, ORIGIN, Workplace, softhsm, text},
};

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
    let modules =
        String::from_utf8_lossy(&certified.run("modutil", &["-list", "-dbdir", &database]).stdout).into_owned();
    assert!(modules.contains("token: first"), "{modules}");
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
