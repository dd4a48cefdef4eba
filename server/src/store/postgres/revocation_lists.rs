//! Revocation lists: which there are, where they stand, and the latest of each.

use time::OffsetDateTime;
use uuid::Uuid;

use super::{
    IssuerId, RevocationList, RevokedCertificate, ShardState, StoreError, Stored,
    connections::Connections,
    flag,
    rows::{self, Columns, millis, time},
};

/// The lists that certificates name are found by stepping from one to the next in an index of all certificates.
const SHARDS: &str = "WITH RECURSIVE named AS ( \
     (SELECT issuer, shard FROM certificates ORDER BY issuer, shard LIMIT 1) \
     UNION ALL \
     SELECT c.issuer, c.shard FROM named n, LATERAL ( \
     SELECT issuer, shard FROM certificates WHERE (issuer, shard) > (n.issuer, n.shard) \
     ORDER BY issuer, shard LIMIT 1) c), \
     known AS (SELECT issuer, shard FROM named UNION SELECT issuer, shard FROM revocation_shards), \
     dated AS (SELECT k.issuer, k.shard, s.last_revoked_at, l.number, l.this_update, l.next_update, \
     COALESCE((SELECT max(not_after) FROM certificates c WHERE c.issuer = k.issuer AND c.shard = k.shard), \
     l.this_update, s.asked_at) AS until FROM known k \
     LEFT JOIN revocation_shards s ON s.issuer = k.issuer AND s.shard = k.shard \
     LEFT JOIN revocation_lists l ON l.issuer = k.issuer AND l.shard = k.shard) \
     SELECT issuer, shard, number, this_update, next_update, \
     COALESCE(last_revoked_at > COALESCE(this_update, 0), false), until \
     FROM dated WHERE until > $1 OR next_update > $1 ORDER BY issuer, shard";

pub(super) async fn shards(connections: &Connections, now: OffsetDateTime) -> Stored<Vec<ShardState>> {
    let found = connections.read(|| sqlx::query(SHARDS).bind(millis(now))).await?;
    let read = |row| {
        let columns = &mut Columns::of(row);
        let (issuer, shard) = (columns.array()?, columns.next()?);
        let latest: (Option<i64>, Option<i64>, Option<i64>) = (columns.next()?, columns.next()?, columns.next()?);
        Ok(ShardState {
            issuer,
            shard,
            latest: match latest {
                (Some(number), Some(this), Some(next)) => Some((number, time(this)?, time(next)?)),
                _ => None,
            },
            stale: columns.next()?,
            until: columns.time()?,
        })
    };
    found.iter().map(read).collect()
}

pub(super) async fn revoked(
    connections: &Connections,
    issuer: &IssuerId,
    shard: &str,
    now: OffsetDateTime,
) -> Stored<Vec<RevokedCertificate>> {
    let statement = "SELECT serial, at, reason FROM revoked_certificates($1, $2, $3)";
    let revoked = connections.write(|| sqlx::query(statement).bind(issuer).bind(shard).bind(millis(now))).await?;
    let read = |row| {
        let columns = &mut Columns::of(row);
        let serial = columns.next()?;
        let revoked = rows::revoked(columns)?.ok_or(StoreError::Corrupt("certificates.revoked_at"))?;
        Ok(RevokedCertificate { serial, revoked })
    };
    revoked.iter().map(read).collect()
}

pub(super) async fn latest(
    connections: &Connections,
    issuer: &IssuerId,
    shard: &str,
) -> Stored<Option<RevocationList>> {
    let statement =
        "SELECT number, this_update, next_update, der FROM revocation_lists WHERE issuer = $1 AND shard = $2";
    let found = connections.read(|| sqlx::query(statement).bind(issuer).bind(shard)).await?;
    let read = |row| {
        let columns = &mut Columns::of(row);
        Ok(RevocationList {
            issuer: *issuer,
            shard: shard.to_owned(),
            number: columns.next()?,
            this_update: columns.time()?,
            next_update: columns.time()?,
            der: columns.next()?,
        })
    };
    found.first().map(read).transpose()
}

pub(super) async fn publish(connections: &Connections, list: &RevocationList, before: i64) -> Stored<bool> {
    let statement = "WITH published AS MATERIALIZED (SELECT publish_revocation_list($1, $2, $3, $4, $5, $6, $7) AS done), \
         told AS (INSERT INTO audit_waiting (at, event, subject, detail) \
         SELECT $5, 'revocation list published', $8, $9 FROM published WHERE done) \
         SELECT done FROM published";
    let detail = list.audited();
    let publish = || {
        sqlx::query(statement)
            .bind(list.issuer)
            .bind(&list.shard)
            .bind(list.number)
            .bind(&list.der)
            .bind(millis(list.this_update))
            .bind(millis(list.next_update))
            .bind(before)
            .bind(Uuid::nil())
            .bind(&detail)
    };
    flag(&connections.write(publish).await?)
}
