//! A Debian package. The same programs and the same commit make the same bytes: times are the last commit's, order
//! and modes are fixed, nobody's name or machine is in it.
//!
//! dpkg-deb alone, without debhelper or cargo-deb: what lies where can be read in `server` and `host`, and the maintainer's
//! scripts in `server/package` are the ones that run.

use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

use anyhow::{Context, Result};

use super::third_party::{self, Part};
use crate::repository::root;
use crate::run::run_quietly;
use crate::setup::Toolbox;

/// What one package is. Its descriptions lie in the clone beside each other: `control`, and what `files` names.
pub struct Deb<'a> {
    pub name: &'static str,
    /// Where its descriptions are in the clone.
    pub descriptions: &'static str,
    /// Programs and libraries, and where they go: `usr/bin/…`.
    pub built: Vec<(&'a Path, String)>,
    /// From the clone into the package, with the mode that it has there.
    pub files: &'static [(&'static str, &'static str, u32)],
    /// The manual's page in the clone, whose name ends with its section.
    pub manual: &'static str,
    /// The administrator's file, which an upgrade keeps.
    pub settings: &'static str,
    /// What others have made and is in it.
    pub parts: &'static [Part],
    /// Debian's: what Cargo says, a hyphen, and how often that was packed.
    pub version: &'a str,
    /// Compressed as far as it goes. For a trial that would take a minute.
    pub thorough: bool,
}

impl Deb<'_> {
    /// Lays the package's files out in `stage`, has `more` add what is made for this package alone, and packs all into
    /// `out`.
    pub fn pack(
        &self,
        tools: &Toolbox,
        stage: &Path,
        out: &Path,
        more: impl FnOnce(&Path) -> Result<()>,
    ) -> Result<PathBuf> {
        if stage.exists() {
            fs::remove_dir_all(stage).with_context(|| format!("empty {}", stage.display()))?;
        }
        let epoch = epoch(tools)?;
        for (from, to, mode) in self.files {
            put(&root().join(from), &stage.join(to), *mode)?;
        }
        for (from, to) in &self.built {
            let to = stage.join(to);
            // Debian's policy, §10.2: a library is not to be executed.
            put(from, &to, if to.extension().is_some_and(|it| it == "so") { 0o644 } else { 0o755 })?;
            let strip = ["--strip-unneeded", "--remove-section=.comment", "--remove-section=.note"];
            run_quietly(tools.command("strip").args(strip).arg(&to))?;
        }
        self.documentation(tools, stage, &epoch)?;
        more(stage)?;
        self.control(tools, stage)?;
        directories(stage)?;
        let package = out.join(format!("{}_{}_{}.deb", self.name, self.version, architecture(tools)?));
        let mut dpkg = tools.command("dpkg-deb");
        // One thread: more of them would cut the data at other places on another machine.
        dpkg.args(["--root-owner-group", "--threads-max=1", "-Zxz", if self.thorough { "-z6" } else { "-z0" }]);
        run_quietly(dpkg.arg("--build").args([stage, &package]).env("SOURCE_DATE_EPOCH", &epoch))?;
        Ok(package)
    }

    fn documentation(&self, tools: &Toolbox, stage: &Path, epoch: &str) -> Result<()> {
        let documentation = stage.join("usr/share/doc").join(self.name);
        write(&documentation.join("copyright"), copyright()?)?;
        compressed(tools, &documentation.join("third-party.txt"), &third_party::notice(tools, self.name, self.parts)?)?;
        compressed(tools, &documentation.join("changelog"), &read("CHANGELOG.md")?)?;
        compressed(tools, &documentation.join("changelog.Debian"), &self.changelog(tools, epoch)?)?;
        let (name, section) = self.manual.rsplit_once('.').context("a manual page has a section")?;
        let name = name.rsplit('/').next().unwrap_or(name);
        let page = format!("usr/share/man/man{section}/{name}.{section}");
        compressed(tools, &stage.join(page), &read(self.manual)?)
    }

    /// What dpkg knows of the package.
    fn control(&self, tools: &Toolbox, stage: &Path) -> Result<()> {
        let (files, kibibytes) = contents(stage)?;
        let fields = read(&format!("{}/control", self.descriptions))?
            .replace("@VERSION@", self.version)
            .replace("@ARCHITECTURE@", &architecture(tools)?)
            .replace("@MAINTAINER@", &maintainer())
            .replace("@SIZE@", &kibibytes.to_string())
            .replace("@LIBRARIES@", &self.libraries(tools, stage)?);
        write(&stage.join("DEBIAN/control"), fields)?;
        write(&stage.join("DEBIAN/conffiles"), format!("/{}\n", self.settings))?;
        let sums = run_quietly(
            tools.command("md5sum").current_dir(stage).args(files.iter().filter(|it| !it.starts_with("etc/"))),
        )?
        .stdout;
        write(&stage.join("DEBIAN/md5sums"), sums)
    }

    fn changelog(&self, tools: &Toolbox, epoch: &str) -> Result<String> {
        let date = run_quietly(tools.command("date").args(["--utc", "--rfc-email", "--date", &format!("@{epoch}")]))?;
        let (date, name, version) = (String::from_utf8_lossy(&date.stdout).trim().to_owned(), self.name, self.version);
        let maintainer = maintainer();
        Ok(format!(
            "{name} ({version}) unstable; urgency=medium\n\n  * See changelog.gz.\n\n -- {maintainer}  {date}\n"
        ))
    }

    /// The packages whose libraries it is linked with, in the versions whose symbols are used.
    fn libraries(&self, tools: &Toolbox, stage: &Path) -> Result<String> {
        // dpkg-shlibdeps wants to stand in a source package.
        let (source, name) = (stage.with_extension("source"), self.name);
        write(&source.join("debian/control"), format!("Source: {name}\n\nPackage: {name}\nArchitecture: any\n"))?;
        let mut shlibdeps = tools.command("dpkg-shlibdeps");
        shlibdeps.current_dir(&source).arg("-O").args(self.built.iter().map(|(_, to)| stage.join(to)));
        let printed = String::from_utf8_lossy(&run_quietly(&mut shlibdeps)?.stdout).into_owned();
        let depends = printed.lines().find_map(|line| line.strip_prefix("shlibs:Depends="));
        Ok(depends.context("dpkg-shlibdeps names no libraries")?.trim().to_owned())
    }
}

