//! Attributes of a key object that this module shows, and templates of the caller.

use cryptoki_sys::*;
use der::{Decode, Encode, Sequence, asn1::OctetStringRef, asn1::UintRef};
use qcert_pki::{Algorithm, PublicKey};

/// Which half of a pair.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Half {
    Public,
    Private,
}

/// RFC 5480 §2.1.1.1: named curves.
const P256_PARAMETERS: &[u8] = &[0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07];
const P384_PARAMETERS: &[u8] = &[0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x22];

/// What a private key never tells (PKCS#11 §4.9).
const SENSITIVE: [CK_ATTRIBUTE_TYPE; 7] =
    [CKA_VALUE, CKA_PRIVATE_EXPONENT, CKA_PRIME_1, CKA_PRIME_2, CKA_EXPONENT_1, CKA_EXPONENT_2, CKA_COEFFICIENT];

#[derive(Sequence)]
struct RsaPublicKey<'a> {
    modulus: UintRef<'a>,
    public_exponent: UintRef<'a>,
}

/// What an object says of itself.
#[derive(Clone, PartialEq, Eq)]
pub struct Attributes(Vec<(CK_ATTRIBUTE_TYPE, Vec<u8>)>);

impl Attributes {
    /// Those of one half of a stored pair; none for a kind of key that the portal does not make.
    pub fn of(half: Half, key: &PublicKey, label: &[u8]) -> Option<Self> {
        let private = half == Half::Private;
        let class = if private { CKO_PRIVATE_KEY } else { CKO_PUBLIC_KEY };
        let number = |number: CK_ULONG| number.to_ne_bytes().to_vec();
        let truth = |truth: bool| vec![CK_BBOOL::from(truth)];
        let mut all = vec![
            (CKA_CLASS, number(class)),
            (CKA_TOKEN, truth(true)),
            (CKA_PRIVATE, truth(private)),
            (CKA_MODIFIABLE, truth(false)),
            (CKA_LABEL, label.to_vec()),
            (CKA_ID, key.key_id().to_bytes().to_vec()),
            (CKA_SUBJECT, Vec::new()),
            (CKA_LOCAL, truth(false)),
            (CKA_DERIVE, truth(false)),
        ];
        if private {
            let never = [
                CKA_DECRYPT,
                CKA_UNWRAP,
                CKA_SIGN_RECOVER,
                CKA_EXTRACTABLE,
                CKA_ALWAYS_SENSITIVE,
                CKA_NEVER_EXTRACTABLE,
                CKA_ALWAYS_AUTHENTICATE,
                CKA_WRAP_WITH_TRUSTED,
            ];
            all.extend([CKA_SIGN, CKA_SENSITIVE].map(|kind| (kind, truth(true))));
            all.extend(never.map(|kind| (kind, truth(false))));
        } else {
            let never = [CKA_ENCRYPT, CKA_VERIFY_RECOVER, CKA_WRAP, CKA_TRUSTED];
            all.push((CKA_VERIFY, truth(true)));
            all.extend(never.map(|kind| (kind, truth(false))));
        }
        let bits = key.subject_public_key();
        match key.algorithm() {
            Algorithm::P256 | Algorithm::P384 => {
                let p256 = key.algorithm() == Algorithm::P256;
                all.push((CKA_KEY_TYPE, number(CKK_EC)));
                all.push((CKA_EC_PARAMS, if p256 { P256_PARAMETERS } else { P384_PARAMETERS }.to_vec()));
                all.push((CKA_EC_POINT, OctetStringRef::new(bits).ok()?.to_der().ok()?));
            }
            Algorithm::Rsa { bits: length } => {
                let parts = RsaPublicKey::from_der(bits).ok()?;
                all.push((CKA_KEY_TYPE, number(CKK_RSA)));
                all.push((CKA_MODULUS, parts.modulus.as_bytes().to_vec()));
                all.push((CKA_MODULUS_BITS, number(length as CK_ULONG)));
                all.push((CKA_PUBLIC_EXPONENT, parts.public_exponent.as_bytes().to_vec()));
            }
            Algorithm::Ed25519 => return None,
        }
        Some(Self(all))
    }

    /// A value, if the object has it.
    pub fn get(&self, kind: CK_ATTRIBUTE_TYPE) -> Option<&[u8]> {
        self.0.iter().find(|(own, _)| *own == kind).map(|(_, value)| value.as_slice())
    }

    /// Does the object have all that a search wants?
    pub fn match_all(&self, wanted: &[(CK_ATTRIBUTE_TYPE, Vec<u8>)]) -> bool {
        wanted.iter().all(|(kind, value)| self.get(*kind) == Some(value))
    }

    /// C_GetAttributeValue (PKCS#11 §5.7.5): fills in what it can, and answers with what hindered it last.
    ///
    /// # Safety
    /// As C_GetAttributeValue promises: a value is null or has the length that is said.
    pub unsafe fn fill(&self, template: &mut [CK_ATTRIBUTE]) -> CK_RV {
        let mut answer = CKR_OK;
        for attribute in template {
            let refused = match self.get(attribute.type_) {
                _ if SENSITIVE.contains(&attribute.type_) && self.get(CKA_SENSITIVE).is_some() => {
                    Some(CKR_ATTRIBUTE_SENSITIVE)
                }
                None => Some(CKR_ATTRIBUTE_TYPE_INVALID),
                Some(value) => {
                    let room = attribute.ulValueLen;
                    attribute.ulValueLen = value.len() as CK_ULONG;
                    if attribute.pValue.is_null() {
                        None
                    } else if room < attribute.ulValueLen {
                        Some(CKR_BUFFER_TOO_SMALL)
                    } else {
                        // SAFETY: not null, so by this function's contract it has room for what fits.
                        unsafe { attribute.pValue.cast::<u8>().copy_from(value.as_ptr(), value.len()) };
                        None
                    }
                }
            };
            if let Some(refused) = refused {
                attribute.ulValueLen = CK_UNAVAILABLE_INFORMATION;
                answer = refused;
            }
        }
        answer
    }
}

/// A caller's template, copied.
///
/// # Safety
/// It is null or points to `count` attributes, whose values are null or have the length that is said.
pub unsafe fn copied(template: CK_ATTRIBUTE_PTR, count: CK_ULONG) -> Vec<(CK_ATTRIBUTE_TYPE, Vec<u8>)> {
    if template.is_null() {
        return Vec::new();
    }
    // SAFETY: not null, so by this function's contract it has so many attributes.
    let attributes = unsafe { std::slice::from_raw_parts(template, usize::try_from(count).unwrap_or(0)) };
    let value = |attribute: &CK_ATTRIBUTE| {
        let length = usize::try_from(attribute.ulValueLen).unwrap_or(0);
        if attribute.pValue.is_null() || length == 0 {
            return Vec::new();
        }
        // SAFETY: as before, of its value.
        unsafe { std::slice::from_raw_parts(attribute.pValue.cast::<u8>(), length) }.to_vec()
    };
    attributes.iter().map(|attribute| (attribute.type_, value(attribute))).collect()
}
