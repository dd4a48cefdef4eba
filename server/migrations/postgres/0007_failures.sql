-- Wrong passwords of a phone, one after the other, whatever they were tried for. A row goes with a right password, or by
-- an operator, and never by its age.
CREATE TABLE failures (
    phone       text    NOT NULL PRIMARY KEY,
    count       integer NOT NULL,
    -- No password is tried or ordered before this time.
    rests_until bigint  NOT NULL
) WITH (fillfactor = 50);
-- What was exhausted rests as long as it did.
INSERT INTO failures (phone, count, rests_until)
    SELECT phone, sum(count), max(CASE WHEN count >= 5 THEN started_at + 600000 ELSE 0 END) FROM tries GROUP BY phone;
DROP TABLE tries;

-- How many tries a password was given, and the message that it is in.
ALTER TABLE passwords
    ADD COLUMN tries      integer NOT NULL DEFAULT 0,
    ADD COLUMN message_id bigint;

CREATE INDEX sessions_by_phone ON sessions (phone) WHERE ended_at IS NULL;

-- Compare and swap: active and young becomes used, once. The phone has no failures any more. Who locks both locks the
-- password first.
CREATE OR REPLACE FUNCTION use_password(the_id uuid, now bigint) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
    used passwords;
BEGIN
    UPDATE passwords SET state = 'used' WHERE id = the_id AND state = 'active' AND expires_at > now
        RETURNING * INTO used;
    IF NOT FOUND THEN RETURN false; END IF;
    DELETE FROM failures WHERE phone = used.phone;
    RETURN true;
END $$;

DROP FUNCTION order_password;

-- `outcome` is 'ordered', or what refused: 'locked', 'exhausted' (until when), 'tooEarly', 'limited' (each with the time
-- since when). Rates are counted in the order given, up to the first that is reached. A slot of a rate is locked last,
-- for others want it too.
CREATE FUNCTION order_password(
    the_id uuid, the_purpose text, the_phone text, the_subject uuid, the_session uuid, the_digest bytea,
    the_hash bytea, made bigint, expires bigint, the_text bytea, still_young bigint,
    most_tries integer, most_failures integer,
    rate_subjects text[], rate_limits integer[], rate_slots integer[], rates_began bigint[],
    OUT outcome text, OUT at bigint
) LANGUAGE plpgsql AS $$
DECLARE
    the_message bigint;
BEGIN
    -- There may be no row to lock yet.
    PERFORM pg_advisory_xact_lock(hashtextextended(concat_ws(' ', the_purpose, the_phone, the_subject), 0));
    SELECT CASE WHEN f.count >= most_failures THEN 'locked' ELSE 'exhausted' END, f.rests_until INTO outcome, at
        FROM failures f WHERE f.phone = the_phone AND (f.count >= most_failures OR f.rests_until > made);
    IF FOUND THEN RETURN; END IF;
    SELECT 'tooEarly', p.created_at INTO outcome, at FROM passwords p
        WHERE p.phone = the_phone AND p.purpose = the_purpose AND p.subject_id IS NOT DISTINCT FROM the_subject
        AND p.session_id IS NOT DISTINCT FROM the_session AND p.state = 'active' AND p.created_at > still_young
        AND p.tries < most_tries ORDER BY p.created_at DESC LIMIT 1;
    IF FOUND THEN RETURN; END IF;
    outcome := 'limited';
    FOR n IN 1..cardinality(rate_subjects) LOOP
        at := count_event(rate_subjects[n], rate_limits[n], rate_slots[n], rates_began[n], made);
        IF at IS NOT NULL THEN RETURN; END IF;
    END LOOP;
    IF the_subject IS NOT NULL THEN
        -- The row tells whether a password was ordered, so a copy of it has to know that it changed.
        UPDATE applications SET revision = revision + 1
            WHERE id = (SELECT application_id FROM requests WHERE id = the_subject
                UNION ALL SELECT application_id FROM certificates WHERE id = the_subject);
    END IF;
    -- A later password takes the place of every earlier one: of the phone, or of the subject in whichever session. What
    -- no gateway was handed of those is not sent any more, although a sender may have leased it.
    WITH gone AS (UPDATE passwords SET state = 'superseded'
        WHERE phone = the_phone AND purpose = the_purpose AND subject_id IS NOT DISTINCT FROM the_subject
        AND state = 'active' RETURNING message_id)
    UPDATE messages m SET state = 'superseded', sealed = NULL, due_at = NULL, lease_owner = NULL, settled_at = made
        FROM gone WHERE m.id = gone.message_id AND m.state = 'waiting';
    INSERT INTO messages (sealed, phone, purpose, created_at, expires_at)
        VALUES (the_text, the_phone, the_purpose, made, expires) RETURNING id INTO the_message;
    INSERT INTO passwords (id, purpose, phone, subject_id, session_id, digest, hash, state, created_at, expires_at,
        message_id)
        VALUES (the_id, the_purpose, the_phone, the_subject, the_session, the_digest, the_hash, 'active', made, expires,
        the_message);
    outcome := 'ordered';
