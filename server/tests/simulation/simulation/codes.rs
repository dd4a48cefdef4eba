//! The codes that the servers made, and those that came.

use qcert_server::{secrets::Secrets, sms::Message};

use uuid::Uuid;

use super::Simulation;
use crate::{model::Made, registry::Registry, world::SECRET};

impl Simulation<'_> {
    /// Opens the messages that were sealed since, and reads those that came.
    /// Answers whose codes those are.
    pub(super) fn note_codes(&mut self, after: &Registry) -> Vec<Uuid> {
        let secrets = Secrets::new(&SECRET);
        let sealed = after.messages.iter().filter(|(id, _)| !self.registry.messages.contains_key(id));
        let opened: Vec<Message> =
            sealed.filter_map(|(_, sealed)| Message::from_bytes(&secrets.open(sealed)?)).collect();
        let passwords = after.passwords.iter().filter(|(id, _)| !self.registry.passwords.contains_key(id));
        for ((id, password), message) in passwords.zip(&opened) {
            let code = message.text.rsplit('#').next().unwrap_or_default().to_owned();
            let made = Made {
                code: if message.deliver { code } else { String::new() },
                at: message.at,
                phone: password.phone.clone(),
                purpose: password.purpose.clone(),
                subject: password.subject,
                came: false,
                met: 0,
                perhaps: 0,
            };
            self.model.codes.insert(*id, made);
        }
        let lines = self.world.sent(self.lines_seen);
        self.lines_seen += lines.len();
        let mut came = Vec::new();
        for line in lines {
            let text = line["text"].as_str().unwrap_or_default();
            let code = text.rsplit('#').next().unwrap_or_default();
            let to = line["to"].as_str().unwrap_or_default();
            for (id, made) in self.model.codes.iter_mut().filter(|(_, made)| made.phone == to && made.code == code) {
                made.came = true;
                came.push(*id);
            }
        }
        came
    }
}
