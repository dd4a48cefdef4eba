//! The least that a native messaging host can do: what comes goes back. A message with `"readers":N` comes back with a list
//! of so many, of the size that the real host's have. Compiled by itself, without the workspace.

use std::io::{Read, Result, Write, stdin, stdout};

const READER: &str = r#"{"name":"A reader whose name is as long as PKCS#11 lets it be, namely 64!","module":"readers"}"#;

fn main() -> Result<()> {
    let (mut input, mut output) = (stdin().lock(), stdout().lock());
    let mut length = [0; 4];
    while input.read_exact(&mut length).is_ok() {
        let mut message = vec![0; u32::from_ne_bytes(length) as usize];
        input.read_exact(&mut message)?;
        let answer = with_readers(message);
        output.write_all(&[&(answer.len() as u32).to_ne_bytes(), &answer[..]].concat())?;
        output.flush()?;
    }
    Ok(())
}

fn with_readers(mut message: Vec<u8>) -> Vec<u8> {
    let text = String::from_utf8_lossy(&message);
    let count = text.split_once(r#""readers":"#).and_then(|(_, rest)| rest.split(['}', ',']).next()?.parse().ok());
    if let Some(count) = count {
        let list = vec![READER; count].join(",");
        message.pop();
        message.extend_from_slice(format!(r#","list":[{list}]}}"#).as_bytes());
    }
    message
}
