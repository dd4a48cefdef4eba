//! The digest that the second password confirms.

use ring::digest::{Context, SHA256, digest};
use uuid::Uuid;

/// SHA-256 of `qcert-confirmation-v1` ‖ 0x00 ‖ application id ‖ SHA-256 of the holder's data (the JSON snapshot) ‖
/// SHA-256 of the SubjectPublicKeyInfo.
pub fn confirmation_digest(application: Uuid, snapshot: &str, key_digest: &[u8; 32]) -> [u8; 32] {
    let mut context = Context::new(&SHA256);
    context.update(b"qcert-confirmation-v1\0");
    context.update(application.as_bytes());
    context.update(digest(&SHA256, snapshot.as_bytes()).as_ref());
    context.update(key_digest);
    let mut result = [0; 32];
    result.copy_from_slice(context.finish().as_ref());
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_digest_depends_on_application_data_and_key() {
        let digest = confirmation_digest(Uuid::nil(), "{}", &[0; 32]);
        assert_ne!(digest, confirmation_digest(Uuid::max(), "{}", &[0; 32]));
        assert_ne!(digest, confirmation_digest(Uuid::nil(), "{ }", &[0; 32]));
        assert_ne!(digest, confirmation_digest(Uuid::nil(), "{}", &[1; 32]));
    }
}
