//! What lies on a token: keys and certificates that can be seen without a PIN. Only looked at, whoever made them.

use std::collections::BTreeMap;

use cryptoki::{
    error::Error,
    object::{Attribute, AttributeType, ObjectClass},
    session::Session,
};
use der::{Decode, asn1::ObjectIdentifier};
use qcert_pki::PublicKey;
use qcert_protocol::{
    KeyId,
    workstation::{Container, ContainerCertificate},
};
use time::OffsetDateTime;
use x509_cert::{Certificate, name::Name};

/// id-at-commonName (RFC 5280, appendix A.1).
const COMMON_NAME: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.4.3");

/// Key pairs and certificates whose CKA_ID is a key's name, by that name; and the keys that are stored in a form of ours.
///
/// # Errors
/// Those of PKCS#11.
pub fn containers(session: &Session, stored: Vec<(PublicKey, String)>) -> Result<Vec<Container>, Error> {
    let mut containers = BTreeMap::<[u8; 20], Container>::new();
    for class in [ObjectClass::PUBLIC_KEY, ObjectClass::CERTIFICATE] {
        let is_certificate = class == ObjectClass::CERTIFICATE;
        let mut asked = vec![AttributeType::Id, AttributeType::Label];
        asked.extend(is_certificate.then_some(AttributeType::Value));
        for object in session.find_objects(&[Attribute::Class(class), Attribute::Token(true)])? {
            let (mut id, mut label, mut certificate) = (None, String::new(), None);
            for attribute in session.get_attributes(object, &asked)? {
                match attribute {
                    Attribute::Id(bytes) => id = <[u8; 20]>::try_from(bytes).ok(),
                    Attribute::Label(bytes) => label = String::from_utf8_lossy(&bytes).into_owned(),
                    Attribute::Value(der) => certificate = describe(&der),
                    _ => {}
                }
            }
            let Some(id) = id else { continue };
            let container = containers.entry(id).or_insert_with(|| key_alone(label, KeyId::from_bytes(&id)));
            container.has_certificate |= is_certificate;
            // Of several the one that lasts longest: for so long the pair is in use.
            let both = certificate.into_iter().chain(container.certificate.take());
            container.certificate = both.max_by_key(|certificate| certificate.not_after);
        }
    }
    for (key, label) in stored {
        let key_id = key.key_id();
        containers.entry(key_id.to_bytes()).or_insert_with(|| key_alone(label, key_id));
    }
    Ok(containers.into_values().collect())
}

fn key_alone(label: String, key_id: KeyId) -> Container {
    Container { label, key_id, has_certificate: false, certificate: None }
}

/// Whose a certificate is and until when; nothing for one that cannot be read.
fn describe(der: &[u8]) -> Option<ContainerCertificate> {
    let certificate = Certificate::from_der(der).ok()?;
    let content = certificate.tbs_certificate();
    let seconds = content.validity().not_after.to_unix_duration().as_secs();
    Some(ContainerCertificate {
        holder: common_name(content.subject()).unwrap_or_else(|| content.subject().to_string()),
        not_after: OffsetDateTime::from_unix_timestamp(i64::try_from(seconds).ok()?).ok()?,
    })
}

fn common_name(name: &Name) -> Option<String> {
    let attribute = name.iter().find(|attribute| attribute.oid == COMMON_NAME)?;
    String::from_utf8(attribute.value.value().to_vec()).ok()
}
