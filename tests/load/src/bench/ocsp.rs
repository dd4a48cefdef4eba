//! OCSP answers a second, beside the responder of `openssl ocsp`: requests by POST for many different certificates, once
//! without a nonce, as most programs ask, and once with one, so that every answer has to be signed.
//!
//! Both are asked by the same program, over connections that are kept where the server keeps them: openssl answers one
//! at a time and closes each. Ours is asked by `wrk` as well, which costs the machine less; openssl's
//! answers are of HTTP/1.0, and wrk counts none of them.

use std::{
    fs,
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

use anyhow::{Context, Result, ensure};

use super::{Figure, stand::Stand};
use crate::{
    clock::Stopwatch,
    http::{Connection, Question},
    installation::{free_port, log_file},
    load::{self, Pace},
};

/// Different certificates that are asked for.
const CERTIFICATES: usize = 100;
const SECONDS: &str = "5s";
const ASKS: &str = r#"
local bodies = {}
for n = 0, COUNT - 1 do
  local file = io.open("DIRECTORY/" .. n .. ".der", "rb")
  bodies[n] = file:read("*a")
  file:close()
end
local n = 0
request = function()
  n = (n + 1) % COUNT
  return wrk.format("POST", "PATH", {["Content-Type"] = "application/ocsp-request"}, bodies[n])
end
"#;

/// Connections that ask us at a time.
const CONNECTIONS: usize = 16;
/// Answers that are counted: of ours, and of the peer, which takes longer over them.
const OURS: usize = 40_000;
const THEIRS: usize = 2_000;

/// The figures of every stand.
pub(super) fn measure(stands: &mut [Stand], directory: &Path) -> Result<Vec<Figure>> {
    let peer = Responder::start(&directory.join("openssl"))?;
    let mut figures = Vec::new();
    for (kind, nonce) in [("ocsp", false), ("ocsp.nonce", true)] {
        let theirs = peer.answers(nonce)?;
        for stand in stands.iter() {
            let requests = directory.join(format!("ocsp-{}-{nonce}", stand.name()));
            let (ours, by_wrk) = answers(stand, &requests, nonce)?;
            figures.push(Figure::new(format!("{kind}.{}", stand.name()), ours, "1/s").beside(theirs));
            figures.push(Figure::new(format!("{kind}.{}.wrk", stand.name()), by_wrk, "1/s").beside(theirs));
        }
    }
    Ok(figures)
}

/// Who is asked, for what: so many files of requests in a directory.
struct Asked<'a> {
    address: SocketAddr,
    path: &'a str,
    directory: &'a Path,
    count: usize,
}

/// Answers a second, each of them successful: asked again and again over so many connections.
fn rate(asked: &Asked<'_>, connections: usize, answers: usize) -> Result<f64> {
    let &Asked { address, path, directory, count } = asked;
    let requests = (0..count).map(|n| fs::read(directory.join(format!("{n}.der"))));
    let requests: Vec<Vec<u8>> = requests.collect::<Result<_, _>>().context("read the OCSP requests")?;
    let turns = AtomicUsize::new(0);
    let ask = |connection: &mut Connection| {
        let turn = turns.fetch_add(1, Ordering::Relaxed);
        if turn >= answers {
            return Ok(false);
        }
        let body = Some(("application/ocsp-request", requests[turn % requests.len()].as_slice()));
        let answer = connection.ask(&Question { method: "POST", path, cookie: None, bearer: None, body })?;
        // OCSPResponse is a sequence whose first element, of three octets, is responseStatus; 0 is successful.
        let length_octets = answer.body.get(1).map_or(0, |length| usize::from(length.saturating_sub(0x80)));
        let status = answer.body.get(2 + length_octets..5 + length_octets);
        ensure!(answer.status == 200 && status == Some(&[0x0a, 1, 0]), "an OCSP question was refused");
        Ok(true)
    };
    let connect = || Connection::new(address, address.to_string());
    Ok(load::repeat(connections, Pace::Closed, ask, connect)?.throughput())
}

fn answers(stand: &Stand, directory: &Path, nonce: bool) -> Result<(f64, f64)> {
    fs::create_dir_all(directory)?;
    let chain = stand.server()?.connection().ask(&Question {
        method: "GET",
        path: "/ca/chain.pem",
        cookie: None,
        bearer: None,
        body: None,
    })?;
    let issuer = directory.join("chain.pem");
    fs::write(&issuer, chain.body)?;
    let serials = stand.serials(CERTIFICATES)?;
    write_requests(directory, &issuer, &serials, nonce)?;
    let address = stand.server()?.address();
    check_answer(directory, &issuer, &format!("http://{address}/ocsp"))?;
    let by_us = rate(&Asked { address, path: "/ocsp", directory, count: serials.len() }, CONNECTIONS, OURS)?;
    Ok((by_us, ask(directory, serials.len(), &address.to_string(), "/ocsp")?))
}

