//! The server as a Debian package. The same programs and the same commit make the same bytes: times are the last commit's, order
//! and modes are fixed, nobody's name or machine is in it.
//!
//! dpkg-deb alone, without debhelper or cargo-deb: what lies where can be read below, and the maintainer's scripts in
//! `server/package` are the ones that run.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

use anyhow::{Context, Result};

use super::third_party;
use crate::repository::root;
use crate::run::run_quietly;
use crate::setup::Toolbox;

const NAME: &str = "qcert-server";
const DOCUMENTATION: &str = "usr/share/doc/qcert-server";

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

pub struct Server<'a> {
    pub program: &'a Path,
    /// Debian's: what Cargo says, a hyphen, and how often that was packed.
    pub version: &'a str,
    /// Compressed as far as it goes. For a trial that would take a minute.
    pub thorough: bool,
}

impl Server<'_> {
    /// Lays the package's files out in `stage`, and packs them into `out`.
    pub fn pack(&self, tools: &Toolbox, stage: &Path, out: &Path) -> Result<PathBuf> {
        if stage.exists() {
            fs::remove_dir_all(stage).with_context(|| format!("empty {}", stage.display()))?;
        }
        let epoch = epoch(tools)?;
        for (from, to, mode) in FILES {
            put(&root().join(from), &stage.join(to), *mode)?;
        }
        let program = stage.join("usr/sbin/qcert-server");
        put(self.program, &program, 0o755)?;
        let strip = ["--strip-unneeded", "--remove-section=.comment", "--remove-section=.note"];
        run_quietly(tools.command("strip").args(strip).arg(&program))?;
        let documentation = stage.join(DOCUMENTATION);
        write(&documentation.join("copyright"), &copyright()?)?;
        compressed(tools, &documentation.join("third-party.txt"), &third_party::notice(tools)?)?;
        compressed(tools, &documentation.join("changelog"), &read("CHANGELOG.md")?)?;
        compressed(tools, &documentation.join("changelog.Debian"), &self.changelog(tools, &epoch)?)?;
        compressed(tools, &stage.join("usr/share/man/man8/qcert-server.8"), &read("server/package/qcert-server.8")?)?;
        self.control(tools, stage)?;
        directories(stage)?;
        let package = out.join(format!("{NAME}_{}_{}.deb", self.version, architecture(tools)?));
        let mut dpkg = tools.command("dpkg-deb");
        // One thread: more of them would cut the data at other places on another machine.
        dpkg.args(["--root-owner-group", "--threads-max=1", "-Zxz", if self.thorough { "-z6" } else { "-z0" }]);
        run_quietly(dpkg.arg("--build").args([stage, &package]).env("SOURCE_DATE_EPOCH", &epoch))?;
        Ok(package)
    }

    /// What dpkg knows of the package.
    fn control(&self, tools: &Toolbox, stage: &Path) -> Result<()> {
        let (files, kibibytes) = contents(stage)?;
        let fields = read("server/package/control")?
            .replace("@VERSION@", self.version)
            .replace("@ARCHITECTURE@", &architecture(tools)?)
            .replace("@MAINTAINER@", &maintainer())
            .replace("@SIZE@", &kibibytes.to_string())
            .replace("@LIBRARIES@", &libraries(tools, stage)?);
        write(&stage.join("DEBIAN/control"), &fields)?;
        write(&stage.join("DEBIAN/conffiles"), "/etc/qcert/qcert.toml\n")?;
        let sums = run_quietly(
            tools.command("md5sum").current_dir(stage).args(files.iter().filter(|it| !it.starts_with("etc/"))),
        )?
        .stdout;
        write(&stage.join("DEBIAN/md5sums"), &String::from_utf8_lossy(&sums))
    }

    fn changelog(&self, tools: &Toolbox, epoch: &str) -> Result<String> {
        let date = run_quietly(tools.command("date").args(["--utc", "--rfc-email", "--date", &format!("@{epoch}")]))?;
        let (date, version) = (String::from_utf8_lossy(&date.stdout).trim().to_owned(), self.version);
        let maintainer = maintainer();
        Ok(format!(
            "{NAME} ({version}) unstable; urgency=medium\n\n  * See changelog.gz.\n\n -- {maintainer}  {date}\n"
        ))
    }
}

/// When the last commit was made; an archive of a clone has none, and is told by `SOURCE_DATE_EPOCH`.
fn epoch(tools: &Toolbox) -> Result<String> {
    if let Ok(told) = env::var("SOURCE_DATE_EPOCH") {
        return Ok(told);
    }
    let made = run_quietly(tools.command("git").args(["log", "-1", "--format=%ct"]));
    let made = made.context("ask for the last commit's time; without git, set SOURCE_DATE_EPOCH")?;
    Ok(String::from_utf8_lossy(&made.stdout).trim().to_owned())
}

