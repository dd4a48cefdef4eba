-- Times are milliseconds since 1970 UTC, ids are the 16 bytes of a UUID.

CREATE TABLE applications (
    id               BLOB    NOT NULL PRIMARY KEY,
    number           TEXT    NOT NULL UNIQUE,
    phone            TEXT    NOT NULL,
    holder           TEXT    NOT NULL,
    certificate_type TEXT    NOT NULL,
    identification   INTEGER,
    replaces         BLOB    REFERENCES applications (id),
    state            TEXT    NOT NULL,
    reason           TEXT,
    revision         INTEGER NOT NULL,
    created_at       INTEGER NOT NULL
) STRICT;
CREATE INDEX applications_by_phone ON applications (phone);

CREATE TABLE requests (
    id             BLOB    NOT NULL PRIMARY KEY,
    application_id BLOB    NOT NULL REFERENCES applications (id),
    der            BLOB    NOT NULL,
    public_key     BLOB    NOT NULL,
    key_digest     BLOB    NOT NULL,
    key_id         TEXT    NOT NULL,
    container      TEXT    NOT NULL,
    token_label    TEXT    NOT NULL,
    token_serial   TEXT    NOT NULL,
    token_model    TEXT    NOT NULL,
    state          TEXT    NOT NULL,
    snapshot       TEXT,
    digest         BLOB,
    created_at     INTEGER NOT NULL,
    confirmed_at   INTEGER
) STRICT;
CREATE INDEX requests_by_application ON requests (application_id, created_at);
-- A key serves one request that counts.
CREATE UNIQUE INDEX requests_by_key ON requests (key_digest) WHERE state NOT IN ('removed', 'replaced');
-- An application has one request on its way.
CREATE UNIQUE INDEX requests_on_their_way ON requests (application_id)
    WHERE state IN ('prepared', 'confirmed', 'issued');

CREATE TABLE issuances (
    request_id     BLOB    NOT NULL PRIMARY KEY REFERENCES requests (id),
    application_id BLOB    NOT NULL REFERENCES applications (id),
    state          TEXT    NOT NULL,
    lease_owner    BLOB,
    lease_until    INTEGER,
    serial         TEXT    UNIQUE,
    to_be_signed   BLOB,
    created_at     INTEGER NOT NULL
) STRICT;
CREATE INDEX issuances_waiting ON issuances (created_at) WHERE state IN ('queued', 'working');

CREATE TABLE certificates (
    id             BLOB    NOT NULL PRIMARY KEY,
    application_id BLOB    NOT NULL UNIQUE REFERENCES applications (id),
    request_id     BLOB    NOT NULL UNIQUE REFERENCES issuances (request_id),
    serial         TEXT    NOT NULL UNIQUE,
    key_id         TEXT    NOT NULL,
    der            BLOB    NOT NULL,
    not_before     INTEGER NOT NULL,
    not_after      INTEGER NOT NULL,
    issued_at      INTEGER NOT NULL,
    installed_at   INTEGER,
    in_store       INTEGER NOT NULL DEFAULT 0
) STRICT;

CREATE TABLE sessions (
    id           BLOB    NOT NULL PRIMARY KEY,
    token_hash   BLOB    NOT NULL UNIQUE,
    phone        TEXT    NOT NULL,
    created_at   INTEGER NOT NULL,
    last_seen_at INTEGER NOT NULL,
    ended_at     INTEGER
) STRICT;

CREATE TABLE passwords (
    id         BLOB    NOT NULL PRIMARY KEY,
    purpose    TEXT    NOT NULL,
    phone      TEXT    NOT NULL,
    request_id BLOB    REFERENCES requests (id),
    session_id BLOB    REFERENCES sessions (id),
    digest     BLOB,
    hash       BLOB    NOT NULL,
    state      TEXT    NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL
) STRICT;
CREATE INDEX passwords_by_phone ON passwords (phone, purpose, created_at);
CREATE INDEX passwords_by_request ON passwords (request_id) WHERE request_id IS NOT NULL;

-- Wrong tries belong to the phone, so that another password does not bring new ones.
CREATE TABLE tries (
    phone      TEXT    NOT NULL,
    purpose    TEXT    NOT NULL,
    started_at INTEGER NOT NULL,
    count      INTEGER NOT NULL,
    PRIMARY KEY (phone, purpose)
) STRICT;

CREATE TABLE rates (
    subject    TEXT    NOT NULL PRIMARY KEY,
    started_at INTEGER NOT NULL,
    count      INTEGER NOT NULL
) STRICT;

-- Sealed text messages on their way; a row goes when its message has gone.
CREATE TABLE messages (
    id         INTEGER PRIMARY KEY,
    sealed     BLOB    NOT NULL,
    created_at INTEGER NOT NULL
) STRICT;

CREATE TABLE mistakes (
    id             BLOB    NOT NULL PRIMARY KEY,
    application_id BLOB    NOT NULL REFERENCES applications (id),
    text           TEXT    NOT NULL,
    created_at     INTEGER NOT NULL
) STRICT;

-- What was done, as a chain: each row's hash covers the row before it. No personal data.
CREATE TABLE audit (
    id         INTEGER PRIMARY KEY,
    at         INTEGER NOT NULL,
    event      TEXT    NOT NULL,
    subject    BLOB    NOT NULL,
    detail     TEXT    NOT NULL,
    hash       BLOB    NOT NULL
) STRICT;
