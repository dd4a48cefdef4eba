//! What a token can do with a key, by the mechanisms that it lists.

use cryptoki::mechanism::MechanismType;
use qcert_protocol::{KeyAlgorithm, workstation::Carrier};

/// None for a token that makes key pairs of any kind.
pub fn carrier(mechanisms: &[MechanismType]) -> Option<Carrier> {
    let makes_keys = mechanisms.iter().any(|mechanism| mechanism.to_string().ends_with("_KEY_PAIR_GEN"));
    let signs = mechanisms.contains(&MechanismType::ECDSA) || mechanisms.contains(&MechanismType::RSA_PKCS);
    match (makes_keys, signs) {
        (true, _) => None,
        (false, true) => Some(Carrier::Signs),
        (false, false) => Some(Carrier::Stores),
    }
}

/// Does it make keys of this kind, and sign with them?
pub fn makes(mechanisms: &[MechanismType], algorithm: KeyAlgorithm) -> bool {
    let generation = match algorithm {
        KeyAlgorithm::P256 | KeyAlgorithm::P384 => MechanismType::ECC_KEY_PAIR_GEN,
        KeyAlgorithm::Rsa2048 => MechanismType::RSA_PKCS_KEY_PAIR_GEN,
    };
    mechanisms.contains(&generation) && signs(mechanisms, algorithm)
}

/// Does it sign with keys of this kind?
pub fn signs(mechanisms: &[MechanismType], algorithm: KeyAlgorithm) -> bool {
    mechanisms.contains(&match algorithm {
        KeyAlgorithm::P256 | KeyAlgorithm::P384 => MechanismType::ECDSA,
        KeyAlgorithm::Rsa2048 => MechanismType::RSA_PKCS,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_without_key_generation_is_a_carrier_and_signs_if_it_says_so() {
        use MechanismType as M;
        assert_eq!(carrier(&[M::SHA256, M::ECDSA, M::ECC_KEY_PAIR_GEN]), None);
        assert_eq!(carrier(&[M::SHA256, M::RSA_PKCS]), Some(Carrier::Signs));
        assert_eq!(carrier(&[M::SHA256]), Some(Carrier::Stores));
        assert_eq!(carrier(&[]), Some(Carrier::Stores));
    }
}
