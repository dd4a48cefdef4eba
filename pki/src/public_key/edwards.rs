//! Is an Ed25519 key a point of the curve that can carry a proof? RFC 8032 §5.1.3; and for a key of small order any
//! message has a signature that somebody without a private key can write, so it proves nothing. Public numbers only.

use num_bigint::BigUint;

/// The y of all points whose order divides 8, least significant octet first.
const SMALL_ORDER: [[u8; 32]; 5] = [
    // 0, of order 4.
    [0; 32],
    // 1, the neutral point.
    {
        let mut one = [0; 32];
        one[0] = 1;
        one
    },
    // p − 1, of order 2.
    {
        let mut minus_one = [0xff; 32];
        minus_one[0] = 0xec;
        minus_one[31] = 0x7f;
        minus_one
    },
    // Both of order 8.
    [
        0x26, 0xe8, 0x95, 0x8f, 0xc2, 0xb2, 0x27, 0xb0, 0x45, 0xc3, 0xf4, 0x89, 0xf2, 0xef, 0x98, 0xf0, 0xd5, 0xdf,
        0xac, 0x05, 0xd3, 0xc6, 0x33, 0x39, 0xb1, 0x38, 0x02, 0x88, 0x6d, 0x53, 0xfc, 0x05,
    ],
    [
        0xc7, 0x17, 0x6a, 0x70, 0x3d, 0x4d, 0xd8, 0x4f, 0xba, 0x3c, 0x0b, 0x76, 0x0d, 0x10, 0x67, 0x0f, 0x2a, 0x20,
        0x53, 0xfa, 0x2c, 0x39, 0xcc, 0xc6, 0x4e, 0xc7, 0xfd, 0x77, 0x92, 0xac, 0x03, 0x7a,
    ],
];

/// Is it a point of the curve, in its only encoding, and of large order?
pub(super) fn is_sound(point: &[u8; 32]) -> bool {
    // The first bit of the last octet is the sign of x.
    let mut octets = *point;
    octets[31] &= 0x7f;
    let prime = (BigUint::from(1u32) << 255u32) - 19u32;
    let y = BigUint::from_bytes_le(&octets);
    y < prime && !SMALL_ORDER.contains(&octets) && has_x(&y, &prime)
}

/// x² = (y² − 1) / (d·y² + 1) with d = −121665/121666: is the right side a square? Both halves are multiplied by 121666,
/// and a quotient is a square where the product is (Euler's criterion).
fn has_x(y: &BigUint, prime: &BigUint) -> bool {
    let square = y * y % prime;
    let numerator = 121666u32 * (&square + prime - 1u32) % prime;
    let denominator = (121666u32 + 121665u32 * (prime - square)) % prime;
    let exponent = (prime - 1u32) >> 1u32;
    (numerator * denominator).modpow(&exponent, prime) == BigUint::from(1u32)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with_y(first: u8) -> [u8; 32] {
        let mut point = [0; 32];
        point[0] = first;
        point
    }

    #[test]
    fn the_base_point_is_sound_with_either_sign() {
        // y = 4/5, RFC 8032 §5.1.
        let mut base = [0x66; 32];
        base[0] = 0x58;
        assert!(is_sound(&base));
        base[31] |= 0x80;
        assert!(is_sound(&base));
    }

    #[test]
    fn points_of_small_order_are_not_sound_with_either_sign() {
        for point in SMALL_ORDER {
            let mut other = point;
            other[31] |= 0x80;
            assert!(!is_sound(&point) && !is_sound(&other));
        }
    }

    #[test]
    fn half_of_all_numbers_are_the_y_of_no_point() {
        // 2 is one of them, 3 is not: sage, EllipticCurve over GF(2^255 - 19).
        assert!(!is_sound(&with_y(2)));
        assert!(is_sound(&with_y(3)));
        let points = (2..=201).filter(|y| is_sound(&with_y(*y))).count();
        assert!((70..130).contains(&points), "{points}");
    }

    #[test]
    fn a_number_that_is_not_reduced_is_not_sound() {
        // p + 3, where 3 is the y of a point.
        let mut point = [0xff; 32];
        point[0] = 0xf0;
        point[31] = 0x7f;
        assert!(!is_sound(&point));
    }
}
