//! The end that every list must reach.

use qcert_server::clock::Clock;

use super::Simulation;
use crate::{
    invariants,
    operation::{Browser, Nth, Operation, Person, Server, Step},
    registry::Issuance,
};

impl Simulation<'_> {
    /// The faults are over, and time passes: whatever was confirmed comes to its end.
    pub(super) async fn finish(&mut self) -> Result<(), String> {
        (self.world.gateway, self.world.signs) = (true, true);
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
        invariants::ended(&self.registry, &self.model, self.world.clock.now())
    }
}
