-- What became of each text message stays when its text is erased. `due_at` is when a message may be taken next: 0 at
-- once, later while it is leased or rests after a failure, none when nothing is done about it any more. An id is never
-- given twice, for gateways report by it.
CREATE TABLE messages_4 (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    sealed      BLOB,
    phone       TEXT,
    purpose     TEXT,
    state       TEXT    NOT NULL DEFAULT 'waiting',
    due_at      INTEGER DEFAULT 0,
    lease_owner BLOB,
    created_at  INTEGER NOT NULL,
    expires_at  INTEGER NOT NULL,
    attempts    INTEGER NOT NULL DEFAULT 0,
    gateway     TEXT,
    problem     TEXT,
    settled_at  INTEGER
) STRICT;
-- What waits since before: a password's longest life.
INSERT INTO messages_4 (id, sealed, due_at, lease_owner, created_at, expires_at)
    SELECT id, sealed, COALESCE(lease_until, 0), lease_owner, created_at, created_at + 3600000 FROM messages;
DROP TABLE messages;
ALTER TABLE messages_4 RENAME TO messages;
CREATE INDEX messages_due ON messages (due_at, id) WHERE due_at IS NOT NULL;
CREATE INDEX messages_by_age ON messages (created_at);

-- Names that gateways gave to messages, or parts of them, and what they reported of each. A report may come before the
-- name is noted.
CREATE TABLE message_references (
    gateway    TEXT    NOT NULL,
    reference  TEXT    NOT NULL,
    message_id INTEGER REFERENCES messages (id) ON DELETE CASCADE,
    state      TEXT,
    problem    TEXT,
    noted_at   INTEGER NOT NULL,
    PRIMARY KEY (gateway, reference)
) STRICT, WITHOUT ROWID;
CREATE INDEX message_references_by_message ON message_references (message_id);
CREATE INDEX message_references_by_age ON message_references (noted_at);
