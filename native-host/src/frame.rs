//! Frames of native messaging: 4 bytes of length in the machine's byte order, then JSON.

use std::io::{self, Read, Write};

use serde::Serialize;
use zeroize::Zeroize;

use crate::in_ram::SecretBytes;

/// What came through the pipe. A frame may carry a PIN, so its buffer is kept out of swap, and wiped when dropped.
pub enum Incoming {
    /// A whole frame.
    Frame(SecretBytes),
    /// A frame longer than the limit; its bytes were read and thrown away.
    TooLong,
    /// The other side closed the pipe, perhaps in the middle of a frame.
    End,
}

/// Reads one frame. The length is checked before anything is allocated.
///
/// # Errors
/// Those of the pipe; its end is [`Incoming::End`].
pub fn read(pipe: &mut impl Read, limit: usize) -> io::Result<Incoming> {
    let mut length = [0; 4];
    if !fill(pipe, &mut length)? {
        return Ok(Incoming::End);
    }
    let length = u32::from_ne_bytes(length) as usize;
    if length > limit {
        return Ok(if skip(pipe, length)? { Incoming::TooLong } else { Incoming::End });
    }
    let mut frame = SecretBytes::zeros(length);
    Ok(if fill(pipe, frame.buffer())? { Incoming::Frame(frame) } else { Incoming::End })
}

/// Reads one frame in which there is no secret. None at the end; and a frame that is longer than the limit is the end,
/// for nothing sensible would follow.
///
/// # Errors
/// Those of the pipe.
pub fn read_open(pipe: &mut impl Read, limit: usize) -> io::Result<Option<Vec<u8>>> {
    let mut length = [0; 4];
    if !fill(pipe, &mut length)? || u32::from_ne_bytes(length) as usize > limit {
        return Ok(None);
    }
    let mut frame = vec![0; u32::from_ne_bytes(length) as usize];
    Ok(fill(pipe, &mut frame)?.then_some(frame))
}

/// Writes one frame in a single call, so that frames of two threads cannot mix.
///
/// # Errors
/// Those of the pipe, and [`io::ErrorKind::InvalidData`] for a message that is too long to send.
pub fn write(pipe: &mut impl Write, message: &impl Serialize, limit: usize) -> io::Result<()> {
    let mut frame = vec![0; 4];
    serde_json::to_writer(&mut frame, message)?;
    let length = frame.len() - 4;
    if length > limit {
        return Err(io::ErrorKind::InvalidData.into());
    }
    let header = u32::try_from(length).map_err(|_| io::ErrorKind::InvalidData)?;
    frame[..4].copy_from_slice(&header.to_ne_bytes());
    pipe.write_all(&frame)?;
    pipe.flush()
}

/// Writes a frame's body as it is. It may be longer than the pipe's buffer and have a PIN in it, so it is not copied:
/// whoever writes to a pipe from two threads locks it.
///
/// # Errors
/// Those of the pipe.
pub fn write_raw(pipe: &mut impl Write, body: &[u8]) -> io::Result<()> {
    let length = u32::try_from(body.len()).map_err(|_| io::ErrorKind::InvalidData)?;
    pipe.write_all(&length.to_ne_bytes())?;
    pipe.write_all(body)?;
    pipe.flush()
}

/// Fills the buffer; false if the pipe ended before.
fn fill(pipe: &mut impl Read, buffer: &mut [u8]) -> io::Result<bool> {
    match pipe.read_exact(buffer) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(false),
        Err(error) => Err(error),
    }
}

/// Throws bytes away; false if the pipe ended before.
fn skip(pipe: &mut impl Read, mut length: usize) -> io::Result<bool> {
    let mut chunk = [0; 4096];
    while length > 0 {
        let part = length.min(chunk.len());
        if !fill(pipe, &mut chunk[..part])? {
            return Ok(false);
        }
        chunk.zeroize();
        length -= part;
    }
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn framed(body: &[u8]) -> Vec<u8> {
        [&(body.len() as u32).to_ne_bytes(), body].concat()
    }

    #[test]
    fn a_written_frame_is_read_back() {
        let mut pipe = Vec::new();
        write(&mut pipe, &serde_json::json!({"a": 1}), 100).unwrap();
        let Incoming::Frame(frame) = read(&mut pipe.as_slice(), 100).unwrap() else { panic!("no frame") };
        assert_eq!(&frame[..], br#"{"a":1}"#);
    }

    #[test]
    fn a_frame_of_exactly_the_limit_is_taken() {
        let pipe = framed(b"12345");
        assert!(matches!(read(&mut pipe.as_slice(), 5).unwrap(), Incoming::Frame(_)));
        assert_eq!(read_open(&mut pipe.as_slice(), 5).unwrap().unwrap(), b"12345");
        assert_eq!(read_open(&mut pipe.as_slice(), 4).unwrap(), None);
    }

    #[test]
    fn a_body_that_is_written_as_it_is_is_read_back() {
        let mut pipe = Vec::new();
        write_raw(&mut pipe, b"{}").unwrap();
        assert_eq!(read_open(&mut pipe.as_slice(), 2).unwrap().unwrap(), b"{}");
    }

    #[test]
    fn after_a_frame_that_is_too_long_the_next_one_is_read() {
        let pipe = [framed(&[b' '; 10_000]), framed(b"{}")].concat();
        let mut pipe = pipe.as_slice();
        assert!(matches!(read(&mut pipe, 9_999).unwrap(), Incoming::TooLong));
        assert!(matches!(read(&mut pipe, 9_999).unwrap(), Incoming::Frame(_)));
        assert!(matches!(read(&mut pipe, 9_999).unwrap(), Incoming::End));
    }

    #[test]
    fn a_claimed_length_of_four_gigabytes_allocates_nothing() {
        let pipe = u32::MAX.to_ne_bytes();
        assert!(matches!(read(&mut pipe.as_slice(), 100).unwrap(), Incoming::End));
    }

    #[test]
    fn half_a_frame_is_the_end() {
        for pipe in [&framed(b"12345")[..6], &framed(b"12345")[..2]] {
            assert!(matches!(read(&mut &pipe[..], 100).unwrap(), Incoming::End));
        }
    }

    #[test]
    fn a_message_longer_than_the_limit_is_not_sent() {
        let mut pipe = Vec::new();
        assert!(write(&mut pipe, &"x".repeat(100), 100).is_err());
        assert!(pipe.is_empty());
    }
}
