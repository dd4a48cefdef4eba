-- An operator's token is renewed: for a while the one before is good beside it.
ALTER TABLE operators
    ADD COLUMN earlier_hash    bytea,
    ADD COLUMN earlier_ends_at bigint;
CREATE UNIQUE INDEX operators_by_earlier_hash ON operators (earlier_hash) WHERE earlier_hash IS NOT NULL;
