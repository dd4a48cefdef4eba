-- Whoever changes an application is told of which revision it is now: if nothing came between what was read before and
-- the change, the row as it stands is known, and need not be read again.

DROP FUNCTION prepare_request;

CREATE FUNCTION prepare_request(
    the_id uuid, the_application uuid, the_der bytea, the_key bytea, the_digest bytea, the_key_id text,
    the_container text, the_label text, the_serial text, the_model text, the_state text, now bigint, from_states text[],
    by_whom text, from_where text, OUT outcome text, OUT now_of bigint
) LANGUAGE plpgsql AS $$
BEGIN
    PERFORM FROM applications WHERE id = the_application AND state = ANY (from_states) FOR NO KEY UPDATE;
    IF NOT FOUND THEN outcome := 'stateForbids'; RETURN; END IF;
    IF EXISTS (SELECT FROM blocked_keys WHERE key_digest = the_digest) THEN outcome := 'keyBlocked'; RETURN; END IF;
    IF EXISTS (
        SELECT FROM requests r JOIN certificates c ON c.application_id = r.application_id AND c.request_id = r.id
        WHERE r.key_digest = the_digest AND r.counts AND c.revoked_at IS NOT NULL
    ) THEN outcome := 'keyRevoked'; RETURN; END IF;
    UPDATE requests SET state = 'replaced' WHERE application_id = the_application AND state = 'prepared';
    UPDATE applications SET state = 'preparing', revision = revision + 1 WHERE id = the_application
        RETURNING revision INTO now_of;
    -- A key that another has is refused by `requests_by_key`, and all this with it.
    INSERT INTO requests (id, application_id, der, public_key, key_digest, key_id, container, token_label,
        token_serial, token_model, state, created_at)
        VALUES (the_id, the_application, the_der, the_key, the_digest, the_key_id, the_container, the_label,
        the_serial, the_model, the_state, now);
    INSERT INTO audit_waiting (at, event, subject, detail, who, origin)
        VALUES (now, 'request prepared', the_id, the_key_id, by_whom, from_where);
    outcome := 'done';
END $$;

DROP FUNCTION confirm_request;

CREATE FUNCTION confirm_request(
    the_password uuid, the_request uuid, the_snapshot text, the_digest bytea, queue_as text, now bigint,
    by_whom text, from_where text, OUT outcome text, OUT now_of bigint
) LANGUAGE plpgsql AS $$
DECLARE
    application applications;
BEGIN
    SELECT * INTO application FROM applications
        WHERE id = (SELECT application_id FROM requests WHERE id = the_request) FOR NO KEY UPDATE;
    IF NOT EXISTS (SELECT FROM passwords WHERE id = the_password AND state = 'active' AND expires_at > now) THEN
        outcome := 'passwordUsed';
        RETURN;
    END IF;
    outcome := 'stateForbids';
    IF NOT EXISTS (SELECT FROM requests WHERE id = the_request AND state = 'prepared') THEN RETURN; END IF;
    IF application.holder <> the_snapshot THEN outcome := 'dataChanged'; RETURN; END IF;
    IF application.state <> 'preparing' THEN RETURN; END IF;
    -- Somebody may have used it for something else since we looked.
    IF NOT use_password(the_password, now) THEN outcome := 'passwordUsed'; RETURN; END IF;
    UPDATE requests SET state = 'confirmed', confirmed_at = now WHERE id = the_request;
    UPDATE applications SET state = 'sent', revision = revision + 1 WHERE id = application.id
        RETURNING revision INTO now_of;
    INSERT INTO issuances (request_id, application_id, snapshot, digest, state, created_at)
        VALUES (the_request, application.id, the_snapshot, the_digest, queue_as, now);
    INSERT INTO audit_waiting (at, event, subject, detail, who, origin)
        VALUES (now, 'request confirmed', the_request, encode(the_digest, 'hex'), by_whom, from_where);
    outcome := 'done';
END $$;
