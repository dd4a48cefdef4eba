//! What is said of certificates' states to whoever asks: signed by whom the issuer appointed, and true.

use qcert_pki::{Certificate, SignatureAlgorithm};
use time::{Duration, OffsetDateTime};

use super::{Case, ensure};
use crate::{
    ocsp_answer::{self, State},
    simulation::{Answer, Asked, OnItsWay},
};

/// How long a server may give an answer again without looking: what was revoked meanwhile elsewhere it may not know.
const REMEMBERED: Duration = Duration::seconds(2);

/// An answer in a word for each certificate.
pub fn said(answer: &[u8]) -> String {
    let word = |(_, state): &(String, State)| match state {
        State::Good => "good",
        State::Revoked(..) => "revoked",
        State::Unknown => "unknown",
    };
    match ocsp_answer::read(answer) {
        Some(Some(read)) => read.states.iter().map(word).collect::<Vec<_>>().join(" "),
        Some(None) => "refused".to_owned(),
        None => "no answer".to_owned(),
    }
}

pub(super) fn judge(case: &Case<'_>) -> Result<(), String> {
    let Some(outcome) = &case.outcome else { return Ok(()) };
    let Some(Answer::State(asked, answer)) = outcome.answer else { return Ok(()) };
    let read = ocsp_answer::read(answer).ok_or("an answer about states cannot be read")?;
    let Some(read) = read else {
        let server = case.world.server(outcome.begun.step.at);
        let can = server.portal.ca.issuer(&asked.issuer).is_some() && server.setup.signs;
        return ensure(outcome.disturbed || !can, || "a question about states was refused".to_owned());
    };
    is_of_the_issuer(case, asked, &read)?;
    let answered: Vec<&String> = read.states.iter().map(|(serial, _)| serial).collect();
    ensure(answered == asked.serials.iter().collect::<Vec<_>>(), || "other serials were answered".to_owned())?;
    read.states.iter().try_for_each(|(serial, state)| is_true(case, outcome.begun, asked, serial, state))
}

fn is_of_the_issuer(case: &Case<'_>, asked: &Asked, read: &ocsp_answer::Read) -> Result<(), String> {
    let wrong = |code: qcert_protocol::ErrorCode| format!("an answer is not the issuer's: {code}");
    let issuer = case.world.authority.issuer(&asked.issuer).ok_or("nobody has this issuer")?;
    let responder = Certificate::parse(&read.responder).map_err(wrong)?;
    responder.verify_issued_by(issuer.certificate()).map_err(wrong)?;
    let key = responder.public_key();
    key.verify(SignatureAlgorithm::EcdsaSha256, &read.to_be_signed, &read.signature).map_err(wrong)
}

fn is_true(case: &Case<'_>, begun: &OnItsWay, asked: &Asked, serial: &str, state: &State) -> Result<(), String> {
    let lie = |what: &str| format!("{serial} was called {state:?}, and {what}");
    let certificate = case.after.by_serial(serial);
    match state {
        State::Unknown => ensure(!begun.known.certificates.contains(serial), || lie("it was issued")),
        State::Good => {
            ensure(certificate.is_some(), || lie("was never issued"))?;
            let moved = case.model.revoked.get(serial).map(|seen| begun.known.moved - *seen);
            let may_be_remembered = !asked.nonce && moved.is_some_and(|moved| moved < REMEMBERED);
            ensure(!begun.known.revoked.contains(serial) || may_be_remembered, || lie("was revoked before"))
        }
        State::Revoked(at, reason) => {
            let revoked = certificate.and_then(|one| one.revoked).ok_or_else(|| lie("is not"))?;
            let told = (generalized(revoked.0), Some(revoked.1));
            ensure((at.clone(), reason.map(i64::from)) == told, || lie(&format!("the registry has {told:?}")))
        }
    }
}

/// GeneralizedTime, RFC 5280 §4.1.2.5.2, of milliseconds since 1970.
fn generalized(millis: i64) -> String {
    let at = OffsetDateTime::from_unix_timestamp(millis.div_euclid(1000)).unwrap();
    let (date, time) = (at.date(), at.time());
    format!(
        "{:04}{:02}{:02}{:02}{:02}{:02}Z",
        date.year(),
        u8::from(date.month()),
        date.day(),
        time.hour(),
        time.minute(),
        time.second()
    )
}
