//! `installCertificate`: the certificate goes beside its key, is read back and compared, and then goes into the
//! person's certificate store.

use cryptoki::{
    error::Error,
    object::{Attribute, AttributeType, CertificateType, ObjectClass, ObjectHandle},
    session::Session,
};
use der::{Decode, Encode};
use qcert_pki::Certificate;
use qcert_protocol::{
    ContainerName, ErrorCode, KeyId,
    workstation::{Failure, InstallCertificate, Installed, Stage},
};

use super::{Login, Operation, proof::unforeseen};
use crate::{
    store::{self, Way},
    stored,
    survey::{self, Found},
    token_key::{Private, PublicHalf, TokenKey, find_by_id, find_public, id_of},
};

impl Operation<'_> {
    /// Installs the certificate. Doing it twice is as good as once.
    pub(super) fn install_certificate(&self, params: &InstallCertificate) -> Result<Installed, Failure> {
        let der = &params.certificate.0;
        let certificate = Certificate::parse(der).map_err(|_| ErrorCode::CertificateInvalid)?;
        let content = Content::read(der).ok_or(ErrorCode::CertificateInvalid)?;
        let found = survey::find(self.loader, &params.token)?;
        let session = self.login(&found)?;
        let key = find_pair(&found, &session, &certificate)?;
        self.stage(Stage::Signing)?;
        // Bytes that nobody else can want signed.
        self.prove(&key, certificate.public_key(), &unforeseen()?)?;
        let failed = |error| found.failure(&error, ErrorCode::ModuleFailed);
        let id = key.private.id(&session).map_err(failed)?;
        let key_id = <[u8; 20]>::try_from(id.as_slice()).map_err(|_| ErrorCode::KeyNotFound)?;
        self.stage(Stage::Writing)?;
        let label = params.container.as_str();
        write(&found, &session, self, &content.attributes(label, &id), der)?;
        self.write_chain(&session, &certificate);
        drop(key);
        drop(session);
        let store_error = self.store(&found, &params.container, der).err();
        Ok(Installed { token: found.token.name.clone(), key_id: KeyId::from_bytes(&key_id), store_error })
    }

    /// The person's store. Its troubles are told, and undo nothing: the certificate is on the token.
    fn store(&self, found: &Found, container: &ContainerName, der: &[u8]) -> Result<(), ErrorCode> {
        self.outbox
            .send(&qcert_protocol::workstation::Event::Progress { id: self.id.to_owned(), stage: Stage::Storing });
        if self.authorization.register_module {
            let details = survey::details(found).map_err(|_| ErrorCode::StoreFailed)?;
            let way = Way::to(&details.token, &found.module.path, self.configuration)?;
            let keys: Vec<_> = details.containers.into_iter().map(|container| container.key_id).collect();
            store::register_module(&way, &keys)?;
        }
        store::add_certificate(container.as_str(), der, &found.module.path)
    }
}

/// Is the key of this certificate on this token? Public keys can be seen without a PIN, but a token may hide them from
/// strangers.
///
/// # Errors
/// Those of PKCS#11.
pub fn holds_key(found: &Found, certificate: &Certificate) -> Result<bool, Error> {
    let _reading = found.module.reading();
    let session = found.module.pkcs11.open_ro_session(found.slot)?;
    let key = certificate.public_key();
    Ok(find_public(&session, key)?.is_some() || stored::holds(&session, key)?)
}

/// The pair of this certificate, on this token.
fn find_pair<'a>(found: &'a Found, session: &'a Login, certificate: &Certificate) -> Result<TokenKey<'a>, Failure> {
    let failed = |error| found.failure(&error, ErrorCode::ModuleFailed);
    let key = certificate.public_key();
    if let Some((public, half)) = find_public(session, key).map_err(failed)? {
        let id = id_of(session, public).map_err(failed)?;
        let private = find_by_id(session, ObjectClass::PRIVATE_KEY, &id).map_err(failed)?;
        if let Some(private) = private.first() {
            return Ok(TokenKey::new(found, session, Private::Object(*private), half));
        }
    }
    if !stored::holds(session, key).map_err(failed)? {
        return Err(ErrorCode::KeyNotFound.into());
    }
    let half = PublicHalf::of(key).ok_or(ErrorCode::KeyNotFound)?;
    Ok(TokenKey::new(found, session, Private::Stored(key.key_id().to_bytes()), half))
}

/// What PKCS#11 wants to know of a certificate beside its bytes (§4.6.3).
pub(super) struct Content {
    subject: Vec<u8>,
    issuer: Vec<u8>,
    serial: Vec<u8>,
    der: Vec<u8>,
}

impl Content {
    pub(super) fn read(der: &[u8]) -> Option<Self> {
        let certificate = x509_cert::Certificate::from_der(der).ok()?;
        let tbs = certificate.tbs_certificate();
        Some(Self {
            subject: tbs.subject().to_der().ok()?,
            issuer: tbs.issuer().to_der().ok()?,
            serial: tbs.serial_number().to_der().ok()?,
            der: der.to_vec(),
        })
    }

    /// CKA_TRUSTED is not among them, and never will be: trust is the administrator's to give (invariant 3).
    pub(super) fn attributes(&self, label: &str, id: &[u8]) -> Vec<Attribute> {
        vec![
            Attribute::Class(ObjectClass::CERTIFICATE),
            Attribute::CertificateType(CertificateType::X_509),
            Attribute::Token(true),
            Attribute::Private(false),
            Attribute::Label(label.into()),
            Attribute::Id(id.to_vec()),
            Attribute::Subject(self.subject.clone()),
            Attribute::Issuer(self.issuer.clone()),
            Attribute::SerialNumber(self.serial.clone()),
            Attribute::Value(self.der.clone()),
        ]
    }
}

/// Writes the object, unless it is there already, and reads it back. What is not as it should be is removed.
fn write(
    found: &Found,
    session: &Session,
    operation: &Operation<'_>,
    attributes: &[Attribute],
    der: &[u8],
) -> Result<(), Failure> {
    let failed = |error| found.failure(&error, ErrorCode::CertificateWriteFailed);
    let same = [Attribute::Class(ObjectClass::CERTIFICATE), Attribute::Token(true), Attribute::Value(der.to_vec())];
    for object in session.find_objects(&same).map_err(failed)? {
        if reads_back(session, object, attributes).unwrap_or(false) {
            return operation.stage(Stage::ReadingBack);
        }
        // The rest of an attempt that was interrupted.
        session.destroy_object(object).map_err(failed)?;
    }
    let object = session.create_object(attributes).map_err(failed)?;
    let outcome = operation.stage(Stage::ReadingBack).and_then(|()| match reads_back(session, object, attributes) {
        Ok(true) => Ok(()),
        Ok(false) => Err(ErrorCode::ReadBackMismatch.into()),
        Err(error) => Err(found.failure(&error, ErrorCode::ReadBackMismatch)),
    });
    if outcome.is_err() {
        let _ = session.destroy_object(object);
    }
    outcome
}

fn reads_back(session: &Session, object: ObjectHandle, written: &[Attribute]) -> Result<bool, Error> {
    use AttributeType as T;
    let read = session.get_attributes(object, &[T::Value, T::Id, T::Label, T::Subject, T::Issuer, T::SerialNumber])?;
    Ok(read.len() == 6 && read.iter().all(|attribute| written.contains(attribute)))
}
