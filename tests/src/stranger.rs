//! Who is not the portal: another site, another extension, and what they say.

use std::{
    io::{BufRead, BufReader, Write},
    net::{TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::Command,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

use anyhow::{Context, Result};
use serde_json::{Value, json};

use crate::{
    Browser,
    portal::free_port,
    programs::{self, Daemon},
};

/// A site on a port of its own, which answers the same page whatever it is asked.
pub struct Site {
    port: u16,
    visits: Arc<AtomicUsize>,
}

impl Site {
    /// Opens it, for as long as this process lives.
    ///
    /// # Errors
    /// There is no free port.
    pub fn open(html: &str) -> Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).context("open a site")?;
        let port = listener.local_addr()?.port();
        let visits = Arc::new(AtomicUsize::new(0));
        let head = "HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\nConnection: close\r\n";
        let answer = format!("{head}Content-Length: {}\r\n\r\n{html}", html.len());
        let counted = visits.clone();
        thread::spawn(move || {
            for visitor in listener.incoming().flatten() {
                let (counted, answer) = (counted.clone(), answer.clone());
                // Browsers connect ahead of their questions: nobody is kept waiting. Who went away needs no answer.
                thread::spawn(move || serve(visitor, &counted, &answer));
            }
        });
        Ok(Self { port, visits })
    }

    /// Its origin under one of this machine's names: `localhost`, `127.0.0.1`.
    pub fn origin(&self, name: &str) -> String {
        format!("http://{name}:{}", self.port)
    }

    /// How often it was asked for a page.
    pub fn visits(&self) -> usize {
        self.visits.load(Ordering::Relaxed)
    }
}

fn serve(mut visitor: TcpStream, counted: &AtomicUsize, answer: &str) -> std::io::Result<()> {
    let mut question = BufReader::new(visitor.try_clone()?).lines();
    // Up to the empty line that ends a head.
    if question.by_ref().map_while(Result::ok).any(|line| line.is_empty()) {
        counted.fetch_add(1, Ordering::Relaxed);
        visitor.write_all(answer.as_bytes())?;
    }
    Ok(())
}

/// A site by TLS, with a certificate of its own making.
pub struct TlsSite {
    port: u16,
    _server: Daemon,
}

impl TlsSite {
    /// Opens it: `index.html` in a directory, and what openssl needs beside it.
    ///
    /// # Errors
    /// openssl is not installed, or does not start.
    pub fn open(directory: &Path, html: &str) -> Result<Self> {
        std::fs::create_dir_all(directory).context("make the site's directory")?;
        std::fs::write(directory.join("index.html"), html).context("write the site's page")?;
        let mut certify = Command::new("openssl");
        certify.args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"]);
        certify.args(["-keyout", "key.pem", "-out", "cert.pem", "-subj", "/CN=localhost"]).current_dir(directory);
        programs::run(&mut certify)?;
        let port = free_port()?;
        let mut serve = Command::new("openssl");
        serve.args(["s_server", "-WWW", "-accept", &port.to_string(), "-cert", "cert.pem", "-key", "key.pem"]);
        let mut server = Daemon::start(serve.current_dir(directory), directory.join("openssl.log"))?;
        server.wait_for("the site's port", |_| TcpStream::connect(("127.0.0.1", port)).ok())?;
        Ok(Self { port, _server: server })
    }

    /// The address of its page.
    pub fn address(&self) -> String {
        format!("https://localhost:{}/index.html", self.port)
    }
}

/// The directory of an extension that may start hosts as ours may, and tells on `stranger.html` what it got from us.
pub fn extension() -> PathBuf {
    programs::repository().join("tests/strangers/extension")
}

/// Posts one message in the page that is looked at, and answers what came back for it.
///
/// # Errors
/// Nothing is answered.
pub async fn ask(browser: &Browser, message: Value) -> Result<Value> {
    browser.script_later(include_str!("stranger/ask.js"), vec![message]).await
}

/// Posts messages in the page that is looked at, and answers with everything that came back for them. What the
/// extension answers at once has come when the last one, which asks for nothing, is answered.
///
/// # Errors
/// Nothing is answered at all.
pub async fn say(browser: &Browser, messages: &[Value]) -> Result<Vec<Value>> {
    browser.script_later(include_str!("stranger/say.js"), vec![json!(messages)]).await
}

/// The code with which one of the answers refuses.
pub fn refusal<'a>(answers: &'a [Value], id: &str) -> Option<&'a str> {
    let answer = answers.iter().find(|answer| answer["qcert"] == "reply" && answer["id"] == id)?;
    answer["error"]["code"].as_str()
}

/// A message as the portal's page posts it.
pub fn request(id: &str, command: &str, params: Value) -> Value {
    json!({"qcert": "request", "id": id, "command": command, "params": params})
}
