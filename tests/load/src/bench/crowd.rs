//! A registry with a great many certificates: copies of one that was issued, each with its own ids, serial and key.

use anyhow::{Context, Result};

use crate::torture::Registry;

/// Adds so many applications with their requests, issuances and certificates.
pub(super) fn fill(registry: &Registry, count: u32) -> Result<()> {
    let script = match registry {
        Registry::File(_) => SQLITE,
        Registry::Server(_) => POSTGRES,
    };
    registry.run(&script.replace("{count}", &count.to_string())).context("fill the registry")
}

/// Ids are of version 7, as the server's own: the later the greater.
const SQLITE: &str = "
PRAGMA cache_size = -262144;
PRAGMA foreign_keys = OFF;
BEGIN;
CREATE TEMP TABLE crowd AS
    WITH RECURSIVE counted (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM counted WHERE n < {count})
    SELECT n, unhex(printf('%012x70008000%012x', 1600000000000 + n, n)) AS application,
        unhex(printf('%012x70018000%012x', 1600000000000 + n, n)) AS request,
        unhex(printf('%012x70028000%012x', 1600000000000 + n, n)) AS certificate,
        '7' || substr(hex(randomblob(16)), 2) AS serial FROM counted;
CREATE TEMP TABLE model AS SELECT application_id, request_id FROM certificates LIMIT 1;
INSERT INTO applications (id, number, phone, holder, certificate_type, identification, state, revision, created_at)
    SELECT application, 'C' || n, printf('+795%08d', n), a.holder, a.certificate_type, a.identification, a.state,
        a.revision, a.created_at - {count} + n
    FROM crowd, applications a WHERE a.id = (SELECT application_id FROM model) ORDER BY n;
INSERT INTO requests (id, application_id, der, public_key, key_digest, key_id, container, token_label, token_serial,
    token_model, state, snapshot, digest, created_at, confirmed_at)
    SELECT request, application, r.der, r.public_key, randomblob(32), hex(randomblob(20)), r.container, r.token_label,
        r.token_serial, r.token_model, r.state, r.snapshot, r.digest, r.created_at - {count} + n, r.confirmed_at
    FROM crowd, requests r WHERE r.id = (SELECT request_id FROM model) ORDER BY n;
INSERT INTO issuances (request_id, application_id, state, serial, to_be_signed, created_at, issuer, shard)
    SELECT request, application, i.state, crowd.serial, i.to_be_signed, i.created_at - {count} + n, i.issuer, i.shard
    FROM crowd, issuances i WHERE i.request_id = (SELECT request_id FROM model) ORDER BY n;
INSERT INTO certificates (id, application_id, request_id, serial, key_id, der, not_before, not_after, issued_at,
    issuer, shard)
    SELECT certificate, application, request, crowd.serial, hex(randomblob(20)), c.der, c.not_before, c.not_after,
        c.issued_at - {count} + n, c.issuer, c.shard
    FROM crowd, certificates c WHERE c.request_id = (SELECT request_id FROM model) ORDER BY n;
COMMIT;
PRAGMA wal_checkpoint(TRUNCATE);
";

const POSTGRES: &str = "
SET session_replication_role = replica;
CREATE TABLE crowd AS
    SELECT n, (lpad(to_hex(1600000000000 + n), 12, '0') || '70008000' || lpad(to_hex(n), 12, '0'))::uuid AS application,
        (lpad(to_hex(1600000000000 + n), 12, '0') || '70018000' || lpad(to_hex(n), 12, '0'))::uuid AS request,
        (lpad(to_hex(1600000000000 + n), 12, '0') || '70028000' || lpad(to_hex(n), 12, '0'))::uuid AS certificate,
        '7' || upper(substr(replace(gen_random_uuid()::text, '-', ''), 2)) AS serial
    FROM generate_series(1, {count}) AS n;
CREATE TABLE model AS SELECT application_id, request_id FROM certificates LIMIT 1;
INSERT INTO applications (id, number, phone, holder, certificate_type, identification, state, revision, created_at)
    SELECT application, 'C' || n, '+795' || lpad(n::text, 8, '0'), a.holder, a.certificate_type, a.identification,
        a.state, a.revision, a.created_at - {count} + n
    FROM crowd, applications a WHERE a.id = (SELECT application_id FROM model) ORDER BY n;
INSERT INTO requests (id, application_id, der, public_key, key_digest, key_id, container, token_label, token_serial,
    token_model, state, created_at, confirmed_at)
    SELECT request, application, r.der, r.public_key, sha256(n::text::bytea), md5(n::text) || '00000000', r.container,
        r.token_label, r.token_serial, r.token_model, r.state, r.created_at - {count} + n, r.confirmed_at
    FROM crowd, requests r WHERE r.id = (SELECT request_id FROM model) ORDER BY n;
INSERT INTO issuances (request_id, application_id, snapshot, digest, state, created_at)
    SELECT request, application, i.snapshot, i.digest, i.state, i.created_at - {count} + n
    FROM crowd, issuances i WHERE i.request_id = (SELECT request_id FROM model) ORDER BY n;
INSERT INTO commitments (request_id, issuer, shard, serial, to_be_signed)
    SELECT request, t.issuer, t.shard, crowd.serial, t.to_be_signed
    FROM crowd, commitments t WHERE t.request_id = (SELECT request_id FROM model) ORDER BY n;
INSERT INTO certificates (id, application_id, request_id, serial, key_id, der, not_before, not_after, issued_at,
    issuer, shard)
    SELECT certificate, application, request, crowd.serial, md5(n::text) || '00000000', c.der, c.not_before,
        c.not_after, c.issued_at - {count} + n, c.issuer, c.shard
    FROM crowd, certificates c WHERE c.request_id = (SELECT request_id FROM model) ORDER BY n;
DROP TABLE crowd, model;
VACUUM (ANALYZE) applications, requests, issuances, commitments, certificates;
CHECKPOINT;
";
