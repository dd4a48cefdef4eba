//! `qcert-host`: started by a browser it speaks native messaging; started by a person it registers itself and helps.

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    let arguments: Vec<std::ffi::OsString> = std::env::args_os().collect();
    if qcert_host::messaging::started_by_browser(&arguments) {
        return qcert_host::messaging::run();
    }
    match qcert_host::command_line::CommandLine::parse().run() {
        Ok(code) => code,
        Err(error) => {
            eprintln!("qcert-host: {error:#}");
            ExitCode::FAILURE
        }
    }
}
