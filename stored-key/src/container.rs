//! Containers in data objects (PKCS#11 §4.5.3), for tokens that take no private key objects. Two objects are one:
//!
//! | attribute | public object | private object |
//! |---|---|---|
//! | CKA_CLASS, CKA_TOKEN | CKO_DATA, true | the same |
//! | CKA_PRIVATE | false | true |
//! | CKA_APPLICATION | [`PUBLIC`] | [`PRIVATE`] |
//! | CKA_LABEL | the container's name, UTF-8 | the same |
//! | CKA_OBJECT_ID | [`object_id`] | the same |
//! | CKA_VALUE | SubjectPublicKeyInfo (RFC 5280 §4.1), DER | OneAsymmetricKey v1 (RFC 5958 §2), DER |
//!
//! The private key's own structure, ECPrivateKey with its public key or RSAPrivateKey, has the public half too, so
//! OpenSSL and its like read the value as it is. Version 1 of OneAsymmetricKey, for older programs know no other.

/// CKA_APPLICATION of the public object. Another format will have another name.
pub const PUBLIC: &str = "qcert-container-v1-public";

/// CKA_APPLICATION of the private object. Programs that cannot search by CKA_PRIVATE find it by this.
pub const PRIVATE: &str = "qcert-container-v1-private";

/// CKA_OBJECT_ID of both objects: the DER of 2.25.N (X.667), N being the UUID of version 8 (RFC 9562 §5.8) that begins
/// like the key's CKA_ID. A data object has no CKA_ID, and this finds both without their values.
pub fn object_id(key_id: &[u8; 20]) -> Vec<u8> {
    let mut uuid = [0; 16];
    uuid.copy_from_slice(&key_id[..16]);
    uuid[6] = uuid[6] & 0x0f | 0x80;
    uuid[8] = uuid[8] & 0x3f | 0x80;
    let number = u128::from_be_bytes(uuid);
    // X.690 §8.19: seven bits to an octet, the highest bit of all but the last is set.
    let groups = (128 - number.leading_zeros()).div_ceil(7).max(1);
    let digits = (0..groups).rev().map(|group| (number >> (7 * group)) as u8 & 0x7f | if group > 0 { 0x80 } else { 0 });
    let content: Vec<u8> = std::iter::once(2 * 40 + 25).chain(digits).collect();
    // 20 octets at most.
    [&[0x06, content.len() as u8], &content[..]].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_object_id_is_a_uuid_below_2_25() {
        for key_id in [[0; 20], [0xff; 20], std::array::from_fn(|i| i as u8)] {
            // RFC 9562 §4.1 and §5.8: where version and variant stand.
            let uuid = (u128::from_be_bytes(key_id[..16].try_into().unwrap()) & !(0xf << 76) & !(0x3 << 62))
                | (8 << 76)
                | (2 << 62);
            assert_eq!(arcs(&object_id(&key_id)), format!("2.25.{uuid}"));
        }
    }

    fn arcs(der: &[u8]) -> String {
        assert_eq!((der[0], usize::from(der[1])), (6, der.len() - 2));
        let arc = der[3..].iter().fold(0u128, |arc, octet| arc << 7 | u128::from(octet & 0x7f));
        assert!(der[3] != 0x80 && der[3..der.len() - 1].iter().all(|octet| octet & 0x80 != 0));
        format!("2.{}.{arc}", der[2] - 80)
    }

    #[test]
    fn two_keys_have_two_object_ids() {
        assert_ne!(object_id(&[1; 20]), object_id(&[2; 20]));
    }
}
