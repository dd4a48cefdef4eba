//! One-time passwords: ordered, sent by text message, tried, used once.
//!
//! For a phone that the portal does not know everything is done alike: a row, a hash (of nothing that can be typed), a
//! sealed message that the sender throws away.
//!
//! A wrong password is counted twice. Its phone's are counted in a row, whatever they were tried for and however many
//! were sent: every few of them the phone waits, each time twice as long, and with too many it is locked (NIST SP
//! 800-63B §3.2.2). A right one ends the row. And a password is tried a few times and no more, although the phone's row
//! should end meanwhile.

use std::net::IpAddr;

use qcert_protocol::{ErrorCode, portal::PasswordOrdered};
use time::Duration;
use uuid::Uuid;

use crate::{
    audit::{Actor, Event, Note, Outcome, refusals},
    client_address::rate_subject,
    config::OneTimePasswords,
    error::Refusal,
    metrics::PasswordEvent,
    portal::Portal,
    randomness,
    sms::{self, Message},
    store::{
        Attempt, Attempted, NewPassword, OrderLimits, Password, PasswordOrder, PasswordScope, PasswordState, Purpose,
        Rate, TryLimits,
    },
};

const HOUR: Duration = Duration::HOUR;
/// The longest time that a phone waits after wrong passwords, unless it is locked.
const LONGEST_WAIT: Duration = Duration::DAY;

/// What a password is ordered for.
#[derive(Clone, Debug)]
pub struct Order<'a> {
    /// Whose password, for what.
    pub scope: PasswordScope,
    /// The digest that it confirms.
    pub digest: Option<[u8; 32]>,
    /// The words before the password.
    pub text: &'a str,
    /// Where the message goes; `None` throws it away, for a phone that nobody has.
    pub deliver: bool,
    /// The client's address, for the rates.
    pub address: IpAddr,
}

/// Makes a password, records it and queues its message.
///
/// # Errors
/// `otp_resend_too_early`, `otp_tries_exhausted` or `rate_limited`, with the seconds to wait; `phone_locked`; the store's.
pub async fn order(portal: &Portal, order: &Order<'_>) -> Result<PasswordOrdered, Refusal> {
    let now = portal.clock.now();
    let otp = &portal.settings.otp;
    let password = randomness::six_digits(&*portal.randomness)?;
    let hash = portal.secrets.password_hash(&binding(&order.scope, order.digest).parts(), &password);
    // Drawn in either case: what is done for an unknown phone is done for a known one.
    let decoy = randomness::bytes(&*portal.randomness)?;
    let message = Message {
        at: now,
        to: order.scope.phone.as_str().to_owned(),
        text: sms::with_password(order.text, &password, crate::config::host(&portal.origin)),
        deliver: order.deliver,
    };
    let sealed = portal.secrets.seal(&message.to_bytes(), &*portal.randomness)?;
    let new = NewPassword {
        id: randomness::uuid(now, &*portal.randomness)?,
        scope: order.scope.clone(),
        digest: order.digest,
        hash: if order.deliver { hash } else { decoy },
        created_at: now,
        expires_at: now + otp.lifetime,
    };
    let ordered = portal.store.order_password(&new, &sealed, &limits(portal, &order.scope, order.address)).await?;
    count(
        portal,
        order.scope.purpose,
        match ordered {
            PasswordOrder::Ordered => "ordered",
            PasswordOrder::Locked => ErrorCode::PhoneLocked.as_str(),
            PasswordOrder::Exhausted(_) => ErrorCode::OtpTriesExhausted.as_str(),
            PasswordOrder::TooEarly(_) => ErrorCode::OtpResendTooEarly.as_str(),
            PasswordOrder::Limited(_) => ErrorCode::RateLimited.as_str(),
        },
    );
    match ordered {
        PasswordOrder::Ordered => portal.message_waits(),
        PasswordOrder::Locked => return Err(ErrorCode::PhoneLocked.into()),
        PasswordOrder::Exhausted(until) => return Err(exhausted(until - now)),
        PasswordOrder::TooEarly(earlier) => {
            return Err(after(earlier + otp.resend - now, ErrorCode::OtpResendTooEarly));
        }
        PasswordOrder::Limited(since) => return Err(limited(since + HOUR - now)),
    }
    Ok(PasswordOrdered { resend_after_seconds: seconds(otp.resend), expires_in_seconds: seconds(otp.lifetime) })
}

