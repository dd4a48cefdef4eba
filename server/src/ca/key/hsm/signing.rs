//! One signature by the HSM: the digest is ours, the signature the token's. What fails is tried again in a new
//! session, then with the module started again.

use std::collections::HashMap;

use anyhow::bail;
use cryptoki::{
    mechanism::Mechanism,
    object::{Attribute, ObjectClass, ObjectHandle},
    session::Session,
};
use pkcs8::der::{Encode, asn1::UintRef};
use qcert_pki::{Algorithm, PublicKey};
use ring::digest::{SHA256, SHA384, digest};

use super::{
    Answer,
    module::{Failure, Module, Started},
};
use crate::store::IssuerId;

/// RFC 8017 §9.2, note 1: what stands before a SHA-256 in a DigestInfo.
const SHA256_DIGEST_INFO: &[u8] =
    &[0x30, 0x31, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01, 0x05, 0x00, 0x04, 0x20];

/// What a thread is to sign.
pub(super) struct Order {
    /// CKA_ID of the key.
    id: IssuerId,
    elliptic: bool,
    /// What the token is given: a digest, or a DigestInfo. Nothing if the key is only looked for.
    input: Option<Vec<u8>>,
}

impl Order {
    /// Digests a message as the key's usual signature algorithm does.
    pub(super) fn new(key: &PublicKey, message: &[u8]) -> anyhow::Result<Self> {
        let (elliptic, input) = match key.algorithm() {
            Algorithm::P256 => (true, digest(&SHA256, message).as_ref().to_vec()),
            Algorithm::P384 => (true, digest(&SHA384, message).as_ref().to_vec()),
            Algorithm::Rsa { .. } => (false, [SHA256_DIGEST_INFO, digest(&SHA256, message).as_ref()].concat()),
            Algorithm::Ed25519 => bail!("the authority has no keys of this kind"),
        };
        Ok(Self { id: key.subject_key_identifier(), elliptic, input: Some(input) })
    }

    /// Looks for the key and signs nothing.
    pub(super) fn to_look(key: &PublicKey) -> Self {
        Self { id: key.subject_key_identifier(), elliptic: false, input: None }
    }
}

/// A thread's session, and the keys that it has found.
pub(super) struct Open {
    session: Session,
    generation: u64,
    keys: HashMap<IssuerId, ObjectHandle>,
}

/// Signs in a session of its own.
pub(super) fn sign_alone(module: &Module, order: &Order) -> Answer {
    let mut open = None;
    let answer = sign(module, &mut open, order);
    end(module, &mut open);
    answer
}

/// Closes a session, if there is one.
pub(super) fn end(module: &Module, open: &mut Option<Open>) {
    if open.is_some() {
        // Of a module that cannot be had, no session is left to be closed.
        let _ = module.with(|started| {
            close(open, started.generation);
            Ok(())
        });
    }
}

/// Signs, in the thread's session if it has one that works.
pub(super) fn sign(module: &Module, open: &mut Option<Open>, order: &Order) -> Answer {
    let (mut reopened, mut restarted) = (false, false);
    loop {
        let mut generation = 0;
        let tried = module.with(|started| {
            generation = started.generation;
            let tried = sign_once(module, started, open, order);
            if tried.is_err() {
                close(open, generation);
            }
            tried
        });
        match tried {
            Err(Failure::Session(_)) if !reopened => reopened = true,
            Err(Failure::Away(_)) if !restarted => {
                restarted = true;
                module.restart(generation)?;
            }
            end => return end,
        }
    }
}

fn sign_once(module: &Module, started: &Started, open: &mut Option<Open>, order: &Order) -> Answer {
    if open.as_ref().is_some_and(|open| open.generation != started.generation) {
        *open = None;
    }
    let open = match open {
        Some(open) => open,
        None => open.insert(new_session(module, started)?),
    };
    let Some(input) = &order.input else {
        // The token is asked, not what it said before.
        return find(&open.session, &order.id, &module.settings.key_label).map(|_| Vec::new());
    };
    let key = match open.keys.get(&order.id) {
        Some(key) => *key,
        None => {
            let key = find(&open.session, &order.id, &module.settings.key_label)?;
            open.keys.insert(order.id, key);
            key
        }
    };
    let mechanism = if order.elliptic { Mechanism::Ecdsa } else { Mechanism::RsaPkcs };
    let signature = open.session.sign(&mechanism, key, input)?;
    if !order.elliptic {
        return Ok(signature);
    }
    ecdsa_der(&signature).ok_or_else(|| Failure::Session("the token's signature cannot be read".to_owned()))
}

fn new_session(module: &Module, started: &Started) -> Result<Open, Failure> {
    // It is closed by [`close`], and never after the module was started again: then its handle may be another's.
    let session = started.pkcs11.open_ro_session_no_drop(module.slot(&started.pkcs11)?)?;
    let open = Open { session, generation: started.generation, keys: HashMap::new() };
    match module.log_in(&open.session) {
        Ok(()) => Ok(open),
        Err(failure) => {
            close(&mut Some(open), started.generation);
            Err(failure)
        }
    }
}

fn close(open: &mut Option<Open>, generation: u64) {
    if let Some(open) = open.take()
        && open.generation == generation
    {
        // A session that is gone already is as good as closed.
        let _ = open.session.close();
    }
}

/// The private key with this CKA_ID, else the only one with the label of the settings.
fn find(session: &Session, id: &IssuerId, label: &str) -> Result<ObjectHandle, Failure> {
    let private = [Attribute::Class(ObjectClass::PRIVATE_KEY), Attribute::Token(true)];
    let with = |attribute| session.find_objects(&[private[0].clone(), private[1].clone(), attribute]);
    if let [key, ..] = with(Attribute::Id(id.to_vec()))?[..] {
        return Ok(key);
    }
    match with(Attribute::Label(label.as_bytes().to_vec()))?[..] {
        [key] => Ok(key),
        _ => Err(Failure::Session(
            "the token has no key with the issuer's CKA_ID, and not one with hsm.key_label".to_owned(),
        )),
    }
}

/// PKCS#11 §2.3.1 gives r ‖ s, X.509 wants `SEQUENCE { r, s }` (RFC 5758 §3.2).
fn ecdsa_der(signature: &[u8]) -> Option<Vec<u8>> {
    let (r, s) = signature.split_at_checked(signature.len() / 2)?;
    [UintRef::new(r).ok()?, UintRef::new(s).ok()?].to_der().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_raw_signature_becomes_a_sequence_of_two_integers() {
        let der = ecdsa_der(&[0x80, 0x01, 0x00, 0x02]).unwrap();
        assert_eq!(der, [0x30, 0x08, 0x02, 0x03, 0x00, 0x80, 0x01, 0x02, 0x01, 0x02]);
    }
}
