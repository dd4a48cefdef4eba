//! Memory that holds a PIN or a private key is locked in RAM while it does, so that it is not written to swap. A system that allows no
//! more of that (RLIMIT_MEMLOCK) is no reason not to work.

#[cfg(windows)]
mod windows;

use std::{
    collections::BTreeMap,
    ops::Deref,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use region::LockGuard;
use zeroize::Zeroize;

/// Locked pages. The system does not count how often a page was locked, and two PINs may be neighbours on one.
static PAGES: Mutex<BTreeMap<usize, (usize, LockGuard)>> = Mutex::new(BTreeMap::new());

/// Was a page ever refused, and was that told?
static REFUSED: AtomicBool = AtomicBool::new(false);
static TOLD: AtomicBool = AtomicBool::new(false);

/// The pages of some bytes, in RAM until this is dropped; which is to be before the bytes are given back.
#[must_use]
pub struct InRam {
    pages: Vec<usize>,
}

impl InRam {
    /// Locks the pages on which these bytes lie, as far as the system allows.
    pub fn keep(bytes: &[u8]) -> Self {
        Self::keep_at(bytes.as_ptr().addr(), bytes.len())
    }

    /// The same for a value, where it is now. What it points to is not meant.
    pub fn keep_value<T>(value: &T) -> Self {
        Self::keep_at(std::ptr::from_ref(value).addr(), size_of::<T>())
    }

    fn keep_at(address: usize, length: usize) -> Self {
        if length == 0 {
            // Their address is no memory's.
            return Self { pages: Vec::new() };
        }
        #[cfg(windows)]
        {
            static ROOM: std::sync::Once = std::sync::Once::new();
            ROOM.call_once(windows::make_room);
        }
        let size = region::page::size();
        let first = address / size * size;
        let mut locked = PAGES.lock().unwrap_or_else(PoisonError::into_inner);
        let mut pages = Vec::new();
        for page in (first..address + length).step_by(size) {
            if let Some((count, _)) = locked.get_mut(&page) {
                *count += 1;
            } else if let Ok(guard) = region::lock(std::ptr::without_provenance::<u8>(page), size) {
                locked.insert(page, (1, guard));
            } else {
                REFUSED.store(true, Ordering::Relaxed);
                continue;
            }
            pages.push(page);
        }
        Self { pages }
    }
}

impl Drop for InRam {
    fn drop(&mut self) {
        let mut locked = PAGES.lock().unwrap_or_else(PoisonError::into_inner);
        for page in &self.pages {
            let Some((count, _)) = locked.get_mut(page) else { continue };
            *count -= 1;
            if *count == 0 {
                locked.remove(page);
            }
        }
    }
}

/// Did the system refuse to lock, and is this the first to hear of it?
pub fn refused() -> bool {
    REFUSED.load(Ordering::Relaxed) && !TOLD.swap(true, Ordering::Relaxed)
}

/// Bytes in which there may be a PIN: in RAM, and wiped when dropped.
pub struct SecretBytes {
    /// Dropped before `bytes`, for it is of their memory.
    _in_ram: InRam,
    bytes: Vec<u8>,
}

impl SecretBytes {
    /// So many zeros, to be read into.
    pub fn zeros(length: usize) -> Self {
        let bytes = vec![0; length];
        Self { _in_ram: InRam::keep(&bytes), bytes }
    }

    /// The bytes, to be read into.
    pub fn buffer(&mut self) -> &mut [u8] {
        &mut self.bytes
    }
}

impl Deref for SecretBytes {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.bytes
    }
}

impl Drop for SecretBytes {
    fn drop(&mut self) {
        self.bytes.zeroize();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(keeper: &InRam) -> Vec<usize> {
        let locked = PAGES.lock().unwrap();
        keeper.pages.iter().map(|page| locked.get(page).map_or(0, |(count, _)| *count)).collect()
    }

    #[test]
    fn a_page_stays_locked_until_the_last_secret_on_it_is_gone() {
        let bytes = vec![7; 3 * region::page::size()];
        let first = InRam::keep(&bytes);
        let second = InRam::keep(&bytes[..1]);
        assert!(first.pages.len() >= 3 && second.pages.len() == 1);
        assert_eq!(counts(&second), [2]);
        drop(first);
        assert_eq!(counts(&second), [1]);
        let page = second.pages[0];
        drop(second);
        assert!(!PAGES.lock().unwrap().contains_key(&page));
    }

    #[test]
    fn nothing_needs_no_page() {
        assert!(InRam::keep(&Vec::new()).pages.is_empty());
        assert!(!REFUSED.load(Ordering::Relaxed));
    }
}
