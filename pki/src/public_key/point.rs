//! Is a point on its curve? y² = x³ − 3x + b (mod p), coordinates below p: SEC 1 §3.2.2.1. The curves have prime order,
//! so a point on the curve is in the right group. Public numbers only: nothing here needs constant time.

/// A number below 2³⁸⁴, least significant limb first.
type Number = [u64; 6];

const ONE: Number = [1, 0, 0, 0, 0, 0];

/// A curve with a = −3.
pub(super) struct Curve {
    /// Length of a coordinate.
    pub(super) octets: usize,
    prime: Number,
    b: Number,
    /// −p⁻¹ mod 2⁶⁴.
    inverse: u64,
}

/// secp256r1, SEC 2 §2.4.2.
pub(super) const P256: Curve = Curve {
    octets: 32,
    prime: [0xffff_ffff_ffff_ffff, 0x0000_0000_ffff_ffff, 0, 0xffff_ffff_0000_0001, 0, 0],
    b: [0x3bce_3c3e_27d2_604b, 0x651d_06b0_cc53_b0f6, 0xb3eb_bd55_7698_86bc, 0x5ac6_35d8_aa3a_93e7, 0, 0],
    inverse: 1,
};

/// secp384r1, SEC 2 §2.5.1.
pub(super) const P384: Curve = Curve {
    octets: 48,
    prime: [
        0x0000_0000_ffff_ffff,
        0xffff_ffff_0000_0000,
        0xffff_ffff_ffff_fffe,
        0xffff_ffff_ffff_ffff,
        0xffff_ffff_ffff_ffff,
        0xffff_ffff_ffff_ffff,
    ],
    b: [
        0x2a85_c8ed_d3ec_2aef,
        0xc656_398d_8a2e_d19d,
        0x0314_088f_5013_875a,
        0x181d_9c6e_fe81_4112,
        0x988e_056b_e3f8_2d19,
        0xb331_2fa7_e23e_e7e4,
    ],
    inverse: 0x1_0000_0001,
};

impl Curve {
    /// `coordinates` are x and y, each of `octets`, most significant first.
    pub(super) fn contains(&self, coordinates: &[u8]) -> bool {
        let (x, y) = coordinates.split_at(self.octets);
        let (x, y) = (number(x), number(y));
        if !less(&x, &self.prime) || !less(&y, &self.prime) {
            return false;
        }
        // A product brings a factor R⁻¹ along; here every term gets R⁻², and the equation is the same.
        let scaled = |term: &Number| self.multiply(&self.multiply(term, &ONE), &ONE);
        let cube = self.multiply(&self.multiply(&x, &x), &x);
        let three_x = self.add(&self.add(&x, &x), &x);
        let right = self.add(&self.subtract(&cube, &scaled(&three_x)), &scaled(&self.b));
        self.multiply(&self.multiply(&y, &y), &ONE) == right
    }

    fn add(&self, a: &Number, b: &Number) -> Number {
        let (sum, carry) = add(a, b);
        if carry || !less(&sum, &self.prime) { subtract(&sum, &self.prime) } else { sum }
    }

    fn subtract(&self, a: &Number, b: &Number) -> Number {
        if less(a, b) { subtract(&add(a, &self.prime).0, b) } else { subtract(a, b) }
    }

    /// Montgomery's product a·b·R⁻¹ mod p, where R is 2 to the curve's bits (Handbook of Applied Cryptography, 14.36).
    fn multiply(&self, a: &Number, b: &Number) -> Number {
        let limbs = self.octets / 8;
        let mut sum = [0; 8];
        for factor in &b[..limbs] {
            add_product(&mut sum, &a[..limbs], *factor);
            // Makes the lowest limb zero; then it is shifted out.
            let multiple = sum[0].wrapping_mul(self.inverse);
            add_product(&mut sum, &self.prime[..limbs], multiple);
            sum.rotate_left(1);
        }
        let product = std::array::from_fn(|i| if i < limbs { sum[i] } else { 0 });
        if sum[limbs] != 0 || !less(&product, &self.prime) {
            subtract_reduced(&product, &self.prime, limbs)
        } else {
            product
        }
    }
}

