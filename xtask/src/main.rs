//! `cargo xtask …`: sets up what is missing, shows the demo, runs the tests, measures.
//!
//! Errors are only reported here, never handled: `anyhow` throughout.

mod bench;
mod demo;
mod fuzz;
mod macos;
mod package;
mod parts;
mod repository;
mod run;
mod setup;
mod stopwatch;
mod test;
#[cfg(test)]
mod tidiness;
mod torture;
mod windows;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Everything that a clone of Qcert needs beyond cargo. Each command installs what it needs and does not find:
/// Debian packages through apt-get (as root; otherwise it prints the line to run), other tools under
/// ~/.cache/qcert/tools.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Shows the product with a software token and invented people: CA, token, database, server, extension, browser.
    ///
    /// Everything it makes is under target/demo; a second run goes on where the first ended. Ctrl-C ends it.
    Demo(demo::Options),
    /// Runs formatting, lints, documentation, unit, crate, browser-side and whole-journey tests, in this order.
    Test(test::Options),
    /// Kills server processes under load, and then asks whether anything went wrong.
    Torture(torture::Options),
    /// Measures, and compares with a peer where there is one.
    Bench {
        #[command(subcommand)]
        subject: bench::Subject,
    },
    /// Tries the parsers with octets that nobody thought of; what makes one fail is kept under target/fuzz.
    Fuzz(fuzz::Options),
    /// Makes what an authority installs: the server with its page as a Debian package, in target/package.
    Package(package::Options),
    /// Installs whatever any of the other commands would install, and does nothing else.
    Setup,
}

fn main() -> ExitCode {
    let done = match Arguments::parse().task {
        Task::Demo(options) => demo::run_demo(&options),
        Task::Test(options) => test::run_everything(&options),
        Task::Torture(options) => torture::run_torture(&options),
        Task::Bench { subject } => bench::run_subject(&subject),
        Task::Fuzz(options) => fuzz::run_fuzz(&options),
        Task::Package(options) => package::run_package(&options),
        Task::Setup => setup::prepare(&setup::EVERYTHING).map(drop),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        // What failed, for a person; where in this program it was noticed helps nobody, whatever RUST_BACKTRACE says.
        Err(error) => {
            eprintln!("\nxtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Where a command leaves its files when nobody says otherwise.
fn under_target(name: &str) -> PathBuf {
    repository::target().join(name)
}
