//! Where the randomness of a key comes from.

use std::convert::Infallible;

use chacha20::ChaCha20Rng;
use hkdf::Hkdf;
use rsa::rand_core::{SeedableRng, TryCryptoRng, TryRng};
use sha2::Sha512;
use zeroize::Zeroizing;

/// Octets of the system's randomness that a generator begins with: as many as HMAC-SHA-512 gives out.
pub const SYSTEM_OCTETS: usize = 64;

/// No other use of HKDF has this name.
const PURPOSE: &[u8] = b"qcert-stored-key-v1";

/// A generator that begins with the system's randomness and what the biological sensor collected, mixed so that neither
/// can weaken the other:
///
/// - The seed is HKDF-SHA-512 (RFC 5869) with the system's octets as salt and the sensor's as keying material. Its first
///   step is HMAC under the system's octets: if they are random and secret, it is a pseudorandom function of the sensor's
///   bytes, and whoever chose these learns and steers nothing.
/// - If the system's octets are known or always the same, that step is HKDF's extractor with a salt that does not depend
///   on the sensor: the seed is as hard to guess as what the sensor collected, up to 256 bits.
/// - Lengths cannot be shifted from one to the other: they enter HMAC by two doors, and the system's has one length.
///
/// The sensor's bytes come through the page. They are never the only source: without the system's there is no generator.
/// From the seed on it is ChaCha20, for one key and no longer; the seed and the generator's state are wiped.
pub struct Generator(ChaCha20Rng);

impl Generator {
    /// Mixes both. The sensor may have collected nothing, for what needs no key: the blinding of a signature.
    pub fn new(system: &[u8; SYSTEM_OCTETS], sensor: &[u8]) -> Self {
        let mut seed = Zeroizing::new([0; 32]);
        // HKDF refuses more than 255 blocks, and this is half a block.
        #[allow(clippy::expect_used)]
        Hkdf::<Sha512>::new(Some(system), sensor).expand(PURPOSE, &mut *seed).expect("a short output");
        Self(ChaCha20Rng::from_seed(*seed))
    }

    /// Fills with the next octets.
    pub(crate) fn fill(&mut self, octets: &mut [u8]) {
        let Ok(()) = self.0.try_fill_bytes(octets);
    }
}

impl TryRng for Generator {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        self.0.try_next_u32()
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        self.0.try_next_u64()
    }

    fn try_fill_bytes(&mut self, octets: &mut [u8]) -> Result<(), Infallible> {
        self.0.try_fill_bytes(octets)
    }
}

impl TryCryptoRng for Generator {}

#[cfg(test)]
mod tests {
    use super::*;

    fn octets(system: &[u8; SYSTEM_OCTETS], sensor: &[u8]) -> [u8; 32] {
        let mut octets = [0; 32];
        Generator::new(system, sensor).fill(&mut octets);
        octets
    }

    #[test]
    fn the_sensor_and_the_system_each_change_everything_while_the_other_stands_still() {
        let still = octets(&[0; 64], &[0; 64]);
        for bit in 0..512 {
            let mut changed = [0; 64];
            changed[bit / 8] = 1 << (bit % 8);
            assert_ne!(octets(&changed, &[0; 64]), still, "system, bit {bit}");
            assert_ne!(octets(&[0; 64], &changed), still, "sensor, bit {bit}");
        }
    }

    #[test]
    fn a_sensor_that_repeats_the_system_cancels_nothing() {
        let (first, second) = ([0x11; 64], [0x22; 64]);
        assert_ne!(octets(&first, &first), octets(&second, &second));
        assert_ne!(octets(&first, &first), octets(&[0; 64], &[]));
    }

    /// RFC 5869 and RFC 8439, computed by another implementation.
    #[test]
    fn the_seed_is_hkdf_and_the_stream_is_chacha20() {
        let system = std::array::from_fn(|i| i as u8);
        assert_eq!(octets(&system, b"sensor"), KNOWN);
    }

    const KNOWN: [u8; 32] = [
        0xeb, 0xf5, 0x86, 0x19, 0xa7, 0x80, 0x67, 0xa9, 0x39, 0xe5, 0x9b, 0x75, 0x3e, 0xe9, 0xd4, 0x1f, 0xb2, 0x7e,
        0x09, 0x1c, 0xcd, 0x08, 0x29, 0x67, 0xdd, 0x2e, 0x3e, 0x7e, 0x56, 0x6c, 0x3f, 0xf1,
    ];
}
