-- What a method of the store does in several steps, as one function: one round trip, one transaction. A function looks
-- first and changes then, so that a refusal has changed nothing.
--
-- Order of locks, for everybody: order of a password's scope, application, issuance, password, tries. Whoever has
-- the application's row decides alone about its requests, issuances and certificate.

-- Compare and swap: active and young becomes used, once. The phone's tries begin anew.
CREATE FUNCTION use_password(the_id uuid, now bigint) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
    used passwords;
BEGIN
    UPDATE passwords SET state = 'used' WHERE id = the_id AND state = 'active' AND expires_at > now
        RETURNING * INTO used;
    IF NOT FOUND THEN RETURN false; END IF;
    DELETE FROM tries WHERE phone = used.phone AND purpose = used.purpose;
    RETURN true;
END $$;

-- When the latest of the scope was made, if it is too early for another; NULL: recorded.
CREATE FUNCTION order_password(
    the_id uuid, the_purpose text, the_phone text, the_subject uuid, the_session uuid, the_digest bytea,
    the_hash bytea, made bigint, expires bigint, the_message bytea, still_young bigint
) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    latest bigint;
BEGIN
    -- There may be no row to lock yet.
    PERFORM pg_advisory_xact_lock(hashtextextended(concat_ws(' ', the_purpose, the_phone, the_subject), 0));
    SELECT max(created_at) INTO latest FROM passwords
        WHERE phone = the_phone AND purpose = the_purpose AND subject_id IS NOT DISTINCT FROM the_subject
        AND session_id IS NOT DISTINCT FROM the_session AND state = 'active' AND created_at > still_young;
    IF latest IS NOT NULL THEN RETURN latest; END IF;
    IF the_subject IS NOT NULL THEN
        -- The row tells whether a password was ordered, so a copy of it has to know that it changed.
        UPDATE applications SET revision = revision + 1
            WHERE id = (SELECT application_id FROM requests WHERE id = the_subject
                UNION ALL SELECT application_id FROM certificates WHERE id = the_subject);
    END IF;
    -- A later password takes the place of every earlier one: of the phone, or of the subject in whichever session.
    UPDATE passwords SET state = 'superseded'
        WHERE phone = the_phone AND purpose = the_purpose AND subject_id IS NOT DISTINCT FROM the_subject
        AND state = 'active';
    INSERT INTO passwords (id, purpose, phone, subject_id, session_id, digest, hash, state, created_at, expires_at)
        VALUES (the_id, the_purpose, the_phone, the_subject, the_session, the_digest, the_hash, 'active', made, expires);
    INSERT INTO messages (sealed, created_at) VALUES (the_message, made);
    RETURN NULL;
END $$;

-- NULL: counted. Otherwise since when the window runs that has `most` events already. A subject with several slots
-- has its share in each, tries one of them at random and the others when that is full.
CREATE FUNCTION count_event(the_subject text, most integer, slots integer, window_began bigint, now bigint)
RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    first integer := floor(random() * slots);
    this integer;
    share integer;
BEGIN
    FOR turn IN 0..slots - 1 LOOP
        this := (first + turn) % slots;
        share := most / slots + CASE WHEN this < most % slots THEN 1 ELSE 0 END;
        -- A slot that is full is not locked to find that out.
        CONTINUE WHEN EXISTS (SELECT FROM rates r
            WHERE r.subject = the_subject AND r.slot = this AND r.started_at > window_began AND r.count >= share);
        INSERT INTO rates AS r (subject, slot, started_at, count) VALUES (the_subject, this, now, 1)
            ON CONFLICT (subject, slot) DO UPDATE SET
            count = CASE WHEN r.started_at <= window_began THEN 1 ELSE r.count + 1 END,
            started_at = CASE WHEN r.started_at <= window_began THEN now ELSE r.started_at END
            WHERE r.started_at <= window_began OR r.count < share;
        IF FOUND THEN RETURN NULL; END IF;
    END LOOP;
    RETURN (SELECT COALESCE(min(started_at), now) FROM rates WHERE subject = the_subject);
END $$;

CREATE FUNCTION sign_in(
    the_password uuid, the_id uuid, the_hash bytea, the_phone text, began bigint, seen bigint, before bytea
) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
    IF NOT use_password(the_password, began) THEN RETURN false; END IF;
    IF before IS NOT NULL THEN
        UPDATE sessions SET ended_at = began WHERE token_hash = before AND ended_at IS NULL;
    END IF;
    INSERT INTO sessions (id, token_hash, phone, created_at, last_seen_at)
        VALUES (the_id, the_hash, the_phone, began, seen);
    RETURN true;
