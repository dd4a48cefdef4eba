//! Which rows a step means.

use uuid::Uuid;

use super::Simulation;
use crate::operation::{Nth, Person};

impl Simulation<'_> {
    /// The person's application as the operator's first file has it, whoever has it now.
    pub(super) fn application(&self, person: Person, nth: Nth) -> Option<Uuid> {
        let number = match (person, nth) {
            (Person::Director, Nth::One) => "67092365",
            (Person::Director, Nth::Two) => "67092366",
            (Person::Accountant, Nth::One) => "67093001",
            (Person::Accountant, Nth::Two) => "67093002",
            (Person::Nobody, _) => return None,
        };
        self.registry.applications.iter().find(|(_, one)| one.number == number).map(|(id, _)| *id)
    }

    pub(super) fn number(&self, person: Person, nth: Nth) -> String {
        let application = self.application(person, nth).and_then(|id| self.registry.applications.get(&id));
        application.map(|application| application.number.clone()).unwrap_or_default()
    }

    /// The serial number of an application's certificate; of none, if there is none.
    pub(super) fn serial(&self, person: Person, nth: Nth) -> String {
        let application = self.application(person, nth);
        let found = application.and_then(|application| self.registry.certificate_of(application));
        found.map_or("01".to_owned(), |(_, certificate)| certificate.serial.clone())
    }

    pub(super) fn certificate(&self, person: Person, nth: Nth) -> Option<Uuid> {
        self.registry.certificate_of(self.application(person, nth)?).map(|(id, _)| id)
    }

    pub(super) fn request(&self, person: Person, nth: Nth) -> Option<Uuid> {
        self.registry.latest_request(self.application(person, nth)?)
    }
}
