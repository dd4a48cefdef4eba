//! The end that every list must reach.

use std::collections::BTreeSet;

use axum::{body::Body, http::Request};
use qcert_server::clock::Clock;

use super::Simulation;
use crate::{
    invariants,
    operation::{Browser, Nth, Operation, Person, Server, Step},
    registry::Issuance,
    world::deliver,
};

impl Simulation<'_> {
    /// The faults are over, and time passes: whatever was confirmed comes to its end.
    pub(super) async fn finish(&mut self) -> Result<(), String> {
        (self.world.gateway, self.world.setup.signs, self.world.setup.rolled) = (true, true, true);
        while let Some(waiting) = self.waiting.pop_front() {
            waiting.running.go_on();
            self.drive(waiting).await?;
        }
        self.step(Step::new(Server::First, Operation::RestartAll)).await?;
        // A lease that was given before the clock was set back is waited for until it ends by the clock.
        let behind = i32::try_from(self.world.clock.behind().whole_seconds()).unwrap_or(i32::MAX);
        self.step(Step::new(Server::First, Operation::Seconds(behind))).await?;
        for person in Person::KNOWN {
            for nth in [Nth::One, Nth::Two] {
                self.step(Step::new(Server::First, Operation::Approve(person, nth))).await?;
            }
        }
        for server in [Server::First, Server::Second, Server::First] {
            self.step(Step::new(server, Operation::Seconds(61))).await?;
            self.step(Step::new(server, Operation::SendMessages)).await?;
            self.step(Step::new(server, Operation::Publish)).await?;
            while self.registry.issuances.values().any(Issuance::waits) {
                let before = self.registry.audit.len();
                self.step(Step::new(server, Operation::Work)).await?;
                if self.registry.audit.len() == before {
                    break;
                }
            }
        }
        for person in Person::KNOWN {
            self.step(Step::new(Server::First, Operation::Look(person, Browser::Left))).await?;
            self.step(Step::new(Server::Second, Operation::Pry(person, Browser::Left, Nth::One))).await?;
        }
        if self.reader.integrity() != "ok" {
            return Err("the file is damaged".to_owned());
        }
        self.tell_all().await?;
        self.count_issuers();
        invariants::ended(&self.registry, &self.model)
    }

    /// Somebody asks about every certificate, and reads the list that it names.
    async fn tell_all(&mut self) -> Result<(), String> {
        for (person, at) in [(Person::Director, Server::First), (Person::Accountant, Server::Second)] {
            for nth in [Nth::One, Nth::Two] {
                if self.certificate(person, nth).is_some() {
                    self.step(Step::new(at, Operation::Ask(person, nth, true))).await?;
                }
            }
        }
        let router = self.world.server(Server::Second).router.clone();
        for certificate in self.registry.certificates.values() {
            let address = invariants::list_address(certificate)?;
            let list = deliver(router.clone(), Request::get(address).body(Body::empty()).unwrap()).await;
            invariants::named_list(certificate, &list, self.world.clock.now(), &self.world.authority)?;
        }
        Ok(())
    }

    fn count_issuers(&mut self) {
        let certificates = self.registry.certificates.values();
        let issuers: BTreeSet<_> = certificates.clone().map(|one| one.issuer).collect();
        let lists: BTreeSet<_> = certificates.map(|one| (one.issuer, &one.shard)).collect();
        for (what, count) in [("issuers", issuers.len()), ("revocation lists", lists.len())] {
            if count > 1 {
                self.tally.count(&format!("certificates of several {what}"));
            }
        }
    }
}
