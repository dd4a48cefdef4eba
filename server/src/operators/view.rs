//! Records as operators see them, by the API and on the command line alike.

use qcert_protocol::operator::{ApplicationRecord, CertificateRecord, OperatorView};

use crate::{
    renewal, revocation,
    store::{Certificate, OperatorRecord, Overview, Request, RequestState, Store, Stored},
};

/// An application. Who has approved it is asked while it waits.
///
/// # Errors
/// The store's.
pub async fn application_view(store: &dyn Store, overview: Overview) -> Stored<ApplicationRecord> {
    let waits = |request: &&Request| overview.held && request.state == RequestState::Confirmed;
    let approved_by = match overview.request.as_ref().filter(waits) {
        Some(request) => store.operator_store().approvals(request.id).await?,
        None => Vec::new(),
    };
    let identification_kind = renewal::identification_now(&overview);
    let vouched_by = overview.request.as_ref().and_then(|request| request.vouched_by);
    let application = overview.application;
    let renewed = match application.replaces {
        Some(renewed) => store.operator_store().application(renewed).await?,
        None => None,
    };
    let vouched = renewed.as_ref().and_then(|renewed| renewed.certificate.as_ref());
    let vouched = vouched.filter(|certificate| vouched_by == Some(certificate.id)).map(|found| found.serial.clone());
    Ok(ApplicationRecord {
        id: application.id,
        number: application.number,
        phone: application.phone.as_str().to_owned(),
        holder: application.holder,
        certificate_type: application.certificate_type,
        identification_kind,
        identified_by_certificate: vouched,
        replaces: renewed.map(|renewed| renewed.application.number),
        state: application.state,
        waits_for_approval: overview.held,
        approved_by,
        activation: overview.activation,
        reason: application.reason,
        certificate: overview.certificate.map(|certificate| certificate.serial),
        revision: application.revision,
    })
}

/// A certificate.
pub fn certificate_view(certificate: &Certificate) -> CertificateRecord {
    CertificateRecord {
        id: certificate.id,
        application: certificate.application_id,
        serial: certificate.serial.clone(),
        key_id: certificate.key_id.clone(),
        not_before: certificate.not_before,
        not_after: certificate.not_after,
        installed_at: certificate.installed_at,
        revoked_at: certificate.revoked.map(|revoked| revoked.at),
        revocation_reason: certificate.revoked.as_ref().map(|revoked| revocation::view(revoked).reason),
    }
}

/// An operator.
pub fn operator_view(record: OperatorRecord) -> OperatorView {
    OperatorView {
        name: record.name,
        roles: record.roles,
        expires_at: record.expires_at,
        removed_at: record.removed_at,
    }
}
