//! Tools of one exact version, per user.
//!
//! A tool is installed into a directory of its own beside its place and renamed when it is whole: an interrupted
//! installation is never taken for a finished one.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs, process};

use anyhow::{Context, Result, bail};

use super::path_with;
use crate::run::{run, run_quietly};
use crate::stopwatch::Stopwatch;

/// The directory with the programs of a crate, built if need be.
pub fn from_crate(name: &str, version: &str, options: &[&str], program: &str, duration: &str) -> Result<PathBuf> {
    let whole = place(name, version)?;
    if !whole.join("bin").join(program).is_file() {
        println!("Building {name} {version}, once per user (about {duration} on two cores)");
        install(&whole, |directory| {
            let mut command = Command::new("cargo");
            command.args(["install", "--debug", "--root"]).arg(directory).args(options);
            command.args([name, "--version", version]);
            // These tools wait for the compiler and the disk: a release build costs thrice the time and gains nothing.
            run(command.env("CARGO_PROFILE_DEV_DEBUG", "0").env_remove("CARGO_TARGET_DIR"))
        })?;
    }
    Ok(whole.join("bin"))
}

/// The directory with the library of a crate, which `cargo install` does not install: built from the registry's source by
/// the lock file that it has.
pub fn library(name: &str, version: &str, options: &[&str], library: &str, duration: &str) -> Result<PathBuf> {
    let whole = place(name, version)?;
    if !whole.join("bin").join(library).is_file() {
        println!("Building {name} {version}, once per user (about {duration} on two cores)");
        install(&whole, |directory| {
            let [wanting, sources, build] = ["wanting", "sources", "build"].map(|part| directory.join(part));
            wanting_package(&wanting, name, version)?;
            let mut vendor = Command::new("cargo");
            vendor.args(["vendor", "--quiet", "--manifest-path"]).arg(wanting.join("Cargo.toml"));
            run_quietly(vendor.arg(&sources))?;
            let mut command = Command::new("cargo");
            command.args(["build", "--locked"]).args(options).arg("--target-dir").arg(&build);
            command.arg("--manifest-path").arg(sources.join(name).join("Cargo.toml"));
            run(command.env("CARGO_PROFILE_DEV_DEBUG", "0"))?;
            keep_only(directory, &build.join("debug").join(library))
        })?;
    }
    Ok(whole.join("bin"))
}

/// A package that needs a crate: by it Cargo fetches the crate's source.
fn wanting_package(directory: &Path, name: &str, version: &str) -> Result<()> {
    let manifest = format!(
        "[package]\nname = \"wanting\"\nedition = \"2024\"\n\n[lib]\npath = \"lib.rs\"\n\n\
         [dependencies]\n{name} = {{ version = \"={version}\", default-features = false }}\n"
    );
    fs::create_dir_all(directory).with_context(|| format!("create {}", directory.display()))?;
    fs::write(directory.join("Cargo.toml"), manifest)
        .and_then(|()| fs::write(directory.join("lib.rs"), ""))
        .with_context(|| format!("write {}", directory.display()))
}

/// Puts a built file into `bin`, and removes everything else.
fn keep_only(directory: &Path, built: &Path) -> Result<()> {
    let bin = directory.join("bin");
    let kept = bin.join(built.file_name().unwrap_or_default());
    fs::create_dir_all(&bin).with_context(|| format!("create {}", bin.display()))?;
    fs::copy(built, kept).with_context(|| format!("copy {}", built.display()))?;
    for entry in fs::read_dir(directory).with_context(|| format!("list {}", directory.display()))? {
        let path = entry?.path();
        if path != bin {
            fs::remove_dir_all(&path).with_context(|| format!("remove {}", path.display()))?;
        }
    }
    Ok(())
}

/// The directory with a program of an npm package.
pub fn from_npm(name: &str, version: &str, program: &str, path: &[PathBuf]) -> Result<PathBuf> {
    let whole = place(name, version)?;
    let directory = whole.join(program).parent().map(Path::to_path_buf).unwrap_or_default();
    if !whole.join(program).is_file() {
        println!("Installing {name} {version}, once per user (less than a minute)");
        install(&whole, |directory| {
            let mut command = Command::new("npm");
            command.args(["install", "--no-audit", "--no-fund", "--loglevel=error", "--prefix"]).arg(directory);
            run(command.arg(format!("{name}@{version}")).env("PATH", path_with(path)?))
        })?;
    }
    Ok(directory)
}

/// The directory with programs of a package of PyPI: scripts that start its modules.
pub fn from_pypi(name: &str, version: &str, programs: &[(&str, &str)]) -> Result<PathBuf> {
    let whole = place(name, version)?;
    let directory = whole.join("programs");
    if !programs.iter().all(|(program, _)| directory.join(program).is_file()) {
        println!("Installing {name} {version}, once per user (less than a minute)");
        install(&whole, |unfinished| {
            run(Command::new("python3").args(["-m", "venv"]).arg(unfinished))?;
            let mut pip = Command::new(unfinished.join("bin/python"));
            pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check"]);
            run(pip.arg(format!("{name}=={version}")))?;
            programs.iter().try_for_each(|(program, module)| launcher(&unfinished.join("programs"), program, module))
        })?;
    }
    Ok(directory)
}

/// A package's own scripts name the directory in which they were installed; these find their way after it was renamed.
fn launcher(directory: &Path, program: &str, module: &str) -> Result<()> {
    let path = directory.join(program);
    let script = format!("#!/bin/sh\nexec \"$(dirname \"$0\")/../bin/python\" -m {module} \"$@\"\n");
    fs::create_dir_all(directory).with_context(|| format!("create {}", directory.display()))?;
    fs::write(&path, script).with_context(|| format!("write {}", path.display()))?;
    run(Command::new("chmod").arg("755").arg(&path))
}

fn install(whole: &Path, fill: impl FnOnce(&Path) -> Result<()>) -> Result<()> {
    let stopwatch = Stopwatch::start();
    let name = whole.file_name().unwrap_or_default().to_string_lossy();
    let unfinished = whole.with_file_name(format!(".{name}.{}", process::id()));
    fs::create_dir_all(&unfinished).with_context(|| format!("create {}", unfinished.display()))?;
    let filled = fill(&unfinished).and_then(|()| {
        if whole.exists() {
            fs::remove_dir_all(whole).with_context(|| format!("remove the incomplete {}", whole.display()))?;
        }
        fs::rename(&unfinished, whole).with_context(|| format!("rename to {}", whole.display()))
    });
    if filled.is_err() {
        // The error that matters is the installation's own.
        let _ = fs::remove_dir_all(&unfinished);
    }
    filled?;
    println!("Installed {name} in {stopwatch}");
    Ok(())
}

fn place(name: &str, version: &str) -> Result<PathBuf> {
    let cache = match (env::var_os("XDG_CACHE_HOME"), env::var_os("HOME")) {
        (Some(cache), _) if !cache.is_empty() => PathBuf::from(cache),
        (_, Some(home)) => PathBuf::from(home).join(".cache"),
        _ => bail!("neither XDG_CACHE_HOME nor HOME is set: nowhere to keep tools"),
    };
    Ok(cache.join("qcert/tools").join(format!("{name}-{version}")))
}
