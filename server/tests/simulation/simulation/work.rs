//! What happens without a browser: the operator's commands and what the servers do by themselves.

use std::sync::Arc;

use qcert_pki::crl::Reason;
use qcert_server::{applications::import, approval, issuance::worker, publication::lists, revocation, sms::sender};
use serde_json::{Value, json};

use super::{Answer, Simulation, Work};
use crate::operation::{Correction, Nth, Operation, Person, Step};

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
                    let done = import::import(&*portal.store, &*portal.clock, &*portal.randomness, &entry).await;
                    let said = |summary: import::Summary| format!("{} changed", summary.changed);
                    Answer::Done(done.map(said).map_err(|error| error.to_string()))
                })
            }
            Operation::Publish => Box::pin(async move {
                let published = lists::publish_due(&portal).await;
                Answer::Done(published.map(|count| count.to_string()).map_err(|error| error.to_string()))
            }),
            Operation::Approve(person, nth) => {
                let number = self.number(person, nth);
                Box::pin(async move {
                    let done = approval::approve(&*portal.store, &*portal.clock, &number, "operator").await;
                    Answer::Done(done.map(|_| "approved".to_owned()).map_err(|error| error.to_string()))
                })
            }
            Operation::Reject(person, nth) => {
                let number = self.number(person, nth);
                Box::pin(async move {
                    let done = approval::reject(&*portal.store, &*portal.clock, &number, "no", "operator").await;
                    Answer::Done(done.map(|_| "rejected".to_owned()).map_err(|error| error.to_string()))
                })
            }
            Operation::Revoke(person, nth, known) => {
                let serial = self.serial(person, nth);
                let reason = if known { Reason::KeyCompromise } else { Reason::Superseded };
                Box::pin(async move {
                    let done =
                        revocation::by_operator(&*portal.store, &*portal.clock, &serial, reason, "operator").await;
                    Answer::Done(done.map(|_| "revoked".to_owned()).map_err(|error| error.to_string()))
                })
            }
            _ => Box::pin(async { Answer::Done(Ok(String::new())) }),
        }
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
