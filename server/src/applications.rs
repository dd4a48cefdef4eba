//! Applications as their holders see them: rows, details, mistakes, certificates, installation.
//!
//! Every function takes the session and finds nothing of anybody else: to a person, another's application is not there.

pub mod import;
pub mod search;

use qcert_protocol::{
    ApplicationState, Base64, ContainerName, ErrorCode, HolderKind,
    holder::FieldReason,
    portal::{
        ActivationState, ApplicationDetails, ApplicationRow, CertificateDetails, CertificateView, Installation,
        MistakeAnswer, ReportedMistake, RequestView, TokenName,
    },
};
use time::Duration;
use uuid::Uuid;

use crate::{
    activation,
    error::Refusal,
    one_time_password,
    portal::Portal,
    randomness, renewal, revocation,
    session::Session,
    store::{Application, Certificate, Mistake, Overview, PasswordScope, Purpose, Rate, Request, RequestState},
};

/// Mistakes that a person may report in a day, and as many are shown.
const MISTAKES_A_DAY: u32 = 20;
const MISTAKE_CHARS: usize = 1000;

/// All rows of the person.
///
/// # Errors
/// The store's.
pub async fn rows(portal: &Portal, session: &Session) -> Result<Vec<ApplicationRow>, Refusal> {
    let mut rows = Vec::new();
    for overview in portal.store.applications_of(&session.phone).await? {
        rows.push(row(portal, session, &overview).await?);
    }
    Ok(rows)
}

/// One row of the person.
///
/// # Errors
/// `application_not_found`.
pub async fn one_row(portal: &Portal, session: &Session, id: Uuid) -> Result<ApplicationRow, Refusal> {
    row(portal, session, &overview(portal, session, id).await?).await
}

/// All that figure 5 shows.
///
/// # Errors
/// The store's.
pub async fn details(portal: &Portal, session: &Session, overview: Overview) -> Result<ApplicationDetails, Refusal> {
    let renews = renewal::renewed_key(portal, session, &overview.application).await?;
    let identified = overview.application.identification.is_some();
    Ok(ApplicationDetails {
        row: row(portal, session, &overview).await?,
        container: container(portal, &overview.application),
        certificate_type: overview.application.certificate_type,
        identified,
        // The key that identifies the holder is what the code is for: more than text messages.
        activation: match renews {
            Some(_) if !identified => ActivationState::NotNeeded,
            _ => activation::state(&portal.settings, &overview),
        },
        renews,
        mistakes: mistakes(portal, &overview).await?,
        data: overview.application.holder,
    })
}

/// What was found wrong in an application, and what was answered.
async fn mistakes(portal: &Portal, overview: &Overview) -> Result<Vec<ReportedMistake>, Refusal> {
    if !overview.has_mistakes {
        return Ok(Vec::new());
    }
    let mistakes = portal.store.mistakes_of(overview.application.id, MISTAKES_A_DAY).await?;
    let answer = |(text, at)| MistakeAnswer { text, at };
    let reported = |mistake: Mistake| ReportedMistake {
        text: mistake.text,
        reported_at: mistake.created_at,
        answer: mistake.answer.map(answer),
    };
    Ok(mistakes.into_iter().map(reported).collect())
}

/// What a container for this application is called today.
pub fn container(portal: &Portal, application: &Application) -> ContainerName {
    ContainerName::new(&application.number, portal.clock.now().date(), &application.holder.common_name())
}

/// Records what the person found wrong, for the operator.
///
/// # Errors
/// `field_invalid`, `rate_limited`.
pub async fn report_mistake(
    portal: &Portal,
    session: &Session,
    overview: &Overview,
    text: &str,
) -> Result<(), Refusal> {
    // As long as it was sent: the API's description counts what is cut off, too.
    if text.chars().count() > MISTAKE_CHARS {
        return Err(Refusal::field("text", FieldReason::TooLong));
    }
    let text = text.trim();
    if text.is_empty() {
        return Err(Refusal::field("text", FieldReason::Empty));
    }
    let now = portal.clock.now();
    let subject = portal.secrets.subject("mistake", session.phone.as_str());
    let rate = Rate { subject, limit: MISTAKES_A_DAY, window: Duration::DAY };
    if let Some(since) = portal.store.count(&rate, now).await? {
        let wait = one_time_password::seconds(since + Duration::DAY - now);
        return Err(Refusal::new(ErrorCode::RateLimited).retry_after(wait));
    }
    let mistake = randomness::uuid(now, &*portal.randomness)?;
    portal.store.add_mistake(mistake, overview.application.id, text, &session.actor, now).await?;
    portal.announcer.row(&session.phone, overview.application.id);
    Ok(())
}

/// The person's certificates.
///
/// # Errors
/// The store's.
pub async fn certificates(portal: &Portal, session: &Session) -> Result<Vec<CertificateView>, Refusal> {
    let overviews = portal.store.applications_of(&session.phone).await?;
    Ok(overviews.iter().filter_map(|overview| overview.certificate.as_ref()).map(certificate_view).collect())
}

/// One certificate of the person, with the application it was issued for.
///
/// # Errors
/// `certificate_not_found`.
pub async fn certificate(portal: &Portal, session: &Session, id: Uuid) -> Result<(Application, Certificate), Refusal> {
    let overviews = portal.store.applications_of(&session.phone).await?;
    let has_it = |overview: &Overview| overview.certificate.as_ref().is_some_and(|certificate| certificate.id == id);
    overviews.into_iter().find(has_it).map_or_else(|| Err(ErrorCode::CertificateNotFound.into()), of_application)
}

