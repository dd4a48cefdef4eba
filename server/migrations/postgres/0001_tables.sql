-- Times are milliseconds since 1970 UTC. Ids are UUIDs of version 7, so new rows stand together in every index.
-- What changes often (states, leases) is kept out of every index, so that PostgreSQL can change it in place.

CREATE TABLE applications (
    id               uuid     NOT NULL PRIMARY KEY,
    number           text     NOT NULL UNIQUE,
    phone            text     NOT NULL,
    holder           text     NOT NULL,
    certificate_type text     NOT NULL,
    identification   smallint,
    replaces         uuid     REFERENCES applications (id),
    state            text     NOT NULL,
    reason           text,
    revision         bigint   NOT NULL,
    created_at       bigint   NOT NULL,
    -- The order in which they came.
    place            bigint   NOT NULL GENERATED ALWAYS AS IDENTITY
) WITH (fillfactor = 50);
CREATE INDEX applications_by_phone ON applications (phone);

CREATE TABLE requests (
    id             uuid    NOT NULL PRIMARY KEY,
    application_id uuid    NOT NULL REFERENCES applications (id),
    der            bytea   NOT NULL,
    public_key     bytea   NOT NULL,
    key_digest     bytea   NOT NULL,
    key_id         text    NOT NULL,
    container      text    NOT NULL,
    token_label    text    NOT NULL,
    token_serial   text    NOT NULL,
    token_model    text    NOT NULL,
    state          text    NOT NULL,
    counts         boolean NOT NULL GENERATED ALWAYS AS (state NOT IN ('removed', 'replaced')) STORED,
    on_its_way     boolean NOT NULL GENERATED ALWAYS AS (state IN ('prepared', 'confirmed', 'issued')) STORED,
    created_at     bigint  NOT NULL,
    confirmed_at   bigint
) WITH (fillfactor = 50);
CREATE INDEX requests_by_application ON requests (application_id, created_at);
-- A key serves one request that counts.
CREATE UNIQUE INDEX requests_by_key ON requests (key_digest) WHERE counts;
-- An application has one request on its way.
CREATE UNIQUE INDEX requests_on_their_way ON requests (application_id) WHERE on_its_way;

-- The queue. A row is made by the confirmation, with what was confirmed.
CREATE TABLE issuances (
    request_id     uuid    NOT NULL PRIMARY KEY REFERENCES requests (id),
    application_id uuid    NOT NULL,
    snapshot       text    NOT NULL,
    digest         bytea   NOT NULL,
    state          text    NOT NULL,
    waits          boolean NOT NULL GENERATED ALWAYS AS (state IN ('queued', 'working')) STORED,
    is_open        boolean NOT NULL GENERATED ALWAYS AS (state IN ('held', 'queued', 'working')) STORED,
    lease_owner    uuid,
    lease_until    bigint,
    created_at     bigint  NOT NULL
) WITH (fillfactor = 50);
CREATE INDEX issuances_waiting ON issuances (created_at) WHERE waits;
CREATE INDEX issuances_of_application ON issuances (application_id) WHERE is_open;

-- What is signed for an issuance, and nothing else: written once, before it is signed.
CREATE TABLE commitments (
    request_id   uuid   NOT NULL PRIMARY KEY REFERENCES issuances (request_id),
    issuer       bytea  NOT NULL,
    shard        text   NOT NULL,
    serial       text   NOT NULL UNIQUE,
    to_be_signed bytea  NOT NULL
);

CREATE TABLE certificates (
    id                uuid    NOT NULL PRIMARY KEY,
    application_id    uuid    NOT NULL UNIQUE REFERENCES applications (id),
    request_id        uuid    NOT NULL REFERENCES commitments (request_id),
    serial            text    NOT NULL UNIQUE,
    key_id            text    NOT NULL,
    der               bytea   NOT NULL,
    not_before        bigint  NOT NULL,
    not_after         bigint  NOT NULL,
    issued_at         bigint  NOT NULL,
    installed_at      bigint,
    in_store          boolean NOT NULL DEFAULT false,
    issuer            bytea   NOT NULL,
    shard             text    NOT NULL,
    revoked_at        bigint,
    -- CRLReason, RFC 5280 §5.3.1.
    revocation_reason smallint,
    -- Its end was noted.
    is_over           boolean NOT NULL DEFAULT false,
    place             bigint  NOT NULL GENERATED ALWAYS AS IDENTITY
);
CREATE INDEX certificates_by_shard ON certificates (issuer, shard, not_after);
CREATE INDEX certificates_revoked ON certificates (issuer, shard, serial) WHERE revoked_at IS NOT NULL;
CREATE INDEX certificates_running ON certificates (not_after) WHERE NOT is_over;

