//! CRX3: an archive that its maker has signed, as Chromium and its kin install it. The maker's key names the extension.
//!
//! `components/crx_file/crx3.proto` of Chromium is the format's description. Its header is written here by hand: four
//! fields of one wire type.

use sha2::{Digest, Sha256};

/// `Cr24`, and the version of the format.
const MAGIC: &[u8] = b"Cr24\x03\0\0\0";

/// Stands before what is signed.
const CONTEXT: &[u8] = b"CRX3 SignedData\0";

/// Fields of `CrxFileHeader`, `AsymmetricKeyProof` and `SignedData`.
const SHA256_WITH_RSA: u64 = 2;
const SIGNED_HEADER_DATA: u64 = 10_000;
const PUBLIC_KEY: u64 = 1;
const SIGNATURE: u64 = 2;
const CRX_ID: u64 = 1;

/// The extension's id in Chromium and its kin: 32 letters from a to p. `public_key` is a `SubjectPublicKeyInfo` in DER.
pub fn id(public_key: &[u8]) -> String {
    let digits = raw_id(public_key).into_iter().flat_map(|byte| [byte >> 4, byte & 15]);
    digits.map(|digit| char::from(b'a' + digit)).collect()
}

fn raw_id(public_key: &[u8]) -> Vec<u8> {
    Sha256::digest(public_key)[..16].to_vec()
}

/// The bytes that the maker signs, with RSASSA-PKCS1-v1_5 and SHA-256.
pub fn to_be_signed(public_key: &[u8], archive: &[u8]) -> Vec<u8> {
    let data = signed_data(public_key);
    [CONTEXT, &length(data.len()), &data, archive].concat()
}

/// The signed archive.
pub fn signed(public_key: &[u8], signature: &[u8], archive: &[u8]) -> Vec<u8> {
    let proof = [field(PUBLIC_KEY, public_key), field(SIGNATURE, signature)].concat();
    let header = [field(SHA256_WITH_RSA, &proof), field(SIGNED_HEADER_DATA, &signed_data(public_key))].concat();
    [MAGIC, &length(header.len()), &header, archive].concat()
}

fn signed_data(public_key: &[u8]) -> Vec<u8> {
    field(CRX_ID, &raw_id(public_key))
}

/// Little-endian, 32 bits.
fn length(bytes: usize) -> [u8; 4] {
    // A header is some hundred bytes.
    u32::try_from(bytes).unwrap_or(u32::MAX).to_le_bytes()
}

/// A field of bytes, as protocol buffers write it.
fn field(number: u64, content: &[u8]) -> Vec<u8> {
    const BYTES: u64 = 2;
    [varint(number << 3 | BYTES), varint(content.len() as u64), content.to_vec()].concat()
}

fn varint(mut number: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    while number > 127 {
        bytes.push(number as u8 & 127 | 128);
        number >>= 7;
    }
    bytes.push(number as u8);
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_written_in_groups_of_seven_bits() {
        assert_eq!(varint(1), [1]);
        assert_eq!(varint(300), [0xac, 2]);
        assert_eq!(varint(SIGNED_HEADER_DATA << 3 | 2), [0x82, 0xf1, 4]);
    }

    #[test]
    fn the_header_says_how_long_it_is_and_the_archive_follows() {
        let (key, signature, archive) = (vec![7; 294], vec![8; 256], b"PK archive".as_slice());
        let file = signed(&key, &signature, archive);
        let header = u32::from_le_bytes(file[8..12].try_into().unwrap()) as usize;
        assert_eq!(&file[..8], b"Cr24\x03\0\0\0");
        assert_eq!(&file[12 + header..], archive);
        let contains = |part: &[u8]| file[12..12 + header].windows(part.len()).any(|window| window == part);
        assert!(contains(&key) && contains(&signature) && contains(&raw_id(&key)));
    }

    #[test]
    fn what_is_signed_covers_the_archive_and_the_id() {
        let one = to_be_signed(b"key", b"archive");
        assert!(one.starts_with(b"CRX3 SignedData\0\x12\0\0\0\x0a\x10") && one.ends_with(b"archive"));
        assert_ne!(one, to_be_signed(b"another key", b"archive"));
    }
}
