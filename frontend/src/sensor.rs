//! The biological sensor: what a hand does with a mouse or a keyboard is never quite even, and the unevenness is
//! collected. It is stirred into a token's generator and never replaces the token's own randomness.
//!
//! Everything is stirred into the pool; how much of it counts is `assessment`'s to say.

mod assessment;

use assessment::Assessment;

/// Size of the pool, in bytes: what is sent.
pub const POOL_BYTES: usize = 256;

/// How many bits must be collected: as many as a generator of the highest strength is seeded with.
const BITS_NEEDED: f64 = 256.0;

/// What is told apart of places, in pixels: a straight line that is rounded to pixels bends by one. A difference of steps
/// varies by √6 times what a place does, 1.3 bits more; of pixels, 4 are one zero, which takes 2 bits away.
const PLACES: f64 = 2.0;

/// What is told apart of times, in milliseconds: browsers blur their clocks by up to one, and a program that waits is
/// late by one or two. A difference of gaps varies by √2 times what a gap does, half a bit more; 8 milliseconds are one zero.
const TIMES: f64 = 4.0;

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
    pointer: Source,
    keyboard: Source,
}

impl Default for Sensor {
    fn default() -> Self {
        Self { pool: [0; POOL_BYTES], position: 0, mixed: 0, pointer: Source::default(), keyboard: Source::default() }
    }
}

impl Sensor {
    /// Takes a sample. True if it can have changed what was collected: a pointer that stays and a key that is held down
    /// cannot.
    pub fn feed(&mut self, sample: Sample) -> bool {
        match sample {
            Sample::Move { x, y, at } => {
                self.stir(&[x.to_bits(), y.to_bits(), at.to_bits()]);
                // Browsers tell of a pointer when they draw, so its times are theirs.
                self.pointer.last != Some([x, y]) && self.pointer.feed([x, y], PLACES)
            }
            Sample::Key { key, repeated, at } => {
                self.stir(&[u64::from(key), at.to_bits()]);
                !repeated && self.keyboard.feed([at, 0.0], TIMES)
            }
        }
    }

    /// From 0 to 100. It falls when what comes turns out to be foreseeable.
    pub fn percent(&self) -> u32 {
        (self.bits() * 100.0 / BITS_NEEDED).min(100.0) as u32
    }

    /// The pool, once enough was collected.
    pub fn collected(&self) -> Option<Vec<u8>> {
        (self.bits() >= BITS_NEEDED).then(|| self.pool.to_vec())
    }

    /// A hand at the mouse and a hand at the keyboard are independent.
    fn bits(&self) -> f64 {
        self.pointer.assessment.bits() + self.keyboard.assessment.bits()
    }

    fn stir(&mut self, words: &[u64]) {
        for word in words {
            self.mixed = mix(self.mixed ^ word);
            for byte in self.mixed.to_le_bytes() {
                self.pool[self.position] ^= byte;
                self.position = (self.position + 1) % POOL_BYTES;
            }
        }
    }
}

/// The pointer's places or the times of keys: the latest, and how it differed from the one before.
#[derive(Clone, Debug, Default)]
struct Source {
    last: Option<[f64; 2]>,
    step: Option<[f64; 2]>,
    assessment: Assessment,
}

