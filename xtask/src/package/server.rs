//! The server's package.

use std::path::Path;

use super::deb::Deb;

/// From the clone into the package, with the mode that it has there.
const FILES: &[(&str, &str, u32)] = &[
    ("server/package/qcert.toml", "etc/qcert/qcert.toml", 0o644),
    ("server/package/qcert-server.service", "lib/systemd/system/qcert-server.service", 0o644),
    ("server/package/qcert-server-backup.service", "lib/systemd/system/qcert-server-backup.service", 0o644),
    ("server/package/qcert-server-backup.timer", "lib/systemd/system/qcert-server-backup.timer", 0o644),
    ("server/package/sysusers.conf", "usr/lib/sysusers.d/qcert-server.conf", 0o644),
    ("server/package/tmpfiles.conf", "usr/lib/tmpfiles.d/qcert-server.conf", 0o644),
    ("server/package/backup", "usr/lib/qcert-server/backup", 0o755),
    ("server/package/lintian-overrides", "usr/share/lintian/overrides/qcert-server", 0o644),
    ("server/package/postinst", "DEBIAN/postinst", 0o755),
    ("server/package/prerm", "DEBIAN/prerm", 0o755),
    ("server/package/postrm", "DEBIAN/postrm", 0o755),
    ("server/package/examples/credentials.conf", "usr/share/doc/qcert-server/examples/credentials.conf", 0o644),
    ("server/package/examples/hsm-usb.conf", "usr/share/doc/qcert-server/examples/hsm-usb.conf", 0o644),
    ("server/package/examples/low-port.conf", "usr/share/doc/qcert-server/examples/low-port.conf", 0o644),
    ("server/package/examples/nginx.conf", "usr/share/doc/qcert-server/examples/nginx.conf", 0o644),
    ("server/qcert.example.toml", "usr/share/doc/qcert-server/examples/qcert.example.toml", 0o644),
    ("docs/administration.md", "usr/share/doc/qcert-server/administration.md", 0o644),
    ("docs/production.md", "usr/share/doc/qcert-server/production.md", 0o644),
    ("SECURITY.md", "usr/share/doc/qcert-server/SECURITY.md", 0o644),
];

/// What is linked into the program: the server's crates, and the page's.
const PARTS: &[(&str, &str)] =
    &[("qcert-server", "x86_64-unknown-linux-gnu"), ("qcert-frontend", "wasm32-unknown-unknown")];

pub fn server<'a>(program: &'a Path, version: &'a str, thorough: bool) -> Deb<'a> {
    Deb {
        name: "qcert-server",
        descriptions: "server/package",
        built: vec![(program, "usr/sbin/qcert-server".to_owned())],
        files: FILES,
        manual: "server/package/qcert-server.8",
        settings: "etc/qcert/qcert.toml",
        parts: PARTS,
        version,
        thorough,
    }
}
