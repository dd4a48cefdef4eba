//! Settings of the audit: where its head is, and what this server is called in it.

use std::path::{Path, PathBuf};

use super::reader::Reader;
use crate::operators::is_name;

/// The audit.
#[derive(Clone, Debug)]
pub struct Audit {
    /// `server.node`: this server's name in it. Empty: the host's.
    pub node: Option<String>,
    /// `audit.head_file`: where the head of its chain is written down. Empty: `audit.head` beside the secret.
    pub head_file: Option<PathBuf>,
}

/// `[audit]`
pub(super) fn audit(reader: &mut Reader<'_>) -> Audit {
    Audit {
        node: reader.parsed("server.node", "", |text| match text {
            "" => Ok(None),
            name if name.is_ascii() && is_name(name) => Ok(Some(name.to_owned())),
            _ => Err("must have 1 to 64 Latin letters, digits, dots, dashes, underscores"),
        }),
        head_file: Some(reader.path("audit.head_file", "")).filter(|path| !path.as_os_str().is_empty()),
    }
}

impl Audit {
    /// This server's name: as it is set, else the host's.
    pub fn node(&self) -> String {
        let host = || {
            // A hardened service sees its own processes in /proc and nothing of the kernel (ProcSubset=pid).
            let read = |path: &str| std::fs::read_to_string(path).ok();
            let name = read("/proc/sys/kernel/hostname").or_else(|| read("/etc/hostname")).unwrap_or_default();
            let fits = |c: &char| c.is_ascii_alphanumeric() || ".-_".contains(*c);
            let name: String = name.chars().filter(fits).take(64).collect();
            if name.is_empty() { "server".to_owned() } else { name }
        };
        self.node.clone().unwrap_or_else(host)
    }

    /// Where the head is written down.
    pub fn head_file(&self, secret: &Path) -> PathBuf {
        self.head_file.clone().unwrap_or_else(|| secret.with_file_name("audit.head"))
    }
}
