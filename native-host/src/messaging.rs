//! Native messaging: started by the browser, the host says hello, answers requests until the browser goes away, and
//! leaves no half-made key pair behind.
//!
//! Of PKCS#11 there is nothing in this process: each module has a worker. This thread reads frames, and so can always
//! take a cancellation; another one keeps the list of what is plugged in; others wait for workers.

mod desk;
mod outbox;
mod passing_on;

use std::{ffi::OsString, io::Read, path::Path, process::ExitCode, sync::Arc};

use qcert_protocol::{
    ErrorCode, PROTOCOL_MINOR, PROTOCOL_VERSION,
    workstation::{Command, Event, Failure, MAX_MESSAGE_TO_HOST, MAX_REQUEST_ID, Request},
};
use serde::Deserialize;

use crate::{
    configuration::Configuration,
    confinement::confine,
    frame::{self, Incoming},
    in_ram::{self, SecretBytes},
    log::Log,
    streams,
};

pub use outbox::Outbox;

/// Do the arguments look like a browser's? Chromium gives `chrome-extension://ID/`; Firefox the path of the manifest
/// and the extension's id.
pub fn started_by_browser(arguments: &[OsString]) -> bool {
    let text = |i: usize| arguments.get(i).and_then(|argument| argument.to_str());
    match (text(1), text(2)) {
        (Some(origin), _) if origin.starts_with("chrome-extension://") => true,
        (Some(manifest), Some(_)) => Path::new(manifest).is_absolute() && manifest.ends_with(".json"),
        _ => false,
    }
}

/// Serves the browser that started this process.
pub fn run() -> ExitCode {
    let kept = confine();
    let configuration = Configuration::load();
    let level = configuration.as_ref().map(|configuration| configuration.log).unwrap_or_default();
    let log = Arc::new(Log::of_person(level));
    log.info(concat!("started, version ", env!("CARGO_PKG_VERSION")));
    for what in kept {
        log.error(format_args!("not given up: {what}"));
    }
    let configuration = configuration.map_err(|error| {
        eprintln!("qcert-host: {error:#}");
        log.error(format_args!("configuration: {error:#}"));
    });
    match streams::take_stdin().and_then(|pipe| Ok((pipe, Outbox::over(streams::take_stdout()?)))) {
        Ok((mut pipe, outbox)) => {
            serve(&mut pipe, &Arc::new(outbox), configuration.ok(), &log);
            log.info("ended");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("qcert-host: no way to speak: {error}");
            log.error(format_args!("no way to speak: {error}"));
            ExitCode::FAILURE
        }
    }
}

/// Says hello and answers frames until there are no more, each once; without a configuration with that error.
pub fn serve(pipe: &mut impl Read, outbox: &Arc<Outbox>, configuration: Option<Configuration>, log: &Arc<Log>) {
    outbox.send(&Event::Hello {
        protocol_version: PROTOCOL_VERSION,
        protocol_minor: PROTOCOL_MINOR,
        host_version: env!("CARGO_PKG_VERSION").to_owned(),
    });
    let mut desk = configuration.map(|configuration| desk::Desk::open(configuration, outbox.clone(), log.clone()));
    loop {
        let taken = match frame::read(pipe, MAX_MESSAGE_TO_HOST) {
            Ok(Incoming::Frame(frame)) => take(frame, desk.as_mut()),
            Ok(Incoming::TooLong) => Err((String::new(), ErrorCode::FrameTooLarge.into())),
            Ok(Incoming::End) | Err(_) => break,
        };
        if let Err((id, failure)) = taken {
            log.error(format_args!("a frame was refused: {}", failure.code.as_str()));
            outbox.fail(&id, failure);
        }
        if in_ram::refused() {
            log.error("memory cannot be locked (RLIMIT_MEMLOCK): a PIN may be written to swap");
        }
    }
    if let Some(desk) = desk {
        desk.close();
    }
}

