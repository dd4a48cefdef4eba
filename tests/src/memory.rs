//! The memory of a process that runs, for tests that look for a secret there.

use std::{
    fs::{self, File},
    io::{self, BufRead},
    os::unix::fs::FileExt,
};

/// How much is read at once.
const CHUNK: usize = 4 << 20;

/// The smallest part of memory that can be read or not.
const PAGE: u64 = 4096;

/// Is this text in a process's memory now, as UTF-8 or, as browsers keep some of it, as UTF-16? What is mapped from a file
/// and cannot be written is the file's and not looked at.
///
/// # Errors
/// The process has ended, or only root may read it.
pub fn remembers(process: u32, text: &str) -> io::Result<bool> {
    let memory = File::open(format!("/proc/{process}/mem"))?;
    let utf16: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let wanted = [text.as_bytes(), &utf16];
    let maps = fs::read_to_string(format!("/proc/{process}/maps"))?;
    Ok(maps.lines().filter_map(region).any(|(from, to)| region_holds(&memory, from, to, wanted)))
}

/// Addresses of a line of maps that may have something of the process's own (proc_pid_maps(5)).
fn region(line: &str) -> Option<(u64, u64)> {
    let mut words = line.split_whitespace();
    let (from, to) = words.next()?.split_once('-')?;
    let rights = words.next()?;
    let file = words.nth(3).filter(|name| name.starts_with('/'));
    let own = rights.starts_with("rw") || rights.starts_with('r') && file.is_none();
    let address = |text| u64::from_str_radix(text, 16).ok();
    if own { Some((address(from)?, address(to)?)) } else { None }
}

fn region_holds(memory: &File, from: u64, to: u64, wanted: [&[u8]; 2]) -> bool {
    let longest = wanted.map(<[u8]>::len).into_iter().max().unwrap_or(0);
    let mut chunk = vec![0; CHUNK];
    // What is kept of the chunk before, so that nothing is cut in two.
    let mut kept = 0;
    let mut at = from;
    while at < to {
        let room = usize::try_from(to - at).map_or(CHUNK, |left| left.min(CHUNK - kept));
        match memory.read_at(&mut chunk[kept..kept + room], at) {
            Ok(length) if length > 0 => {
                let read = &chunk[..kept + length];
                if wanted.iter().any(|wanted| holds(read, wanted)) {
                    return true;
                }
                let end = read.len();
                let start = end.saturating_sub(longest);
                chunk.copy_within(start..end, 0);
                kept = end - start;
                at += length as u64;
            }
            // Some pages are the kernel's own.
            _ => (kept, at) = (0, at + PAGE),
        }
    }
    false
}

/// The standard library looks for one byte, and does so fast in a debug build, too.
fn holds(bytes: &[u8], wanted: &[u8]) -> bool {
    let Some((first, others)) = wanted.split_first() else { return true };
    let mut left = bytes;
    while left.skip_until(*first).is_ok_and(|skipped| skipped > 0) {
        if left.starts_with(others) {
            return true;
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_found_wherever_it_lies_and_nothing_else_is() {
        for (bytes, found) in
            [("пин", true), ("  пин ", true), ("ппин", true), ("пи", false), ("", false), ("п и н", false)]
        {
            assert_eq!(holds(bytes.as_bytes(), "пин".as_bytes()), found, "{bytes}");
        }
    }

    #[test]
    fn own_memory_is_looked_at_and_what_only_a_file_has_is_not() {
        let of = |line| region(line).is_some();
        assert!(of("7f00-7f10 rw-p 00000000 00:00 0"));
        assert!(of("7f00-7f10 r--p 00000000 00:00 0 [heap]"));
        assert!(of("7f00-7f10 rw-s 00000000 00:01 9 /memfd:shared (deleted)"));
        assert!(!of("7f00-7f10 r-xp 00000000 08:01 9 /usr/lib/libc.so.6"));
        assert!(!of("7f00-7f10 ---p 00000000 00:00 0"));
    }
}
