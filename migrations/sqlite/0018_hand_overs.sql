-- Consents that somebody without an account here gives: the one-time link, what was answered, how it ended. The link's
-- token is stored nowhere, only its hash.

CREATE TABLE hand_overs (
    id          INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    link_hash   BLOB NOT NULL UNIQUE,
    connector   TEXT NOT NULL,
    cloud       TEXT NOT NULL,
    account     INTEGER,       -- whose consent is to be renewed; none: a new connection
    made_by     TEXT NOT NULL,
    made_at     INTEGER NOT NULL,
    expires_at  INTEGER NOT NULL,
    stage       TEXT NOT NULL, -- open, answered, accepted, rejected, withdrawn or expired
    answer      TEXT,          -- JSON: who signed in, and what the trial said
    settled_by  TEXT,
    settled_at  INTEGER
) STRICT;

CREATE INDEX hand_overs_waiting ON hand_overs (id) WHERE stage IN ('open', 'answered');

-- Grants that nothing uses before somebody here has accepted them.
CREATE TABLE pending_grants (
    hand_over    INTEGER PRIMARY KEY NOT NULL REFERENCES hand_overs (id),
    account      INTEGER NOT NULL REFERENCES accounts (id),
    sealed       BLOB NOT NULL,
    key_version  INTEGER NOT NULL
) STRICT;

CREATE INDEX pending_grants_by_account ON pending_grants (account);