/// Who answers for the package: whoever packs it, as Debian's tools are told.
fn maintainer() -> String {
    let told =
        |name: &str, other: &str| env::var(name).ok().filter(|it| !it.is_empty()).unwrap_or_else(|| other.into());
    format!("{} <{}>", told("DEBFULLNAME", "The Qcert developers"), told("DEBEMAIL", "qcert@localhost.localdomain"))
}

fn architecture(tools: &Toolbox) -> Result<String> {
    let printed = run_quietly(tools.command("dpkg").arg("--print-architecture"))?.stdout;
    Ok(String::from_utf8_lossy(&printed).trim().to_owned())
}

/// The packages whose libraries the program is linked with, in the versions whose symbols it uses.
fn libraries(tools: &Toolbox, stage: &Path) -> Result<String> {
    // dpkg-shlibdeps wants to stand in a source package.
    let source = stage.with_extension("source");
    write(&source.join("debian/control"), &format!("Source: {NAME}\n\nPackage: {NAME}\nArchitecture: any\n"))?;
    let mut shlibdeps = tools.command("dpkg-shlibdeps");
    shlibdeps.current_dir(&source).args(["-O", "-e"]).arg(stage.join("usr/sbin/qcert-server"));
    let printed = String::from_utf8_lossy(&run_quietly(&mut shlibdeps)?.stdout).into_owned();
    let depends = printed.lines().find_map(|line| line.strip_prefix("shlibs:Depends="));
    Ok(depends.context("dpkg-shlibdeps names no libraries")?.trim().to_owned())
}

/// The licence in the form that programs read (copyright-format 1.0).
fn copyright() -> Result<String> {
    let mit = read("LICENSE-MIT")?;
    let mut paragraphs = mit.trim().split("\n\n").skip(1);
    let holder =
        paragraphs.next().and_then(|line| line.strip_prefix("Copyright (c) ")).context("whose is LICENSE-MIT?")?;
    let terms: Vec<_> = paragraphs.map(|paragraph| format!(" {}\n", paragraph.replace('\n', "\n "))).collect();
    Ok(format!(
        "Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/\n\
         Upstream-Name: Qcert\n\
         Comment: What the program is linked with, and its licences, stands in third-party.txt.gz.\n\n\
         Files: *\nCopyright: {holder}\nLicense: Expat or Apache-2.0\n\n\
         License: Expat\n{}\n\
         License: Apache-2.0\n On Debian systems the text is in /usr/share/common-licenses/Apache-2.0.\n",
        terms.join(" .\n")
    ))
}

/// The paths of all files but those for dpkg itself, and what they take, as dpkg counts it.
fn contents(stage: &Path) -> Result<(Vec<String>, u64)> {
    let (mut files, mut kibibytes, mut waiting) = (Vec::new(), 0, vec![stage.to_path_buf()]);
    while let Some(directory) = waiting.pop() {
        kibibytes += 1;
        for entry in fs::read_dir(&directory).with_context(|| format!("list {}", directory.display()))? {
            let path = entry.context("list the package's files")?.path();
            let metadata = path.metadata().with_context(|| format!("look at {}", path.display()))?;
            let name = path.strip_prefix(stage).unwrap_or(&path).to_string_lossy().into_owned();
            match metadata.is_dir() {
                true if name == "DEBIAN" => {}
                true => waiting.push(path),
                false => {
                    kibibytes += metadata.len().div_ceil(1024);
                    files.push(name);
                }
            }
        }
    }
    files.sort();
    Ok((files, kibibytes))
}

fn read(name: &str) -> Result<String> {
    fs::read_to_string(root().join(name)).with_context(|| format!("read {name}"))
}

fn put(from: &Path, to: &Path, mode: u32) -> Result<()> {
    make_parent(to)?;
    fs::copy(from, to).with_context(|| format!("copy {} to {}", from.display(), to.display()))?;
    set_mode(to, mode)
}

fn write(to: &Path, text: &str) -> Result<()> {
    make_parent(to)?;
    fs::write(to, text).with_context(|| format!("write {}", to.display()))?;
    set_mode(to, 0o644)
}

/// A text as `<name>.gz`, without name and time inside.
fn compressed(tools: &Toolbox, to: &Path, text: &str) -> Result<()> {
    write(to, text)?;
    run_quietly(tools.command("gzip").args(["-9", "--no-name", "--force"]).arg(to)).map(drop)
}

fn make_parent(of: &Path) -> Result<()> {
    let parent = of.parent().unwrap_or(of);
    fs::create_dir_all(parent).with_context(|| format!("make {}", parent.display()))
}

fn set_mode(path: &Path, mode: u32) -> Result<()> {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).with_context(|| format!("chmod {}", path.display()))
}

/// Directories of a package can be entered by everybody, whatever the umask here is.
fn directories(stage: &Path) -> Result<()> {
    run_quietly(Command::new("find").arg(stage).args(["-type", "d", "-exec", "chmod", "0755", "{}", "+"])).map(drop)
}
