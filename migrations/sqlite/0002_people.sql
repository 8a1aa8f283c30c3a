-- Operators: users, sessions, the one-time set-up link, the audit trail.

CREATE TABLE users (
    folded_name    TEXT PRIMARY KEY NOT NULL, -- the name in lower case: unique without case
    name           TEXT NOT NULL,
    password_hash  TEXT NOT NULL,
    role           TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE setup_token (
    one         INTEGER PRIMARY KEY NOT NULL CHECK (one = 1),
    token_hash  BLOB NOT NULL,
    expires_at  INTEGER NOT NULL
) STRICT;

CREATE TABLE sessions (
    id_hash     BLOB PRIMARY KEY NOT NULL,
    data        BLOB NOT NULL,
    expires_at  INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE audit (
    id      INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    at      INTEGER NOT NULL,
    who     TEXT NOT NULL,
    what    TEXT NOT NULL,
    detail  TEXT NOT NULL -- JSON
) STRICT;

CREATE TRIGGER audit_is_never_changed BEFORE UPDATE ON audit
BEGIN
    SELECT RAISE(ABORT, 'the audit trail is append-only');
END;

CREATE TRIGGER audit_is_never_removed BEFORE DELETE ON audit
BEGIN
    SELECT RAISE(ABORT, 'the audit trail is append-only');
END;
