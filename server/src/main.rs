//! `qcert-server`.

use std::process::ExitCode;

use clap::Parser;
use qcert_server::command_line::{CommandLine, outcome, run};

#[tokio::main]
async fn main() -> ExitCode {
    let line = CommandLine::parse();
    match run(line).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let (words, code) = outcome(&error);
            eprintln!("qcert-server: {words}");
            ExitCode::from(code)
        }
    }
}