impl Source {
    /// What counts is how a step differs from the step before: even steps do not differ at all.
    fn feed(&mut self, [x, y]: [f64; 2], resolution: f64) -> bool {
        let Some([last_x, last_y]) = self.last.replace([x, y]) else { return false };
        let step = [x - last_x, y - last_y];
        let Some(before) = self.step.replace(step) else { return false };
        self.assessment.take([0, 1].map(|i| ((step[i] - before[i]) / resolution) as i32));
        true
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
    use std::f64::consts::TAU;

    use super::*;

    /// Numbers between 0 and 1, the same for a seed.
    struct Chance(u64);

    impl Chance {
        fn next(&mut self) -> f64 {
            self.0 = mix(self.0);
            (self.0 >> 11) as f64 / (1_u64 << 53) as f64
        }

        /// About normally distributed, with the deviation 1.
        fn normal(&mut self) -> f64 {
            (0..12).map(|_| self.next()).sum::<f64>() - 6.0
        }
    }

    const SEEDS: std::ops::Range<u64> = 0..20;

    /// How far the bar got while the samples came.
    fn highest(samples: impl IntoIterator<Item = Sample>) -> u32 {
        let mut sensor = Sensor::default();
        samples.into_iter().map(|sample| if sensor.feed(sample) { sensor.percent() } else { 0 }).max().unwrap_or(0)
    }

    /// After how many samples the bar was full.
    fn filled_after(samples: impl IntoIterator<Item = Sample>) -> Option<usize> {
        let mut sensor = Sensor::default();
        samples.into_iter().take(2000).position(|sample| sensor.feed(sample) && sensor.collected().is_some())
    }

    fn feed(sensor: &mut Sensor, sample: Sample) {
        sensor.feed(sample);
    }

    fn key(at: f64) -> Sample {
        Sample::Key { key: 65, repeated: false, at }
    }

    /// A pointer that is somewhere at every step of a screen that is drawn 60 times a second.
    fn pointer(place: impl FnMut(f64) -> (f64, f64)) -> impl Iterator<Item = Sample> {
        let places = (0..2000).map(f64::from).map(place);
        places.enumerate().map(|(i, (x, y))| Sample::Move { x: x.round(), y: y.round(), at: i as f64 * 16.7 })
    }

    /// Strokes from place to place, each fastest in its middle, with the tremor of a hand.
    fn hand_at_the_mouse(seed: u64) -> impl Iterator<Item = Sample> {
        let mut chance = Chance(seed);
        let (mut from, mut to, mut done, mut of) = ((400.0, 300.0), (400.0, 300.0), 1.0, 1.0);
        let mut at = 0.0;
        (0..2000).map(move |_| {
            if done >= of {
                (from, done, of) = (to, 0.0, 15.0 + chance.next() * 25.0);
                to = (chance.next() * 800.0, chance.next() * 600.0);
            }
            done += 1.0;
            let part = f64::min(done / of, 1.0);
            let way = part * part * part * (10.0 - 15.0 * part + 6.0 * part * part);
            let x = from.0 + (to.0 - from.0) * way + 1.2 * chance.normal();
            let y = from.1 + (to.1 - from.1) * way + 1.2 * chance.normal();
            at += 16.7 + 0.5 * chance.normal();
            Sample::Move { x: x.round(), y: y.round(), at }
        })
    }

    fn hand_at_the_keyboard(seed: u64) -> impl Iterator<Item = Sample> {
        let (mut chance, mut at) = (Chance(seed), 0.0);
        (0..2000).map(move |_| {
            at += 170.0 + 40.0 * chance.normal();
            key(at)
        })
    }

    #[test]
    fn a_hand_at_the_mouse_fills_the_bar_in_some_seconds() {
        for seed in SEEDS {
            let filled = filled_after(hand_at_the_mouse(seed));
            assert!(filled.is_some_and(|events| (100..500).contains(&events)), "seed {seed}: {filled:?}");
        }
    }

    #[test]
    fn a_hand_at_the_keyboard_fills_the_bar_with_a_few_lines() {
        for seed in SEEDS {
            let filled = filled_after(hand_at_the_keyboard(seed));
            assert!(filled.is_some_and(|events| (100..300).contains(&events)), "seed {seed}: {filled:?}");
        }
    }

    #[test]
    fn a_pointer_that_stays_adds_nothing() {
        assert_eq!(highest((0..2000).map(|i| Sample::Move { x: 5.0, y: 5.0, at: f64::from(i * i % 977) })), 0);
    }

    #[test]
    fn a_straight_line_adds_nothing_whatever_its_slope() {
        for seed in SEEDS {
            let mut chance = Chance(seed);
            let (x, y) = (chance.next() * 9.0, chance.next() * 9.0);
            let percent = highest(pointer(|i| (i * x, i * y)));
            assert_eq!(percent, 0, "seed {seed}");
        }
    }

    #[test]
    fn a_circle_that_a_program_draws_does_not_fill_the_bar() {
        for steps in (20..120).step_by(7) {
            let circle = |i: f64| TAU * i / f64::from(steps);
            let percent = highest(pointer(|i| (300.0 + 200.0 * circle(i).cos(), 300.0 + 200.0 * circle(i).sin())));
            assert!(percent < 100, "{steps} steps: {percent}");
        }
    }

    #[test]
    fn a_pattern_that_a_program_repeats_does_not_fill_the_bar() {
        for seed in SEEDS {
            let mut chance = Chance(seed);
            let length = 2.0 + chance.next() * 48.0;
            let pattern: Vec<_> = (0..length as usize).map(|_| (chance.next() * 9e2, chance.next() * 9e2)).collect();
            let percent = highest(pointer(|i| pattern[i as usize % pattern.len()]));
            assert!(percent < 100, "seed {seed}, {} places: {percent}", pattern.len());
        }
    }

    #[test]
    fn few_distinct_steps_do_not_fill_the_bar_even_at_random() {
        for seed in SEEDS {
            let (mut chance, mut x) = (Chance(seed), 0.0);
            let percent = highest(pointer(|_| {
                x += if chance.next() < 0.3 { 5.0 } else { 9.0 };
                (x, 3.0)
            }));
            assert!(percent < 100, "seed {seed}: {percent}");
        }
    }

    #[test]
    fn keys_that_are_held_down_add_nothing() {
        let held = |sample| match sample {
            Sample::Key { key, at, .. } => Sample::Key { key, repeated: true, at },
            other => other,
        };
        assert_eq!(highest(hand_at_the_keyboard(1).map(held)), 0);
    }

    #[test]
    fn keys_that_a_program_presses_evenly_add_nothing_though_it_is_never_quite_in_time() {
        for seed in SEEDS {
            let mut chance = Chance(seed);
            let percent = highest((0..2000).map(|i| key(f64::from(i) * 30.0 + chance.next())));
            assert_eq!(percent, 0, "seed {seed}");
        }
    }

    #[test]
    fn a_hand_is_believed_after_a_program() {
        let robot = pointer(|i| (i * 7.0, i * 3.0));
        let filled = filled_after(robot.take(600).chain(hand_at_the_mouse(3)));
        assert!(filled.is_some_and(|events| events < 1100), "{filled:?}");
    }

    #[test]
    fn a_repetition_stops_what_counts_and_what_counted_stays() {
        let mut sensor = Sensor::default();
        hand_at_the_mouse(5).take(90).for_each(|sample| feed(&mut sensor, sample));
        let line = |i: u32| Sample::Move { x: f64::from(i), y: 0.0, at: 9e3 + f64::from(i) * 16.0 };
        (0..30).for_each(|i| feed(&mut sensor, line(i)));
        let bits = sensor.bits();
        (30..500).for_each(|i| feed(&mut sensor, line(i)));
        assert!(bits > 0.0);
        assert_eq!(sensor.bits(), bits);
    }

    #[test]
    fn the_pool_is_given_only_when_enough_was_collected_and_no_byte_of_it_is_untouched() {
        let mut sensor = Sensor::default();
        let mut hand = hand_at_the_mouse(7);
        while sensor.percent() < 100 {
            assert_eq!(sensor.collected(), None);
            sensor.feed(hand.next().unwrap());
        }
        let pool = sensor.collected().unwrap();
        assert_eq!(pool.len(), POOL_BYTES);
        assert!(pool.iter().filter(|byte| **byte == 0).count() < 16);
    }

    #[test]
    fn other_movements_give_another_pool() {
        let pool = |seed| {
            let mut sensor = Sensor::default();
            hand_at_the_mouse(seed).take(500).for_each(|sample| feed(&mut sensor, sample));
            sensor.collected().unwrap()
        };
        assert_ne!(pool(1), pool(2));
    }
}
