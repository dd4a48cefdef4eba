//! What happens without a browser: the operator's commands and what the servers do by themselves.

use std::sync::Arc;

use qcert_pki::{
    CertificationRequest, Serial,
    crl::Reason,
    ocsp::{CertId, HashAlgorithm, IssuerHashes, Request},
};
use qcert_server::{
    activation,
    applications::import,
    approval,
    audit::Actor,
    issuance::worker,
    operators::desk::Desk,
    publication::{lists, ocsp},
    revocation,
    sms::sender,
};
use serde_json::{Value, json};

use super::{Answer, Asked, Simulation, Work};
use crate::operation::{Correction, Nth, Operation, Person, Step};

fn operator() -> Actor {
    Actor::at_command_line("operator")
}

/// A serial that was never drawn.
const NEVER_ISSUED: &str = "40010203040506070809";

impl Simulation<'_> {
    pub(super) fn work(&self, step: Step) -> Work {
        let server = self.world.server(step.at);
        let (portal, owner) = (Arc::clone(&server.portal), server.worker);
        match step.operation {
            Operation::Work => Box::pin(async move {
                let worked = worker::step(&portal, owner).await;
                Answer::Done(worked.map(|did| did.to_string()).map_err(|error| error.to_string()))
            }),
            Operation::Tidy => Box::pin(async move {
                worker::tidy(&portal).await;
                Answer::Done(Ok("tidied".to_owned()))
            }),
            Operation::SendMessages => {
                let outbox = self.world.outbox();
                Box::pin(async move {
                    let sent = sender::send_waiting(&portal, &outbox, owner).await;
                    // The system's words for a gateway that is away are its own affair.
                    Answer::Done(sent.map(|count| count.to_string()).map_err(|_| "messages wait".to_owned()))
                })
            }
            Operation::Import(person, nth, correction) => {
                let entry = self.entry(person, nth, correction);
                Box::pin(async move {
                    // As at the command line, where a file may change phones.
                    let file = import::File { changes_phones: true, ..import::File::json(&entry) };
                    let done = import::import(&*portal.store, &*portal.clock, &*portal.randomness, &file).await;
                    let said = |summary: import::Summary| format!("{} changed", summary.changed);
                    Answer::Done(done.map(said).map_err(|error| error.to_string()))
                })
            }
            Operation::Publish => Box::pin(async move {
                let published = lists::publish_due(&portal).await;
                Answer::Done(published.map(|count| count.to_string()).map_err(|error| error.to_string()))
            }),
            Operation::MakeCode(person, nth) => {
                let (number, application) = (self.number(person, nth), self.application(person, nth));
                Box::pin(async move {
                    let by = operator();
                    let desk = Desk {
                        store: &*portal.store,
                        clock: &*portal.clock,
                        randomness: &*portal.randomness,
                        secrets: &portal.secrets,
                        settings: &portal.settings,
                        by: &by,
                    };
                    match activation::make_code(&desk, &number).await {
                        Ok(made) => Answer::CodeMade(application.unwrap_or_default(), made.code),
                        Err(error) => Answer::Done(Err(error.to_string())),
                    }
                })
            }
            Operation::Approve(person, nth) => {
                let number = self.number(person, nth);
                Box::pin(async move {
                    let done = approval::approve(&*portal.store, &*portal.clock, &number, &operator(), 1).await;
                    Answer::Done(done.map(|_| "approved".to_owned()).map_err(|error| error.to_string()))
                })
            }
            Operation::Reject(person, nth) => {
                let number = self.number(person, nth);
                Box::pin(async move {
                    let done = approval::reject(&*portal.store, &*portal.clock, &number, "no", &operator()).await;
                    Answer::Done(done.map(|_| "rejected".to_owned()).map_err(|error| error.to_string()))
                })
            }
            Operation::Revoke(person, nth, known) => {
                let serial = self.serial(person, nth);
                let reason = if known { Reason::KeyCompromise } else { Reason::Superseded };
                Box::pin(async move {
                    let done =
                        revocation::by_operator(&*portal.store, &*portal.clock, &serial, reason, &operator()).await;
                    match done {
                        Ok(_) => Answer::Revoked(serial),
                        Err(error) => Answer::Done(Err(error.to_string())),
                    }
                })
            }
            Operation::Block(number) => {
                let requests = &self.template.requests;
                let request = CertificationRequest::parse_and_verify(&requests[usize::from(number) % requests.len()]);
                let digest = request.map(|request| request.public_key().spki_sha256()).unwrap_or_default();
                Box::pin(async move {
                    let done = portal.store.block_key(&digest, &operator(), portal.clock.now()).await;
                    let said = |new| if new { "blocked" } else { "blocked already" };
                    Answer::Done(done.map(|new| said(new).to_owned()).map_err(|error| error.to_string()))
                })
            }
            Operation::Ask(person, nth, nonce) => {
                let (asked, question) = self.question(person, nth, nonce);
                Box::pin(async move {
                    let answer = ocsp::answer(&portal, &question).await;
                    Answer::State(asked, answer.der.clone())
                })
            }
            _ => Box::pin(async { Answer::Done(Ok(String::new())) }),
        }
    }

    /// What is asked about an application's certificate, and about one that nobody issued.
    fn question(&self, person: Person, nth: Nth, nonce: bool) -> (Asked, Vec<u8>) {
        let found = self.application(person, nth).and_then(|application| self.registry.certificate_of(application));
        let first = self.world.authority.issuers().last().map(|issuer| issuer.id()).unwrap_or_default();
        let issuer = found.map_or(first, |(_, certificate)| certificate.issuer);
        let serials = found.map(|(_, certificate)| certificate.serial.clone()).into_iter();
        let serials: Vec<String> = serials.chain([NEVER_ISSUED.to_owned()]).collect();
        let hashes = self.world.authority.issuer(&issuer).map(|issuer| IssuerHashes::of(issuer.certificate()));
        let ids: Vec<CertId> = serials
            .iter()
            .filter_map(|serial| CertId::new(hashes.as_ref()?, HashAlgorithm::Sha1, &Serial::parse(serial)?).ok())
            .collect();
        let question = Request::to_der(&ids, nonce.then_some(&[0xa5; 32])).unwrap_or_default();
        (Asked { issuer, serials, nonce }, question)
    }

    /// An entry of the operator's file.
    fn entry(&self, person: Person, nth: Nth, correction: Correction) -> String {
        let entries: Vec<Value> = serde_json::from_str(crate::world::DEMO).unwrap_or_default();
        let mut of_person = entries.into_iter().filter(|entry| entry["phone"] == person.phone());
        let mut entry = of_person.nth(nth as usize).unwrap_or_default();
        match correction {
            Correction::Nothing => {}
            Correction::Email(number) => entry["holder"]["email"] = json!(format!("a{number}@example.org")),
            Correction::NotIdentified => entry["identificationKind"] = Value::Null,
            Correction::Identified => entry["identificationKind"] = json!(0),
            Correction::OtherPhone => entry["phone"] = json!(person.other().phone()),
        }
        json!([entry]).to_string()
    }
}
