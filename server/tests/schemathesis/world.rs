//! A running server with invented people, one of them signed in and with a certificate, and an operator.

use std::{
    io::{Read, Write},
    net::TcpStream,
    path::Path,
    time::Duration,
};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::{Serving, run};

/// Rates that thousands of questions from one address do not reach.
const SETTINGS: &str = "
[otp]
resend_seconds = 1
hourly_by_phone = 1000000
hourly_by_address = 1000000
hourly_in_all = 1000000
hourly_tries_by_address = 1000000
[operators]
hourly_wrong_tokens_by_address = 1000000
";
const PHONE: &str = "+79222114545";

pub struct World {
    serving: Serving,
    directory: TempDir,
    /// Of the holder who is signed in, `name=value`.
    pub cookie: String,
    /// Of the operator, who has every role.
    pub token: String,
}

impl World {
    /// On SQLite, or on the database with this URL.
    pub fn new(url: Option<String>) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path();
        let database = url.map(|url| format!("[database]\nurl = \"{url}\"\n[secret]\nfile = \"secret.key\"\n"));
        std::fs::write(path.join("qcert.toml"), format!("{}{SETTINGS}", database.unwrap_or_default())).unwrap();
        let demo = concat!(env!("CARGO_MANIFEST_DIR"), "/../demo/applications.json");
        let roles = "operators add machine --json --role registrar --role approver --role revoker --role auditor";
        let add: Vec<&str> = roles.split(' ').chain(["--role", "administrator"]).collect();
        command(path, &["ca", "init"]);
        command(path, &["applications", "import", demo]);
        let added: Value = serde_json::from_slice(&command(path, &add)).unwrap();
        let token = added["token"].as_str().unwrap().to_owned();
        let serving = Serving::start(path);
        let mut world = Self { serving, directory, cookie: String::new(), token };
        world.sign_in();
        let serial = world.certificate();
        world.configure(&serial);
        world
    }

    pub fn directory(&self) -> &Path {
        self.directory.path()
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://localhost:{}{path}", self.serving.port)
    }

    /// Every operation of the description, as schemathesis names it.
    pub fn operations(&self) -> Vec<String> {
        let (_, document) = self.ask("GET", "/api/openapi.json", &Value::Null);
        let paths = document["paths"].as_object().unwrap().iter();
        let names = paths.flat_map(|(path, operations)| {
            operations.as_object().unwrap().keys().map(move |method| format!("{} {path}", method.to_uppercase()))
        });
        names.collect()
    }

    fn ask(&self, method: &str, path: &str, body: &Value) -> (String, Value) {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let mut stream = TcpStream::connect(("127.0.0.1", self.serving.port)).unwrap();
        let cookie = if self.cookie.is_empty() { String::new() } else { format!("Cookie: {}\r\n", self.cookie) };
        let media = if body.is_empty() { "" } else { "Content-Type: application/json\r\n" };
        let length = body.len();
        write!(
            stream,
            "{method} {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{cookie}{media}Content-Length: {length}\r\n\r\n{body}"
        )
        .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        assert!(head.starts_with("HTTP/1.1 2"), "{method} {path}: {answer}");
        (head.to_owned(), serde_json::from_str(body).unwrap_or_default())
    }

    fn post(&self, path: &str, body: &Value) -> (String, Value) {
        self.ask("POST", &format!("/api/v1{path}"), body)
    }

    /// The password in the message number `number` of the outbox, once it is there.
    fn password(&self, number: usize) -> String {
        let outbox = self.directory().join("data/sms.jsonl");
        let line = patiently(|| {
            let text = std::fs::read_to_string(&outbox).ok()?;
            text.lines().nth(number).filter(|line| line.ends_with('}')).map(str::to_owned)
        });
        let message: Value = serde_json::from_str(&line).unwrap();
        message["text"].as_str().unwrap().rsplit('#').next().unwrap().to_owned()
    }

    fn sign_in(&mut self) {
        self.post("/sign-in/password", &json!({"phone": PHONE}));
        let (head, _) = self.post("/sign-in", &json!({"phone": PHONE, "password": self.password(0)}));
        let line = head.lines().find(|line| line.to_lowercase().starts_with("set-cookie: "));
        self.cookie = line.unwrap()["set-cookie: ".len()..].split(';').next().unwrap().to_owned();
    }

    /// A certificate for the first application; answers its serial number.
    fn certificate(&self) -> String {
        let rows = self.ask("GET", "/api/v1/applications", &Value::Null).1;
        let (id, number) = (rows[0]["id"].as_str().unwrap(), rows[0]["number"].as_str().unwrap());
        let key = rcgen::KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256).unwrap();
        let request = rcgen::CertificateParams::default().serialize_request(&key).unwrap();
        let upload = json!({
            "certificationRequest": qcert_protocol::Base64(request.der().to_vec()),
            "container": format!("{number}@2026-03-02-x"),
            "token": {"label": "Qcert", "serial": "0001", "model": "SoftHSM"},
        });
        let row = self.post(&format!("/applications/{id}/requests"), &upload).1;
        let request = row["request"]["id"].as_str().unwrap();
        self.post(&format!("/requests/{request}/password"), &Value::Null);
        self.post(&format!("/requests/{request}/confirmation"), &json!({"password": self.password(1)}));
        patiently(|| {
            let certificates = self.ask("GET", "/api/v1/certificates", &Value::Null).1;
            certificates[0]["serial"].as_str().map(str::to_owned)
        })
    }

    /// What is there, for half of the addresses that it makes.
    fn configure(&self, serial: &str) {
        let demo: Value = serde_json::from_str(include_str!("../../../demo/applications.json")).unwrap();
        let numbers: Vec<&str> = demo.as_array().unwrap().iter().map(|it| it["number"].as_str().unwrap()).collect();
        let there = format!(
            "{}\n[dictionaries.numbers]\nvalues = {}\n[dictionaries.serials]\nvalues = [{serial:?}]\n",
            include_str!("schemathesis.toml"),
            json!(numbers),
        );
        std::fs::write(self.directory().join("schemathesis.toml"), there).unwrap();
        // From a file: what it reads itself from the server it does not ask for again.
        let document = self.ask("GET", "/api/openapi.json", &Value::Null).1;
        std::fs::write(self.directory().join("openapi.json"), document.to_string()).unwrap();
        std::fs::write(self.directory().join("serializers.py"), include_str!("serializers.py")).unwrap();
    }
}

fn command(directory: &Path, arguments: &[&str]) -> Vec<u8> {
    let output = run(directory, arguments);
    assert!(output.status.success(), "{arguments:?}: {output:?}");
    output.stdout
}

/// Looks again and again, for twenty seconds.
fn patiently<T>(mut look: impl FnMut() -> Option<T>) -> T {
    for _ in 0..400 {
        if let Some(found) = look() {
            return found;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    panic!("waited for too long");
}
