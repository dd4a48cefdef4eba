-- Renewals: by which certificate's key the holder of a request was identified, and what was signed to that end.

CREATE INDEX applications_by_replaced ON applications (replaces) WHERE replaces IS NOT NULL;

ALTER TABLE requests
    ADD COLUMN vouched_by  uuid,
    ADD COLUMN proof_nonce bytea,
    ADD COLUMN proof       bytea;

-- Makes an application in place of another, with what the other one has; the lists are of the same length. Whoever
-- imports waits meanwhile, for an import may give a number away or bring a successor.
CREATE FUNCTION renew_application(
    import_lock bigint, the_id uuid, the_numbers text[], of_whom uuid, of_revision bigint, over_states text[],
    the_kinds smallint[], the_terms text[], now bigint
) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    old applications;
    the_number text;
BEGIN
    PERFORM pg_advisory_xact_lock(import_lock);
    SELECT * INTO old FROM applications WHERE id = of_whom FOR NO KEY UPDATE;
    IF EXISTS (SELECT FROM applications WHERE replaces = of_whom AND state <> ALL (over_states)) THEN
        RETURN 'there';
    END IF;
    IF old.revision IS DISTINCT FROM of_revision THEN RETURN 'changed'; END IF;
    SELECT u.number INTO the_number FROM unnest(the_numbers) WITH ORDINALITY AS u (number, nth)
        WHERE NOT EXISTS (SELECT FROM applications a WHERE a.number = u.number) ORDER BY u.nth LIMIT 1;
    IF NOT FOUND THEN RETURN 'numbersTaken'; END IF;
    INSERT INTO applications (id, number, phone, holder, certificate_type, replaces, state, revision, created_at)
        VALUES (the_id, the_number, old.phone, old.holder, old.certificate_type, of_whom, 'available', 1, now);
    INSERT INTO application_terms (kind, term, application_id)
        SELECT t.kind, t.term, the_id FROM unnest(the_kinds, the_terms) AS t (kind, term);
    -- Its row tells whether it can be renewed, so a copy of it has to know that it changed.
    UPDATE applications SET revision = revision + 1 WHERE id = of_whom;
    INSERT INTO audit_waiting (at, event, subject, detail) VALUES (now, 'renewal begun', the_id, the_number);
    RETURN 'done';
END $$;

-- `prepare_request` for a request whose holder is identified by the key of the certificate that is renewed. Both
-- applications are locked, in one order for everybody, and must be as they were when the proof was checked; whoever
-- revokes that certificate changes its application.
CREATE FUNCTION prepare_proven_request(
    the_id uuid, the_application uuid, the_der bytea, the_key bytea, the_digest bytea, the_key_id text,
    the_container text, the_label text, the_serial text, the_model text, the_state text, now bigint, from_states text[],
    by_whom text, from_where text, the_revision bigint, the_renewed uuid, renewed_revision bigint,
    the_voucher uuid, voucher_serial text, the_nonce bytea, the_proof bytea, OUT outcome text, OUT now_of bigint
) LANGUAGE plpgsql AS $$
BEGIN
    PERFORM FROM applications WHERE id IN (the_application, the_renewed) ORDER BY id FOR NO KEY UPDATE;
    IF NOT EXISTS (SELECT FROM applications WHERE id = the_application AND revision = the_revision)
        OR NOT EXISTS (SELECT FROM applications WHERE id = the_renewed AND revision = renewed_revision)
    THEN outcome := 'changed'; RETURN; END IF;
    IF EXISTS (
        SELECT FROM certificates c JOIN requests r ON r.id = c.request_id JOIN blocked_keys b ON b.key_digest = r.key_digest
        WHERE c.id = the_voucher
    ) THEN outcome := 'voucherBlocked'; RETURN; END IF;
    SELECT p.outcome, p.now_of INTO outcome, now_of FROM prepare_request(the_id, the_application, the_der, the_key,
        the_digest, the_key_id, the_container, the_label, the_serial, the_model, the_state, now, from_states, by_whom,
        from_where) p;
    IF outcome <> 'done' THEN RETURN; END IF;
    UPDATE requests SET vouched_by = the_voucher, proof_nonce = the_nonce, proof = the_proof WHERE id = the_id;
    INSERT INTO audit_waiting (at, event, subject, detail, who, origin)
        VALUES (now, 'holder identified', the_id, voucher_serial, by_whom, from_where);
END $$;
