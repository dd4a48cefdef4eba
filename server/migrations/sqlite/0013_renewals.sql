-- Renewals: by which certificate's key the holder of a request was identified, and what was signed to that end.

CREATE INDEX applications_by_replaced ON applications (replaces) WHERE replaces IS NOT NULL;

ALTER TABLE requests ADD COLUMN vouched_by BLOB;
ALTER TABLE requests ADD COLUMN proof_nonce BLOB;
ALTER TABLE requests ADD COLUMN proof BLOB;
