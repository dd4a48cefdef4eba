-- Operators, what they find applications by, and what they decide. The terms of the applications that are there are
-- filled in by the program: they are folded as SQL cannot.

CREATE TABLE operators (
    id         BLOB    NOT NULL PRIMARY KEY,
    -- Never given to anybody else, for the audit has it.
    name       TEXT    NOT NULL UNIQUE,
    roles      TEXT    NOT NULL,
    token_hash BLOB    NOT NULL UNIQUE,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    removed_at INTEGER
) STRICT;

CREATE TABLE application_terms (
    kind           INTEGER NOT NULL,
    term           TEXT    NOT NULL,
    application_id BLOB    NOT NULL,
    PRIMARY KEY (kind, term, application_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX issuances_held ON issuances (application_id) WHERE state = 'held';

-- Of a request that needs the word of several.
CREATE TABLE approvals (
    request_id  BLOB    NOT NULL REFERENCES requests (id),
    approved_by TEXT    NOT NULL,
    created_at  INTEGER NOT NULL,
    PRIMARY KEY (request_id, approved_by)
) STRICT, WITHOUT ROWID;