END $$;

CREATE FUNCTION prepare_request(
    the_id uuid, the_application uuid, the_der bytea, the_key bytea, the_digest bytea, the_key_id text,
    the_container text, the_label text, the_serial text, the_model text, the_state text, now bigint, from_states text[]
) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    PERFORM FROM applications WHERE id = the_application AND state = ANY (from_states) FOR NO KEY UPDATE;
    IF NOT FOUND THEN RETURN 'stateForbids'; END IF;
    IF EXISTS (SELECT FROM blocked_keys WHERE key_digest = the_digest) THEN RETURN 'keyBlocked'; END IF;
    IF EXISTS (
        SELECT FROM requests r JOIN certificates c ON c.application_id = r.application_id AND c.request_id = r.id
        WHERE r.key_digest = the_digest AND r.counts AND c.revoked_at IS NOT NULL
    ) THEN RETURN 'keyRevoked'; END IF;
    UPDATE requests SET state = 'replaced' WHERE application_id = the_application AND state = 'prepared';
    UPDATE applications SET state = 'preparing', revision = revision + 1 WHERE id = the_application;
    -- A key that another has is refused by `requests_by_key`, and all this with it.
    INSERT INTO requests (id, application_id, der, public_key, key_digest, key_id, container, token_label,
        token_serial, token_model, state, created_at)
        VALUES (the_id, the_application, the_der, the_key, the_digest, the_key_id, the_container, the_label,
        the_serial, the_model, the_state, now);
    INSERT INTO audit_waiting (at, event, subject, detail)
        VALUES (now, 'request prepared', the_id, the_key_id);
    RETURN 'done';
END $$;

CREATE FUNCTION remove_request(the_id uuid, now bigint) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
    the_application uuid;
BEGIN
    SELECT application_id INTO the_application FROM requests WHERE id = the_id;
    PERFORM FROM applications WHERE id = the_application AND state = 'preparing' FOR NO KEY UPDATE;
    IF NOT FOUND THEN RETURN false; END IF;
    UPDATE requests SET state = 'removed' WHERE id = the_id AND state = 'prepared';
    IF NOT FOUND THEN RETURN false; END IF;
    UPDATE applications SET state = 'available', revision = revision + 1 WHERE id = the_application;
    INSERT INTO audit_waiting (at, event, subject, detail)
        VALUES (now, 'request removed', the_id, '');
    RETURN true;
END $$;

CREATE FUNCTION confirm_request(
    the_password uuid, the_request uuid, the_snapshot text, the_digest bytea, queue_as text, now bigint
) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    application applications;
BEGIN
    SELECT * INTO application FROM applications
        WHERE id = (SELECT application_id FROM requests WHERE id = the_request) FOR NO KEY UPDATE;
    IF NOT EXISTS (SELECT FROM passwords WHERE id = the_password AND state = 'active' AND expires_at > now) THEN
        RETURN 'passwordUsed';
    END IF;
    IF NOT EXISTS (SELECT FROM requests WHERE id = the_request AND state = 'prepared') THEN
        RETURN 'stateForbids';
    END IF;
    IF application.holder <> the_snapshot THEN RETURN 'dataChanged'; END IF;
    IF application.state <> 'preparing' THEN RETURN 'stateForbids'; END IF;
    -- Somebody may have used it for something else since we looked.
    IF NOT use_password(the_password, now) THEN RETURN 'passwordUsed'; END IF;
    UPDATE requests SET state = 'confirmed', confirmed_at = now WHERE id = the_request;
    UPDATE applications SET state = 'sent', revision = revision + 1 WHERE id = application.id;
    INSERT INTO issuances (request_id, application_id, snapshot, digest, state, created_at)
        VALUES (the_request, application.id, the_snapshot, the_digest, queue_as, now);
    INSERT INTO audit_waiting (at, event, subject, detail)
        VALUES (now, 'request confirmed', the_request, encode(the_digest, 'hex'));
    RETURN 'done';
END $$;