END $$;

DROP FUNCTION attempt;

-- A row with `outcome` 'limited' (since when), 'locked' or 'exhausted' (until when), or none if the scope has no
-- password, or 'taken' with the phone's failures and each of the scope's passwords, newest first.
CREATE FUNCTION attempt(
    the_purpose text, the_phone text, the_subject uuid, the_session uuid,
    rate_subject text, rate_limit integer, rate_slots integer, rate_began bigint,
    most_tries integer, waits bigint[], most_failures integer, now bigint
) RETURNS TABLE (
    outcome text, at bigint, failed integer,
    id uuid, digest bytea, hash bytea, state text, tries integer, created_at bigint, expires_at bigint
) LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
    is_spent boolean;
BEGIN
    at := count_event(rate_subject, rate_limit, rate_slots, rate_began, now);
    IF at IS NOT NULL THEN
        outcome := 'limited';
        RETURN NEXT;
        RETURN;
    END IF;
    IF NOT EXISTS (SELECT FROM passwords p
        WHERE p.phone = the_phone AND p.purpose = the_purpose AND p.subject_id IS NOT DISTINCT FROM the_subject
        AND p.session_id IS NOT DISTINCT FROM the_session) THEN RETURN; END IF;
    -- Two tries at one password come one after the other.
    SELECT p.tries >= most_tries INTO is_spent FROM passwords p
        WHERE p.phone = the_phone AND p.purpose = the_purpose AND p.subject_id IS NOT DISTINCT FROM the_subject
        AND p.session_id IS NOT DISTINCT FROM the_session AND p.state = 'active' FOR NO KEY UPDATE;
    INSERT INTO failures AS f (phone, count, rests_until)
        SELECT the_phone, 1, CASE WHEN most_tries = 1 THEN now + waits[1] ELSE 0 END WHERE is_spent IS NOT TRUE
        ON CONFLICT (phone) DO UPDATE SET count = f.count + 1,
        rests_until = CASE WHEN (f.count + 1) % most_tries = 0
            THEN now + waits[least((f.count + 1) / most_tries, cardinality(waits))] ELSE f.rests_until END
        WHERE f.count < most_failures AND f.rests_until <= now RETURNING f.count, f.rests_until INTO failed, at;
    IF NOT FOUND THEN
        SELECT CASE WHEN f.count >= most_failures THEN 'locked' END, f.rests_until INTO outcome, at
            FROM failures f WHERE f.phone = the_phone;
        outcome := COALESCE(outcome, 'exhausted');
        at := greatest(at, now);
        RETURN NEXT;
        RETURN;
    END IF;
    UPDATE passwords p SET tries = p.tries + 1
        WHERE p.phone = the_phone AND p.purpose = the_purpose AND p.subject_id IS NOT DISTINCT FROM the_subject
        AND p.session_id IS NOT DISTINCT FROM the_session AND p.state = 'active';
    RETURN QUERY SELECT 'taken', attempt.at, attempt.failed,
        p.id, p.digest, p.hash, p.state, p.tries, p.created_at, p.expires_at FROM passwords p
        WHERE p.phone = the_phone AND p.purpose = the_purpose AND p.subject_id IS NOT DISTINCT FROM the_subject
        AND p.session_id IS NOT DISTINCT FROM the_session ORDER BY p.created_at DESC, p.id DESC LIMIT 10;
END $$;

CREATE OR REPLACE FUNCTION forget(before bigint) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM passwords WHERE created_at < before;
    DELETE FROM rates WHERE started_at < before;
    DELETE FROM sessions WHERE last_seen_at < before;
END $$;
