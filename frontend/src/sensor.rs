//! The biological sensor: what a hand does with a mouse or a keyboard is never quite even, and the unevenness is
//! collected. It is stirred into a token's generator and never replaces the token's own randomness.

use qcert_protocol::workstation::SENSOR_BYTES;

/// Size of the pool, in bytes: what is sent.
pub const POOL_BYTES: usize = 256;

/// How many bits must be collected.
const BITS_NEEDED: u32 = SENSOR_BYTES as u32 * 8;

/// Credited to one movement of the pointer: its length and direction vary by more, but they follow a curve.
const BITS_OF_MOVE: u32 = 4;

/// Credited to one key: people vary by tens of milliseconds, and a browser's clock ticks ten times in each.
const BITS_OF_KEY: u32 = 8;

/// Keys whose gaps differ by less than this, in milliseconds, come from a machine or from a key that is held down.
const EVEN_MS: f64 = 0.75;

/// What was noticed. Times are the event's own, in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Sample {
    /// The pointer is at a place on the screen, in pixels.
    Move {
        /// From the left.
        x: f64,
        /// From the top.
        y: f64,
        /// When.
        at: f64,
    },
    /// A key went down.
    Key {
        /// A number of the key.
        key: u32,
        /// Was it sent by a key that is held down?
        repeated: bool,
        /// When.
        at: f64,
    },
}

/// Collects until there is enough.
#[derive(Clone, Debug)]
pub struct Sensor {
    pool: [u8; POOL_BYTES],
    position: usize,
    mixed: u64,
    bits: u32,
    place: Option<(f64, f64)>,
    step: Option<(f64, f64)>,
    pressed_at: Option<f64>,
    gap: Option<f64>,
}

impl Default for Sensor {
    fn default() -> Self {
        Self {
            pool: [0; POOL_BYTES],
            position: 0,
            mixed: 0,
            bits: 0,
            place: None,
            step: None,
            pressed_at: None,
            gap: None,
        }
    }
}

impl Sensor {
    /// Takes a sample. True if it added something: a place or a gap that repeats the one before adds nothing.
    pub fn feed(&mut self, sample: Sample) -> bool {
        match sample {
            Sample::Move { x, y, at } => {
                let uneven = self.moved(x, y);
                if uneven {
                    self.stir(&[x.to_bits(), y.to_bits(), at.to_bits()], BITS_OF_MOVE);
                }
                uneven
            }
            Sample::Key { key, repeated, at } => {
                let uneven = !repeated && self.pressed(at);
                if uneven {
                    self.stir(&[u64::from(key), at.to_bits()], BITS_OF_KEY);
                }
                uneven
            }
        }
    }

    /// From 0 to 100.
    pub fn percent(&self) -> u32 {
        (self.bits * 100 / BITS_NEEDED).min(100)
    }

    /// The pool, once enough was collected.
    pub fn collected(&self) -> Option<Vec<u8>> {
        (self.bits >= BITS_NEEDED).then(|| self.pool.to_vec())
    }

    fn moved(&mut self, x: f64, y: f64) -> bool {
        let Some((left, top)) = self.place.replace((x, y)) else { return false };
        let step = (x - left, y - top);
        if step == (0.0, 0.0) {
            return false;
        }
        self.step.replace(step).is_some_and(|before| before != step)
    }

    fn pressed(&mut self, at: f64) -> bool {
        let Some(before) = self.pressed_at.replace(at) else { return false };
        let gap = at - before;
        self.gap.replace(gap).is_some_and(|before| (gap - before).abs() >= EVEN_MS)
    }

    fn stir(&mut self, words: &[u64], bits: u32) {
        for word in words {
            self.mixed = mix(self.mixed ^ word);
            for byte in self.mixed.to_le_bytes() {
                self.pool[self.position] ^= byte;
                self.position = (self.position + 1) % POOL_BYTES;
            }
        }
        self.bits += bits;
    }
}

/// The finalizer of SplitMix64: a bijection, so what was collected is spread and not lost.
fn mix(word: u64) -> u64 {
    let word = word.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    word ^ (word >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(at: f64) -> Sample {
        Sample::Key { key: 65, repeated: false, at }
    }

    fn hand(i: u32) -> f64 {
        f64::from(i) * 90.0 + f64::from(i * i % 37)
    }

    #[test]
    fn a_pointer_that_stays_or_moves_evenly_adds_nothing() {
        let mut sensor = Sensor::default();
        for i in 0..1000 {
            sensor.feed(Sample::Move { x: 5.0, y: 5.0, at: f64::from(i) * 16.0 });
            assert_eq!(sensor.percent(), 0);
        }
        let mut sensor = Sensor::default();
        for i in 0..1000 {
            sensor.feed(Sample::Move { x: f64::from(i) * 10.0, y: 3.0, at: f64::from(i) * 16.0 });
        }
        assert_eq!(sensor.percent(), 0);
    }

    #[test]
    fn keys_that_are_held_down_or_evenly_spaced_add_nothing() {
        let mut sensor = Sensor::default();
        for i in 0..500 {
            sensor.feed(key(f64::from(i) * 30.0));
        }
        for i in 0..500 {
            sensor.feed(Sample::Key { key: 65, repeated: true, at: 20_000.0 + hand(i) });
        }
        assert_eq!(sensor.percent(), 0);
    }

    #[test]
    fn the_keyboard_alone_suffices() {
        let mut sensor = Sensor::default();
        let mut pressed = 0;
        while sensor.collected().is_none() {
            sensor.feed(key(hand(pressed)));
            pressed += 1;
            assert!(pressed < 200, "{}", sensor.percent());
        }
        assert!(pressed > 60);
    }

    #[test]
    fn the_pool_is_given_only_when_enough_was_collected_and_no_byte_of_it_is_untouched() {
        let mut sensor = Sensor::default();
        let mut moves = 0;
        while sensor.collected().is_none() {
            let at = hand(moves);
            sensor.feed(Sample::Move { x: f64::from(moves * moves % 101), y: f64::from(moves % 7), at });
            moves += 1;
        }
        let pool = sensor.collected().unwrap();
        assert_eq!(pool.len(), POOL_BYTES);
        assert!(pool.iter().filter(|byte| **byte == 0).count() < 16);
        assert_eq!(sensor.percent(), 100);
        assert!(moves >= 128);
    }

    #[test]
    fn other_movements_give_another_pool() {
        let pool = |shift: f64| {
            let mut sensor = Sensor::default();
            for i in 0..300 {
                sensor.feed(key(hand(i) + shift));
            }
            sensor.collected().unwrap()
        };
        assert_ne!(pool(0.0), pool(0.1));
    }
}
