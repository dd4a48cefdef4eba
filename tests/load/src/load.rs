//! Load: holders who are signed in go their way to a certificate, many at once.

use std::{
    ops::Range,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use anyhow::{Context, Result, anyhow};
use qcert_pki::Certificate;

use crate::{
    clock::Stopwatch,
    gateway::Gateway,
    holder::{Holder, has_certificate},
    installation::{Installation, Server},
    people,
};

/// How long a text message may take under load.
const MESSAGE: Duration = Duration::from_secs(20);
/// How long a certificate may take under load.
const ISSUED: Duration = Duration::from_secs(30);
/// The pause between two looks at a row that was not ready at the first.
const AGAIN: Duration = Duration::from_millis(3);

/// How a load is applied.
#[derive(Clone, Copy, Debug)]
pub enum Pace {
    /// As many at a time as there are connections: each begins when one before it ends.
    Closed,
    /// One begins in each interval, whether those before it have ended or not.
    Every(Duration),
}

/// What a load showed.
#[derive(Clone, Debug)]
pub struct Run {
    /// From the first to the last.
    pub elapsed: Duration,
    /// How long each took: in a closed loop from its begin, otherwise from the moment when it should have begun.
    pub latencies: Vec<Duration>,
}

impl Run {
    /// Ended in a second.
    pub fn throughput(&self) -> f64 {
        self.latencies.len() as f64 / self.elapsed.as_secs_f64()
    }

    /// The latency that this part of all (0 to 1) did not exceed, in milliseconds.
    pub fn percentile(&self, part: f64) -> f64 {
        let mut sorted = self.latencies.clone();
        sorted.sort_unstable();
        let position = ((sorted.len() as f64 * part).ceil() as usize).clamp(1, sorted.len().max(1)) - 1;
        sorted.get(position).map_or(0.0, |latency| latency.as_secs_f64() * 1000.0)
    }
}

/// Imports applications and signs their holders in, a few at a time.
///
/// # Errors
/// When a holder cannot be signed in.
pub fn prepare(
    installation: &Installation,
    server: &Server,
    gateway: &Gateway,
    people: Range<u32>,
) -> Result<Vec<Holder>> {
    let applications: Vec<_> = people.clone().map(people::application).collect();
    installation.import(&applications)?;
    let numbers = Mutex::new(people);
    let ready = Mutex::new(Vec::new());
    let sign_in = |_: usize| -> Result<()> {
        let mut portal = server.connection();
        while let Some(n) = next(&numbers) {
            let mut holder = Holder::new(n, gateway)?;
            holder.sign_in(&mut portal, MESSAGE)?;
            holder.row(&mut portal)?;
            ready.lock().unwrap_or_else(PoisonError::into_inner).push(holder);
        }
        Ok(())
    };
    at_once(16, &sign_in)?;
    Ok(ready.into_inner().unwrap_or_else(PoisonError::into_inner))
}

fn next<T>(iterator: &Mutex<impl Iterator<Item = T>>) -> Option<T> {
    iterator.lock().unwrap_or_else(PoisonError::into_inner).next()
}

/// Does the same in several threads; the first error ends it.
fn at_once(threads: usize, action: &(impl Fn(usize) -> Result<()> + Sync)) -> Result<()> {
    std::thread::scope(|scope| {
        let running: Vec<_> = (0..threads).map(|n| scope.spawn(move || action(n))).collect();
        let ended: Vec<_> = running.into_iter().map(|thread| thread.join()).collect();
        ended.into_iter().try_for_each(|end| end.map_err(|_| anyhow!("a thread of the load panicked"))?)
    })
}

/// Leads holders to their certificates over so many connections. The certificates are read after the clock has
/// stopped: each is there, and is its holder's.
///
/// # Errors
/// When one of them does not get there.
pub fn lead(server: &Server, holders: Vec<Holder>, connections: usize, pace: Pace) -> Result<Run> {
    let looks = Looks::default();
    let certificates = Mutex::new(Vec::new());
    let waiting = Mutex::new(holders.into_iter());
    let run = repeat(
        connections,
        pace,
        |portal: &mut crate::http::Connection| {
            let Some(mut holder) = next(&waiting) else { return Ok(false) };
            let der = one(&mut holder, portal, &looks)?;
            certificates.lock().unwrap_or_else(PoisonError::into_inner).push(der);
            Ok(true)
        },
        || server.connection(),
    )?;
    for der in certificates.into_inner().unwrap_or_else(PoisonError::into_inner) {
        Certificate::parse(&der).map_err(|code| anyhow!("a certificate cannot be read: {code}"))?;
    }
    Ok(run)
}

/// Repeats an action over so many connections until it says that nothing is left.
///
/// # Errors
/// The action's.
pub fn repeat<C>(
    connections: usize,
    pace: Pace,
    action: impl Fn(&mut C) -> Result<bool> + Sync,
    connect: impl Fn() -> C + Sync,
) -> Result<Run> {
    let latencies = Mutex::new(Vec::new());
    let begun = AtomicU64::new(0);
    let stopwatch = Stopwatch::start();
    at_once(connections, &|_| {
        let mut connection = connect();
        let mut own = Vec::new();
        loop {
            let due = match pace {
                Pace::Closed => stopwatch.elapsed(),
                Pace::Every(interval) => {
                    let due = interval.mul_f64(begun.fetch_add(1, Ordering::Relaxed) as f64);
                    stopwatch.sleep_until(due);
                    due
                }
            };
            if !action(&mut connection)? {
                break;
            }
            own.push(stopwatch.elapsed() - due);
        }
        latencies.lock().unwrap_or_else(PoisonError::into_inner).extend(own);
        Ok(())
    })?;
    Ok(Run { elapsed: stopwatch.elapsed(), latencies: latencies.into_inner().unwrap_or_else(PoisonError::into_inner) })
}

/// The way of one holder, from the upload to the file.
fn one(holder: &mut Holder, portal: &mut crate::http::Connection, looks: &Looks) -> Result<Vec<u8>> {
    let application = holder.application().context("a holder without an application")?;
    let request = holder.upload(portal, application)?;
    holder.order_password(portal, request)?;
    let password = holder.message(MESSAGE)?;
    let mut row = holder.confirm(portal, request, &password)?;
    let confirmed = Stopwatch::start();
    let (mut pause, mut is_first) = (looks.first_pause(), true);
    while !has_certificate(&row) {
        if confirmed.elapsed() > ISSUED {
            return Err(anyhow!("no certificate came: {row:?}"));
        }
        std::thread::sleep(pause);
        row = holder.row(portal)?;
        if is_first {
            looks.learn(has_certificate(&row));
        }
        (pause, is_first) = (AGAIN, false);
    }
    let certificate = row.certificate.map(|certificate| certificate.id).context("a row without a certificate")?;
    Ok(holder.fetch(portal, certificate)?)
}

/// When to look at a row, so that the first look is enough nine times of ten. A page is told by its event stream;
/// looking costs the server about as much as telling, and needs no second connection.
struct Looks(AtomicU64);

/// In microseconds: by so much the pause grows after a first look that came too early, or shrinks after nine that did
/// not. Always by the same, so that a moment in which nothing was ready does not make everybody wait for long.
const STEP: u64 = 450;

impl Default for Looks {
    fn default() -> Self {
        Self(AtomicU64::new(10_000))
    }
}

impl Looks {
    fn first_pause(&self) -> Duration {
        Duration::from_micros(self.0.load(Ordering::Relaxed))
    }

    fn learn(&self, was_ready: bool) {
        let pause = self.0.load(Ordering::Relaxed);
        let better = if was_ready { pause.saturating_sub(STEP / 9).max(1000) } else { pause + STEP };
        self.0.store(better.min(100_000), Ordering::Relaxed);
    }
}
