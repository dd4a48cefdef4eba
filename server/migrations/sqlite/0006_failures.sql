-- Wrong passwords of a phone, one after the other, whatever they were tried for. A row goes with a right password, or by
-- an operator, and never by its age.
CREATE TABLE failures (
    phone       TEXT    NOT NULL PRIMARY KEY,
    count       INTEGER NOT NULL,
    -- No password is tried or ordered before this time.
    rests_until INTEGER NOT NULL
) STRICT;
-- What was exhausted rests as long as it did.
INSERT INTO failures (phone, count, rests_until)
    SELECT phone, sum(count), max(CASE WHEN count >= 5 THEN started_at + 600000 ELSE 0 END) FROM tries GROUP BY phone;
DROP TABLE tries;

-- How many tries a password was given, and the message that it is in.
ALTER TABLE passwords ADD COLUMN tries INTEGER NOT NULL DEFAULT 0;
ALTER TABLE passwords ADD COLUMN message_id INTEGER;

CREATE INDEX sessions_by_phone ON sessions (phone) WHERE ended_at IS NULL;
