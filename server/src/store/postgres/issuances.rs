//! The issuance queue.

use std::slice;

use sqlx::postgres::PgRow;
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
     SELECT i.request_id, i.snapshot, i.digest AS confirmed_digest, i.created_at AS queued_at, a.* \
     FROM issuances i JOIN applications a ON a.id = i.application_id \
     WHERE i.waits AND ((i.state = 'queued' AND i.created_at <= $3) OR (i.state = 'working' AND i.lease_until <= $4)) \
     ORDER BY i.created_at LIMIT $5 FOR NO KEY UPDATE OF i, a SKIP LOCKED), \
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
     EXISTS (SELECT FROM certificates c JOIN requests o ON o.id = c.request_id WHERE c.id = r.vouched_by AND \
     (c.revoked_at IS NOT NULL OR EXISTS (SELECT FROM blocked_keys WHERE key_digest = o.key_digest))), t.issuer, t.shard, t.serial, t.to_be_signed \
     FROM due a JOIN requests r ON r.id = a.request_id LEFT JOIN commitments t ON t.request_id = a.request_id \
     ORDER BY a.queued_at"
);

pub(super) async fn claim(
    connections: &Connections,
    owner: Uuid,
    limit: u32,
    ripe: OffsetDateTime,
    now: OffsetDateTime,
    until: OffsetDateTime,
) -> Stored<Vec<Stored<Job>>> {
    let claim = || {
        let query = sqlx::query(CLAIM).bind(owner).bind(millis(until));
        query.bind(millis(ripe)).bind(millis(now)).bind(i64::from(limit))
    };
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
            voucher_lost: columns.next()?,
            committed: commitment(columns)?,
        })
    };
    Ok(claimed.iter().map(read).collect())
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
    decided: &[(&Job, &Commitment)],
    now: OffsetDateTime,
) -> Stored<Vec<bool>> {
    let statement = "WITH leased AS MATERIALIZED (SELECT d.* FROM issuances i \
         JOIN unnest($1::uuid[], $2::uuid[], $3::bytea[], $4::text[], $5::text[], $6::bytea[]) \
         AS d (request_id, owner, issuer, shard, serial, to_be_signed) ON d.request_id = i.request_id \
         WHERE i.state = 'working' AND i.lease_owner = d.owner FOR NO KEY UPDATE OF i), \
         committed AS (INSERT INTO commitments (request_id, issuer, shard, serial, to_be_signed) \
         SELECT request_id, issuer, shard, serial, to_be_signed FROM leased \
         WHERE NOT EXISTS (SELECT FROM authority_certificates o WHERE o.serial = leased.serial) \
         ON CONFLICT DO NOTHING RETURNING request_id, serial), \
         told AS (INSERT INTO audit_waiting (at, event, subject, detail) \
         SELECT $7, 'certificate committed', request_id, serial FROM committed) \
         SELECT request_id FROM committed";
    let (jobs, commitments): (Vec<&Job>, Vec<&Commitment>) = decided.iter().copied().unzip();
    let columns = (
        requests(&jobs),
        owners(&jobs),
        commitments.iter().map(|commitment| commitment.issuer.as_slice()).collect::<Vec<_>>(),
        commitments.iter().map(|commitment| commitment.shard.as_str()).collect::<Vec<_>>(),
        commitments.iter().map(|commitment| commitment.serial.as_str()).collect::<Vec<_>>(),
        commitments.iter().map(|commitment| commitment.to_be_signed.as_slice()).collect::<Vec<_>>(),
    );
    let commit = || {
        let query = sqlx::query(statement).bind(&columns.0).bind(&columns.1).bind(&columns.2);
        query.bind(&columns.3).bind(&columns.4).bind(&columns.5).bind(millis(now))
    };
    done(&jobs, &connections.write(commit).await?)
}

pub(super) async fn complete(connections: &Connections, issued: &[(&Job, &Certificate)]) -> Stored<Vec<bool>> {
    // In one order for everybody, so that of two servers which lock the same applications one waits for the other.
    let statement = "SELECT c.request_id FROM (SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::uuid[], \
         $5::text[], $6::text[], $7::bytea[], $8::bigint[], $9::bigint[], $10::bigint[], $11::bytea[], $12::text[]) \
         AS u (request_id, owner, id, application_id, serial, key_id, der, begins, ends, issued_at, issuer, shard) \
         ORDER BY application_id OFFSET 0) c \
         WHERE complete_issuance(c.owner, c.id, c.application_id, c.request_id, c.serial, c.key_id, c.der, c.begins, \
         c.ends, c.issued_at, c.issuer, c.shard)";
    let (jobs, certificates): (Vec<&Job>, Vec<&Certificate>) = issued.iter().copied().unzip();
    let (requests, owners) = (requests(&jobs), owners(&jobs));
    let ids: Vec<Uuid> = certificates.iter().map(|certificate| certificate.id).collect();
    let applications: Vec<Uuid> = certificates.iter().map(|certificate| certificate.application_id).collect();
    let texts = |read: fn(&Certificate) -> &str| certificates.iter().map(|one| read(one)).collect::<Vec<&str>>();
    let (serials, shards) = (texts(|one| &one.serial), texts(|one| &one.shard));
    let key_ids = texts(|one| one.key_id.as_str());
    let bytes = |read: fn(&Certificate) -> &[u8]| certificates.iter().map(|one| read(one)).collect::<Vec<&[u8]>>();
    let (ders, issuers) = (bytes(|one| &one.der), bytes(|one| &one.issuer));
    let times = |read: fn(&Certificate) -> OffsetDateTime| {
        certificates.iter().map(|one| millis(read(one))).collect::<Vec<i64>>()
    };
    let (begins, ends) = (times(|one| one.not_before), times(|one| one.not_after));
    let issued_at = times(|one| one.issued_at);
    let complete = || {
        let query = sqlx::query(statement).bind(&requests).bind(&owners).bind(&ids).bind(&applications);
        let query = query.bind(&serials).bind(&key_ids).bind(&ders).bind(&begins).bind(&ends).bind(&issued_at);
        query.bind(&issuers).bind(&shards)
    };
    match connections.write_unique(complete).await? {
        Some(answer) => done(&jobs, &answer),
        // One has what another certificate has already. It must not keep the others from being stored.
        None if issued.len() > 1 => {
            let mut each = Vec::with_capacity(issued.len());
            for one in issued {
                each.extend(Box::pin(self::complete(connections, slice::from_ref(one))).await?);
            }
            Ok(each)
        }
        None => Ok(vec![false]),
    }
}

fn requests(jobs: &[&Job]) -> Vec<Uuid> {
    jobs.iter().map(|job| job.request.id).collect()
}

fn owners(jobs: &[&Job]) -> Vec<Uuid> {
    jobs.iter().map(|job| job.owner).collect()
}

/// Of which jobs does the answer, a list of requests, tell?
fn done(jobs: &[&Job], answer: &[PgRow]) -> Stored<Vec<bool>> {
    let done = answer.iter().map(|row| Columns::of(row).next()).collect::<Stored<Vec<Uuid>>>()?;
    Ok(jobs.iter().map(|job| done.contains(&job.request.id)).collect())
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
