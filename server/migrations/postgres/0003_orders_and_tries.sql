-- One round trip for an ordered password, with all that it is held to, and one for a try at a password.

DROP FUNCTION order_password;

-- `outcome` is 'ordered', or what refused: 'exhausted', 'tooEarly', 'limited', each with the time since when. Rates are
-- counted in the order given, up to the first that is reached. A slot of a rate is locked last, for others want it too.
CREATE FUNCTION order_password(
    the_id uuid, the_purpose text, the_phone text, the_subject uuid, the_session uuid, the_digest bytea,
    the_hash bytea, made bigint, expires bigint, the_message bytea, still_young bigint,
    most_tries integer, tries_began bigint,
    rate_subjects text[], rate_limits integer[], rate_slots integer[], rates_began bigint[],
    OUT outcome text, OUT since bigint
) LANGUAGE plpgsql AS $$
BEGIN
    -- There may be no row to lock yet.
    PERFORM pg_advisory_xact_lock(hashtextextended(concat_ws(' ', the_purpose, the_phone, the_subject), 0));
    SELECT 'exhausted', t.started_at INTO outcome, since FROM tries t
        WHERE t.phone = the_phone AND t.purpose = the_purpose AND t.count >= most_tries AND t.started_at > tries_began;
    IF FOUND THEN RETURN; END IF;
    SELECT 'tooEarly', p.created_at INTO outcome, since FROM passwords p
        WHERE p.phone = the_phone AND p.purpose = the_purpose AND p.subject_id IS NOT DISTINCT FROM the_subject
        AND p.session_id IS NOT DISTINCT FROM the_session AND p.state = 'active' AND p.created_at > still_young
        ORDER BY p.created_at DESC LIMIT 1;
    IF FOUND THEN RETURN; END IF;
    outcome := 'limited';
    FOR n IN 1..cardinality(rate_subjects) LOOP
        since := count_event(rate_subjects[n], rate_limits[n], rate_slots[n], rates_began[n], made);
        IF since IS NOT NULL THEN RETURN; END IF;
    END LOOP;
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
    INSERT INTO messages (sealed, phone, purpose, created_at, expires_at)
        VALUES (the_message, the_phone, the_purpose, made, expires);
    outcome := 'ordered';
END $$;

-- A row with `outcome` 'limited' or 'exhausted' and the time since when, or none if the scope has no password, or
-- 'taken' with each of its passwords, newest first.
CREATE FUNCTION attempt(
    the_purpose text, the_phone text, the_subject uuid, the_session uuid,
    rate_subject text, rate_limit integer, rate_slots integer, rate_began bigint,
    most_tries integer, tries_began bigint, now bigint
) RETURNS TABLE (
    outcome text, since bigint, taken integer,
    id uuid, digest bytea, hash bytea, state text, created_at bigint, expires_at bigint
) LANGUAGE plpgsql AS $$
#variable_conflict use_column
BEGIN
    since := count_event(rate_subject, rate_limit, rate_slots, rate_began, now);
    IF since IS NOT NULL THEN
        outcome := 'limited';
        RETURN NEXT;
        RETURN;
    END IF;
    IF NOT EXISTS (SELECT FROM passwords p
        WHERE p.phone = the_phone AND p.purpose = the_purpose AND p.subject_id IS NOT DISTINCT FROM the_subject
        AND p.session_id IS NOT DISTINCT FROM the_session) THEN RETURN; END IF;
    INSERT INTO tries AS t (phone, purpose, started_at, count) VALUES (the_phone, the_purpose, now, 1)
        ON CONFLICT (phone, purpose) DO UPDATE SET
        count = CASE WHEN t.started_at <= tries_began THEN 1 ELSE t.count + 1 END,
        started_at = CASE WHEN t.started_at <= tries_began THEN now ELSE t.started_at END
        WHERE t.started_at <= tries_began OR t.count < most_tries RETURNING t.count, t.started_at INTO taken, since;
    IF NOT FOUND THEN
        outcome := 'exhausted';
        since := (SELECT t.started_at FROM tries t WHERE t.phone = the_phone AND t.purpose = the_purpose);
        RETURN NEXT;
        RETURN;
    END IF;
    RETURN QUERY SELECT 'taken', attempt.since, attempt.taken,
        p.id, p.digest, p.hash, p.state, p.created_at, p.expires_at FROM passwords p
        WHERE p.phone = the_phone AND p.purpose = the_purpose AND p.subject_id IS NOT DISTINCT FROM the_subject
        AND p.session_id IS NOT DISTINCT FROM the_session ORDER BY p.created_at DESC, p.id DESC LIMIT 10;
END $$;
