//! Everything that can come through the browser's pipe, up to the modules, of which there are none: whatever it is, the
//! host says hello, answers each whole frame exactly once, and ends when the pipe does. What is unwrapped must hold: a
//! panic is a finding.

#![no_main]

use std::{
    io::{self, Write},
    sync::{Arc, Mutex},
};

use libfuzzer_sys::fuzz_target;
use qcert_host::{
    configuration::Configuration,
    log::Log,
    messaging::{Outbox, serve},
};
use serde_json::Value;

/// The browser's end.
#[derive(Clone, Default)]
struct Heard(Arc<Mutex<Vec<u8>>>);

impl Write for Heard {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        // Nobody panics while it is locked.
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The bodies of whole frames; half a frame at the end is none.
fn bodies(mut pipe: &[u8]) -> Vec<&[u8]> {
    let mut bodies = Vec::new();
    while let Some((length, rest)) = pipe.split_first_chunk()
        && let Some((body, rest)) = rest.split_at_checked(u32::from_ne_bytes(*length) as usize)
    {
        bodies.push(body);
        pipe = rest;
    }
    bodies
}

// A panic is how a target tells of a fault, so what must hold is unwrapped.
fuzz_target!(|pipe: &[u8]| {
    let configuration = Configuration::of("allowed_origins = ['o']\nmodules = []\n").unwrap();
    let heard = Heard::default();
    serve(&mut &pipe[..], &Arc::new(Outbox::over(heard.clone())), Some(configuration), &Arc::new(Log::off()));
    let heard = heard.0.lock().unwrap();
    let said: Vec<Value> = bodies(&heard).into_iter().map(|body| serde_json::from_slice(body).unwrap()).collect();
    assert_eq!(said[0]["event"], "hello");
    let answers = said.iter().filter(|said| said.get("event").is_none());
    let answered = answers.inspect(|said| {
        assert!(said["id"].as_str().unwrap().len() <= 64);
        assert!(said.get("result").is_some() != said.get("error").is_some());
    });
    assert_eq!(answered.count(), bodies(pipe).len());
});
