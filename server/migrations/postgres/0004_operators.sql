-- Operators, what they find applications by, and what they decide. The terms of the applications that are there are
-- filled in by the program: they are folded as SQL cannot.

CREATE TABLE operators (
    id         uuid   NOT NULL PRIMARY KEY,
    -- Never given to anybody else, for the audit has it.
    name       text   NOT NULL UNIQUE,
    roles      text   NOT NULL,
    token_hash bytea  NOT NULL UNIQUE,
    created_at bigint NOT NULL,
    expires_at bigint NOT NULL,
    removed_at bigint
);

-- Sorted as bytes, so that what begins alike stands together whatever the database's language is.
CREATE TABLE application_terms (
    kind           smallint NOT NULL,
    term           text     COLLATE "C" NOT NULL,
    application_id uuid     NOT NULL,
    PRIMARY KEY (kind, term, application_id)
);

-- Whether the program has filled in what a migration could not.
CREATE TABLE filled (
    name text NOT NULL PRIMARY KEY
);

ALTER TABLE issuances ADD COLUMN is_held boolean NOT NULL GENERATED ALWAYS AS (state = 'held') STORED;
CREATE INDEX issuances_held ON issuances (application_id) WHERE is_held;

-- Of a request that needs the word of several.
CREATE TABLE approvals (
    request_id  uuid   NOT NULL REFERENCES requests (id),
    approved_by text   NOT NULL,
    created_at  bigint NOT NULL,
    PRIMARY KEY (request_id, approved_by)
);

DROP FUNCTION approve_issuance(uuid, text, bigint);

-- Each word is somebody else's; with the last one that is needed the request goes on.
CREATE FUNCTION approve_issuance(the_application uuid, who text, needed integer, now bigint)
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
    INSERT INTO audit_waiting (at, event, subject, detail) VALUES (now, 'issuance approved', the_request, who);
    IF (SELECT count(*) FROM approvals WHERE request_id = the_request) < needed THEN RETURN 'waits'; END IF;
    UPDATE issuances SET state = 'queued' WHERE request_id = the_request;
    RETURN 'done';
END $$;
