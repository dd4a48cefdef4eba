-- A monitor asks for the oldest of what waits.
CREATE INDEX messages_waiting ON messages (created_at) WHERE due_at IS NOT NULL;
CREATE INDEX issuances_held_by_age ON issuances (created_at) WHERE is_held;
