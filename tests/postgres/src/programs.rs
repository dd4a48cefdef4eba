//! PostgreSQL's programs, and the user that they run as.

use std::{
    fs, io,
    os::unix::{
        fs::{MetadataExt, chown},
        process::CommandExt,
    },
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, ensure};

/// Where Debian has them, one directory for each version.
const DEBIAN: &str = "/usr/lib/postgresql";

/// How the name of files begins that are being made.
pub(crate) const BEGUN: &str = "data.begun.";

pub(crate) struct Programs {
    directory: PathBuf,
    /// User and group to run as; `None`: as we are.
    user: Option<(u32, u32)>,
}

impl Programs {
    /// The newest version that is installed.
    pub(crate) fn find() -> Result<Self> {
        let versions = fs::read_dir(DEBIAN).into_iter().flatten().flatten();
        let debian = versions
            .filter_map(|entry| Some((entry.file_name().to_str()?.parse::<u32>().ok()?, entry.path().join("bin"))))
            .filter(|(_, programs)| programs.join("postgres").exists())
            .max();
        let on_path = || {
            let path = std::env::var_os("PATH")?;
            std::env::split_paths(&path).find(|directory| directory.join("postgres").exists())
        };
        let directory = debian.map(|(_, directory)| directory).or_else(on_path);
        let directory = directory.context("PostgreSQL is not installed (Debian's package postgresql)")?;
        // Our own directory under /proc is ours.
        let we_are_root = fs::metadata("/proc/self").context("who are we?")?.uid() == 0;
        let user = if we_are_root { Some(ordinary_user()?) } else { None };
        Ok(Self { directory, user })
    }

    /// A program, to be run as the ordinary user.
    pub(crate) fn command(&self, program: &str) -> Command {
        let mut command = Command::new(self.directory.join(program));
        self.as_user(&mut command);
        // Somebody's PGHOST or PGDATA is not meant for us.
        for (name, _) in std::env::vars_os() {
            if name.to_str().is_some_and(|name| name.starts_with("PG")) {
                command.env_remove(name);
            }
        }
        command.env("LC_ALL", "C").current_dir("/");
        command
    }

    pub(crate) fn as_user(&self, command: &mut Command) {
        if let Some((user, group)) = self.user {
            command.uid(user).gid(group);
        }
    }

    /// Makes the ordinary user the owner.
    pub(crate) fn give(&self, path: &Path) -> io::Result<()> {
        self.user.map_or(Ok(()), |(user, group)| chown(path, Some(user), Some(group)))
    }

    /// Makes the files of a cluster, if they are not there. They get their name when all are made: what is left of an
    /// attempt that was ended in the middle is in nobody's way.
    pub(crate) fn initialise(&self, directory: &Path) -> Result<()> {
        let data = directory.join("data");
        if data.exists() {
            return Ok(());
        }
        let begun = directory.join(format!("{BEGUN}{}", std::process::id()));
        let _ = fs::remove_dir_all(&begun);
        let mut initdb = self.command("initdb");
        // Only who may enter the directory reaches the socket. What is lost with the machine's power before the first
        // start was never a test's.
        initdb.args(["--auth=trust", "--username=qcert", "--encoding=UTF8", "--no-locale", "--no-sync", "-D"]);
        run(initdb.arg(&begun))?;
        fs::rename(&begun, &data).context("cannot name the cluster's files")
    }

    pub(crate) fn create_database(&self, directory: &Path, name: &str, template: Option<&str>) -> Result<()> {
        let mut createdb = self.command("createdb");
        createdb.arg("--host").arg(directory).args(["--username", "qcert"]);
        run(createdb.args(template.map(|template| format!("--template={template}"))).arg(name))
    }

    /// Lets nobody use a database any more; it can still be copied.
    pub(crate) fn close_database(&self, directory: &Path, name: &str) -> Result<()> {
        let mut psql = self.command("psql");
        psql.arg("--host").arg(directory).args([
            "--username",
            "qcert",
            "--dbname",
            "postgres",
            "--quiet",
            "--no-psqlrc",
        ]);
        let close = format!("ALTER DATABASE {name} WITH ALLOW_CONNECTIONS false");
        let cut = format!("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'");
        run(psql.args(["--command", &close, "--command", &cut]))
    }

    /// The program that removes a database, whoever uses it.
    pub(crate) fn drop_database(&self, directory: &Path, name: &str) -> Command {
        let mut dropdb = self.command("dropdb");
        dropdb.args(["--force", "--if-exists", "--host"]).arg(directory).args(["--username", "qcert", name]);
        dropdb
    }
}

fn ordinary_user() -> Result<(u32, u32)> {
    let users = fs::read_to_string("/etc/passwd").context("cannot read the list of users")?;
    let of = |name: &str| {
        let line = users.lines().find(|line| line.split(':').next() == Some(name))?;
        let mut numbers = line.split(':').skip(2);
        Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
    };
    of("postgres").or_else(|| of("nobody")).context("PostgreSQL does not run as root, and there is no ordinary user")
}

pub(crate) fn run(command: &mut Command) -> Result<()> {
    let output = command.output().with_context(|| format!("cannot run {command:?}"))?;
    ensure!(output.status.success(), "{command:?} failed:\n{}", String::from_utf8_lossy(&output.stderr));
    Ok(())
}
