//! `cargo xtask package`: what an authority installs, and what its holders' workstations do, in `target/package`.

mod bill_of_materials;
mod deb;
mod extension_key;
mod host;
mod server;
mod third_party;
pub mod trial;
pub mod windows;
mod workstation;

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use clap::Args;

use self::extension_key::ExtensionKey;
use self::windows::Archive;
use self::workstation::Order;
use crate::repository::MODULE;
use crate::run::{run, run_quietly};
use crate::setup::{self, Need, Toolbox};
use crate::windows::TARGET;
use crate::{parts, repository, under_target};

#[derive(Args)]
pub struct Options {
    /// Makes what workstations of this portal install, in place of the server: the host as a Debian package, and the
    /// extension for the browsers' stores. The origin as in the address line: `https://ca.example`
    #[arg(long, value_name = "ORIGIN")]
    portal: Option<String>,
    /// The RSA key (PEM, PKCS#8) that names the extension in Chromium and its kin, and signs it. Without it one is made once,
    /// in target/package/extension-key.pem.
    #[arg(long, value_name = "FILE", requires = "portal")]
    extension_key: Option<PathBuf>,
    /// Where the extension's files will be published, for machines without the Debian package: ORIGIN/extension, if nothing is said.
    #[arg(long, value_name = "URL", requires = "portal")]
    extension_url: Option<String>,
    /// The id that a store has given to the extension; it may start the host, too. Can be given again.
    #[arg(long, value_name = "ID", requires = "portal")]
    store_id: Vec<String>,
    /// Packs the programs of target/debug as they are, and tries the packages: lintian, the service's exposure, installation,
    /// start, upgrade, removal, purge, in a copy of this machine that is thrown away. As root.
    #[arg(long = "try", conflicts_with = "portal")]
    try_it: bool,
}

pub fn run_package(options: &Options) -> Result<()> {
    if options.try_it {
        let tools = setup::prepare(trial::NEEDS)?;
        parts::build_page(&tools)?;
        parts::build_programs(&tools)?;
        return trial::try_packages(&tools);
    }
    let out = under_target("package");
    fs::create_dir_all(&out).with_context(|| format!("make {}", out.display()))?;
    match &options.portal {
        Some(origin) => package_workstation(options, origin, &out),
        None => package_server(&out),
    }
}

fn package_server(out: &Path) -> Result<()> {
    let tools = setup::prepare(&[Need::Packaging, Need::PageTools])?;
    parts::build_page(&tools)?;
    let program = build(&tools, "qcert-server", None)?;
    let package = server::server(&program, &version(), true).pack(&tools, &out.join("stage"), out, |_| Ok(()))?;
    write_sums(&tools, out, &[&package])?;
    println!("\n{}", package.display());
    Ok(())
}

fn package_workstation(options: &Options, origin: &str, out: &Path) -> Result<()> {
    check_ids(&options.store_id)?;
    // Refused before anything is built.
    qcert_extension::files(&repository::root().join("extension/src"), qcert_extension::Browser::Chromium, origin)?;
    let tools = setup::prepare(&[Need::Packaging, Need::Windows])?;
    let made_here = out.join("extension-key.pem");
    let key = match &options.extension_key {
        Some(file) => ExtensionKey::read(&tools, file)?,
        None if made_here.exists() => ExtensionKey::read(&tools, &made_here)?,
        None => ExtensionKey::make(&tools, &made_here)?,
    };
    let published = options.extension_url.clone().unwrap_or_else(|| format!("{origin}/extension"));
    let order = Order {
        origin,
        key: &key,
        store_ids: &options.store_id,
        published: published.trim_end_matches('/'),
        host: &build(&tools, "qcert-host", None)?,
        module: &build(&tools, "qcert-pkcs11", None)?,
        version: &version(),
        thorough: true,
    };
    let mut made = order.make(&tools, &out.join("stage"), out)?;
    made.files.push(for_windows(&tools, &order, &made.files, out)?);
    write_sums(&tools, out, &made.files.iter().map(PathBuf::as_path).collect::<Vec<_>>())?;
    let kept = options.extension_key.is_none().then_some(made_here.as_path());
    print!("\n{}", made.report(&order, kept));
    Ok(())
}