/// Adds `number` · `factor`; the sum has room for two limbs more.
fn add_product(sum: &mut [u64; 8], number: &[u64], factor: u64) {
    let mut carry = 0;
    for (limb, digit) in sum.iter_mut().zip(number.iter().chain([&0, &0])) {
        let partial = u128::from(*limb) + u128::from(*digit) * u128::from(factor) + carry;
        *limb = partial as u64;
        carry = partial >> 64;
    }
}

/// Modulo R: the carry above the curve's limbs comes back as a borrow.
fn subtract_reduced(a: &Number, b: &Number, limbs: usize) -> Number {
    let difference = subtract(a, b);
    std::array::from_fn(|i| if i < limbs { difference[i] } else { 0 })
}

fn number(octets: &[u8]) -> Number {
    let mut number = [0; 6];
    for (i, octet) in octets.iter().rev().enumerate() {
        number[i / 8] |= u64::from(*octet) << (i % 8 * 8);
    }
    number
}

fn less(a: &Number, b: &Number) -> bool {
    a.iter().rev().lt(b.iter().rev())
}

fn add(a: &Number, b: &Number) -> (Number, bool) {
    let mut carry = false;
    let sum = std::array::from_fn(|i| {
        let (partial, first) = a[i].overflowing_add(b[i]);
        let (limb, second) = partial.overflowing_add(carry.into());
        carry = first || second;
        limb
    });
    (sum, carry)
}

/// Modulo 2³⁸⁴: a carry that [`add`] left out comes back here as a borrow.
fn subtract(a: &Number, b: &Number) -> Number {
    let mut borrow = false;
    std::array::from_fn(|i| {
        let (partial, first) = a[i].overflowing_sub(b[i]);
        let (limb, second) = partial.overflowing_sub(borrow.into());
        borrow = first || second;
        limb
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn octets(hex: &str) -> Vec<u8> {
        (0..hex.len() / 2).map(|i| u8::from_str_radix(&hex[2 * i..2 * i + 2], 16).unwrap()).collect()
    }

    /// The base points, SEC 2 §2.4.2 and §2.5.1.
    fn base_points() -> [(&'static Curve, Vec<u8>); 2] {
        let p256 = "6b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296\
                    4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5";
        let p384 = "aa87ca22be8b05378eb1c71ef320ad746e1d3b628ba79b9859f741e082542a385502f25dbf55296c3a545e3872760ab7\
                    3617de4a96262c6f5d9e98bf9292dc29f8f41dbd289a147ce9da3113b5f0b8c00a60b1ce1d7e819d7a431d7c90ea0e5f";
        [(&P256, octets(p256)), (&P384, octets(p384))]
    }

    #[test]
    fn the_base_points_are_on_their_curves() {
        for (curve, point) in base_points() {
            assert!(curve.contains(&point));
        }
    }

    #[test]
    fn the_inverse_is_that_of_the_prime() {
        for (curve, _) in base_points() {
            assert_eq!(curve.prime[0].wrapping_mul(curve.inverse), u64::MAX);
        }
    }

    #[test]
    fn the_other_point_with_the_same_x_is_on_the_curve() {
        for (curve, point) in base_points() {
            let (x, y) = point.split_at(curve.octets);
            let other = subtract(&curve.prime, &number(y));
            let limbs = other[..curve.octets / 8].iter().rev();
            let y: Vec<u8> = limbs.flat_map(|limb| limb.to_be_bytes()).collect();
            assert!(curve.contains(&[x, &y].concat()));
        }
    }

    #[test]
    fn a_point_with_one_other_bit_is_not() {
        for (curve, point) in base_points() {
            for i in 0..point.len() {
                let mut other = point.clone();
                other[i] ^= 1;
                assert!(!curve.contains(&other), "octet {i}");
            }
        }
    }

    #[test]
    fn a_coordinate_not_reduced_and_the_origin_are_refused() {
        for (curve, _) in base_points() {
            assert!(!curve.contains(&vec![0xff; 2 * curve.octets]));
            assert!(!curve.contains(&vec![0; 2 * curve.octets]));
        }
    }
}