-- Ends an issuance that nobody has begun, if it is in one of the states named, and its request with it.
CREATE FUNCTION end_waiting(
    the_application uuid, in_states text[], issuance_as text, request_as text, application_as text, because text
) RETURNS uuid LANGUAGE plpgsql AS $$
DECLARE
    the_request uuid;
BEGIN
    PERFORM FROM applications WHERE id = the_application AND state = 'sent' FOR NO KEY UPDATE;
    IF NOT FOUND THEN RETURN NULL; END IF;
    UPDATE issuances SET state = issuance_as
        WHERE application_id = the_application AND is_open AND state = ANY (in_states)
        RETURNING request_id INTO the_request;
    IF NOT FOUND THEN RETURN NULL; END IF;
    UPDATE requests SET state = request_as WHERE id = the_request;
    UPDATE applications SET state = application_as, revision = revision + 1, reason = COALESCE(because, reason)
        WHERE id = the_application;
    RETURN the_request;
END $$;

CREATE FUNCTION withdraw(the_application uuid, now bigint) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
    the_request uuid :=
        end_waiting(the_application, '{queued,held}', 'withdrawn', 'withdrawn', 'withdrawn', NULL);
BEGIN
    IF the_request IS NULL THEN RETURN false; END IF;
    INSERT INTO audit_waiting (at, event, subject, detail)
        VALUES (now, 'request withdrawn', the_request, '');
    RETURN true;
END $$;

CREATE FUNCTION reject_issuance(the_application uuid, because text, who text, now bigint)
RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
    the_request uuid := end_waiting(the_application, '{held}', 'refused', 'rejected', 'rejected', because);
BEGIN
    IF the_request IS NULL THEN RETURN false; END IF;
    INSERT INTO audit_waiting (at, event, subject, detail)
        VALUES (now, 'issuance rejected', the_request, who);
    RETURN true;
END $$;

CREATE FUNCTION approve_issuance(the_application uuid, who text, now bigint) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
    the_request uuid;
BEGIN
    PERFORM FROM applications WHERE id = the_application FOR NO KEY UPDATE;
    UPDATE issuances SET state = 'queued' WHERE application_id = the_application AND is_open AND state = 'held'
        RETURNING request_id INTO the_request;
    IF NOT FOUND THEN RETURN false; END IF;
    INSERT INTO audit_waiting (at, event, subject, detail)
        VALUES (now, 'issuance approved', the_request, who);
    RETURN true;
END $$;

-- Ends a leased issuance and moves request and application along; false if the lease is lost.
CREATE FUNCTION finish_issuance(
    the_request uuid, the_application uuid, the_owner uuid, issuance_as text, request_as text, application_as text,
    because text
) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
    PERFORM FROM applications WHERE id = the_application AND state = 'issuing' FOR NO KEY UPDATE;
    IF NOT FOUND THEN RETURN false; END IF;
    UPDATE issuances SET state = issuance_as, lease_owner = NULL, lease_until = NULL
        WHERE request_id = the_request AND state = 'working' AND lease_owner = the_owner;
    IF NOT FOUND THEN RETURN false; END IF;
    UPDATE requests SET state = request_as WHERE id = the_request;
    UPDATE applications SET state = application_as, revision = revision + 1, reason = COALESCE(because, reason)
        WHERE id = the_application;
    RETURN true;
END $$;

CREATE FUNCTION complete_issuance(
    the_owner uuid, the_id uuid, the_application uuid, the_request uuid, the_serial text, the_key_id text,
    the_der bytea, begins bigint, ends bigint, now bigint, the_issuer bytea, the_shard text
) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
    IF NOT finish_issuance(the_request, the_application, the_owner, 'done', 'issued', 'readyToInstall', NULL) THEN
        RETURN false;
    END IF;
    INSERT INTO certificates (id, application_id, request_id, serial, key_id, der, not_before, not_after, issued_at,
        issuer, shard)
        VALUES (the_id, the_application, the_request, the_serial, the_key_id, the_der, begins, ends, now,
        the_issuer, the_shard);
    INSERT INTO audit_waiting (at, event, subject, detail)
        VALUES (now, 'certificate issued', the_id, the_serial);
    RETURN true;
END $$;

CREATE FUNCTION refuse_issuance(the_owner uuid, the_application uuid, the_request uuid, because text, now bigint)
RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
    IF NOT finish_issuance(the_request, the_application, the_owner, 'refused', 'rejected', 'rejected', because) THEN
        RETURN false;
    END IF;
    INSERT INTO audit_waiting (at, event, subject, detail)
        VALUES (now, 'issuance refused', the_request, '');
    RETURN true;