fn limits(portal: &Portal, scope: &PasswordScope, address: IpAddr) -> OrderLimits {
    let otp = &portal.settings.otp;
    let rates = [
        // The address first: whoever has spent its share does not spend that of other people's phones.
        (rate_subject(&portal.secrets, "order-by-address", address), otp.hourly_by_address),
        (portal.secrets.subject("order-by-phone", scope.phone.as_str()), otp.hourly_by_phone),
        ("order".to_owned(), otp.hourly_in_all),
    ];
    let rates = rates.into_iter().map(|(subject, limit)| Rate { subject, limit, window: HOUR }).collect();
    OrderLimits { interval: otp.resend, tries: try_limits(otp), rates }
}

/// No password outlives the shortest wait, so none that is young when its phone begins to wait can be used after it.
fn try_limits(otp: &OneTimePasswords) -> TryLimits {
    let doubled = std::iter::successors(Some(otp.lifetime), |wait| Some(*wait * 2));
    let waits = doubled.take_while(|wait| *wait < LONGEST_WAIT).chain([LONGEST_WAIT]).collect();
    TryLimits { tries: otp.tries, waits, most: otp.failures }
}

fn after(wait: Duration, code: ErrorCode) -> Refusal {
    Refusal::new(code).retry_after(seconds(wait).max(1))
}

fn exhausted(wait: Duration) -> Refusal {
    after(wait, ErrorCode::OtpTriesExhausted)
}

fn limited(wait: Duration) -> Refusal {
    after(wait, ErrorCode::RateLimited)
}

/// Seconds until another password of this scope can be ordered; `None` if none was ordered that can still be used.
///
/// # Errors
/// The store's.
pub async fn resend_after(portal: &Portal, scope: &PasswordScope) -> Result<Option<u32>, Refusal> {
    let now = portal.clock.now();
    let passwords = portal.store.passwords(scope).await?;
    let can_be_used = |password: &&Password| {
        let (is_young, tries) = (password.expires_at > now, portal.settings.otp.tries);
        password.state == PasswordState::Active && is_young && password.tries < tries
    };
    let latest = passwords.iter().find(can_be_used);
    Ok(latest.map(|password| seconds(password.created_at + portal.settings.otp.resend - now)))
}

/// What became of a password that was typed.
#[derive(Clone, Debug)]
pub enum Tried {
    /// It is right; the caller uses it, by compare and swap, together with what it is for.
    Right(Password),
    /// It is right and was used already.
    Used,
}

/// Tries a password. A try is taken before anything is compared, so tries at the same moment are all counted.
///
/// # Errors
/// `otp_not_requested`, `otp_wrong` (with the tries left), `otp_expired`, `otp_tries_exhausted`, `phone_locked`,
/// `rate_limited`.
pub async fn try_password(
    portal: &Portal,
    scope: &PasswordScope,
    typed: &str,
    address: IpAddr,
) -> Result<Tried, Refusal> {
    let tried = tried(portal, scope, typed, address).await;
    count(
        portal,
        scope.purpose,
        match &tried {
            Ok(Tried::Right(_)) => "right",
            Ok(Tried::Used) => ErrorCode::OtpUsed.as_str(),
            Err(refusal) => refusal.code.as_str(),
        },
    );
    match &tried {
        Err(refusal) if REFUSED.contains(&refusal.code) => {
            refusals::note(portal, refused(scope, address, refusal.code)).await;
        }
        _ => {}
    }
    tried
}

fn count(portal: &Portal, purpose: Purpose, event: &'static str) {
    portal.metrics.passwords.get_or_create(&PasswordEvent { purpose: purpose.as_str(), event }).inc();
}

/// What the audit tells of; what else goes wrong is the portal's.
const REFUSED: [ErrorCode; 6] = [
    ErrorCode::OtpNotRequested,
    ErrorCode::OtpWrong,
    ErrorCode::OtpExpired,
    ErrorCode::OtpTriesExhausted,
    ErrorCode::PhoneLocked,
    ErrorCode::RateLimited,
];

