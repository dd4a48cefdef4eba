//! `qcert-server`.

use std::process::ExitCode;

use clap::Parser;
use qcert_server::command_line::{CommandLine, outcome, run};
use tracing_subscriber::EnvFilter;

#[tokio::main]
async fn main() -> ExitCode {
    let line = CommandLine::parse();
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    let terminal = std::io::IsTerminal::is_terminal(&std::io::stderr());
    tracing_subscriber::fmt().with_writer(std::io::stderr).with_ansi(terminal).with_env_filter(filter).init();
    match run(line).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let (words, code) = outcome(&error);
            eprintln!("qcert-server: {words}");
            ExitCode::from(code)
        }
    }
}
