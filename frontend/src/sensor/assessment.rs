//! How much of what one source of noise gave could not be foreseen, after NIST SP 800-90B.
//!
//! The entropy of an event is the lower of two estimates of §6.3, each by the upper end of its 99 % confidence interval:
//! by the most common value (§6.3.1), which finds few distinct values, and by lag prediction (§6.3.8), which finds what
//! repeats in a pattern. Two tests of §4.4 watch while events come: repetition count and adaptive proportion.

/// What an event was, in whole numbers.
pub(super) type Symbol = [i32; 2];

/// Entropy that a healthy event has at least, in bits (H of §4.4). An estimate below it counts as nothing.
const HEALTHY_BITS: f64 = 1.0;

/// §4.4.1: 1 + ⌈20 / H⌉ for a false alarm in 2²⁰ events.
const REPETITION_CUTOFF: usize = 21;

/// §4.4.2, for sources that are not binary.
const WINDOW: usize = 512;

/// §4.4.2: 1 + critbinom(512, 2⁻ᴴ, 1 − 2⁻²⁰).
const PROPORTION_CUTOFF: usize = 311;

/// §6.3.8, D.
const LAGS: usize = 128;

/// Half of the estimate is credited: what makes a movement smooth is more than these two estimates look for, and §6.3 has
/// eight others.
const CREDITED: f64 = 0.5;

/// The events of a window. It is full long before it ends, if an event has [`HEALTHY_BITS`]; else the next one begins
/// without anything of it.
#[derive(Clone, Debug)]
pub(super) struct Assessment {
    symbols: Vec<Symbol>,
    commonest: usize,
    foreseen: usize,
    hits: [usize; LAGS],
    best_lag: usize,
    repeated: usize,
}

impl Default for Assessment {
    fn default() -> Self {
        Self { symbols: Vec::new(), commonest: 0, foreseen: 0, hits: [0; LAGS], best_lag: 0, repeated: 0 }
    }
}

impl Assessment {
    /// Takes an event. A repetition that fails its test does not count, a window that fails is thrown away.
    pub(super) fn take(&mut self, symbol: Symbol) {
        if self.symbols.len() == WINDOW {
            *self = Self::default();
        }
        let repeats = self.symbols.last() == Some(&symbol);
        self.repeated = if repeats { self.repeated + 1 } else { 1 };
        if self.repeated >= REPETITION_CUTOFF {
            return;
        }
        self.foresee(symbol);
        self.symbols.push(symbol);
        let alike = self.symbols.iter().filter(|known| **known == symbol).count();
        self.commonest = self.commonest.max(alike);
        if alike >= PROPORTION_CUTOFF && self.symbols.first() == Some(&symbol) {
            *self = Self::default();
        }
    }

    /// Was the event what came as many events ago as it was best to look back so far?
    fn foresee(&mut self, symbol: Symbol) {
        let mut past = self.symbols.iter().rev();
        self.foreseen += usize::from(past.clone().nth(self.best_lag) == Some(&symbol));
        for lag in 0..LAGS {
            if past.next() == Some(&symbol) {
                self.hits[lag] += 1;
                if self.hits[lag] >= self.hits[self.best_lag] {
                    self.best_lag = lag;
                }
            }
        }
    }

    /// What counts of the window so far.
    pub(super) fn bits(&self) -> f64 {
        let count = self.symbols.len() as f64;
        // The first event cannot be foreseen; it counts as if it had been.
        let rate = self.commonest.max(self.foreseen + 1) as f64 / count;
        let bits = min_entropy(rate + 2.576 * (rate * (1.0 - rate) / (count - 1.0)).sqrt());
        if bits >= HEALTHY_BITS { count * bits * CREDITED } else { 0.0 }
    }
}

/// −log₂ of a probability, from below: between two powers of two the chord lies under the curve, by less than 0.09.
fn min_entropy(probability: f64) -> f64 {
    let (mut rest, mut bits) = (1.0 / probability, 0.0);
    while rest >= 2.0 {
        rest /= 2.0;
        bits += 1.0;
    }
    bits + rest - 1.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_entropy_is_never_above_the_logarithm_and_close_to_it() {
        for thousandth in 1..=1000 {
            let probability = f64::from(thousandth) / 1000.0;
            let (estimate, exact) = (min_entropy(probability), -probability.log2());
            assert!(estimate <= exact + 1e-12 && exact - estimate < 0.09, "{probability}: {estimate}, {exact}");
        }
    }

    #[test]
    fn no_events_are_no_bits() {
        let mut assessment = Assessment::default();
        assert_eq!(assessment.bits(), 0.0);
        assessment.take([1, 2]);
        assert_eq!(assessment.bits(), 0.0);
    }

    /// Numbers below a bound, by a linear congruential generator (Knuth's MMIX), always the same.
    fn numbers(bound: u64) -> impl Iterator<Item = i32> {
        let next = |state: &u64| Some(state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407));
        std::iter::successors(Some(1), next).skip(1).map(move |state| ((state >> 33) % bound) as i32)
    }

    #[test]
    fn events_of_less_than_a_bit_are_nothing_however_many_they_are() {
        let mut assessment = Assessment::default();
        // Two in three are alike: 0.58 bits each.
        numbers(3).take(WINDOW).for_each(|number| assessment.take([number.min(1), 0]));
        assert_eq!(assessment.bits(), 0.0);
    }

    #[test]
    fn a_window_of_which_too_much_is_alike_is_thrown_away() {
        let mut assessment = Assessment::default();
        let mut alike = 0;
        // One in ten differs, so that nothing repeats often enough for the other test.
        for event in 0..WINDOW {
            let differs = event % 10 == 9;
            assessment.take([if differs { event as i32 } else { 0 }, 0]);
            alike += usize::from(!differs);
            if alike == PROPORTION_CUTOFF {
                break;
            }
        }
        assert!(assessment.symbols.is_empty());
        numbers(1 << 20).take(40).for_each(|number| assessment.take([number, 0]));
        assert!(assessment.bits() > 0.0, "what comes after is counted by itself");
    }
}
