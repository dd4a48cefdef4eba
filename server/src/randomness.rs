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
