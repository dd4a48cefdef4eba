//! One cluster for all test processes of a run (`cargo nextest` starts one for each test). The first that needs it
//! starts it, together with a keeper that ends it when nobody has used it for a while, whatever became of the users:
//! each holds a lock that the system takes back from the dead.

use std::{
    env,
    fs::{self, DirBuilder, File},
    os::unix::{
        fs::{DirBuilderExt, MetadataExt},
        process::CommandExt,
    },
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::{Context, Result};

use crate::{
    arguments, log,
    programs::{Programs, run},
    url, wait_until_ready,
};

/// $1: the cluster's directory; $2: how often it looks, in seconds; the rest: PostgreSQL. The lock on `users` is
/// exclusive while nobody uses the cluster, and the one on `keeper` is its keeper's: a second keeper ends at once.
/// Whoever comes while the directory is removed finds it whole or not at all.
const KEEPER: &str = r#"
directory=$1; pause=$2; shift 2
exec 8>>"$directory/keeper"; flock --exclusive --nonblock 8 || exit 0
"$@" & postgres=$!
exec 9<"$directory/users"
while sleep "$pause"; do flock --exclusive --nonblock 9 && break; done
kill -QUIT "$postgres"; wait "$postgres"
mv -T "$directory" "$directory.ended.$$"
rm -rf "$directory.ended.$$"
"#;
/// How long nobody uses a cluster before it is ended, at least.
const IDLE_SECONDS: f32 = 10.0;

pub(crate) struct Shared {
    pub(crate) programs: Programs,
    pub(crate) directory: PathBuf,
    /// Held while we use the cluster.
    _users: File,
}

/// Uses the run's cluster; starts it if it is not there.
pub(crate) fn join() -> Result<Shared> {
    // The run's number cannot be guessed; without one the cluster is this process's.
    let run = env::var("NEXTEST_RUN_ID").unwrap_or_else(|_| std::process::id().to_string());
    join_at(env::temp_dir().join(format!("qcert-postgres-run-{run}")), IDLE_SECONDS)
}

fn join_at(directory: PathBuf, idle_seconds: f32) -> Result<Shared> {
    let programs = Programs::find()?;
    let path = directory.join("users");
    loop {
        // Whoever may enter it reaches the socket, and PostgreSQL trusts whoever does.
        let made = DirBuilder::new().mode(0o700).create(&directory);
        if let Err(error) = made
            && error.kind() != std::io::ErrorKind::AlreadyExists
        {
            return Err(error).with_context(|| format!("cannot make {}", directory.display()));
        }
        // Between these two steps the keeper may have removed the directory: then from the start.
        let Ok(users) = File::options().create(true).append(true).open(&path) else { continue };
        users.lock_shared()?;
        if !is_at(&users, &path)? {
            continue;
        }
        let shared = Shared { programs, directory, _users: users };
        start(&shared, idle_seconds)?;
        return Ok(shared);
    }
}

/// Is this the file that has this name now?
fn is_at(file: &File, path: &Path) -> Result<bool> {
    let ours = file.metadata()?;
    Ok(fs::metadata(path).is_ok_and(|there| (there.dev(), there.ino()) == (ours.dev(), ours.ino())))
}

/// Every step can be done again: whoever began may have been ended in the middle.
fn start(shared: &Shared, idle_seconds: f32) -> Result<()> {
    let directory = &shared.directory;
    let starting = File::options().create(true).append(true).open(directory.join("starting"))?;
    starting.lock()?;
    if directory.join("ready").exists() {
        return Ok(());
    }
    shared.programs.give(directory)?;
    shared.programs.initialise(directory)?;
    let log = log(directory)?;
    let postgres = shared.programs.command("postgres");
    let mut keeper = Command::new("/bin/sh");
    shared.programs.as_user(&mut keeper);
    keeper.args(["-c", KEEPER, "keeper"]).arg(directory).arg(idle_seconds.to_string());
    keeper.arg(postgres.get_program()).args(arguments(directory)).current_dir("/").process_group(0);
    // A group of its own: who ends the test that was first does not end the cluster for the others.
    keeper.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
    keeper.spawn().context("cannot start the cluster's keeper")?;
    wait_until_ready(directory)?;
    fs::write(directory.join("ready"), "")?;
    Ok(())
}

/// Makes the database that others are copied from, and has it filled, if it is not there as a whole.
pub(crate) async fn template(shared: &Shared, name: &str, fill: impl AsyncFnOnce(String) -> Result<()>) -> Result<()> {
    let filling = File::options().create(true).append(true).open(shared.directory.join(format!("filling.{name}")))?;
    filling.lock()?;
    let filled = shared.directory.join(format!("filled.{name}"));
    if filled.exists() {
        return Ok(());
    }
    run(&mut shared.programs.drop_database(&shared.directory, name))?;
    shared.programs.create_database(&shared.directory, name, None)?;
    fill(url(&shared.directory, name)).await?;
    // A database that somebody uses cannot be copied.
    shared.programs.close_database(&shared.directory, name)?;
    fs::write(filled, "").context("cannot say that a database is filled")
}

#[cfg(test)]
mod tests {
    use std::{os::unix::fs::PermissionsExt, thread, time::Duration};

    use tempfile::TempDir;

    use super::*;

    /// A directory as the one for temporary files: PostgreSQL's user makes and renames things there.
    fn above() -> TempDir {
        let above = tempfile::tempdir().unwrap();
        fs::set_permissions(above.path(), fs::Permissions::from_mode(0o777)).unwrap();
        above
    }

    fn wait_until_ended(directory: &Path) {
        while directory.exists() {
            thread::sleep(Duration::from_millis(5));
        }
    }

    fn create_a_database(directory: &Path, name: &str) {
        let shared = join_at(directory.to_owned(), 0.1).unwrap();
        shared.programs.create_database(directory, name, None).unwrap();
    }

    #[test]
    fn a_cluster_that_was_begun_by_somebody_who_was_ended_is_finished_by_the_next() {
        let above = above();
        let directory = above.path().join("run");
        let first = join_at(directory.clone(), 0.1).unwrap();
        // As if the first had been ended when PostgreSQL had started, and it had not yet said so.
        fs::remove_file(directory.join("ready")).unwrap();
        create_a_database(&directory, "one");
        drop(first);
        // Or in the middle of making the files.
        wait_until_ended(&directory);
        let remains = directory.join(format!("{}1", crate::programs::BEGUN));
        fs::create_dir_all(&remains).unwrap();
        fs::write(remains.join("PG_VERSION"), "").unwrap();
        create_a_database(&directory, "one");
    }

    #[test]
    fn whoever_comes_while_a_cluster_is_ended_gets_one_that_works() {
        let above = above();
        let directory = above.path().join("run");
        for round in 0..3 {
            // All at once, as the keeper finds nobody; some are late.
            let users: Vec<_> = (0..8)
                .map(|user| {
                    let directory = directory.clone();
                    thread::spawn(move || {
                        thread::sleep(Duration::from_millis(40 * user));
                        create_a_database(&directory, &format!("round{round}user{user}"));
                    })
                })
                .collect();
            users.into_iter().for_each(|user| user.join().unwrap());
        }
        wait_until_ended(&directory);
    }
}