/// When the last commit was made; an archive of a clone has none, and is told by `SOURCE_DATE_EPOCH`.
pub fn epoch(tools: &Toolbox) -> Result<String> {
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

/// The paths of all files but those for dpkg itself, and what they take with the links, as dpkg counts it.
fn contents(stage: &Path) -> Result<(Vec<String>, u64)> {
    let (mut files, mut kibibytes, mut waiting) = (Vec::new(), 0, vec![stage.to_path_buf()]);
    while let Some(directory) = waiting.pop() {
        kibibytes += 1;
        for entry in fs::read_dir(&directory).with_context(|| format!("list {}", directory.display()))? {
            let path = entry.context("list the package's files")?.path();
            let metadata = path.symlink_metadata().with_context(|| format!("look at {}", path.display()))?;
            let name = path.strip_prefix(stage).unwrap_or(&path).to_string_lossy().into_owned();
            match metadata.is_dir() {
                true if name == "DEBIAN" => {}
                true => waiting.push(path),
                false if metadata.is_symlink() => kibibytes += 1,
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

pub fn read(name: &str) -> Result<String> {
    fs::read_to_string(root().join(name)).with_context(|| format!("read {name}"))
}

pub fn put(from: &Path, to: &Path, mode: u32) -> Result<()> {
    make_parent(to)?;
    fs::copy(from, to).with_context(|| format!("copy {} to {}", from.display(), to.display()))?;
    set_mode(to, mode)
}

pub fn write(to: &Path, content: impl AsRef<[u8]>) -> Result<()> {
    make_parent(to)?;
    fs::write(to, content).with_context(|| format!("write {}", to.display()))?;
    set_mode(to, 0o644)
}

/// A link in the package to a file that it installs, both from the root.
pub fn link(stage: &Path, from: &str, to: &str) -> Result<()> {
    let path = stage.join(from);
    make_parent(&path)?;
    symlink(target(from, to), &path).with_context(|| format!("link {}", path.display()))
}

/// Debian's policy, §10.5: relative within a directory of the root, absolute from one to another.
fn target(from: &str, to: &str) -> String {
    let (from, to): (Vec<_>, Vec<_>) = (from.split('/').collect(), to.split('/').collect());
    let common = from.iter().zip(&to).take_while(|(from, to)| from == to).count();
    if common == 0 {
        return format!("/{}", to.join("/"));
    }
    format!("{}{}", "../".repeat(from.len() - 1 - common), to[common..].join("/"))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_is_relative_where_debian_wants_it() {
        assert_eq!(target("etc/x/a.json", "usr/share/q/b.json"), "/usr/share/q/b.json");
        assert_eq!(target("usr/lib/x/y/a.json", "usr/share/q/b.json"), "../../../share/q/b.json");
        assert_eq!(target("usr/share/x/a.json", "usr/share/q/b.json"), "../q/b.json");
    }
}
