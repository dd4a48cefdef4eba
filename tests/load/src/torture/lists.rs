//! The revocation lists as relying parties see them while servers die: somebody fetches them all the time, from whichever
//! server answers.

use std::{
    collections::{HashMap, HashSet},
    net::SocketAddr,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use anyhow::{Result, anyhow, bail, ensure};
use qcert_pki::{
    Certificate,
    crl::{CertificateList, Number},
};

use super::registry::hex;
use crate::{
    clock::Stopwatch,
    http::{Connection, Question},
};

/// A server may serve a list from memory for two seconds, and this machine may be busy.
const STALE: Duration = Duration::from_secs(10);
/// Until what was revoked is on the list.
const PUBLISHED: Duration = Duration::from_secs(30);

/// What was seen of the list.
pub(super) struct Lists<'a> {
    addresses: &'a [SocketAddr],
    host: String,
    issuer: Certificate,
    path: String,
    clock: Stopwatch,
    seen: Mutex<Seen>,
}

#[derive(Default)]
struct Seen {
    /// The octets of each number, hexadecimal.
    by_number: HashMap<String, Vec<u8>>,
    /// The greatest number that a server has shown.
    by_server: HashMap<SocketAddr, Number>,
    /// When a number was first seen that is greater than all before.
    growth: Vec<(Duration, Number)>,
}

impl<'a> Lists<'a> {
    pub(super) fn of(issuer: Certificate, addresses: &'a [SocketAddr], host: String) -> Self {
        let path = format!("/crl/{}/1-0.crl", hex(&issuer.key_identifier()));
        Self { addresses, host, issuer, path, clock: Stopwatch::start(), seen: Mutex::default() }
    }

    /// Fetches until it is told to end.
    pub(super) fn watch(&self, ends: &AtomicBool) -> Result<()> {
        while !ends.load(Ordering::Relaxed) {
            for address in self.addresses {
                self.fetch(*address)?;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(())
    }

    /// How many different lists were seen.
    pub(super) fn count(&self) -> usize {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).by_number.len()
    }

    /// Waits until each server's list names these serial numbers.
    pub(super) fn wait_for(&self, revoked: &HashSet<String>) -> Result<()> {
        for address in self.addresses {
            let waiting = Stopwatch::start();
            loop {
                let named = self.fetch(*address)?.map(|list| serials(&list)).unwrap_or_default();
                let missing: Vec<_> = revoked.difference(&named).collect();
                if missing.is_empty() {
                    break;
                }
                ensure!(waiting.elapsed() < PUBLISHED, "{address}: not on the list though it was told: {missing:?}");
                std::thread::sleep(Duration::from_millis(50));
            }
        }
        Ok(())
    }

    /// The list of one server, judged beside those before; nothing if the server does not answer.
    fn fetch(&self, address: SocketAddr) -> Result<Option<CertificateList>> {
        let asked_at = self.clock.elapsed();
        let question = Question { method: "GET", path: &self.path, cookie: None, bearer: None, body: None };
        let Ok(answer) = Connection::new(address, self.host.clone()).ask(&question) else { return Ok(None) };
        match answer.status {
            200 => {}
            // The database begins.
            500 | 503 => return Ok(None),
            status => bail!("{address} answers {status} to whoever wants its list"),
        }
        let list = CertificateList::parse(&answer.body).map_err(|error| anyhow!("{address}: its list: {error}"))?;
        list.verify(&self.issuer).map_err(|error| anyhow!("{address}: its list: {error}"))?;
        self.judge(address, asked_at, &list)?;
        Ok(Some(list))
    }

    fn judge(&self, address: SocketAddr, asked_at: Duration, list: &CertificateList) -> Result<()> {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let number = list.number();
        let octets = seen.by_number.entry(number.to_string()).or_insert_with(|| list.der().to_vec());
        ensure!(octets == list.der(), "two different lists have the number {number}");
        if let Some(before) = seen.by_server.insert(address, number.clone()) {
            ensure!(before <= *number, "{address} went back from list {before} to {number}");
        }
        let known = seen.growth.iter().rev().find(|(at, _)| *at + STALE < asked_at);
        if let Some((_, known)) = known {
            ensure!(known <= number, "{address} serves list {number}, {STALE:?} after {known} was published");
        }
        if seen.growth.last().is_none_or(|(_, greatest)| greatest < number) {
            seen.growth.push((self.clock.elapsed(), number.clone()));
        }
        Ok(())
    }
}

/// The serial numbers on a list.
pub(super) fn serials(list: &CertificateList) -> HashSet<String> {
    list.entries().iter().map(|entry| entry.serial.to_string()).collect()
}
