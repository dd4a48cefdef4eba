//! The authority's certificates beside the holder's: so a program that logs in by the token can show a server the whole chain.
//! They are the administrator's, are trusted no more than before, and stay away where the token has no room for all.

use cryptoki::{
    object::{Attribute, ObjectClass, ObjectHandle},
    session::Session,
};
use qcert_pki::Certificate;

use super::{Operation, install_certificate::Content};

/// The longest way to a root that is followed.
const LONGEST: usize = 8;

impl Operation<'_> {
    /// Writes those that lead from this certificate upwards, without the root, unless they are on the token already. A
    /// way that does not reach the root's own would take room and help nobody, so it is all of them or none.
    pub(super) fn write_chain(&self, session: &Session, certificate: &Certificate) {
        let mut written = Vec::new();
        for issuer in chain(certificate, &self.configuration.authority()) {
            if matches!(is_there(session, issuer), Ok(true)) {
                continue;
            }
            let Some(object) = write(session, issuer) else {
                // What cannot be removed either does no harm.
                return written.into_iter().for_each(|object| drop(session.destroy_object(object)));
            };
            written.push(object);
        }
    }
}

/// Who issued this, who issued that, and so on, without a certificate that has issued itself.
fn chain<'a>(certificate: &'a Certificate, authority: &'a [Certificate]) -> Vec<&'a Certificate> {
    let issuer = |of: &&'a Certificate| authority.iter().find(|it| of.verify_issued_by(it).is_ok());
    let intermediate = |it: &&Certificate| it.subject_text() != it.issuer_text();
    std::iter::successors(issuer(&certificate), issuer).take_while(intermediate).take(LONGEST).collect()
}

fn is_there(session: &Session, certificate: &Certificate) -> Result<bool, cryptoki::error::Error> {
    let same = [Attribute::Class(ObjectClass::CERTIFICATE), Attribute::Value(certificate.der().to_vec())];
    Ok(!session.find_objects(&same)?.is_empty())
}

/// Without a CKA_ID: by that a pair and its certificate are found, and there is no pair here.
fn write(session: &Session, certificate: &Certificate) -> Option<ObjectHandle> {
    let content = Content::read(certificate.der())?;
    session.create_object(&content.attributes(&certificate.subject_text(), &[])).ok()
}
