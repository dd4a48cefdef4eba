//! RSA keys that somebody could take apart: NIST SP 800-89 §5.3.3 and the practice of public authorities (Baseline
//! Requirements §6.1.6). Public numbers only: nothing here needs constant time.
//!
//! **Architecture invariant:** the work is bounded by the length of the modulus and by constants, never by what a
//! number happens to be: at most 4096 bits, [`PRIMES_BELOW`] and [`FERMAT_STEPS`].

use num_bigint::BigUint;
use qcert_protocol::ErrorCode;

/// Sizes of a modulus that are taken, in bits.
const SIZES: std::ops::RangeInclusive<u64> = 2048..=4096;

/// The public exponent that tokens use, and the only one that is taken: with another beside it, the modulus of a blocked
/// or revoked key would come back as a key that nobody knows.
const EXPONENT: [u8; 3] = [1, 0, 1];

/// A modulus is divided by every prime below this.
const PRIMES_BELOW: u32 = 4096;

/// Rounds of Fermat's method: what an authority of servers' certificates must do at least (Baseline Requirements
/// §6.1.1.3).
const FERMAT_STEPS: u32 = 100;

/// ROCA's generator makes primes from powers of 65537 modulo the product of small primes; these are the ones whose
/// subgroups tell it from chance (Nemec and others, 2017, §3.1).
const ROCA_PRIMES_UP_TO: u32 = 167;

/// The size in bits of a key that is taken. Numbers are unsigned, most significant octet first.
///
/// # Errors
/// `key_too_small`, `key_too_large`, `key_exponent_unsafe`, `key_small_factors`, `key_roca` or `key_close_primes`.
pub(super) fn check(modulus: &[u8], exponent: &[u8]) -> Result<usize, ErrorCode> {
    // Before any arithmetic: the length decides what the rest costs.
    let significant = modulus.iter().skip_while(|octet| **octet == 0);
    let size = significant.clone().count() as u64 * 8
        - significant.clone().next().map_or(0, |first| first.leading_zeros().into());
    if size < *SIZES.start() {
        return Err(ErrorCode::KeyTooSmall);
    }
    if size > *SIZES.end() {
        return Err(ErrorCode::KeyTooLarge);
    }
    if exponent != EXPONENT {
        return Err(ErrorCode::KeyExponentUnsafe);
    }
    let modulus = BigUint::from_bytes_be(modulus);
    let remainders = small_remainders(&modulus);
    if remainders.iter().any(|(_, remainder)| *remainder == 0) {
        return Err(ErrorCode::KeySmallFactors);
    }
    if is_roca(&remainders) {
        return Err(ErrorCode::KeyRoca);
    }
    if has_close_primes(&modulus) {
        return Err(ErrorCode::KeyClosePrimes);
    }
    Ok(size as usize)
}

/// Every prime below [`PRIMES_BELOW`] with the number's remainder. Primes are taken by groups whose product fits one
/// limb: the long number is divided once for each group.
fn small_remainders(number: &BigUint) -> Vec<(u32, u32)> {
    let mut remainders = Vec::new();
    let mut group = Vec::new();
    let mut product = 1u64;
    let mut divide = |group: &mut Vec<u32>, product: u64| {
        let remainder = u64::try_from(number % product).unwrap_or_default();
        // Below the prime, which is of 32 bits.
        remainders.extend(group.drain(..).map(|prime| (prime, (remainder % u64::from(prime)) as u32)));
    };
    for prime in primes() {
        match product.checked_mul(prime.into()) {
            Some(larger) => product = larger,
            None => {
                divide(&mut group, product);
                product = prime.into();
            }
        }
        group.push(prime);
    }
    divide(&mut group, product);
    remainders
}

/// The primes below [`PRIMES_BELOW`].
fn primes() -> impl Iterator<Item = u32> {
    let odd = |number: u32| (3..).step_by(2).take_while(|i| i * i <= number).all(|i| !number.is_multiple_of(i));
    std::iter::once(2).chain((3..PRIMES_BELOW).step_by(2).filter(move |number| odd(*number)))
}

/// Is the modulus a power of 65537 modulo every one of the primes? By chance that is so for one in 2²⁷.
fn is_roca(remainders: &[(u32, u32)]) -> bool {
    let asked = remainders.iter().filter(|(prime, _)| (3..=ROCA_PRIMES_UP_TO).contains(prime));
    asked.clone().all(|(prime, remainder)| {
        let powers = std::iter::successors(Some(1), |power| Some(power * 65537 % prime));
        powers.take(*prime as usize).any(|power| power == *remainder)
    })
}

/// Fermat: a modulus is a² − b², and b is small where its primes are close (CVE-2022-26320).
fn has_close_primes(modulus: &BigUint) -> bool {
    let mut a = modulus.sqrt();
    if &a * &a < *modulus {
        a += 1u32;
    }
    let mut square_of_b = &a * &a - modulus;
    for _ in 0..FERMAT_STEPS {
        if is_square(&square_of_b) {
            return true;
        }
        square_of_b += (&a << 1u32) + 1u32;
        a += 1u32;
    }
    false
}

/// Roots are taken only of numbers that are squares modulo 64, 63, 65 and 11: one in a hundred (Cohen, A Course in
/// Computational Algebraic Number Theory, algorithm 1.7.3).
fn is_square(number: &BigUint) -> bool {
    let remainder = u32::try_from(number % (64u32 * 63 * 65 * 11)).unwrap_or_default();
    let possible = [64, 63, 65, 11].into_iter().all(|modulus: u32| {
        let wanted = remainder % modulus;
        (0..=modulus / 2).any(|root| root * root % modulus == wanted)
    });
    possible && {
        let root = number.sqrt();
        &root * &root == *number
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_primes_are_the_primes() {
        let all: Vec<u32> = primes().collect();
        assert_eq!(all[..10], [2, 3, 5, 7, 11, 13, 17, 19, 23, 29]);
        // π(4096), OEIS A007053.
        assert_eq!((all.len(), all.last()), (564, Some(&4093)));
    }

    #[test]
    fn remainders_of_groups_are_those_of_each_prime() {
        let number = BigUint::from(7u32).pow(900) + 12345u32;
        let remainders = small_remainders(&number);
        assert_eq!(remainders.len(), 564);
        for (prime, remainder) in remainders {
            assert_eq!(BigUint::from(remainder), &number % prime, "{prime}");
        }
    }

    #[test]
    fn squares_are_told_from_their_neighbours() {
        for root in (1u32..2000).chain([u32::MAX - 1, u32::MAX]) {
            let square = BigUint::from(root).pow(2);
            assert!(is_square(&square));
            assert!(!is_square(&(&square + 1u32)));
            assert!(root == 1 || !is_square(&(square - 1u32)));
        }
        assert!(is_square(&BigUint::from(0u32)));
    }
}