/// The certificate of an application, and the application.
///
/// # Errors
/// `certificate_not_found`.
pub fn of_application(overview: Overview) -> Result<(Application, Certificate), Refusal> {
    let certificate = overview.certificate.ok_or(ErrorCode::CertificateNotFound)?;
    Ok((overview.application, certificate))
}

/// One certificate of the person and its chain.
///
/// # Errors
/// `certificate_not_found`.
pub fn certificate_details(portal: &Portal, overview: Overview) -> Result<CertificateDetails, Refusal> {
    let (application, certificate) = of_application(overview)?;
    let issuer = portal.ca.issuer(&certificate.issuer).unwrap_or_else(|| portal.ca.current());
    Ok(CertificateDetails {
        certificate: certificate_view(&certificate),
        application: application.id,
        holder: application.holder.full_name(),
        organization: organization(&application),
        der: Base64(certificate.der),
        issuers: issuer.chain().iter().map(|issuer| Base64(issuer.der().to_vec())).collect(),
    })
}

/// Notes that a certificate is on its token; twice is as good as once.
///
/// # Errors
/// `certificate_not_found`, `field_invalid`, `application_state_forbids`.
pub async fn install(
    portal: &Portal,
    session: &Session,
    overview: Overview,
    installation: &Installation,
) -> Result<ApplicationRow, Refusal> {
    check_token(&installation.token)?;
    let (application, certificate) = of_application(overview)?;
    let from = [ApplicationState::ReadyToInstall.as_str(), ApplicationState::Installed.as_str()];
    if !portal.store.install(certificate.id, installation.in_store, &from, &session.actor, portal.clock.now()).await? {
        return Err(ErrorCode::ApplicationStateForbids.into());
    }
    portal.announcer.row(&session.phone, application.id);
    one_row(portal, session, application.id).await
}

/// The lengths of CK_TOKEN_INFO, and nothing that a terminal would act on.
///
/// # Errors
/// `field_invalid`.
pub fn check_token(token: &TokenName) -> Result<(), Refusal> {
    let fields =
        [("token.label", &token.label, 32), ("token.serial", &token.serial, 16), ("token.model", &token.model, 16)];
    for (field, value, longest) in fields {
        if value.len() > longest {
            return Err(Refusal::field(field, FieldReason::TooLong));
        }
        if value.chars().any(char::is_control) {
            return Err(Refusal::field(field, FieldReason::Character));
        }
    }
    Ok(())
}

/// An application of the person.
///
/// # Errors
/// `application_not_found`.
pub async fn overview(portal: &Portal, session: &Session, id: Uuid) -> Result<Overview, Refusal> {
    let found = portal.store.application_of(&session.phone, id).await?;
    found.ok_or_else(|| ErrorCode::ApplicationNotFound.into())
}

/// A row, as this session sees it.
///
/// # Errors
/// The store's.
pub async fn row(portal: &Portal, session: &Session, overview: &Overview) -> Result<ApplicationRow, Refusal> {
    let request = match &overview.request {
        Some(request) => Some(request_view(request, resend_after(portal, session, request).await?)),
        None => None,
    };
    Ok(row_with(portal, overview, request))
}

/// The same of one whose password was not ordered yet, or is of no use any more.
pub fn row_without_password(portal: &Portal, overview: &Overview) -> ApplicationRow {
    row_with(portal, overview, overview.request.as_ref().map(|request| request_view(request, None)))
}

fn row_with(portal: &Portal, overview: &Overview, request: Option<RequestView>) -> ApplicationRow {
    let application = &overview.application;
    ApplicationRow {
        id: application.id,
        number: application.number.clone(),
        holder: application.holder.full_name(),
        organization: organization(application),
        inn: application.holder.inn().to_owned(),
        state: application.state,
        reason: application.reason.clone(),
        request,
        certificate: overview.certificate.as_ref().map(certificate_view),
        replaces: application.replaces,
        renewable: renewal::is_open(portal, overview),
        revision: application.revision,
    }
}

/// When another password may be ordered in this session, in seconds, if one was ordered.
async fn resend_after(portal: &Portal, session: &Session, request: &Request) -> Result<Option<u32>, Refusal> {
    let scope = PasswordScope {
        phone: session.phone.clone(),
        purpose: Purpose::Confirmation,
        subject: Some((request.id, session.id)),
    };
    match request.state {
        RequestState::Prepared => one_time_password::resend_after(portal, &scope).await,
        _ => Ok(None),
    }
}

fn request_view(request: &Request, resend_after: Option<u32>) -> RequestView {
    RequestView {
        id: request.id,
        key_code: qcert_protocol::KeyCode::from_digest(&request.key_digest),
        key_id: request.key_id.clone(),
        container: request.container.clone(),
        token: request.token.clone(),
        password_ordered: resend_after.is_some(),
        resend_after_seconds: resend_after.unwrap_or(0),
        confirmed_at: request.confirmed_at,
    }
}

fn certificate_view(certificate: &Certificate) -> CertificateView {
    CertificateView {
        id: certificate.id,
        serial: certificate.serial.clone(),
        key_id: certificate.key_id.clone(),
        not_before: certificate.not_before,
        not_after: certificate.not_after,
        revoked: certificate.revoked.as_ref().map(revocation::view),
    }
}

fn organization(application: &Application) -> Option<String> {
    let legal = application.holder.kind == HolderKind::LegalEntity;
    application.holder.organization.as_ref().filter(|_| legal).map(|name| name.as_str().to_owned())
}
