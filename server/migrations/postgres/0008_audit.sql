-- Each event says who, from where, with what outcome, which server tells it, and its number among that server's. `hash`
-- is a code under a key from here on; the first one covers the last hash of those before, which have none of this.

-- Of which server a connection is, it says itself. For whom a statement acts, `acting` says, or the statement by its
-- columns; otherwise the server acts.
ALTER TABLE audit_waiting
    ADD COLUMN who     text,
    ADD COLUMN origin  text,
    ADD COLUMN outcome text,
    ADD COLUMN node    text;
ALTER TABLE audit_waiting
    ALTER COLUMN who     SET DEFAULT COALESCE(NULLIF(current_setting('qcert.who', true), ''), 'server'),
    ALTER COLUMN origin  SET DEFAULT COALESCE(current_setting('qcert.origin', true), ''),
    ALTER COLUMN outcome SET DEFAULT 'done',
    ALTER COLUMN node    SET DEFAULT NULLIF(current_setting('qcert.node', true), '');

-- Until the end of the transaction. In the FROM of a statement it comes before what that statement calls.
CREATE FUNCTION acting(who text, origin text) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
    PERFORM set_config('qcert.who', who, true), set_config('qcert.origin', origin, true);
    RETURN true;
END $$;

-- The number is given when an event is taken into the chain, so that there are no gaps.
ALTER TABLE audit
    ADD COLUMN who      text,
    ADD COLUMN origin   text,
    ADD COLUMN outcome  text,
    ADD COLUMN node     text,
    ADD COLUMN sequence bigint;
-- Of what is written from here on.
ALTER TABLE audit ADD CONSTRAINT audit_is_whole CHECK (
    who IS NOT NULL AND origin IS NOT NULL AND outcome IS NOT NULL AND node IS NOT NULL AND sequence IS NOT NULL
) NOT VALID;
CREATE UNIQUE INDEX audit_by_node ON audit (node, sequence);

CREATE FUNCTION refuse_change_of_audit() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the audit is only appended to';
END $$;
CREATE TRIGGER audit_is_appended_to BEFORE UPDATE OR DELETE OR TRUNCATE ON audit
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change_of_audit();

-- The same as before, with the name of whoever acts where it belongs.
CREATE OR REPLACE FUNCTION reject_issuance(the_application uuid, because text, who text, now bigint)
RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
    the_request uuid := end_waiting(the_application, '{held}', 'refused', 'rejected', 'rejected', because);
BEGIN
    IF the_request IS NULL THEN RETURN false; END IF;
    INSERT INTO audit_waiting (at, event, subject, detail)
        VALUES (now, 'issuance rejected', the_request, '');
    RETURN true;
END $$;

CREATE OR REPLACE FUNCTION approve_issuance(the_application uuid, who text, needed integer, now bigint)
RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    the_request uuid;
BEGIN
    PERFORM FROM applications WHERE id = the_application FOR NO KEY UPDATE;
    SELECT request_id INTO the_request FROM issuances
        WHERE application_id = the_application AND is_open AND state = 'held';
    IF NOT FOUND THEN RETURN 'notWaiting'; END IF;
    INSERT INTO approvals (request_id, approved_by, created_at) VALUES (the_request, who, now)
        ON CONFLICT DO NOTHING;
    IF NOT FOUND THEN RETURN 'repeated'; END IF;
    INSERT INTO audit_waiting (at, event, subject, detail) VALUES (now, 'issuance approved', the_request, '');
    IF (SELECT count(*) FROM approvals WHERE request_id = the_request) < needed THEN RETURN 'waits'; END IF;
    UPDATE issuances SET state = 'queued' WHERE request_id = the_request;
    RETURN 'done';
END $$;

CREATE OR REPLACE FUNCTION revoke(
    the_certificate uuid, because smallint, because_of text, blocks boolean, the_password uuid, who text, now bigint
) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    certificate certificates;
    at bigint;
BEGIN
    PERFORM FROM applications
        WHERE id = (SELECT application_id FROM certificates WHERE id = the_certificate) FOR NO KEY UPDATE;
    SELECT * INTO certificate FROM certificates WHERE id = the_certificate;
    IF NOT FOUND THEN RETURN 'notFound'; END IF;
    IF certificate.revoked_at IS NOT NULL THEN RETURN 'alreadyRevoked'; END IF;
    IF the_password IS NOT NULL AND NOT use_password(the_password, now) THEN RETURN 'passwordUsed'; END IF;
    UPDATE applications SET state = 'revoked', revision = revision + 1 WHERE id = certificate.application_id;
    IF blocks THEN
        INSERT INTO blocked_keys (key_digest, blocked_by, created_at)
            SELECT key_digest, who, now FROM requests WHERE id = certificate.request_id
            ON CONFLICT DO NOTHING;
    END IF;
    INSERT INTO audit_waiting (at, event, subject, detail)
        VALUES (now, 'certificate revoked', the_certificate, format('%s %s', certificate.serial, because_of));
    INSERT INTO revocation_shards AS s (issuer, shard, last_revoked_at)
        VALUES (certificate.issuer, certificate.shard, now)
        ON CONFLICT (issuer, shard) DO UPDATE
        SET last_revoked_at = greatest(now, s.asked_at + 1, s.last_revoked_at)
        RETURNING s.last_revoked_at INTO at;
    UPDATE certificates SET revoked_at = at, revocation_reason = because WHERE id = the_certificate;
    RETURN 'done';
END $$;

CREATE OR REPLACE FUNCTION confirm_phone_change(the_id uuid, the_snils text, who text, now bigint)
RETURNS SETOF uuid LANGUAGE plpgsql AS $$
DECLARE
    change phone_changes;
    theirs uuid;
BEGIN
    UPDATE phone_changes SET state = 'done', decided_by = who, decided_at = now WHERE id = the_id AND state = 'open'
        RETURNING * INTO change;
    IF NOT FOUND THEN RETURN; END IF;
    FOR theirs IN
        SELECT a.id FROM application_terms t JOIN applications a ON a.id = t.application_id
        WHERE t.kind = 3 AND t.term = the_snils AND a.phone = change.old_phone ORDER BY a.id FOR NO KEY UPDATE OF a
    LOOP
        -- A prepared request is of a session of the old phone.
        UPDATE requests SET state = 'replaced' WHERE application_id = theirs AND state = 'prepared';
        UPDATE applications SET phone = change.new_phone, revision = revision + 1,
            state = CASE state WHEN 'preparing' THEN 'available' ELSE state END WHERE id = theirs;
        UPDATE application_terms SET term = change.new_phone
            WHERE kind = 1 AND term = change.old_phone AND application_id = theirs;
        INSERT INTO audit_waiting (at, event, subject, detail)
            VALUES (now, 'phone changed', theirs, format('proposed by %s', change.proposed_by));
        RETURN NEXT theirs;
    END LOOP;
END $$;