/// The answer is one that openssl takes, or its rate would mean nothing.
fn check_answer(directory: &Path, issuer: &Path, url: &str) -> Result<()> {
    let mut openssl = Command::new("openssl");
    openssl.args(["ocsp", "-url", url, "-reqin"]).arg(directory.join("0.der"));
    openssl.arg("-CAfile").arg(issuer).arg("-issuer").arg(issuer).arg("-resp_text");
    let output = openssl.output().context("start openssl")?;
    let said = String::from_utf8_lossy(&output.stdout);
    let verified = String::from_utf8_lossy(&output.stderr).contains("Response verify OK");
    ensure!(verified && said.contains("Cert Status: good"), "openssl does not take the OCSP answer:\n{said}");
    Ok(())
}

fn write_requests(directory: &Path, issuer: &Path, serials: &[String], nonce: bool) -> Result<()> {
    for (n, serial) in serials.iter().enumerate() {
        let mut openssl = Command::new("openssl");
        openssl.args(["ocsp", "-sha256", "-issuer"]).arg(issuer).args(["-serial", &format!("0x{serial}")]);
        openssl.arg(if nonce { "-nonce" } else { "-no_nonce" }).arg("-reqout").arg(directory.join(format!("{n}.der")));
        let made = openssl.stdout(Stdio::null()).stderr(Stdio::null()).status().context("start openssl")?;
        ensure!(made.success(), "openssl made no OCSP request");
    }
    Ok(())
}

/// Answers a second, as wrk counts them.
fn ask(directory: &Path, count: usize, address: &str, path: &str) -> Result<f64> {
    let script = directory.join("asks.lua");
    let text = ASKS.replace("COUNT", &count.to_string()).replace("PATH", path);
    fs::write(&script, text.replace("DIRECTORY", &directory.to_string_lossy()))?;
    let mut wrk = Command::new("wrk");
    wrk.args(["-t", "1", "-c", "16", "-d", SECONDS, "-s"]).arg(script).arg(format!("http://{address}{path}"));
    let output = wrk.output().context("start wrk")?;
    let said = String::from_utf8_lossy(&output.stdout);
    ensure!(!said.contains("Non-2xx"), "not every OCSP question was answered:\n{said}");
    let rate = said.lines().find_map(|line| line.strip_prefix("Requests/sec:"));
    rate.and_then(|rate| rate.trim().parse().ok()).with_context(|| format!("wrk did not say how many:\n{said}"))
}

/// A running `openssl ocsp`. Dropped, it ends.
struct Responder {
    child: Child,
    directory: PathBuf,
    address: SocketAddr,
    serials: Vec<String>,
}

impl Responder {
    fn start(directory: &Path) -> Result<Self> {
        fs::create_dir_all(directory)?;
        let mut make = Command::new("openssl");
        make.current_dir(directory).args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"]);
        make.args(["-nodes", "-subj", "/CN=Peer", "-days", "30", "-keyout", "key.pem", "-out", "ca.pem"]);
        ensure!(make.stderr(Stdio::null()).status()?.success(), "openssl made no authority");
        let serials: Vec<String> = (0..CERTIFICATES).map(|n| format!("7000000000000000{n:016X}")).collect();
        let line = |serial: &String| format!("V\t391231235959Z\t\t{serial}\tunknown\t/CN={serial}\n");
        fs::write(directory.join("index.txt"), serials.iter().map(line).collect::<String>())?;
        let port = free_port()?;
        let mut serve = Command::new("openssl");
        serve.current_dir(directory).args(["ocsp", "-index", "index.txt", "-CA", "ca.pem", "-rsigner", "ca.pem"]);
        serve.args(["-rkey", "key.pem", "-port", &port.to_string(), "-ndays", "1"]);
        let log_path = directory.join("log");
        let log = log_file(&log_path)?;
        let child = serve.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log).spawn()?;
        let address = SocketAddr::from(([127, 0, 0, 1], port));
        let stopwatch = Stopwatch::start();
        // A connection that says nothing, to see whether it listens, would be the last that it takes.
        while !fs::read_to_string(&log_path)?.contains("waiting for OCSP client connections") {
            ensure!(stopwatch.elapsed() < Duration::from_secs(20), "openssl ocsp does not answer");
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(Self { child, directory: directory.to_owned(), address, serials })
    }

    fn answers(&self, nonce: bool) -> Result<f64> {
        let directory = self.directory.join(format!("requests-{nonce}"));
        fs::create_dir_all(&directory)?;
        write_requests(&directory, &self.directory.join("ca.pem"), &self.serials, nonce)?;
        // It answers one connection at a time, and keeps others waiting for longer than anybody would.
        let asked = Asked { address: self.address, path: "/", directory: &directory, count: self.serials.len() };
        rate(&asked, 1, THEIRS)
    }
}

impl Drop for Responder {
    fn drop(&mut self) {
        // It may have ended by itself, which is as good.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
