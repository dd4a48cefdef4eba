//! One cluster for all test processes of a run (`cargo nextest` starts one for each test). The first that needs it
//! starts it, together with a keeper that ends it when nobody has used it for a while, whatever became of the users:
//! each holds a lock that the system takes back from the dead.

use std::{
    env,
    fs::{self, File},
    os::unix::{fs::MetadataExt, process::CommandExt},
    path::PathBuf,
    process::{Command, Stdio},
};

use anyhow::{Context, Result};

use crate::{arguments, log, programs::Programs, wait_until_ready};

/// $1: the cluster's directory; the rest: PostgreSQL. The lock on `users` is exclusive while nobody uses the cluster.
const KEEPER: &str = r#"
directory=$1; shift
"$@" & postgres=$!
exec 9<"$directory/users"
while sleep 10; do flock --exclusive --nonblock 9 && break; done
kill -QUIT "$postgres"; wait "$postgres"
rm -rf "$directory"
"#;

pub(crate) struct Shared {
    pub(crate) programs: Programs,
    pub(crate) directory: PathBuf,
    /// Held while we use the cluster.
    _users: File,
}

/// Uses the run's cluster; starts it if it is not there.
pub(crate) fn join() -> Result<Shared> {
    let programs = Programs::find()?;
    // The run's number cannot be guessed; without one the cluster is this process's.
    let run = env::var("NEXTEST_RUN_ID").unwrap_or_else(|_| std::process::id().to_string());
    let directory = env::temp_dir().join(format!("qcert-postgres-run-{run}"));
    loop {
        if fs::create_dir(&directory).is_ok() {
            programs.give(&directory)?;
        }
        let path = directory.join("users");
        // Between these two steps the keeper may have removed the directory: then from the start.
        let Ok(users) = File::options().create(true).append(true).open(&path) else { continue };
        users.lock_shared()?;
        if users.metadata()?.nlink() == 0 {
            continue;
        }
        let shared = Shared { programs, directory, _users: users };
        start_once(&shared)?;
        return Ok(shared);
    }
}

fn start_once(shared: &Shared) -> Result<()> {
    let starting = File::options().create(true).append(true).open(shared.directory.join("starting"))?;
    starting.lock()?;
    if shared.directory.join("ready").exists() {
        return Ok(());
    }
    shared.programs.initialise(&shared.directory)?;
    let log = log(&shared.directory)?;
    let postgres = shared.programs.command("postgres");
    let mut keeper = Command::new("/bin/sh");
    shared.programs.as_user(&mut keeper);
    keeper.args(["-c", KEEPER, "keeper"]).arg(&shared.directory).arg(postgres.get_program());
    keeper.args(arguments(&shared.directory)).current_dir("/").process_group(0);
    // A group of its own: who ends the test that was first does not end the cluster for the others.
    keeper.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
    keeper.spawn().context("cannot start the cluster's keeper")?;
    wait_until_ready(&shared.directory)?;
    fs::write(shared.directory.join("ready"), "")?;
    Ok(())
}
