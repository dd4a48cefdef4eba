//! Sessions: begun with a one-time password, named by a random token of which only the hash is kept.

use std::net::IpAddr;

use qcert_protocol::{ErrorCode, holder::Phone, portal};
use ring::digest;
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use crate::{
    audit::Actor,
    error::Refusal,
    events::Announcement,
    one_time_password::{self, Order, Tried},
    portal::Portal,
    randomness, sms,
    store::{Overview, PasswordScope, Purpose, SessionRecord, Wanted},
};

/// How old the note of a session's last use may grow before it is written again.
const TOUCH: Duration = Duration::MINUTE;

/// The secret in the cookie: 43 characters of base64url, 256 random bits.
pub struct Token(pub String);

/// Somebody who is signed in.
#[derive(Clone, Debug)]
pub struct Session {
    /// Which session.
    pub id: Uuid,
    /// Who.
    pub phone: Phone,
    /// When it ends by itself.
    pub expires_at: OffsetDateTime,
    /// Who acts, for the audit: a holder, from the address that asks.
    pub actor: Actor,
    token_hash: [u8; 32],
}

impl Session {
    /// As the page sees it.
    pub fn view(&self) -> portal::Session {
        portal::Session { phone: self.phone.masked(), expires_at: self.expires_at }
    }
}

/// Reads a phone as a person types it.
///
/// # Errors
/// `phone_invalid`.
pub fn phone(typed: &str) -> Result<Phone, Refusal> {
    Phone::parse(typed).map_err(|_| ErrorCode::PhoneInvalid.into())
}

/// Orders the first one-time password. The answer is the same for every phone.
///
/// # Errors
/// `phone_invalid`, and those of [`one_time_password::order`].
pub async fn order_password(portal: &Portal, typed: &str, address: IpAddr) -> Result<portal::PasswordOrdered, Refusal> {
    let phone = phone(typed)?;
    let known = portal.store.phone_is_known(&phone).await?;
    let text = sms::sign_in_text(portal.settings.ca.name.common_name.as_str());
    let scope = PasswordScope { phone, purpose: Purpose::SignIn, subject: None };
    one_time_password::order(portal, &Order { scope, digest: None, text: &text, deliver: known, address }).await
}

/// Begins a session with a one-time password; the session that came with the request ends.
///
/// # Errors
/// Those of [`one_time_password::try_password`], and `otp_used`.
pub async fn sign_in(
    portal: &Portal,
    sign_in: &portal::SignIn,
    before: Option<&str>,
    address: IpAddr,
) -> Result<(Session, Token), Refusal> {
    let phone = phone(&sign_in.phone)?;
    let scope = PasswordScope { phone: phone.clone(), purpose: Purpose::SignIn, subject: None };
    let Tried::Right(password) = one_time_password::try_password(portal, &scope, &sign_in.password, address).await?
    else {
        return Err(ErrorCode::OtpUsed.into());
    };
    let now = portal.clock.now();
    let token = base64url(&randomness::bytes(&*portal.randomness)?);
    let id = randomness::uuid(now, &*portal.randomness)?;
    let before = before.map(hash);
    let ended = match &before {
        Some(before) => portal.store.session(before).await?,
        None => None,
    };
    let actor = Actor::holder(address);
    let record = SessionRecord { id, token_hash: hash(&token), phone, created_at: now, last_seen_at: now };
    if !portal.store.sign_in(password.id, &record, before, &actor).await? {
        return Err(ErrorCode::OtpUsed.into());
    }
    if let Some(ended) = ended {
        portal.announcer.announce(Announcement::SessionEnded(ended.id));
    }
    Ok((session(portal, record, actor), Token(token)))
}

/// Who is signed in with this token.
///
/// # Errors
/// `session_required` if nobody is, or not any more.
pub async fn find(portal: &Portal, token: &str, address: IpAddr) -> Result<Session, Refusal> {
    let record = portal.store.session(&hash(token)).await?.ok_or(ErrorCode::SessionRequired)?;
    goes_on_with(portal, record, address).await
}

/// Who is signed in with this token, and what of theirs is wanted, if it is there.
///
/// # Errors
/// Those of [`find`].
pub async fn find_with(
    portal: &Portal,
    token: &str,
    address: IpAddr,
    wanted: Wanted,
) -> Result<(Session, Option<Overview>), Refusal> {
    let found = portal.store.session_with(&hash(token), wanted).await?;
    let (record, found) = found.ok_or(ErrorCode::SessionRequired)?;
    Ok((goes_on_with(portal, record, address).await?, found))
}

/// The session, if its time is not over. Notes that it was used.
async fn goes_on_with(portal: &Portal, record: SessionRecord, address: IpAddr) -> Result<Session, Refusal> {
    let now = portal.clock.now();
    let current = session(portal, record.clone(), Actor::holder(address));
    if current.expires_at <= now {
        return Err(ErrorCode::SessionRequired.into());
    }
    if now - record.last_seen_at < TOUCH {
        return Ok(current);
    }
    portal.store.touch_session(record.id, now).await?;
    Ok(session(portal, SessionRecord { last_seen_at: now, ..record }, current.actor))
}

/// Has this session not ended yet? Does not count as a use of it.
///
/// # Errors
/// The store's.
pub async fn goes_on(portal: &Portal, current: &Session) -> Result<bool, Refusal> {
    let record = portal.store.session(&current.token_hash).await?;
    Ok(record.is_some_and(|record| session(portal, record, current.actor.clone()).expires_at > portal.clock.now()))
}

/// Ends a session.
///
/// # Errors
/// The store's.
pub async fn end(portal: &Portal, session: &Session) -> Result<(), Refusal> {
    portal.store.end_session(&session.token_hash, &session.actor, portal.clock.now()).await?;
    portal.announcer.announce(Announcement::SessionEnded(session.id));
    Ok(())
}

/// Ends all sessions of the person, on whichever server and device.
///
/// # Errors
/// The store's.
pub async fn end_everywhere(portal: &Portal, session: &Session) -> Result<(), Refusal> {
    let ended = portal.store.end_sessions(&session.phone, &session.actor, portal.clock.now()).await?;
    ended.into_iter().for_each(|id| portal.announcer.announce(Announcement::SessionEnded(id)));
    Ok(())
}

fn session(portal: &Portal, record: SessionRecord, actor: Actor) -> Session {
    let limits = &portal.settings.session;
    Session {
        id: record.id,
        phone: record.phone,
        expires_at: (record.created_at + limits.absolute).min(record.last_seen_at + limits.idle),
        actor,
        token_hash: record.token_hash,
    }
}

fn hash(token: &str) -> [u8; 32] {
    let mut hash = [0; 32];
    hash.copy_from_slice(digest::digest(&digest::SHA256, token.as_bytes()).as_ref());
    hash
}

fn base64url(bytes: &[u8; 32]) -> String {
    use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
    URL_SAFE_NO_PAD.encode(bytes)
}
