//! A person's hand: it goes somewhere and trembles on the way.

/// A hand at a mouse. It moves the same way again for the same seed.
pub struct Hand {
    place: [f64; 2],
    state: u64,
}

/// Where it may go, in pixels of the window: from the left and the top, and how far.
const FROM: [f64; 2] = [300.0, 200.0];
const SIZE: [f64; 2] = [600.0, 400.0];

/// Places in a stroke.
const STEPS: u32 = 24;

/// How far a hand trembles, in pixels.
const TREMOR: f64 = 1.5;

impl Hand {
    /// A hand in the middle.
    pub fn new(seed: u64) -> Self {
        Self { place: [0, 1].map(|i| FROM[i] + SIZE[i] / 2.0), state: seed }
    }

    /// The places of the next stroke: it begins slowly, is fastest in its middle and ends slowly.
    pub fn stroke(&mut self) -> Vec<(i64, i64)> {
        let (from, to) = (self.place, [0, 1].map(|i| FROM[i] + SIZE[i] * self.chance()));
        self.place = to;
        let places = (1..=STEPS).map(|step| {
            let part = f64::from(step) / f64::from(STEPS);
            let way = part * part * (3.0 - 2.0 * part);
            let [x, y] = [0, 1].map(|i| from[i] + (to[i] - from[i]) * way + TREMOR * self.normal());
            // A window has less than a million pixels.
            #[allow(clippy::cast_possible_truncation)]
            (x as i64, y as i64)
        });
        places.collect()
    }

    /// SplitMix64, between 0 and 1.
    fn chance(&mut self) -> f64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut word = self.state;
        word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        f64::from((word >> 32) as u32) / f64::from(u32::MAX)
    }

    /// About normally distributed, with the deviation 1.
    fn normal(&mut self) -> f64 {
        (0..12).map(|_| self.chance()).sum::<f64>() - 6.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hand_stays_in_the_window_and_moves_the_same_way_for_a_seed_alone() {
        let strokes = |seed| {
            let mut hand = Hand::new(seed);
            (0..50).flat_map(|_| hand.stroke()).collect::<Vec<_>>()
        };
        assert!(strokes(1).iter().all(|(x, y)| (280..920).contains(x) && (180..620).contains(y)));
        assert_eq!(strokes(1), strokes(1));
        assert_ne!(strokes(1), strokes(2));
    }
}
