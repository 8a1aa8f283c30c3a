-- Access: API tokens, who signs in how, one-time password links, and where an act came from.

-- Each person's sign-ins belong to a generation; a session or token of an older one opens nothing. Never reused, so
-- that a person removed and added again does not inherit what the former one left open.
CREATE TABLE generations (
    one     INTEGER PRIMARY KEY NOT NULL CHECK (one = 1),
    newest  INTEGER NOT NULL
) STRICT;

INSERT INTO generations (one, newest) VALUES (1, 1);

ALTER TABLE users ADD COLUMN generation INTEGER NOT NULL DEFAULT 0;
ALTER TABLE users ADD COLUMN disabled INTEGER NOT NULL DEFAULT 0;
-- Who vouches for a person without a password here, and by what name there.
ALTER TABLE users ADD COLUMN issuer TEXT;
ALTER TABLE users ADD COLUMN subject TEXT;

CREATE UNIQUE INDEX users_by_identity ON users (issuer, subject) WHERE issuer IS NOT NULL;

CREATE TABLE password_links (
    folded_name  TEXT PRIMARY KEY NOT NULL REFERENCES users (folded_name) ON DELETE CASCADE,
    token_hash   BLOB NOT NULL UNIQUE,
    expires_at   INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE api_tokens (
    id            INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    token_hash    BLOB NOT NULL UNIQUE,
    name          TEXT NOT NULL,
    owner         TEXT,          -- a user's name in lower case; none: a service's
    role          TEXT NOT NULL,
    scopes        TEXT NOT NULL, -- JSON
    created_by    TEXT NOT NULL,
    created_at    INTEGER NOT NULL,
    expires_at    INTEGER NOT NULL,
    last_used_at  INTEGER,
    revoked_at    INTEGER
) STRICT;

CREATE INDEX api_tokens_by_owner ON api_tokens (owner);

ALTER TABLE audit ADD COLUMN means TEXT NOT NULL DEFAULT '';
ALTER TABLE audit ADD COLUMN address TEXT NOT NULL DEFAULT '';
ALTER TABLE audit ADD COLUMN account INTEGER GENERATED ALWAYS AS (json_extract(detail, '$.account')) VIRTUAL;

CREATE INDEX audit_by_account ON audit (account, id);
