//! The issuance queue.

use time::OffsetDateTime;
use uuid::Uuid;

use super::{
    Certificate, Commitment, Job, Stored,
    connections::Connections,
    flag,
    rows::{self, Columns, millis},
};

/// Whoever claims takes no lock that it would have to wait for, so it stands in nobody's way. The application is as it
/// was locked, but for what the claim itself changes.
const CLAIM: &str = concat!(
    "WITH due AS MATERIALIZED ( \
     SELECT i.request_id, i.snapshot, i.digest AS confirmed_digest, a.* \
     FROM issuances i JOIN applications a ON a.id = i.application_id \
     WHERE i.waits AND ((i.state = 'queued' AND i.created_at <= $3) OR (i.state = 'working' AND i.lease_until <= $4)) \
     ORDER BY i.created_at LIMIT 1 FOR NO KEY UPDATE OF i, a SKIP LOCKED), \
     leased AS (UPDATE issuances i SET state = 'working', lease_owner = $1, lease_until = $2 \
     FROM due WHERE i.request_id = due.request_id), \
     begun AS (UPDATE applications a SET state = 'issuing', revision = a.revision + 1 \
     FROM due WHERE a.id = due.id AND a.state = 'sent' RETURNING a.id), \
     told AS (INSERT INTO audit_waiting (at, event, subject, detail) \
     SELECT $4, 'issuance begun', due.request_id, '' FROM due JOIN begun ON begun.id = due.id) \
     SELECT a.id, a.number, a.phone, a.holder, a.certificate_type, a.identification, a.replaces, \
     CASE a.state WHEN 'sent' THEN 'issuing' ELSE a.state END, a.reason, \
     a.revision + CASE a.state WHEN 'sent' THEN 1 ELSE 0 END, ",
    rows::request_columns!(),
    ", a.snapshot, a.confirmed_digest, EXISTS (SELECT FROM blocked_keys WHERE key_digest = r.key_digest), \
     t.issuer, t.shard, t.serial, t.to_be_signed \
     FROM due a JOIN requests r ON r.id = a.request_id LEFT JOIN commitments t ON t.request_id = a.request_id"
);

pub(super) async fn claim(
    connections: &Connections,
    owner: Uuid,
    ripe: OffsetDateTime,
    now: OffsetDateTime,
    until: OffsetDateTime,
) -> Stored<Option<Job>> {
    let claim = || {
        let query = sqlx::query(CLAIM).bind(owner).bind(millis(until));
        query.bind(millis(ripe)).bind(millis(now))
    };
    // One that cannot be read is leased nevertheless, or it would be the oldest for ever and keep all others waiting.
    let claimed = connections.write(claim).await?;
    let read = |row| {
        let columns = &mut Columns::of(row);
        Ok(Job {
            owner,
            application: rows::application(columns)?,
            request: rows::request(columns)?,
            snapshot: columns.next()?,
            digest: columns.array()?,
            key_blocked: columns.next()?,
            committed: commitment(columns)?,
        })
    };
    claimed.first().map(read).transpose()
}

fn commitment(columns: &mut Columns<'_>) -> Stored<Option<Commitment>> {
    let Some(issuer) = columns.next::<Option<&[u8]>>()? else { return Ok(None) };
    Ok(Some(Commitment {
        issuer: rows::array(issuer)?,
        shard: columns.next()?,
        serial: columns.next()?,
        to_be_signed: columns.next()?,
    }))
}

pub(super) async fn commit(
    connections: &Connections,
    job: &Job,
    commitment: &Commitment,
    now: OffsetDateTime,
) -> Stored<bool> {
    let statement = "WITH leased AS MATERIALIZED (SELECT request_id FROM issuances \
         WHERE request_id = $1 AND state = 'working' AND lease_owner = $2 FOR NO KEY UPDATE), \
         committed AS (INSERT INTO commitments (request_id, issuer, shard, serial, to_be_signed) \
         SELECT request_id, $3, $4, $5, $6 FROM leased \
         WHERE NOT EXISTS (SELECT FROM authority_certificates WHERE serial = $5) \
         ON CONFLICT DO NOTHING RETURNING request_id), \
         told AS (INSERT INTO audit_waiting (at, event, subject, detail) \
         SELECT $7, 'certificate committed', request_id, $5 FROM committed) \
         SELECT EXISTS (SELECT FROM committed)";
    let commit = || {
        sqlx::query(statement)
            .bind(job.request.id)
            .bind(job.owner)
            .bind(commitment.issuer)
            .bind(&commitment.shard)
            .bind(&commitment.serial)
            .bind(&commitment.to_be_signed)
            .bind(millis(now))
    };
    flag(&connections.write(commit).await?)
}

pub(super) async fn complete(connections: &Connections, job: &Job, certificate: &Certificate) -> Stored<bool> {
    let complete = || {
        sqlx::query("SELECT complete_issuance($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)")
            .bind(job.owner)
            .bind(certificate.id)
            .bind(certificate.application_id)
            .bind(certificate.request_id)
            .bind(&certificate.serial)
            .bind(certificate.key_id.as_str())
            .bind(&certificate.der)
            .bind(millis(certificate.not_before))
            .bind(millis(certificate.not_after))
            .bind(millis(certificate.issued_at))
            .bind(certificate.issuer)
            .bind(&certificate.shard)
    };
    flag(&connections.write(complete).await?)
}

pub(super) async fn refuse(connections: &Connections, job: &Job, reason: &str, now: OffsetDateTime) -> Stored<bool> {
    let refuse = || {
        let query = sqlx::query("SELECT refuse_issuance($1, $2, $3, $4, $5)").bind(job.owner);
        query.bind(job.application.id).bind(job.request.id).bind(reason).bind(millis(now))
    };
    flag(&connections.write(refuse).await?)
}

pub(super) async fn release(connections: &Connections, job: &Job, until: OffsetDateTime) -> Stored<()> {
    let statement = "UPDATE issuances SET lease_until = $1 \
         WHERE request_id = $2 AND state = 'working' AND lease_owner = $3";
    let release = || sqlx::query(statement).bind(millis(until)).bind(job.request.id).bind(job.owner);
    connections.write(release).await.map(drop)
}
