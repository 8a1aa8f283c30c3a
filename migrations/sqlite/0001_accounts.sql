-- Accounts, their settings, their grants, and consent under way.
-- Instants are nanoseconds since 1970 UTC everywhere in this database, unless a column says otherwise.

CREATE TABLE accounts (
    id          INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    connector   TEXT NOT NULL,
    cloud       TEXT NOT NULL,
    tenant      TEXT NOT NULL,
    title       TEXT NOT NULL,
    state       TEXT NOT NULL, -- JSON: state and reason
    created_at  INTEGER NOT NULL,
    CONSTRAINT accounts_tenant UNIQUE (connector, cloud, tenant)
) STRICT;

CREATE TABLE settings (
    account     INTEGER NOT NULL REFERENCES accounts (id),
    revision    INTEGER NOT NULL,
    host        TEXT NOT NULL, -- JSON
    plugin      TEXT NOT NULL, -- JSON, the plugin's own
    changed_by  TEXT NOT NULL,
    changed_at  INTEGER NOT NULL,
    PRIMARY KEY (account, revision)
) STRICT, WITHOUT ROWID;

CREATE TABLE grants (
    account       INTEGER PRIMARY KEY NOT NULL REFERENCES accounts (id),
    sealed        BLOB NOT NULL,
    key_version   INTEGER NOT NULL,
    user_name     TEXT NOT NULL,
    user_id       TEXT NOT NULL,
    consented_at  INTEGER NOT NULL,
    refreshed_at  INTEGER NOT NULL,
    version       INTEGER NOT NULL
) STRICT;

CREATE TABLE flows (
    handle_hash   BLOB PRIMARY KEY NOT NULL,
    session_hash  BLOB NOT NULL,
    sealed        BLOB NOT NULL,
    expires_at    INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE probes (
    account     INTEGER NOT NULL REFERENCES accounts (id),
    position    INTEGER NOT NULL,
    name        TEXT NOT NULL,
    capability  TEXT NOT NULL,
    verdict     TEXT NOT NULL,
    code        TEXT NOT NULL,
    remedy      TEXT NOT NULL,
    evidence    TEXT NOT NULL,
    needed      INTEGER NOT NULL,
    probed_at   INTEGER NOT NULL,
    PRIMARY KEY (account, position)
) STRICT, WITHOUT ROWID;
