-- What became of each text message stays when its text is erased. `due_at` is when a message may be taken next: 0 at
-- once, later while it is leased or rests after a failure, none when nothing is done about it any more.
ALTER TABLE messages
    ALTER COLUMN sealed DROP NOT NULL,
    ADD COLUMN phone      text,
    ADD COLUMN purpose    text,
    ADD COLUMN state      text    NOT NULL DEFAULT 'waiting',
    ADD COLUMN due_at     bigint  DEFAULT 0,
    ADD COLUMN expires_at bigint  NOT NULL DEFAULT 0,
    ADD COLUMN attempts   integer NOT NULL DEFAULT 0,
    ADD COLUMN gateway    text,
    ADD COLUMN problem    text,
    ADD COLUMN settled_at bigint;
-- What waits since before: a password's longest life.
UPDATE messages SET due_at = COALESCE(lease_until, 0), expires_at = created_at + 3600000;
ALTER TABLE messages ALTER COLUMN expires_at DROP DEFAULT, DROP COLUMN lease_until;
CREATE INDEX messages_due ON messages (due_at, id) WHERE due_at IS NOT NULL;
CREATE INDEX messages_by_age ON messages USING brin (created_at);

-- Names that gateways gave to messages, or parts of them, and what they reported of each. A report may come before the
-- name is noted.
CREATE TABLE message_references (
    gateway    text   NOT NULL,
    reference  text   NOT NULL,
    message_id bigint REFERENCES messages (id) ON DELETE CASCADE,
    state      text,
    problem    text,
    noted_at   bigint NOT NULL,
    PRIMARY KEY (gateway, reference)
);
CREATE INDEX message_references_by_message ON message_references (message_id);
CREATE INDEX message_references_by_age ON message_references USING brin (noted_at);

-- What became of messages, by their leaseholder. One that is discarded is forgotten; one without `dues` has come to its
-- end, and its text is erased.
CREATE FUNCTION settle_messages(
    the_owner uuid, ids bigint[], states text[], dues bigint[], gateways text[], problems text[], now bigint
) RETURNS void LANGUAGE sql AS $$
    DELETE FROM messages m USING unnest(ids, states) AS s (id, state)
        WHERE m.id = s.id AND s.state = 'discarded' AND m.lease_owner = the_owner;
    UPDATE messages m SET state = s.state, due_at = s.due, lease_owner = NULL,
        gateway = COALESCE(s.gateway, m.gateway), problem = s.problem,
        sealed = CASE WHEN s.due IS NULL THEN NULL ELSE m.sealed END,
        settled_at = CASE WHEN s.due IS NULL THEN now END
        FROM unnest(ids, states, dues, gateways, problems) AS s (id, state, due, gateway, problem)
        WHERE m.id = s.id AND m.lease_owner = the_owner;
$$;

-- A message is delivered when all of it is, and undelivered when any part is. Two reports of one message decide one
-- after the other.
CREATE FUNCTION judge_message(the_message bigint, now bigint) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    PERFORM FROM messages WHERE id = the_message FOR NO KEY UPDATE;
    UPDATE messages m SET state = r.state, problem = r.problem, settled_at = now
        FROM (SELECT CASE WHEN bool_or(state = 'undelivered') THEN 'undelivered' ELSE 'delivered' END AS state,
                max(problem) AS problem
            FROM message_references WHERE message_id = the_message
            HAVING bool_or(state = 'undelivered') OR bool_and(state IS NOT NULL)) r
        WHERE m.id = the_message AND m.state IN ('accepted', 'unknown', 'delivered', 'undelivered');
END $$;

CREATE FUNCTION refer_messages(
    ids bigint[], the_gateways text[], the_references text[], now bigint
) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO message_references AS r (gateway, reference, message_id, noted_at)
        SELECT DISTINCT ON (s.gateway, s.reference) s.gateway, s.reference, m.id, now
        FROM unnest(ids, the_gateways, the_references) AS s (id, gateway, reference)
        JOIN messages m ON m.id = s.id ORDER BY s.gateway, s.reference
        -- A gateway begins its numbers again some day. What was reported before the name was noted counts.
        ON CONFLICT (gateway, reference) DO UPDATE SET message_id = EXCLUDED.message_id, noted_at = now,
        state = CASE WHEN r.message_id IS NULL THEN r.state END,
        problem = CASE WHEN r.message_id IS NULL THEN r.problem END;
    PERFORM judge_message(id, now) FROM (SELECT DISTINCT unnest(ids) AS id ORDER BY 1) AS named;
END $$;

CREATE FUNCTION report_message(
    the_gateway text, the_reference text, the_state text, the_problem text, now bigint
) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    the_message bigint;
BEGIN
    INSERT INTO message_references AS r (gateway, reference, state, problem, noted_at)
        VALUES (the_gateway, the_reference, the_state, the_problem, now)
        ON CONFLICT (gateway, reference) DO UPDATE SET state = EXCLUDED.state, problem = EXCLUDED.problem
        RETURNING message_id INTO the_message;
    IF the_message IS NOT NULL THEN PERFORM judge_message(the_message, now); END IF;
END $$;

CREATE FUNCTION forget_messages(before bigint) RETURNS void LANGUAGE sql AS $$
    DELETE FROM messages WHERE created_at < before AND due_at IS NULL;
    DELETE FROM message_references WHERE noted_at < before;
$$;
