//! The programs under test and those that help to test them.

use std::{
    env,
    fs::{self, File},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::Duration,
};

use anyhow::{Context, Result, bail, ensure};

/// The clone's root.
pub fn repository() -> &'static Path {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR"));
    tests.parent().unwrap_or(tests)
}

/// A program or library of this workspace, from the same target directory as the running one.
///
/// # Errors
/// It was not built; the text says how to do it.
pub fn built(file: &str, package: &str) -> Result<PathBuf> {
    let running = env::current_exe().context("ask for the path of this program")?;
    // A test lies in target/<profile>/deps, a program in target/<profile>.
    let found = running.ancestors().skip(1).take(2).map(|directory| directory.join(file)).find(|path| path.exists());
    found.with_context(|| format!("{file} is not built beside this program; `cargo build -p {package}` builds it"))
}

/// The built page.
///
/// # Errors
/// It was not built.
pub fn page() -> Result<PathBuf> {
    let dist = repository().join("frontend/dist");
    ensure!(dist.join("index.html").exists(), "the page is not built; `trunk build --release` in frontend/ builds it");
    Ok(dist)
}

/// Runs a program to its end, and returns what it printed.
///
/// # Errors
/// It cannot be started or fails; the text has its last words.
pub fn run(command: &mut Command) -> Result<Vec<u8>> {
    let program = command.get_program().to_string_lossy().into_owned();
    let output = command.stdin(Stdio::null()).output().with_context(|| format!("start {program}"))?;
    let told = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{program}: {}\n{told}{}", output.status, String::from_utf8_lossy(&output.stdout));
    Ok(output.stdout)
}

/// Copies a directory with everything in it.
///
/// # Errors
/// Something cannot be read or written.
pub fn copy_directory(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to).with_context(|| format!("make {}", to.display()))?;
    for entry in fs::read_dir(from).with_context(|| format!("list {}", from.display()))? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy_directory(&entry.path(), &target)?;
        } else {
            fs::copy(entry.path(), &target).with_context(|| format!("copy {}", entry.path().display()))?;
        }
    }
    Ok(())
}

/// A program that runs beside a test and ends with it. It stays in the test's process group, so that a runner that
/// ends the test ends it too.
pub struct Daemon {
    child: Child,
    log: PathBuf,
}

impl Daemon {
    /// Starts a program whose output goes to a file.
    ///
    /// # Errors
    /// It cannot be started.
    pub fn start(command: &mut Command, log: PathBuf) -> Result<Self> {
        let file = File::create(&log).with_context(|| format!("create {}", log.display()))?;
        let program = command.get_program().to_string_lossy().into_owned();
        command.stdin(Stdio::null()).stderr(file.try_clone()?).stdout(file);
        Ok(Self { child: command.spawn().with_context(|| format!("start {program}"))?, log })
    }

    /// Its process id.
    pub fn process(&self) -> u32 {
        self.child.id()
    }

    /// What it has printed.
    pub fn printed(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// Waits until something can be told of it, ten seconds at most.
    ///
    /// # Errors
    /// It ended, or nothing could be told in time; the text has what it printed.
    pub fn wait_for<T>(&mut self, what: &str, mut look: impl FnMut(&Self) -> Option<T>) -> Result<T> {
        for _ in 0..500 {
            if let Some(found) = look(self) {
                return Ok(found);
            }
            if let Some(status) = self.child.try_wait().context("look at a program")? {
                bail!("waiting for {what}: the program ended, {status}\n{}", self.printed());
            }
            thread::sleep(Duration::from_millis(20));
        }
        bail!("waiting for {what}: in vain\n{}", self.printed())
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        // It may have ended by itself, which is as good.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
