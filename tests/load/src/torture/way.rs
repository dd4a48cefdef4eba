//! A holder's way among dying servers: whatever is lost, it asks how things stand and goes on, as the page does.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use anyhow::{Result, bail};
use qcert_protocol::{ApplicationState, portal::ApplicationRow};
use uuid::Uuid;

use super::revoker::{Office, Revoker};
use crate::{
    chance::Chance,
    holder::{Holder, Trouble, has_certificate},
    http::Connection,
};

/// How long a text message is waited for before another is ordered.
const MESSAGE: Duration = Duration::from_secs(4);

/// What the holders know themselves, by their number.
pub type Ledger = BTreeMap<u32, Fate>;

/// What a holder knows.
#[derive(Clone, Debug, Default)]
pub struct Fate {
    /// Did the right password ever leave for the portal?
    pub may_be_confirmed: bool,
    /// Did the portal say that it is confirmed?
    pub confirmed: bool,
    /// Confirmations whose answer was lost.
    pub lost_answers: usize,
    /// The certificate as it was fetched, DER.
    pub certificate: Option<Vec<u8>>,
    /// Its serial number.
    pub serial: Option<String>,
    /// Did anybody's right word to revoke it ever leave?
    pub may_be_revoked: bool,
    /// Did anybody hear that it is revoked?
    pub revoked: bool,
}

/// Who never confirms.
#[derive(Clone, Copy, PartialEq)]
enum Leaves {
    Never,
    AfterUpload,
    AfterMessage,
    AfterWrongPassword,
}

/// A way.
pub struct Way<'a> {
    /// What the holder knows by now.
    pub fate: Fate,
    holder: Holder,
    portal: Connection,
    addresses: &'a [SocketAddr],
    chance: &'a mut Chance,
    leaves: Leaves,
    revoker: Revoker,
    office: &'a Office<'a>,
    password: Option<(Uuid, String)>,
}

impl<'a> Way<'a> {
    /// A way that begins.
    pub(super) fn new(
        holder: Holder,
        addresses: &'a [SocketAddr],
        host: String,
        office: &'a Office<'a>,
        chance: &'a mut Chance,
    ) -> Self {
        let leaves = match chance.below(20) {
            0 => Leaves::AfterUpload,
            1 => Leaves::AfterMessage,
            2 => Leaves::AfterWrongPassword,
            _ => Leaves::Never,
        };
        let revoker = Revoker::any(chance);
        let portal = Connection::new(addresses[0], host);
        Self { fate: Fate::default(), holder, portal, addresses, chance, leaves, revoker, office, password: None }
    }

    /// Goes to the end: a certificate, its revocation, or the place where this holder leaves.
    ///
    /// # Errors
    /// When the portal answers what it must not, or when the end does not come before everybody gives up.
    pub fn go(&mut self, gives_up: &AtomicBool) -> Result<()> {
        loop {
            if gives_up.load(Ordering::Relaxed) {
                bail!("the way did not come to its end: {:?}", self.fate);
            }
            // A browser may talk to another server at every request.
            let server = usize::try_from(self.chance.below(self.addresses.len() as u64)).unwrap_or(0);
            self.portal.turn_to(self.addresses[server]);
            match self.step() {
                Ok(true) => return Ok(()),
                Ok(false) => {}
                Err(trouble) => self.bear(trouble)?,
            }
        }
    }

    /// One step; true at the end.
    fn step(&mut self) -> Result<bool, Trouble> {
        if !self.holder.is_signed_in() {
            self.holder.sign_in(&mut self.portal, MESSAGE)?;
        }
        let row = self.holder.row(&mut self.portal)?;
        match (row.state, &row.request) {
            (ApplicationState::Available, _) => {
                self.holder.upload(&mut self.portal, row.id)?;
                Ok(self.leaves == Leaves::AfterUpload)
            }
            (ApplicationState::Preparing, Some(_)) if self.leaves == Leaves::AfterUpload => Ok(true),
            (ApplicationState::Preparing, Some(request)) => self.confirm(request.id),
            (ApplicationState::Sent | ApplicationState::Issuing, _) => {
                std::thread::sleep(Duration::from_millis(30));
                Ok(false)
            }
            (ApplicationState::Revoked, _) if self.fate.may_be_revoked => {
                self.fate.revoked = true;
                Ok(true)
            }
            _ if has_certificate(&row) && self.fate.certificate.is_none() => self.fetch(&row),
            _ if has_certificate(&row) => self.revoke(&row),
            _ => Err(unexpected(&row)),
        }
    }