/// The archive for Windows; `made` has the extension's files.
fn for_windows(tools: &Toolbox, order: &Order<'_>, made: &[PathBuf], out: &Path) -> Result<PathBuf> {
    let xpi = made.iter().find(|file| file.extension().is_some_and(|it| it == "xpi"));
    let ids: Vec<_> = [order.key.id()].into_iter().chain(order.store_ids.iter().cloned()).collect();
    let archive = Archive {
        program: &build(tools, "qcert-host", Some(TARGET))?,
        origin: order.origin,
        ids: &ids,
        published: order.published,
        xpi: &xpi.and_then(|file| file.file_name()).context("there is no extension for Firefox")?.to_string_lossy(),
    };
    archive.pack(tools, &out.join("stage-windows"), out)
}

/// Those of Chromium's kin.
fn check_ids(ids: &[String]) -> Result<()> {
    let good = |id: &str| id.len() == 32 && id.bytes().all(|byte| (b'a'..=b'p').contains(&byte));
    ids.iter().try_for_each(|id| {
        ensure!(good(id), "a store's id is 32 letters from a to p: {id}");
        Ok(())
    })
}

/// Cargo's version, packed the first time.
fn version() -> String {
    format!("{}-1", env!("CARGO_PKG_VERSION"))
}

/// A program or module, optimised, and without the paths of the machine that built it; for this system, or another.
fn build(tools: &Toolbox, package: &str, other: Option<&str>) -> Result<PathBuf> {
    let places = [(repository::root(), "/usr/src/qcert"), (repository::cargo_home(), "/usr/src/cargo")];
    let shown = |option: &str, (place, name): &(PathBuf, &str)| format!("{option}={}={name}", place.display());
    let mut rust: Vec<_> = places.iter().map(|place| shown("--remap-path-prefix", place)).collect();
    if other == Some(TARGET) {
        // Else the linker writes the time into the program.
        rust.push("-Clink-arg=-Wl,--no-insert-timestamp".to_owned());
    }
    let c: Vec<_> = places.iter().map(|place| shown("-ffile-prefix-map", place)).collect();
    // A directory of its own: with other flags Cargo would build what the benchmarks measure again, and back.
    let target = under_target("package/build");
    let mut cargo = tools.cargo();
    cargo.args(["build", "--release", "--locked", "--package", package, "--target-dir"]).arg(&target);
    cargo.args(other.iter().flat_map(|other| ["--target", other]));
    run(cargo.env("CARGO_ENCODED_RUSTFLAGS", rust.join("\u{1f}")).env("CFLAGS", c.join(" ")))?;
    let program = match other {
        None if package == "qcert-pkcs11" => target.join("release").join(MODULE),
        None => target.join("release").join(package),
        Some(other) => target.join(other).join("release").join(package).with_extension("exe"),
    };
    let content = fs::read(&program).with_context(|| format!("read {}", program.display()))?;
    for (place, _) in &places {
        ensure!(
            !contains(&content, place),
            "{} stands in {package}, which would tell of this machine",
            place.display()
        );
    }
    Ok(program)
}

fn contains(content: &[u8], path: &Path) -> bool {
    let path = path.as_os_str().as_encoded_bytes();
    !path.is_empty() && content.windows(path.len()).any(|window| window == path)
}

fn write_sums(tools: &Toolbox, directory: &Path, files: &[&Path]) -> Result<()> {
    let names = files.iter().filter_map(|file| file.file_name());
    let sums = run_quietly(tools.command("sha256sum").current_dir(directory).args(names))?.stdout;
    let list = directory.join("SHA256SUMS");
    fs::write(&list, sums).with_context(|| format!("write {}", list.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_of_the_building_machine_is_found_in_a_program() {
        let here = Path::new("/home/somebody/qcert");
        assert!(contains(b"\x7fELF..panicked at /home/somebody/qcert/src/main.rs", here));
        assert!(!contains(b"\x7fELF..panicked at /usr/src/qcert/src/main.rs", here));
    }

    #[test]
    fn a_stores_id_is_32_letters_from_a_to_p() {
        assert!(check_ids(&["abcdefghijklmnopabcdefghijklmnop".to_owned()]).is_ok());
        for bad in ["", "abc", "abcdefghijklmnopabcdefghijklmnoq", "ABCDEFGHIJKLMNOPABCDEFGHIJKLMNOP"] {
            assert!(check_ids(&[bad.to_owned()]).is_err(), "{bad}");
        }
    }
}
