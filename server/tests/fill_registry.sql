-- Fills a registry: the first certificate of a database, with its application, request and issuance, is written as often
-- as the one row of temp.wanted (count) says, each with a number, phone, key digest and serial of its own. For trials of
-- how long things take with many certificates; the server must not be running.
--
--     sqlite3 data/qcert.sqlite "CREATE TEMP TABLE wanted AS SELECT 1000000 AS count" ".read server/tests/fill_registry.sql"

BEGIN IMMEDIATE;
CREATE TEMP TABLE template AS SELECT c.request_id, c.application_id, c.id AS certificate_id
    FROM certificates c ORDER BY c.rowid LIMIT 1;
-- An id is its kind and its number: as those of the server, they grow with time.
CREATE TEMP TABLE numbers AS WITH RECURSIVE numbers (n) AS (
    SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < (SELECT count FROM temp.wanted))
    SELECT n, unhex(printf('A1%030X', n)) AS application, unhex(printf('B1%030X', n)) AS request,
        unhex(printf('C1%030X', n)) AS certificate, '70' || hex(randomblob(15)) AS serial FROM numbers;

INSERT INTO applications (id, number, phone, holder, certificate_type, identification, state, reason, revision, created_at)
    SELECT n.application, printf('F%09d', n.n), printf('+79%09d', n.n), a.holder, a.certificate_type, a.identification,
        a.state, a.reason, a.revision, a.created_at
    FROM temp.numbers n, temp.template t JOIN applications a ON a.id = t.application_id;
INSERT INTO requests (id, application_id, der, public_key, key_digest, key_id, container, token_label, token_serial,
    token_model, state, snapshot, digest, created_at, confirmed_at)
    SELECT n.request, n.application, r.der, r.public_key, randomblob(32), r.key_id, r.container, r.token_label,
        r.token_serial, r.token_model, r.state, r.snapshot, r.digest, r.created_at, r.confirmed_at
    FROM temp.numbers n, temp.template t JOIN requests r ON r.id = t.request_id;
INSERT INTO issuances (request_id, application_id, state, serial, to_be_signed, created_at, issuer, shard)
    SELECT n.request, n.application, i.state, n.serial, i.to_be_signed, i.created_at, i.issuer, i.shard
    FROM temp.numbers n, temp.template t JOIN issuances i ON i.request_id = t.request_id;
INSERT INTO certificates (id, application_id, request_id, serial, key_id, der, not_before, not_after, issued_at,
    installed_at, in_store, issuer, shard)
    SELECT n.certificate, n.application, n.request, n.serial, c.key_id, c.der, c.not_before, c.not_after, c.issued_at,
        c.installed_at, c.in_store, c.issuer, c.shard
    FROM temp.numbers n, temp.template t JOIN certificates c ON c.id = t.certificate_id;
DROP TABLE temp.numbers;
DROP TABLE temp.template;
COMMIT;