END $$;

CREATE FUNCTION install(the_certificate uuid, has_store boolean, from_states text[], now bigint)
RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
    the_application uuid;
BEGIN
    SELECT application_id INTO the_application FROM certificates WHERE id = the_certificate;
    PERFORM FROM applications WHERE id = the_application AND state = ANY (from_states) FOR NO KEY UPDATE;
    IF NOT FOUND THEN RETURN false; END IF;
    UPDATE certificates SET installed_at = COALESCE(installed_at, now), in_store = in_store OR has_store
        WHERE id = the_certificate;
    UPDATE applications SET state = 'installed', revision = revision + 1 WHERE id = the_application;
    INSERT INTO audit_waiting (at, event, subject, detail)
        VALUES (now, 'certificate installed', the_certificate, '');
    RETURN true;
END $$;

-- A list is stale when something was revoked after its thisUpdate. So that this holds whatever clocks say, the time
-- for which the revoked certificates were last asked is noted, and what is revoked later is revoked after it.
CREATE FUNCTION revoke(
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
        VALUES (now, 'certificate revoked', the_certificate, format('%s %s by %s', certificate.serial, because_of, who));
    INSERT INTO revocation_shards AS s (issuer, shard, last_revoked_at)
        VALUES (certificate.issuer, certificate.shard, now)
        ON CONFLICT (issuer, shard) DO UPDATE
        SET last_revoked_at = greatest(now, s.asked_at + 1, s.last_revoked_at)
        RETURNING s.last_revoked_at INTO at;
    UPDATE certificates SET revoked_at = at, revocation_reason = because WHERE id = the_certificate;
    RETURN 'done';
END $$;

-- Whoever revokes holds the list's row until it is done, so all that is revoked up to `now` is in the answer.
CREATE FUNCTION revoked_certificates(the_issuer bytea, the_shard text, now bigint)
RETURNS TABLE (serial text, at bigint, reason smallint) LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO revocation_shards AS s (issuer, shard, asked_at) VALUES (the_issuer, the_shard, now)
        ON CONFLICT (issuer, shard) DO UPDATE SET asked_at = greatest(s.asked_at, now);
    RETURN QUERY SELECT c.serial, c.revoked_at, c.revocation_reason FROM certificates c
        WHERE c.issuer = the_issuer AND c.shard = the_shard AND c.revoked_at IS NOT NULL AND c.not_after > now
        ORDER BY c.serial COLLATE "C";
END $$;

CREATE FUNCTION publish_revocation_list(
    the_issuer bytea, the_shard text, the_number bigint, the_der bytea, this bigint, next bigint, before bigint
) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
    IF before = 0 THEN
        INSERT INTO revocation_lists (issuer, shard, number, der, this_update, next_update)
            VALUES (the_issuer, the_shard, the_number, the_der, this, next) ON CONFLICT DO NOTHING;
    ELSE
        UPDATE revocation_lists SET number = the_number, der = the_der, this_update = this, next_update = next
            WHERE issuer = the_issuer AND shard = the_shard AND number = before;
    END IF;
    RETURN FOUND;
END $$;

-- Marks each certificate's end once, and its application if it is in one of the states named.
CREATE FUNCTION expire(from_states text[], now bigint) RETURNS TABLE (id uuid, phone text) LANGUAGE plpgsql AS $$
DECLARE
    over uuid;
BEGIN
    FOR over IN SELECT c.application_id FROM certificates c WHERE NOT c.is_over AND c.not_after <= now ORDER BY 1 LOOP
        PERFORM FROM applications a WHERE a.id = over FOR NO KEY UPDATE;
        UPDATE certificates c SET is_over = true WHERE c.application_id = over;
        RETURN QUERY UPDATE applications a SET state = 'expired', revision = revision + 1
            WHERE a.id = over AND a.state = ANY (from_states) RETURNING a.id, a.phone;
    END LOOP;
END $$;

CREATE FUNCTION forget(before bigint) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM passwords WHERE created_at < before;
    DELETE FROM tries WHERE started_at < before;
    DELETE FROM rates WHERE started_at < before;
    DELETE FROM sessions WHERE last_seen_at < before;
END $$;
