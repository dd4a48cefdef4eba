-- How states change, as it happens.
CREATE TABLE watched (
    id     INTEGER PRIMARY KEY,
    kind   TEXT NOT NULL,
    row    BLOB NOT NULL,
    before TEXT NOT NULL,
    after  TEXT NOT NULL
) STRICT;
CREATE TRIGGER watch_applications AFTER UPDATE OF state ON applications WHEN OLD.state <> NEW.state
BEGIN INSERT INTO watched (kind, row, before, after) VALUES ('application', NEW.id, OLD.state, NEW.state); END;
CREATE TRIGGER watch_requests AFTER UPDATE OF state ON requests WHEN OLD.state <> NEW.state
BEGIN INSERT INTO watched (kind, row, before, after) VALUES ('request', NEW.id, OLD.state, NEW.state); END;
CREATE TRIGGER watch_issuances AFTER UPDATE OF state ON issuances WHEN OLD.state <> NEW.state
BEGIN INSERT INTO watched (kind, row, before, after) VALUES ('issuance', NEW.request_id, OLD.state, NEW.state); END;
CREATE TRIGGER watch_passwords AFTER UPDATE OF state ON passwords WHEN OLD.state <> NEW.state
BEGIN INSERT INTO watched (kind, row, before, after) VALUES ('password', NEW.id, OLD.state, NEW.state); END;

-- The table whose INSERTs fail, if there is one.
CREATE TABLE refused (name TEXT NOT NULL) STRICT;
CREATE TRIGGER refuse_requests BEFORE INSERT ON requests WHEN EXISTS (SELECT 1 FROM refused WHERE name = 'requests')
BEGIN SELECT RAISE(ABORT, 'simulated'); END;
CREATE TRIGGER refuse_issuances BEFORE INSERT ON issuances WHEN EXISTS (SELECT 1 FROM refused WHERE name = 'issuances')
BEGIN SELECT RAISE(ABORT, 'simulated'); END;
CREATE TRIGGER refuse_certificates BEFORE INSERT ON certificates
WHEN EXISTS (SELECT 1 FROM refused WHERE name = 'certificates')
BEGIN SELECT RAISE(ABORT, 'simulated'); END;
CREATE TRIGGER refuse_sessions BEFORE INSERT ON sessions WHEN EXISTS (SELECT 1 FROM refused WHERE name = 'sessions')
BEGIN SELECT RAISE(ABORT, 'simulated'); END;
CREATE TRIGGER refuse_passwords BEFORE INSERT ON passwords WHEN EXISTS (SELECT 1 FROM refused WHERE name = 'passwords')
BEGIN SELECT RAISE(ABORT, 'simulated'); END;
CREATE TRIGGER refuse_messages BEFORE INSERT ON messages WHEN EXISTS (SELECT 1 FROM refused WHERE name = 'messages')
BEGIN SELECT RAISE(ABORT, 'simulated'); END;
CREATE TRIGGER refuse_revocation_lists BEFORE INSERT ON revocation_lists
WHEN EXISTS (SELECT 1 FROM refused WHERE name = 'revocation_lists')
BEGIN SELECT RAISE(ABORT, 'simulated'); END;
CREATE TRIGGER refuse_audit BEFORE INSERT ON audit WHEN EXISTS (SELECT 1 FROM refused WHERE name = 'audit')
BEGIN SELECT RAISE(ABORT, 'simulated'); END;
CREATE TRIGGER refuse_blocked_keys BEFORE INSERT ON blocked_keys
WHEN EXISTS (SELECT 1 FROM refused WHERE name = 'blocked_keys')
BEGIN SELECT RAISE(ABORT, 'simulated'); END;
CREATE TRIGGER refuse_authority_certificates BEFORE INSERT ON authority_certificates
WHEN EXISTS (SELECT 1 FROM refused WHERE name = 'authority_certificates')
BEGIN SELECT RAISE(ABORT, 'simulated'); END;
