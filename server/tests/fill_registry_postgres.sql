-- As fill_registry.sql, for PostgreSQL: what the applications are found by is written as well. The server may run.
--
--     psql -v ON_ERROR_STOP=1 -c "CREATE TEMP TABLE wanted AS SELECT 1000000 AS count" \
--         -f server/tests/fill_registry_postgres.sql -c "VACUUM ANALYZE" qcert

CREATE TEMP TABLE template AS SELECT c.request_id, c.application_id, c.id AS certificate_id
    FROM certificates c ORDER BY c.place LIMIT 1;
-- An id is its kind and its number: as those of the server, they grow with time.
CREATE TEMP TABLE numbers AS SELECT n, 'F' || lpad(n::text, 9, '0') AS number, '+79' || lpad(n::text, 9, '0') AS phone,
    ('a1' || lpad(to_hex(n), 30, '0'))::uuid AS application, ('b1' || lpad(to_hex(n), 30, '0'))::uuid AS request,
    ('c1' || lpad(to_hex(n), 30, '0'))::uuid AS certificate,
    '70' || upper(left(replace(gen_random_uuid()::text, '-', ''), 30)) AS serial
    FROM wanted, generate_series(1, count) AS n;

INSERT INTO applications (id, number, phone, holder, certificate_type, identification, state, reason, revision, created_at)
    SELECT n.application, n.number, n.phone, a.holder, a.certificate_type, a.identification, a.state, a.reason, a.revision,
        a.created_at
    FROM numbers n, template t JOIN applications a ON a.id = t.application_id;
INSERT INTO application_terms (kind, term, application_id)
    SELECT s.kind, CASE s.kind WHEN 1 THEN n.phone ELSE s.term END, n.application
    FROM numbers n, template t JOIN application_terms s ON s.application_id = t.application_id;
INSERT INTO requests (id, application_id, der, public_key, key_digest, key_id, container, token_label, token_serial,
    token_model, state, created_at, confirmed_at)
    SELECT n.request, n.application, r.der, r.public_key, sha256(n.request::text::bytea), r.key_id, r.container,
        r.token_label, r.token_serial, r.token_model, r.state, r.created_at, r.confirmed_at
    FROM numbers n, template t JOIN requests r ON r.id = t.request_id;
INSERT INTO issuances (request_id, application_id, snapshot, digest, state, created_at)
    SELECT n.request, n.application, i.snapshot, i.digest, i.state, i.created_at
    FROM numbers n, template t JOIN issuances i ON i.request_id = t.request_id;
INSERT INTO commitments (request_id, issuer, shard, serial, to_be_signed)
    SELECT n.request, c.issuer, c.shard, n.serial, c.to_be_signed
    FROM numbers n, template t JOIN commitments c ON c.request_id = t.request_id;
INSERT INTO certificates (id, application_id, request_id, serial, key_id, der, not_before, not_after, issued_at,
    installed_at, in_store, issuer, shard)
    SELECT n.certificate, n.application, n.request, n.serial, c.key_id, c.der, c.not_before, c.not_after, c.issued_at,
        c.installed_at, c.in_store, c.issuer, c.shard
    FROM numbers n, template t JOIN certificates c ON c.id = t.certificate_id;
DROP TABLE numbers;
DROP TABLE template;
