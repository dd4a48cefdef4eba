//! Activation codes: with `issuance.activation = "code"` a certificate is requested only for an application whose code
//! was entered. The code was handed over in person with the application, so text messages alone, which can be
//! hijacked, bring nobody a certificate.
//!
//! A code is the application's: whoever enters it has activated the application for good, for the phone that it has then.
//! With another phone it needs another code.

use std::{collections::HashSet, net::IpAddr};

use qcert_protocol::{
    Activation, ActivationCode, ApplicationState, ErrorCode,
    operator::ActivationCodeMade,
    portal::{ActivationState, ApplicationDetails},
};
use time::Duration;
use uuid::Uuid;

use crate::{
    applications,
    client_address::rate_subject,
    config::{self, Settings},
    error::Refusal,
    one_time_password::seconds,
    operators::desk::Desk,
    portal::Portal,
    randomness,
    session::Session,
    store::{ActivationAttempt, ActivationAttempted, NewActivationCodes, Overview, Page, Rate},
};

/// How many wrong codes an application may be given. What is only mistyped does not count, so few are needed.
const TRIES: u32 = 5;
const HOUR: Duration = Duration::HOUR;

/// The states in which a request may still be made, so a code is of use.
const TAKES_CODE: [&str; 4] = [
    ApplicationState::Available.as_str(),
    ApplicationState::Preparing.as_str(),
    ApplicationState::Withdrawn.as_str(),
    ApplicationState::Rejected.as_str(),
];

/// How many applications are read at a time.
const PART: u32 = 500;

/// Where an application stands, as its holder sees it.
pub fn state(settings: &Settings, overview: &Overview) -> ActivationState {
    match (settings.issuance_activation, overview.activation) {
        (config::Activation::None, _) => ActivationState::NotNeeded,
        (config::Activation::Code, Activation::Activated) => ActivationState::Done,
        (config::Activation::Code, _) => ActivationState::Needed,
    }
}

/// May a certificate be requested?
///
/// # Errors
/// `activation_required`.
pub fn check(settings: &Settings, overview: &Overview) -> Result<(), Refusal> {
    match state(settings, overview) {
        ActivationState::Needed => Err(ErrorCode::ActivationRequired.into()),
        ActivationState::NotNeeded | ActivationState::Done => Ok(()),
    }
}

/// Enters a code. Twice is as good as once: an application that is activated stays so, whatever is entered.
///
/// # Errors
/// `activation_code_mistyped` (no try was taken), `activation_code_wrong` (with the tries left),
/// `activation_tries_exhausted`, `activation_code_missing`, `rate_limited`.
pub async fn enter(
    portal: &Portal,
    session: &Session,
    found: Overview,
    typed: &str,
    address: IpAddr,
) -> Result<ApplicationDetails, Refusal> {
    let application = found.application.id;
    let code = ActivationCode::parse(typed).ok_or(ErrorCode::ActivationCodeMistyped)?;
    let now = portal.clock.now();
    let attempt = ActivationAttempt {
        application,
        phone: found.application.phone,
        hash: portal.secrets.activation_hash(application, &code),
        rate: Rate {
            subject: rate_subject(&portal.secrets, "activation-by-address", address),
            limit: portal.settings.otp.hourly_tries_by_address,
            window: HOUR,
        },
        by: session.actor.clone(),
        now,
    };
    match portal.store.activate(&attempt).await? {
        ActivationAttempted::Done => {
            portal.announcer.row(&session.phone, application);
            let found = applications::overview(portal, session, application).await?;
            applications::details(portal, session, found).await
        }
        ActivationAttempted::Limited(since) => {
            Err(Refusal::new(ErrorCode::RateLimited).retry_after(seconds(since + HOUR - now).max(1)))
        }
        ActivationAttempted::NoCode => Err(ErrorCode::ActivationCodeMissing.into()),
        ActivationAttempted::Exhausted | ActivationAttempted::Wrong(0) => {
            Err(ErrorCode::ActivationTriesExhausted.into())
        }
        ActivationAttempted::Wrong(left) => Err(Refusal::new(ErrorCode::ActivationCodeWrong).tries_left(left)),
    }
}

/// Makes an application's code, in place of one that was not entered, and answers it: it cannot be had again.
///
/// # Errors
/// `application_not_found`, `application_state_forbids` (it is activated, or takes no request any more).
pub async fn make_code(desk: &Desk<'_>, number: &str) -> Result<ActivationCodeMade, Refusal> {
    let found = desk.store.application_by_number(number).await?.ok_or(ErrorCode::ApplicationNotFound)?;
    let application = found.application.id;
    let (code, hash) = new_code(desk, application)?;
    let made = record(desk, &[(application, hash)], true).await?;
    if made.is_empty() {
        return Err(ErrorCode::ApplicationStateForbids.into());
    }
    Ok(ActivationCodeMade { number: found.application.number, code: code.to_string() })
}

/// A code that is made for one of many applications, with what a person finds it by.
pub struct Prepared {
    /// Which application.
    pub application: Uuid,
    /// Its number, and the code.
    pub code: ActivationCodeMade,
    /// The holder's full name.
    pub holder: String,
    /// The organisation, or the person where there is none.
    pub name: String,
    hash: [u8; 32],
}

/// Draws a code for every application that takes one and has none. Nothing is recorded yet.
///
/// # Errors
/// The store's; when there is no randomness.
pub async fn prepare_codes(desk: &Desk<'_>) -> Result<Vec<Prepared>, Refusal> {
    let mut prepared = Vec::new();
    let mut after = Uuid::nil();
    loop {
        let part = desk.store.operator_store().search(&Page::All { after }, PART).await?;
        let Some(last) = part.last() else { return Ok(prepared) };
        after = last.application.id;
        for found in part {
            let application = found.application;
            if found.activation != Activation::NoCode || !TAKES_CODE.contains(&application.state.as_str()) {
                continue;
            }
            let (code, hash) = new_code(desk, application.id)?;
            prepared.push(Prepared {
                application: application.id,
                code: ActivationCodeMade { number: application.number, code: code.to_string() },
                holder: application.holder.full_name(),
                name: application.holder.common_name(),
                hash,
            });
        }
    }
}

/// Records the codes that were drawn, all at once, and answers those that are good now: an application may have got
/// another one meanwhile.
///
/// # Errors
/// The store's; then none is recorded.
pub async fn record_codes(desk: &Desk<'_>, prepared: Vec<Prepared>) -> Result<Vec<Prepared>, Refusal> {
    let codes: Vec<_> = prepared.iter().map(|one| (one.application, one.hash)).collect();
    let made = record(desk, &codes, false).await?;
    let made: HashSet<Uuid> = made.into_iter().collect();
    Ok(prepared.into_iter().filter(|one| made.contains(&one.application)).collect())
}

fn new_code(desk: &Desk<'_>, application: Uuid) -> Result<(ActivationCode, [u8; 32]), Refusal> {
    let code = ActivationCode::from_bits(randomness::bytes(desk.randomness)?);
    let hash = desk.secrets.activation_hash(application, &code);
    Ok((code, hash))
}

async fn record(desk: &Desk<'_>, codes: &[(Uuid, [u8; 32])], replaces: bool) -> Result<Vec<Uuid>, Refusal> {
    let now = desk.clock.now();
    let new = NewActivationCodes { codes, tries: TRIES, replaces, from: &TAKES_CODE, by: desk.by, now };
    Ok(desk.store.operator_store().make_activation_codes(&new).await?)
}
