//! The one place that draws real randomness. Everything else asks the [`Randomness`] it was given.

use ring::rand::SecureRandom;
use time::OffsetDateTime;
use uuid::Uuid;

/// The system's generator failed; nothing can be made safely.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("the system's random generator failed")]
pub struct RandomnessFailed;

/// Gives unpredictable bytes.
pub trait Randomness: Send + Sync {
    /// Fills the buffer.
    ///
    /// # Errors
    /// When the system's generator fails.
    fn fill(&self, bytes: &mut [u8]) -> Result<(), RandomnessFailed>;
}

/// The operating system's generator.
pub struct SystemRandomness(ring::rand::SystemRandom);

impl SystemRandomness {
    /// Opens the generator.
    pub fn new() -> Self {
        Self(ring::rand::SystemRandom::new())
    }
}

impl Default for SystemRandomness {
    fn default() -> Self {
        Self::new()
    }
}

impl Randomness for SystemRandomness {
    fn fill(&self, bytes: &mut [u8]) -> Result<(), RandomnessFailed> {
        self.0.fill(bytes).map_err(|_| RandomnessFailed)
    }
}

/// Draws an array.
///
/// # Errors
/// When the generator fails.
pub fn bytes<const N: usize>(randomness: &dyn Randomness) -> Result<[u8; N], RandomnessFailed> {
    let mut bytes = [0; N];
    randomness.fill(&mut bytes)?;
    Ok(bytes)
}

/// A UUIDv7 (RFC 9562 §5.7) of this moment.
///
/// # Errors
/// When the generator fails.
pub fn uuid(now: OffsetDateTime, randomness: &dyn Randomness) -> Result<Uuid, RandomnessFailed> {
    let millis = u64::try_from(now.unix_timestamp_nanos() / 1_000_000).unwrap_or(0);
    Ok(uuid::Builder::from_unix_timestamp_millis(millis, &bytes(randomness)?).into_uuid())
}

/// A decimal code of six digits, each value equally likely.
///
/// # Errors
/// When the generator fails.
pub fn six_digits(randomness: &dyn Randomness) -> Result<String, RandomnessFailed> {
    const CODES: u32 = 1_000_000;
    // Values past the last whole multiple would make small codes likelier.
    const LIMIT: u32 = u32::MAX / CODES * CODES;
    loop {
        let drawn = u32::from_be_bytes(bytes(randomness)?);
        if drawn < LIMIT {
            return Ok(format!("{:06}", drawn % CODES));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    /// Gives what it was given.
    struct Given(Mutex<Vec<u32>>);

    impl Randomness for Given {
        fn fill(&self, bytes: &mut [u8]) -> Result<(), RandomnessFailed> {
            let next = self.0.lock().unwrap().pop().ok_or(RandomnessFailed)?;
            bytes.copy_from_slice(&next.to_be_bytes());
            Ok(())
        }
    }

    #[test]
    fn no_code_is_likelier_than_another() {
        let code_of = |drawn: &[u32]| six_digits(&Given(Mutex::new(drawn.to_vec())));
        for (drawn, code) in [(0, "000000"), (41, "000041"), (999_999, "999999"), (1_000_000, "000000")] {
            assert_eq!(code_of(&[drawn]).unwrap(), code);
        }
        // 4294 whole rounds of a million: each code has as many draws. What is past them is drawn again.
        assert_eq!(code_of(&[4_293_999_999]).unwrap(), "999999");
        for past in [4_294_000_000, u32::MAX] {
            assert!(code_of(&[past]).is_err(), "it asks for another");
            assert_eq!(code_of(&[7, past]).unwrap(), "000007");
        }
    }

    #[test]
    fn the_systems_codes_are_spread_over_all() {
        let mut first = [0; 10];
        for _ in 0..10_000 {
            let code = six_digits(&SystemRandomness::new()).unwrap();
            assert!(code.len() == 6 && code.bytes().all(|digit| digit.is_ascii_digit()), "{code}");
            first[usize::from(code.as_bytes()[0] - b'0')] += 1;
        }
        // Ten standard deviations around a thousand.
        assert!(first.iter().all(|count| (700..1300).contains(count)), "{first:?}");
    }
}
