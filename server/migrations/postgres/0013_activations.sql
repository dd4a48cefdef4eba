-- The code that was handed over with an application, and whether it was entered.
CREATE TABLE activations (
    application_id  uuid    NOT NULL PRIMARY KEY REFERENCES applications (id),
    -- Keyed, and of this application: a copy of the database has no code in it.
    code_hash       bytea   NOT NULL,
    tries_left      integer NOT NULL,
    made_by         text    NOT NULL,
    made_at         bigint  NOT NULL,
    -- The phone that the application had when the code was entered; another phone has to bring another code.
    activated_phone text,
    activated_at    bigint
);

-- Whose code was recorded: of the applications that are in one of the states, are not activated for their phone, and,
-- unless codes are replaced, have none that could still be made good. The lists are of the same length.
CREATE FUNCTION make_activation_codes(
    the_applications uuid[], the_hashes bytea[], tries integer, replaces boolean, from_states text[], who text,
    now bigint
) RETURNS SETOF uuid LANGUAGE plpgsql AS $$
DECLARE
    this uuid;
    the_phone text;
BEGIN
    FOR n IN 1..cardinality(the_applications) LOOP
        this := the_applications[n];
        SELECT phone INTO the_phone FROM applications WHERE id = this AND state = ANY (from_states) FOR NO KEY UPDATE;
        CONTINUE WHEN NOT FOUND;
        INSERT INTO activations AS v (application_id, code_hash, tries_left, made_by, made_at)
            VALUES (this, the_hashes[n], tries, who, now)
            ON CONFLICT (application_id) DO UPDATE SET code_hash = the_hashes[n], tries_left = tries, made_by = who,
            made_at = now, activated_phone = NULL, activated_at = NULL
            WHERE CASE WHEN v.activated_phone IS NULL THEN replaces ELSE v.activated_phone <> the_phone END;
        CONTINUE WHEN NOT FOUND;
        UPDATE applications SET revision = revision + 1 WHERE id = this;
        INSERT INTO audit_waiting (at, event, subject, detail) VALUES (now, 'activation code made', this, '');
        RETURN NEXT this;
    END LOOP;
END $$;

-- `outcome` is 'limited' with the time since when, 'noCode', 'exhausted', 'done', or 'wrong' with the tries that are
-- left. Whoever has the application's row tries alone, so tries at the same moment are all counted.
CREATE FUNCTION activate(
    the_application uuid, the_phone text, the_hash bytea,
    rate_subject text, rate_limit integer, rate_slots integer, rate_began bigint, now bigint,
    OUT outcome text, OUT since bigint, OUT tries integer
) LANGUAGE plpgsql AS $$
DECLARE
    activation activations;
BEGIN
    since := count_event(rate_subject, rate_limit, rate_slots, rate_began, now);
    IF since IS NOT NULL THEN
        outcome := 'limited';
        RETURN;
    END IF;
    PERFORM FROM applications WHERE id = the_application AND phone = the_phone FOR NO KEY UPDATE;
    IF FOUND THEN
        SELECT * INTO activation FROM activations WHERE application_id = the_application;
    END IF;
    IF activation IS NULL OR activation.activated_phone <> the_phone THEN
        outcome := 'noCode';
    ELSIF activation.activated_phone = the_phone THEN
        outcome := 'done';
    ELSIF activation.tries_left = 0 THEN
        outcome := 'exhausted';
    ELSIF activation.code_hash = the_hash THEN
        UPDATE activations SET activated_phone = the_phone, activated_at = now WHERE application_id = the_application;
        UPDATE applications SET revision = revision + 1 WHERE id = the_application;
        INSERT INTO audit_waiting (at, event, subject, detail)
            VALUES (now, 'application activated', the_application, '');
        outcome := 'done';
    ELSE
        UPDATE activations SET tries_left = tries_left - 1 WHERE application_id = the_application
            RETURNING tries_left INTO tries;
        UPDATE applications SET revision = revision + 1 WHERE id = the_application;
        INSERT INTO audit_waiting (at, event, subject, detail, outcome) VALUES (now, 'activation code wrong',
            the_application, format('%s tries left', tries), 'refused activation_code_wrong');
        outcome := 'wrong';
    END IF;
END $$;
