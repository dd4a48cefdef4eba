//! Serial numbers: positive, at most 20 octets (RFC 5280 §4.1.2.2).

use x509_cert::serial_number::SerialNumber;

/// A certificate's serial number, without leading zeros.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Serial(Vec<u8>);

impl Serial {
    /// Makes a number of 20 octets from 20 random ones. The first bit is cleared, so that it is positive, and the
    /// second is set, so that its length is always the same: 158 random bits remain.
    pub fn from_random(mut random: [u8; 20]) -> Self {
        random[0] = random[0] & 0x7f | 0x40;
        Self(random.to_vec())
    }

    /// Takes a number from its octets, most significant first; zero and numbers longer than 20 octets are refused.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let start = bytes.iter().position(|byte| *byte != 0)?;
        let digits = &bytes[start..];
        // A set first bit costs one more octet in DER.
        let encoded = digits.len() + usize::from(digits[0] >> 7);
        (encoded <= 20).then(|| Self(digits.to_vec()))
    }

    /// Reads what [`Display`](std::fmt::Display) writes; lower-case digits are taken too.
    pub fn parse(text: &str) -> Option<Self> {
        if text.is_empty() || !text.len().is_multiple_of(2) || !text.bytes().all(|b| b.is_ascii_hexdigit()) {
            return None;
        }
        let digit = |b: u8| char::from(b).to_digit(16).unwrap_or_default() as u8;
        let bytes: Vec<u8> = text.as_bytes().chunks(2).map(|pair| digit(pair[0]) << 4 | digit(pair[1])).collect();
        Self::from_bytes(&bytes)
    }

    /// Its octets, most significant first, without leading zeros: 1 to 20.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    pub(crate) fn to_x509(&self) -> der::Result<SerialNumber> {
        SerialNumber::new(&self.0)
    }
}

/// Upper-case hexadecimal, two digits an octet.
impl std::fmt::Display for Serial {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02X}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_random_number_gives_a_positive_serial_of_twenty_octets() {
        for random in [[0; 20], [0xff; 20], [0x80; 20]] {
            let serial = Serial::from_random(random);
            assert_eq!(serial.as_bytes().len(), 20);
            assert!(serial.as_bytes()[0] < 0x80);
            assert_eq!(serial.as_bytes()[1..], random[1..]);
            assert!(serial.to_x509().is_ok());
        }
    }

    #[test]
    fn a_serial_survives_the_way_through_its_text() {
        let serial = Serial::from_random([0xa5; 20]);
        assert_eq!(serial.to_string().len(), 40);
        assert_eq!(serial.to_string(), serial.to_string().to_uppercase());
        assert_eq!(Serial::parse(&serial.to_string()), Some(serial));
    }

    #[test]
    fn what_is_no_serial_is_refused() {
        for text in ["", "0", "00", "0G", "+1", &"FF".repeat(20), &"01".repeat(21)] {
            assert_eq!(Serial::parse(text), None, "{text}");
        }
        assert_eq!(Serial::parse("0001").map(|serial| serial.to_string()), Some("01".to_owned()));
    }
}
