//! The registry of certificates, the holders' and the authority's own.

use qcert_pki::crl::Reason;
use qcert_protocol::holder::Phone;
use time::OffsetDateTime;
use uuid::Uuid;

use super::{
    Application, AuthorityRecord, Certificate, IssuerId, NewRevocation, RevokeOutcome, Revoked, StoreError, Stored,
    connections::Connections,
    flag,
    rows::{self, Columns, millis},
    word,
};
use crate::audit::Actor;

pub(super) async fn all(connections: &Connections) -> Stored<Vec<Certificate>> {
    let statement =
        concat!("SELECT ", rows::certificate_columns!(), " FROM certificates c ORDER BY c.issued_at, c.place");
    let found = connections.read_all(sqlx::query(statement)).await?;
    found.iter().map(|row| rows::certificate(&mut Columns::of(row))).collect()
}

pub(super) async fn by_serial(connections: &Connections, serial: &str) -> Stored<Option<(Application, Certificate)>> {
    let statement = concat!(
        "SELECT ",
        rows::application_columns!(),
        ", ",
        rows::certificate_columns!(),
        " FROM certificates c JOIN applications a ON a.id = c.application_id WHERE c.serial = $1"
    );
    let found = connections.read(|| sqlx::query(statement).bind(serial)).await?;
    let read = |row| {
        let columns = &mut Columns::of(row);
        Ok((rows::application(columns)?, rows::certificate(columns)?))
    };
    found.first().map(read).transpose()
}

pub(super) async fn revoke(connections: &Connections, revocation: &NewRevocation) -> Stored<RevokeOutcome> {
    let revoke = || {
        sqlx::query("SELECT revoke($1, $2, $3, $4, $5, $6, $7) FROM acting($6, $8)")
            .bind(revocation.certificate)
            .bind(i16::from(revocation.reason.code()))
            .bind(revocation.reason.as_str())
            .bind(revocation.reason == Reason::KeyCompromise)
            .bind(revocation.password)
            .bind(&revocation.by.who)
            .bind(millis(revocation.now))
            .bind(&revocation.by.from)
    };
    match word(&connections.write(revoke).await?)? {
        "done" => Ok(RevokeOutcome::Done),
        "alreadyRevoked" => Ok(RevokeOutcome::AlreadyRevoked),
        "passwordUsed" => Ok(RevokeOutcome::PasswordUsed),
        "notFound" => Ok(RevokeOutcome::NotFound),
        _ => Err(StoreError::Corrupt("the answer of revoke")),
    }
}

pub(super) async fn statuses(
    connections: &Connections,
    issuer: &IssuerId,
    serials: &[String],
) -> Stored<Vec<Option<Option<Revoked>>>> {
    let statement = "SELECT c.id IS NOT NULL OR o.serial IS NOT NULL, c.revoked_at, c.revocation_reason \
         FROM unnest($2::text[]) WITH ORDINALITY AS asked (serial, place) \
         LEFT JOIN certificates c ON c.serial = asked.serial AND c.issuer = $1 \
         LEFT JOIN authority_certificates o ON o.serial = asked.serial AND o.issuer = $1 AND o.der IS NOT NULL \
         ORDER BY asked.place";
    let found = connections.read(|| sqlx::query(statement).bind(issuer).bind(serials)).await?;
    let read = |row| {
        let columns = &mut Columns::of(row);
        let is_known: bool = columns.next()?;
        let revoked = rows::revoked(columns)?;
        Ok(is_known.then_some(revoked))
    };
    found.iter().map(read).collect()
}

pub(super) async fn install(
    connections: &Connections,
    certificate: Uuid,
    in_store: bool,
    from: &[&str],
    by: &Actor,
    now: OffsetDateTime,
) -> Stored<bool> {
    let install = || {
        let query = sqlx::query("SELECT install($1, $2, $3, $4) FROM acting($5, $6)").bind(certificate);
        query.bind(in_store).bind(from).bind(millis(now)).bind(&by.who).bind(&by.from)
    };
    flag(&connections.write(install).await?)
}

pub(super) async fn expire(
    connections: &Connections,
    from: &[&str],
    now: OffsetDateTime,
) -> Stored<Vec<(Uuid, Phone)>> {
    let statement = "SELECT id, phone FROM expire($1, $2)";
    let expired = connections.write(|| sqlx::query(statement).bind(from).bind(millis(now))).await?;
    let read = |row| {
        let columns = &mut Columns::of(row);
        Ok((columns.next()?, rows::phone(columns.next()?)?))
    };
    expired.iter().map(read).collect()
}

pub(super) async fn commit_own(connections: &Connections, record: &AuthorityRecord) -> Stored<bool> {
    let statement = "WITH committed AS ( \
         INSERT INTO authority_certificates (serial, issuer, kind, to_be_signed, created_at) \
         SELECT $1, $2, $3, $4, $5 WHERE NOT EXISTS (SELECT FROM commitments WHERE serial = $1) \
         ON CONFLICT DO NOTHING RETURNING serial), \
         told AS (INSERT INTO audit_waiting (at, event, subject, detail) \
         SELECT $5, 'authority certificate committed', $6, $7 FROM committed) \
         SELECT EXISTS (SELECT FROM committed)";
    let commit = || {
        sqlx::query(statement)
            .bind(&record.serial)
            .bind(record.issuer)
            .bind(&record.kind)
            .bind(&record.to_be_signed)
            .bind(millis(record.created_at))
            .bind(Uuid::nil())
            .bind(format!("{} {}", record.kind, record.serial))
    };
    flag(&connections.write(commit).await?)
}

pub(super) async fn complete_own(
    connections: &Connections,
    serial: &str,
    der: &[u8],
    now: OffsetDateTime,
) -> Stored<bool> {
    let statement = "WITH completed AS (UPDATE authority_certificates SET der = $2, issued_at = $3 \
         WHERE serial = $1 AND der IS NULL RETURNING serial), \
         told AS (INSERT INTO audit_waiting (at, event, subject, detail) \
         SELECT $3, 'authority certificate issued', $4, serial FROM completed) \
         SELECT EXISTS (SELECT FROM completed)";
    let complete = || sqlx::query(statement).bind(serial).bind(der).bind(millis(now)).bind(Uuid::nil());
    flag(&connections.write(complete).await?)
}

pub(super) async fn block_key(
    connections: &Connections,
    key_digest: &[u8; 32],
    by: &Actor,
    now: OffsetDateTime,
) -> Stored<bool> {
    // The audit's subjects are ids; a key has none but its digest.
    let statement = "WITH blocked AS (INSERT INTO blocked_keys (key_digest, blocked_by, created_at) VALUES ($1, $2, $3) \
         ON CONFLICT DO NOTHING RETURNING key_digest), \
         told AS (INSERT INTO audit_waiting (at, event, subject, detail, who, origin) \
         SELECT $3, 'key blocked', $4, encode(key_digest, 'hex'), $2, $5 FROM blocked) \
         SELECT EXISTS (SELECT FROM blocked)";
    let block =
        || sqlx::query(statement).bind(key_digest).bind(&by.who).bind(millis(now)).bind(Uuid::nil()).bind(&by.from);
    flag(&connections.write(block).await?)
}
