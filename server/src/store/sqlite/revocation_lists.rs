//! Revocation lists: which there are, where they stand, and the latest of each.
//!
//! A list is stale when something was revoked after its thisUpdate. So that this holds whatever clocks say,
//! the time for which the revoked certificates were last asked is noted, and what is revoked later is revoked after it.

use rusqlite::{Connection, params};
use time::OffsetDateTime;
use uuid::Uuid;

use super::{
    Certificate, Effect, IssuerId, RevocationList, ShardState, Stored, audit,
    rows::{execute, first, millis, time, whole},
};
use crate::audit::{Actor, Event};

/// A certificate names its list.
pub(super) fn named(connection: &Connection, certificate: &Certificate) -> Stored<()> {
    execute(
        connection,
        "INSERT INTO revocation_shards (issuer, shard, until) VALUES (?, ?, ?) \
         ON CONFLICT DO UPDATE SET until = excluded.until WHERE excluded.until > until",
        params![certificate.issuer, certificate.shard, millis(certificate.not_after)],
    )?;
    Ok(())
}

/// The time of a revocation, in milliseconds: now, but after the time for which the list was last asked.
pub(super) fn revoked_at(connection: &Connection, issuer: &IssuerId, shard: &str, now: OffsetDateTime) -> Stored<i64> {
    let at = first(
        connection,
        "UPDATE revocation_shards SET last_revoked_at = \
         max(?3, COALESCE(asked_at + 1, 0), COALESCE(last_revoked_at, 0)) \
         WHERE issuer = ?1 AND shard = ?2 RETURNING max(?3, COALESCE(asked_at + 1, 0))",
        params![issuer, shard, millis(now)],
        |columns| columns.next(),
    )?;
    Ok(at.unwrap_or(millis(now)))
}

/// Notes, before they are read, for which time the revoked certificates are asked.
pub(super) fn asked(
    connection: &Connection,
    issuer: &IssuerId,
    shard: &str,
    now: OffsetDateTime,
) -> Stored<Effect<()>> {
    execute(
        connection,
        "INSERT INTO revocation_shards (issuer, shard, until, asked_at) VALUES (?1, ?2, ?3, ?3) \
         ON CONFLICT DO UPDATE SET asked_at = excluded.asked_at WHERE excluded.asked_at > COALESCE(asked_at, 0)",
        params![issuer, shard, millis(now)],
    )?;
    Ok(Effect::Kept(()))
}

pub(super) fn shards(connection: &Connection, now: OffsetDateTime) -> Stored<Vec<ShardState>> {
    whole(
        connection,
        "SELECT s.issuer, s.shard, l.number, l.this_update, l.next_update, \
         s.last_revoked_at > COALESCE(l.this_update, 0), s.until \
         FROM revocation_shards s LEFT JOIN revocation_lists l ON l.issuer = s.issuer AND l.shard = s.shard \
         WHERE s.until > ?1 OR l.next_update > ?1 ORDER BY s.issuer, s.shard",
        [millis(now)],
        |columns| {
            let (issuer, shard) = (columns.next()?, columns.next()?);
            let latest: (Option<i64>, Option<i64>, Option<i64>) = (columns.next()?, columns.next()?, columns.next()?);
            Ok(ShardState {
                issuer,
                shard,
                latest: match latest {
                    (Some(number), Some(this), Some(next)) => Some((number, time(this)?, time(next)?)),
                    _ => None,
                },
                stale: columns.next::<Option<bool>>()?.unwrap_or_default(),
                until: columns.time()?,
            })
        },
    )
}

pub(super) fn latest(connection: &Connection, issuer: &IssuerId, shard: &str) -> Stored<Option<RevocationList>> {
    first(
        connection,
        "SELECT number, this_update, next_update, der FROM revocation_lists WHERE issuer = ? AND shard = ?",
        params![issuer, shard],
        |columns| {
            Ok(RevocationList {
                issuer: *issuer,
                shard: shard.to_owned(),
                number: columns.next()?,
                this_update: columns.time()?,
                next_update: columns.time()?,
                der: columns.next()?,
            })
        },
    )
}

pub(super) fn publish(connection: &Connection, list: &RevocationList, before: i64) -> Stored<Effect<bool>> {
    // A list that nobody asked for before is published all the same; it says that nothing is revoked.
    execute(
        connection,
        "INSERT INTO revocation_shards (issuer, shard, until) VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
        params![list.issuer, list.shard, millis(list.this_update)],
    )?;
    let published = execute(
        connection,
        "INSERT INTO revocation_lists (issuer, shard, number, this_update, next_update, der) \
         SELECT ?1, ?2, ?3, ?4, ?5, ?6 \
         WHERE ?7 = COALESCE((SELECT number FROM revocation_lists WHERE issuer = ?1 AND shard = ?2), 0) \
         ON CONFLICT (issuer, shard) DO UPDATE SET number = excluded.number, this_update = excluded.this_update, \
         next_update = excluded.next_update, der = excluded.der",
        params![
            list.issuer,
            list.shard,
            list.number,
            millis(list.this_update),
            millis(list.next_update),
            list.der,
            before
        ],
    )?;
    if published != 1 {
        return Ok(Effect::Undone(false));
    }
    let detail = list.audited();
    audit::append(
        connection,
        list.this_update,
        Event::RevocationListPublished,
        Uuid::nil(),
        &detail,
        &Actor::server(),
    )?;
    Ok(Effect::Kept(true))
}
