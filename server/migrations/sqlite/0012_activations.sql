-- The code that was handed over with an application, and whether it was entered.
CREATE TABLE activations (
    application_id  BLOB    NOT NULL PRIMARY KEY REFERENCES applications (id),
    -- Keyed, and of this application: a copy of the database has no code in it.
    code_hash       BLOB    NOT NULL,
    tries_left      INTEGER NOT NULL,
    made_by         TEXT    NOT NULL,
    made_at         INTEGER NOT NULL,
    -- The phone that the application had when the code was entered; another phone has to bring another code.
    activated_phone TEXT,
    activated_at    INTEGER
) STRICT;