/// Understands one frame and hands it on. The origin comes before everything that it asks.
fn take(frame: SecretBytes, desk: Option<&mut desk::Desk>) -> Result<(), (String, Failure)> {
    let request: Request<'_> = serde_json::from_slice(&frame).map_err(|_| malformed(&frame))?;
    if !good_id(&request.id) {
        return Err((String::new(), ErrorCode::FrameMalformed.into()));
    }
    let Some(desk) = desk else {
        return Err((request.id, ErrorCode::HostConfigurationInvalid.into()));
    };
    if !desk.allows(&request.origin) {
        return Err((request.id, ErrorCode::OriginRefused.into()));
    }
    match Command::parse(&request.command, request.params) {
        Ok(command) => {
            // Strict as its reading was, its parts are the worker's: the PIN is wiped here and passed on in the frame.
            let (id, authorized) = (request.id, request.authorization.is_some());
            desk.take(id, command, authorized, frame)
        }
        Err(code) => Err((request.id, code.into())),
    }
}

fn good_id(id: &str) -> bool {
    (1..=MAX_REQUEST_ID).contains(&id.len())
}

/// The answer to a frame that is not a request, under its `id` if that can be read.
fn malformed(frame: &[u8]) -> (String, Failure) {
    #[derive(Deserialize)]
    struct Identified {
        id: String,
    }
    let id = serde_json::from_slice::<Identified>(frame).map(|identified| identified.id).unwrap_or_default();
    (if good_id(&id) { id } else { String::new() }, ErrorCode::FrameMalformed.into())
}

#[cfg(test)]
mod tests {
    use std::{
        io::{self, Write},
        sync::Mutex,
    };

    use serde_json::json;

    use super::*;

    fn started(arguments: &[&str]) -> bool {
        started_by_browser(&arguments.iter().map(OsString::from).collect::<Vec<_>>())
    }

    #[test]
    fn browsers_are_known_by_their_arguments() {
        assert!(started(&["qcert-host", "chrome-extension://janafhkdmnhiphgcpjmeohjibkidkkib/"]));
        let manifest = std::env::temp_dir().join("ru.qcert.host.json");
        assert!(started(&["qcert-host", manifest.to_str().unwrap(), "portal@qcert.ru"]));
        assert!(!started(&["qcert-host", "doctor", "--json"]));
        assert!(!started(&["qcert-host"]));
    }

    /// The browser's end of the pipe.
    #[derive(Clone, Default)]
    struct Heard(Arc<Mutex<Vec<u8>>>);

    impl Write for Heard {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn what_was_asked_just_before_the_pipe_ended_is_answered() {
        let configuration = Configuration::of("allowed_origins = ['o']\nmodules = []\n").unwrap();
        let mut pipe = Vec::new();
        for id in 0..30 {
            let request =
                json!({"id": id.to_string(), "origin": "o", "command": "tokenDetails", "params": {"token": "t"}});
            frame::write(&mut pipe, &request, MAX_MESSAGE_TO_HOST).unwrap();
        }
        for _ in 0..50 {
            let heard = Heard::default();
            let outbox = Arc::new(Outbox::over(heard.clone()));
            serve(&mut pipe.as_slice(), &outbox, Some(configuration.clone()), &Arc::new(Log::off()));
            let heard = heard.0.lock().unwrap().clone();
            let mut heard = heard.as_slice();
            let frames = std::iter::from_fn(|| frame::read_open(&mut heard, usize::MAX).unwrap()).count();
            assert_eq!(frames, 1 + 30, "the greeting and the answers");
        }
    }

    #[test]
    fn a_frame_with_an_unknown_field_is_answered_under_its_id() {
        let (id, failure) = malformed(br#"{"id":"7","origin":"","command":"","more":1}"#);
        assert_eq!((id.as_str(), failure.code), ("7", ErrorCode::FrameMalformed));
        let long = format!(r#"{{"id":"{}"}}"#, "7".repeat(65));
        assert_eq!(malformed(long.as_bytes()).0, "");
        assert_eq!(malformed(b"no JSON").0, "");
    }
}