fn refused(scope: &PasswordScope, address: IpAddr, code: ErrorCode) -> Note {
    let event = match scope.purpose {
        Purpose::SignIn => Event::SignInRefused,
        Purpose::Confirmation => Event::ConfirmationRefused,
        Purpose::Revocation => Event::RevocationRefused,
    };
    Note {
        event,
        subject: scope.subject.map_or(Uuid::nil(), |(subject, _)| subject),
        detail: scope.phone.masked(),
        by: Actor::holder(address),
        outcome: Outcome::Refused(code),
    }
}

async fn tried(portal: &Portal, scope: &PasswordScope, typed: &str, address: IpAddr) -> Result<Tried, Refusal> {
    let now = portal.clock.now();
    let otp = &portal.settings.otp;
    let subject = rate_subject(&portal.secrets, "try-by-address", address);
    let attempt = Attempt {
        scope: scope.clone(),
        rate: Rate { subject, limit: otp.hourly_tries_by_address, window: HOUR },
        limits: try_limits(otp),
    };
    let (failures, passwords) = match portal.store.attempt(&attempt, now).await? {
        Attempted::Limited(since) => return Err(limited(since + HOUR - now)),
        Attempted::NotOrdered => return Err(ErrorCode::OtpNotRequested.into()),
        Attempted::Locked => return Err(ErrorCode::PhoneLocked.into()),
        Attempted::Exhausted(until) => return Err(exhausted(until - now)),
        Attempted::Taken { failures, passwords } => (failures, passwords),
    };
    let is_over = passwords.first().is_none_or(|latest| latest.expires_at <= now);
    // Those of the password, unless the phone has fewer.
    let of_phone = (otp.tries - failures.count % otp.tries) % otp.tries;
    let active = passwords.iter().filter(|password| password.state == PasswordState::Active);
    let tries_left = active.map(|password| otp.tries.saturating_sub(password.tries)).fold(of_phone, u32::min);

    let digits: String = typed.chars().filter(|c| !c.is_whitespace()).collect();
    let is_right = |password: &Password| {
        portal.secrets.password_fits(&binding(scope, password.digest).parts(), &digits, &password.hash)
    };
    // Newest first: of two equal codes the one that can be used counts.
    match passwords.into_iter().find(is_right) {
        Some(password) if password.state == PasswordState::Active && password.expires_at > now => {
            Ok(Tried::Right(password))
        }
        Some(password) if password.state == PasswordState::Used => Ok(Tried::Used),
        Some(_) => Err(ErrorCode::OtpExpired.into()),
        None if is_over => Err(ErrorCode::OtpExpired.into()),
        None if failures.count >= otp.failures => Err(ErrorCode::PhoneLocked.into()),
        None if tries_left == 0 => Err(exhausted(failures.rests_until - now)),
        None => Err(Refusal::new(ErrorCode::OtpWrong).tries_left(tries_left)),
    }
}

/// Everything that a password is good for, and nothing else.
struct Binding {
    purpose: &'static str,
    phone: String,
    subject: Option<(Uuid, Uuid)>,
    digest: Option<[u8; 32]>,
}

fn binding(scope: &PasswordScope, digest: Option<[u8; 32]>) -> Binding {
    Binding { purpose: scope.purpose.as_str(), phone: scope.phone.as_str().to_owned(), subject: scope.subject, digest }
}

impl Binding {
    fn parts(&self) -> Vec<&[u8]> {
        let mut parts = vec![self.purpose.as_bytes(), self.phone.as_bytes()];
        if let Some((subject, session)) = &self.subject {
            parts.extend([subject.as_bytes().as_slice(), session.as_bytes().as_slice()]);
        }
        parts.extend(self.digest.as_ref().map(<[u8; 32]>::as_slice));
        parts
    }
}

/// Whole seconds, rounded up; nothing is less than none.
pub fn seconds(duration: Duration) -> u32 {
    let millis = duration.whole_milliseconds().max(0);
    u32::try_from((millis + 999) / 1000).unwrap_or(u32::MAX)
}