-- Of the authority's own certificates.
CREATE TABLE authority_certificates (
    serial       text   NOT NULL PRIMARY KEY,
    issuer       bytea  NOT NULL,
    kind         text   NOT NULL,
    to_be_signed bytea  NOT NULL,
    der          bytea,
    created_at   bigint NOT NULL,
    issued_at    bigint
);

-- A revocation list that was asked for, published, or had a certificate revoked.
CREATE TABLE revocation_shards (
    issuer          bytea  NOT NULL,
    shard           text   NOT NULL,
    -- When a certificate in it was last revoked.
    last_revoked_at bigint,
    -- The time for which its revoked certificates were last asked.
    asked_at        bigint,
    PRIMARY KEY (issuer, shard)
);

-- The latest of each; apart from the table above, whose rows change often.
CREATE TABLE revocation_lists (
    issuer      bytea  NOT NULL,
    shard       text   NOT NULL,
    number      bigint NOT NULL,
    this_update bigint NOT NULL,
    next_update bigint NOT NULL,
    der         bytea  NOT NULL,
    PRIMARY KEY (issuer, shard)
);

CREATE TABLE blocked_keys (
    key_digest bytea  NOT NULL PRIMARY KEY,
    blocked_by text   NOT NULL,
    created_at bigint NOT NULL
);

CREATE TABLE sessions (
    id           uuid   NOT NULL PRIMARY KEY,
    token_hash   bytea  NOT NULL UNIQUE,
    phone        text   NOT NULL,
    created_at   bigint NOT NULL,
    last_seen_at bigint NOT NULL,
    ended_at     bigint
);

-- `subject_id` is the request or the certificate, `session_id` the session that a password belongs to.
CREATE TABLE passwords (
    id         uuid   NOT NULL PRIMARY KEY,
    purpose    text   NOT NULL,
    phone      text   NOT NULL,
    subject_id uuid,
    session_id uuid,
    digest     bytea,
    hash       bytea  NOT NULL,
    state      text   NOT NULL,
    created_at bigint NOT NULL,
    expires_at bigint NOT NULL
) WITH (fillfactor = 70);
CREATE INDEX passwords_by_phone ON passwords (phone, purpose, created_at);
CREATE INDEX passwords_by_age ON passwords USING brin (created_at);

-- Wrong tries belong to the phone, so that another password does not bring new ones.
CREATE TABLE tries (
    phone      text    NOT NULL,
    purpose    text    NOT NULL,
    started_at bigint  NOT NULL,
    count      integer NOT NULL,
    PRIMARY KEY (phone, purpose)
) WITH (fillfactor = 50);

-- A subject that many share has several slots, or all would wait for one row.
CREATE TABLE rates (
    subject    text     NOT NULL,
    slot       smallint NOT NULL,
    started_at bigint   NOT NULL,
    count      integer  NOT NULL,
    PRIMARY KEY (subject, slot)
) WITH (fillfactor = 50);

-- Sealed text messages on their way; a row goes when its message has gone.
CREATE TABLE messages (
    id          bigint NOT NULL GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    sealed      bytea  NOT NULL,
    created_at  bigint NOT NULL,
    lease_owner uuid,
    lease_until bigint
);

CREATE TABLE mistakes (
    id             uuid   NOT NULL PRIMARY KEY,
    application_id uuid   NOT NULL REFERENCES applications (id),
    text           text   NOT NULL,
    created_at     bigint NOT NULL
);

-- What was done, in the transaction that did it. A chain in that transaction would make all wait for each other, so
-- rows wait here until one server after the other takes them, in the order of `id`, into the chain.
CREATE TABLE audit_waiting (
    id      bigint NOT NULL GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at      bigint NOT NULL,
    event   text   NOT NULL,
    subject uuid   NOT NULL,
    detail  text   NOT NULL
);

-- The chain: each row's hash covers the row before it. No personal data.
CREATE TABLE audit (
    id      bigint NOT NULL PRIMARY KEY,
    at      bigint NOT NULL,
    event   text   NOT NULL,
    subject uuid   NOT NULL,
    detail  text   NOT NULL,
    hash    bytea  NOT NULL
);
