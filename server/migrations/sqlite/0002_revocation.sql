-- Revocation, several issuing keys, approval, several servers. `issuer` is the subject key identifier of the issuing
-- certificate, `shard` names which of its revocation lists speaks of a certificate; certificates from before have
-- theirs in the one list that there was. Functions `authority_key_identifier` and `…_to_be_signed` belong to the
-- migration: they read the extension out of a certificate, or of what of it is to be signed, DER.

CREATE TABLE certificates_2 (
    id                BLOB    NOT NULL PRIMARY KEY,
    application_id    BLOB    NOT NULL UNIQUE REFERENCES applications (id),
    request_id        BLOB    NOT NULL UNIQUE REFERENCES issuances (request_id),
    serial            TEXT    NOT NULL UNIQUE,
    key_id            TEXT    NOT NULL,
    der               BLOB    NOT NULL,
    not_before        INTEGER NOT NULL,
    not_after         INTEGER NOT NULL,
    issued_at         INTEGER NOT NULL,
    installed_at      INTEGER,
    in_store          INTEGER NOT NULL DEFAULT 0,
    issuer            BLOB    NOT NULL,
    shard             TEXT    NOT NULL,
    revoked_at        INTEGER,
    -- CRLReason, RFC 5280 §5.3.1.
    revocation_reason INTEGER,
    -- Its end was noted.
    is_over           INTEGER NOT NULL DEFAULT 0
) STRICT;
INSERT INTO certificates_2
    (id, application_id, request_id, serial, key_id, der, not_before, not_after, issued_at, installed_at, in_store,
    issuer, shard)
    SELECT id, application_id, request_id, serial, key_id, der, not_before, not_after, issued_at, installed_at,
        in_store, authority_key_identifier(der), ''
    FROM certificates ORDER BY rowid;
DROP TABLE certificates;
ALTER TABLE certificates_2 RENAME TO certificates;
CREATE INDEX certificates_revoked ON certificates (issuer, shard, not_after) WHERE revoked_at IS NOT NULL;
CREATE INDEX certificates_running ON certificates (not_after) WHERE is_over = 0;

-- What is committed names its issuer; what is done has it in the registry.
ALTER TABLE issuances ADD COLUMN issuer BLOB;
ALTER TABLE issuances ADD COLUMN shard TEXT;
UPDATE issuances SET shard = '', issuer = COALESCE(
    (SELECT issuer FROM certificates WHERE request_id = issuances.request_id),
    authority_key_identifier_to_be_signed(to_be_signed))
    WHERE to_be_signed IS NOT NULL;
DROP INDEX issuances_waiting;
CREATE INDEX issuances_queued ON issuances (created_at) WHERE state = 'queued';
CREATE INDEX issuances_leased ON issuances (lease_until) WHERE state = 'working';

-- A password's subject is a request or, now, a certificate.
CREATE TABLE passwords_2 (
    id         BLOB    NOT NULL PRIMARY KEY,
    purpose    TEXT    NOT NULL,
    phone      TEXT    NOT NULL,
    subject    BLOB,
    session_id BLOB    REFERENCES sessions (id),
    digest     BLOB,
    hash       BLOB    NOT NULL,
    state      TEXT    NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL
) STRICT;
INSERT INTO passwords_2 (id, purpose, phone, subject, session_id, digest, hash, state, created_at, expires_at)
    SELECT id, purpose, phone, request_id, session_id, digest, hash, state, created_at, expires_at FROM passwords;
DROP TABLE passwords;
ALTER TABLE passwords_2 RENAME TO passwords;
CREATE INDEX passwords_by_phone ON passwords (phone, purpose, subject, created_at);
CREATE INDEX passwords_by_session ON passwords (session_id) WHERE session_id IS NOT NULL;
CREATE INDEX passwords_by_age ON passwords (created_at);
CREATE INDEX sessions_by_use ON sessions (last_seen_at);
CREATE INDEX tries_by_age ON tries (started_at);
CREATE INDEX rates_by_age ON rates (started_at);

ALTER TABLE messages ADD COLUMN lease_owner BLOB;
ALTER TABLE messages ADD COLUMN lease_until INTEGER;

CREATE TABLE revocation_shards (
    issuer          BLOB    NOT NULL,
    shard           TEXT    NOT NULL,
    -- When the last certificate that names it expires.
    until           INTEGER NOT NULL,
    -- When a certificate in it was last revoked.
    last_revoked_at INTEGER,
    -- The time for which its revoked certificates were last asked.
    asked_at        INTEGER,
    PRIMARY KEY (issuer, shard)
) STRICT, WITHOUT ROWID;
INSERT INTO revocation_shards (issuer, shard, until)
    SELECT issuer, shard, max(not_after) FROM certificates GROUP BY issuer, shard;

-- The latest of each; apart from the table above, whose rows change often.
CREATE TABLE revocation_lists (
    issuer      BLOB    NOT NULL,
    shard       TEXT    NOT NULL,
    number      INTEGER NOT NULL,
    this_update INTEGER NOT NULL,
    next_update INTEGER NOT NULL,
    der         BLOB    NOT NULL,
    PRIMARY KEY (issuer, shard),
    FOREIGN KEY (issuer, shard) REFERENCES revocation_shards (issuer, shard)
) STRICT;

-- Committed before they are signed, as the holders' are in `issuances`.
CREATE TABLE authority_certificates (
    serial       TEXT    NOT NULL PRIMARY KEY,
    issuer       BLOB    NOT NULL,
    kind         TEXT    NOT NULL,
    to_be_signed BLOB    NOT NULL,
    der          BLOB,
    created_at   INTEGER NOT NULL,
    issued_at    INTEGER
) STRICT;

CREATE TABLE blocked_keys (
    key_digest BLOB    NOT NULL PRIMARY KEY,
    blocked_by TEXT    NOT NULL,
    created_at INTEGER NOT NULL
) STRICT;
