//! The peer: `cfssl serve`, which signs what it is sent and stores nothing.

use std::{
    fs,
    net::SocketAddr,
    path::Path,
    process::{Child, Command, Stdio},
    sync::{Mutex, PoisonError},
    time::Duration,
};

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

use super::Round;
use crate::{
    clock::Stopwatch,
    holder::certification_request,
    http::{Connection, Question},
    installation::{free_port, log_file},
    load::{self, Pace, Run},
    process,
};

const NAME: &str = r#"{"CN":"Peer","key":{"algo":"ecdsa","size":256}}"#;
const POLICY: &str = r#"{"signing":{"default":{"expiry":"8760h","usages":["digital signature","client auth"]}}}"#;
const PATH: &str = "/api/v1/cfssl/sign";

/// A running `cfssl serve` with a P-256 key. Dropped, it ends.
pub(super) struct Cfssl {
    child: Child,
    address: SocketAddr,
}

impl Cfssl {
    pub(super) fn start(directory: &Path) -> Result<Self> {
        fs::create_dir_all(directory)?;
        fs::write(directory.join("name.json"), NAME)?;
        fs::write(directory.join("policy.json"), POLICY)?;
        let mut make = Command::new("cfssl");
        make.current_dir(directory).args(["gencert", "-loglevel", "5", "-initca", "name.json"]);
        let made = make.output().context("start cfssl")?;
        let made: Value = serde_json::from_slice(&made.stdout).context("read what cfssl printed")?;
        for (field, file) in [("cert", "ca.pem"), ("key", "ca-key.pem")] {
            fs::write(directory.join(file), made[field].as_str().context("cfssl made no authority")?)?;
        }
        let port = free_port()?;
        let mut serve = Command::new("cfssl");
        serve.current_dir(directory).args(["serve", "-address", "127.0.0.1", "-port", &port.to_string()]);
        serve.args(["-ca", "ca.pem", "-ca-key", "ca-key.pem", "-config", "policy.json", "-loglevel", "5"]);
        let log = log_file(&directory.join("log"))?;
        serve.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
        let peer = Self {
            child: serve.spawn().context("start cfssl serve")?,
            address: SocketAddr::from(([127, 0, 0, 1], port)),
        };
        peer.wait()?;
        peer.round(500, super::CONNECTIONS, Pace::Closed)?;
        Ok(peer)
    }

    fn wait(&self) -> Result<()> {
        let stopwatch = Stopwatch::start();
        while std::net::TcpStream::connect(self.address).is_err() {
            ensure!(stopwatch.elapsed() < Duration::from_secs(20), "cfssl serve does not answer");
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(())
    }

    /// Has requests signed that were made before.
    pub(super) fn round(&self, count: u32, connections: usize, pace: Pace) -> Result<(Round, Run)> {
        let bodies = (0..count).map(|_| body()).collect::<Result<Vec<_>>>()?;
        let waiting = Mutex::new(bodies.into_iter());
        let before = process::family_time(self.child.id())?;
        let run = load::repeat(
            connections,
            pace,
            |portal: &mut Connection| {
                let Some(body) = waiting.lock().unwrap_or_else(PoisonError::into_inner).next() else {
                    return Ok(false);
                };
                let body = Some(("application/json", body.as_bytes()));
                let answer = portal.ask(&Question { method: "POST", path: PATH, cookie: None, bearer: None, body })?;
                ensure!(answer.status == 200, "cfssl answers {}", answer.status);
                Ok(true)
            },
            || Connection::new(self.address, "localhost"),
        )?;
        let spent = process::family_time(self.child.id())? - before;
        Ok((Round::of(&run, spent), run))
    }

    /// Resident memory in KiB.
    pub(super) fn memory(&self) -> Result<f64> {
        process::resident(self.child.id())
    }
}

impl Drop for Cfssl {
    fn drop(&mut self) {
        // It may have ended by itself, which is as good.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn body() -> Result<String> {
    Ok(json!({"certificate_request": pem("CERTIFICATE REQUEST", &certification_request()?)}).to_string())
}

/// RFC 7468.
pub(super) fn pem(label: &str, der: &[u8]) -> String {
    use base64::{Engine, engine::general_purpose::STANDARD};
    let text = STANDARD.encode(der);
    let lines: Vec<&str> = text.as_bytes().chunks(64).filter_map(|line| std::str::from_utf8(line).ok()).collect();
    format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", lines.join("\n"))
}
