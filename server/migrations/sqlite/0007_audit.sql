-- Each event says who, from where, with what outcome, which server tells it, and its number among that server's. `hash`
-- is a code under a key from here on; the first one covers the last hash of those before, which have none of this.
ALTER TABLE audit ADD COLUMN who TEXT;
ALTER TABLE audit ADD COLUMN origin TEXT;
ALTER TABLE audit ADD COLUMN outcome TEXT;
ALTER TABLE audit ADD COLUMN node TEXT;
ALTER TABLE audit ADD COLUMN sequence INTEGER;
CREATE UNIQUE INDEX audit_by_node ON audit (node, sequence);

CREATE TRIGGER audit_is_not_changed BEFORE UPDATE ON audit
    BEGIN SELECT RAISE(ABORT, 'the audit is only appended to'); END;
CREATE TRIGGER audit_is_not_shortened BEFORE DELETE ON audit
    BEGIN SELECT RAISE(ABORT, 'the audit is only appended to'); END;
CREATE TRIGGER audit_is_whole BEFORE INSERT ON audit
    WHEN NEW.who IS NULL OR NEW.origin IS NULL OR NEW.outcome IS NULL OR NEW.node IS NULL OR NEW.sequence IS NULL
    BEGIN SELECT RAISE(ABORT, 'an event says who, from where, with what outcome and by which server'); END;
