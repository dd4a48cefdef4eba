-- A person's new phone: proposed by one operator, told to the old phone, confirmed by another after a time.
CREATE TABLE phone_changes (
    id             BLOB    NOT NULL PRIMARY KEY,
    application_id BLOB    NOT NULL REFERENCES applications (id),
    old_phone      TEXT    NOT NULL,
    new_phone      TEXT    NOT NULL,
    proposed_by    TEXT    NOT NULL,
    proposed_at    INTEGER NOT NULL,
    ripe_at        INTEGER NOT NULL,
    -- open, done, cancelled
    state          TEXT    NOT NULL,
    decided_by     TEXT,
    decided_at     INTEGER
) STRICT;
CREATE UNIQUE INDEX phone_changes_open_of_application ON phone_changes (application_id) WHERE state = 'open';
CREATE INDEX phone_changes_open ON phone_changes (id) WHERE state = 'open';

-- What a person found wrong is answered.
ALTER TABLE mistakes ADD COLUMN answer TEXT;
ALTER TABLE mistakes ADD COLUMN answered_by TEXT;
ALTER TABLE mistakes ADD COLUMN answered_at INTEGER;
CREATE INDEX mistakes_open ON mistakes (id) WHERE answered_at IS NULL;