    fn confirm(&mut self, request: Uuid) -> Result<bool, Trouble> {
        let password = match self.password.take().filter(|(of, _)| *of == request) {
            Some((_, password)) => password,
            None => {
                self.holder.order_password(&mut self.portal, request)?;
                self.holder.message(MESSAGE)?
            }
        };
        match self.leaves {
            Leaves::AfterMessage => return Ok(true),
            Leaves::AfterWrongPassword => return self.try_wrong(request, &password),
            Leaves::AfterUpload | Leaves::Never => {}
        }
        self.fate.may_be_confirmed = true;
        if let Err(trouble) = self.holder.confirm(&mut self.portal, request, &password) {
            // The same password again, whatever became of the first.
            if let Trouble::Lost(_) = trouble {
                self.fate.lost_answers += 1;
                self.password = Some((request, password));
            }
            return Err(trouble);
        }
        self.fate.confirmed = true;
        if self.chance.below(8) == 0 {
            // Delivered twice, it confirms once, and the second answer says the same.
            self.holder.confirm(&mut self.portal, request, &password)?;
        }
        Ok(false)
    }

    fn try_wrong(&mut self, request: Uuid, password: &str) -> Result<bool, Trouble> {
        let wrong = if password == "000000" { "000001" } else { "000000" };
        match self.holder.confirm(&mut self.portal, request, wrong) {
            Err(Trouble::Refused { body, .. }) if body.contains("otp_wrong") => Ok(true),
            Ok(row) => Err(unexpected(&row)),
            Err(trouble) => Err(trouble),
        }
    }

    fn fetch(&mut self, row: &ApplicationRow) -> Result<bool, Trouble> {
        let Some(certificate) = &row.certificate else { return Ok(false) };
        self.fate.certificate = Some(self.holder.fetch(&mut self.portal, certificate.id)?);
        self.fate.serial = Some(certificate.serial.clone());
        Ok(self.revoker == Revoker::Nobody)
    }

    /// What was answered counts; when the answer is lost, the row tells at the next look.
    fn revoke(&mut self, row: &ApplicationRow) -> Result<bool, Trouble> {
        let Some(certificate) = &row.certificate else { return Ok(false) };
        match self.revoker {
            Revoker::Nobody => return Ok(true),
            Revoker::Holder => self.revoke_by_password(certificate.id)?,
            Revoker::Operator => {
                self.fate.may_be_revoked = true;
                self.office.revoke(&mut self.portal, certificate)?;
            }
            Revoker::Command => {
                self.fate.may_be_revoked = true;
                self.office.command(certificate)?;
            }
        }
        self.fate.revoked = true;
        Ok(true)
    }

    fn revoke_by_password(&mut self, certificate: Uuid) -> Result<(), Trouble> {
        let password = match self.password.take().filter(|(of, _)| *of == certificate) {
            Some((_, password)) => password,
            None => {
                self.holder.order_revocation(&mut self.portal, certificate)?;
                self.holder.message(MESSAGE)?
            }
        };
        self.fate.may_be_revoked = true;
        match self.holder.revoke(&mut self.portal, certificate, &password) {
            Ok(row) if row.state == ApplicationState::Revoked => Ok(()),
            Ok(row) => Err(unexpected(&row)),
            Err(trouble) => {
                if let Trouble::Lost(_) = trouble {
                    self.password = Some((certificate, password));
                }
                Err(trouble)
            }
        }
    }

    /// What a page does about trouble: waits a little and asks again; signs in anew if it must.
    fn bear(&mut self, trouble: Trouble) -> Result<()> {
        let pause = match &trouble {
            Trouble::Lost(_) => Duration::from_millis(30 + self.chance.below(150)),
            Trouble::NoMessage => Duration::ZERO,
            Trouble::Refused { body, .. } if body.contains("session_required") => {
                self.holder.forget_session();
                Duration::ZERO
            }
            Trouble::Refused { body, .. } => {
                // A code of a message before the last, one whose use was not told, a database that begins.
                // Or it is revoked, and the answer that said so was lost.
                let passing = [
                    "otp_resend_too_early",
                    "otp_used",
                    "otp_expired",
                    "otp_wrong",
                    "portal_unavailable",
                    "certificate_already_revoked",
                ];
                if !passing.iter().any(|code| body.contains(code)) {
                    bail!(trouble);
                }
                Duration::from_millis(200)
            }
        };
        std::thread::sleep(pause);
        Ok(())
    }
}

fn unexpected(row: &ApplicationRow) -> Trouble {
    Trouble::Refused { what: "the way".to_owned(), status: 200, body: format!("{row:?}") }
}
