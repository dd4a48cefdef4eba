//! The key that names the extension in Chromium and its kin, and signs its `.crx`.
//!
//! By `openssl`, which reads whatever PEM somebody has. RSA alone, as Chromium's own packer makes it: the signature is the
//! same each time, and what is made of it too.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use qcert_extension::crx;

use crate::run::run_quietly;
use crate::setup::Toolbox;

/// `rsaEncryption` as an object identifier in DER (RFC 8017 §A.1).
const RSA: &[u8] = &[0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01];

pub struct ExtensionKey {
    file: PathBuf,
    /// `SubjectPublicKeyInfo` in DER.
    public: Vec<u8>,
}

impl ExtensionKey {
    /// Reads a private key: PEM, PKCS#8.
    pub fn read(tools: &Toolbox, file: &Path) -> Result<Self> {
        let mut openssl = tools.command("openssl");
        openssl.args(["pkey", "-pubout", "-outform", "DER", "-in"]).arg(file);
        let public = run_quietly(&mut openssl).with_context(|| format!("read the key {}", file.display()))?.stdout;
        let rsa = public.windows(RSA.len()).any(|window| window == RSA);
        ensure!(
            rsa,
            "{}: an extension is signed with an RSA key, as Chromium's own packer makes it:\n\n    \
             openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out FILE\n",
            file.display()
        );
        Ok(Self { file: file.to_owned(), public })
    }

    /// Makes one, readable to its owner alone.
    pub fn make(tools: &Toolbox, file: &Path) -> Result<Self> {
        let mut openssl = tools.command("openssl");
        openssl.args(["genpkey", "-quiet", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048", "-out"]).arg(file);
        run_quietly(&mut openssl).context("make a key for the extension")?;
        Self::read(tools, file)
    }

    /// The extension's id.
    pub fn id(&self) -> String {
        crx::id(&self.public)
    }

    /// An archive, signed. `directory` is for what openssl reads.
    pub fn sign(&self, tools: &Toolbox, archive: &[u8], directory: &Path) -> Result<Vec<u8>> {
        let file = directory.join("to-be-signed");
        fs::write(&file, crx::to_be_signed(&self.public, archive)).context("write what is signed")?;
        let mut openssl = tools.command("openssl");
        let signature = run_quietly(openssl.args(["dgst", "-sha256", "-sign"]).args([&self.file, &file]))?.stdout;
        fs::remove_file(&file).context("remove what was signed")?;
        Ok(crx::signed(&self.public, &signature, archive))
    }
}
