//! A server that lets in whoever has a certificate of the portal's authority: `openssl s_server`.

use std::{fs, path::Path, process::Command};

use anyhow::{Context, Result};

use crate::{
    Portal,
    programs::{self, Daemon},
};

/// It runs until it is dropped. Its page has the certificate that it was shown.
pub struct Server {
    port: u16,
    server: Daemon,
}

impl Server {
    /// Starts it, with its files in a directory.
    ///
    /// # Errors
    /// openssl refuses.
    pub fn start(directory: &Path, portal: &Portal) -> Result<Self> {
        fs::create_dir_all(directory).context("make the server's directory")?;
        fs::write(directory.join("authority.pem"), portal.get("/ca/chain.pem")?).context("write the chain")?;
        let mut make = Command::new("openssl");
        make.args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"]);
        make.args(["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"]);
        programs::run(make.args(["-keyout", "key.pem", "-out", "certificate.pem"]).current_dir(directory))?;
        let mut serve = Command::new("openssl");
        serve.args(["s_server", "-accept", "127.0.0.1:0", "-cert", "certificate.pem", "-key", "key.pem", "-www"]);
        serve.args(["-CAfile", "authority.pem", "-Verify", "2", "-verify_return_error"]).current_dir(directory);
        let mut server = Daemon::start(&mut serve, directory.join("server.log"))?;
        let port = server.wait_for("the server's port", |server| {
            let printed = server.printed();
            printed.lines().find_map(|line| line.strip_prefix("ACCEPT 127.0.0.1:")?.parse().ok())
        })?;
        Ok(Self { port, server })
    }

    /// Where it is.
    pub fn address(&self) -> String {
        format!("https://localhost:{}/", self.port)
    }

    /// What it says of those who came.
    pub fn log(&self) -> String {
        self.server.printed()
    }
}
