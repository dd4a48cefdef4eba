-- A person's new phone: proposed by one operator, told to the old phone, confirmed by another after a time.
CREATE TABLE phone_changes (
    id             uuid   NOT NULL PRIMARY KEY,
    application_id uuid   NOT NULL REFERENCES applications (id),
    old_phone      text   NOT NULL,
    new_phone      text   NOT NULL,
    proposed_by    text   NOT NULL,
    proposed_at    bigint NOT NULL,
    ripe_at        bigint NOT NULL,
    -- open, done, cancelled
    state          text   NOT NULL,
    decided_by     text,
    decided_at     bigint
);
CREATE UNIQUE INDEX phone_changes_open_of_application ON phone_changes (application_id) WHERE state = 'open';
CREATE INDEX phone_changes_open ON phone_changes (id) WHERE state = 'open';

-- What a person found wrong is answered.
ALTER TABLE mistakes
    ADD COLUMN answer      text,
    ADD COLUMN answered_by text,
    ADD COLUMN answered_at bigint;
CREATE INDEX mistakes_open ON mistakes (id) WHERE answered_at IS NULL;

-- Gives a person's applications the phone that waits: those of the old phone that are of the same holder. Answers which.
CREATE FUNCTION confirm_phone_change(the_id uuid, the_snils text, who text, now bigint)
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
            VALUES (now, 'phone changed', theirs, format('by %s and %s', change.proposed_by, who));
        RETURN NEXT theirs;
    END LOOP;
END $$;
