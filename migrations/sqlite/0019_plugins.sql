-- Plugin versions, who plays which role, and what each connector's plugins may ask.

-- A run is pinned to one version a role; before this, one version played all.
ALTER TABLE runs ADD COLUMN mapping BLOB NOT NULL DEFAULT x'';
ALTER TABLE runs ADD COLUMN localisation BLOB NOT NULL DEFAULT x'';
UPDATE runs SET mapping = digest, localisation = digest;

-- Installed versions. Their bytes are files, named by digest.
CREATE TABLE plugin_versions (
    digest        BLOB PRIMARY KEY NOT NULL,
    connector     TEXT NOT NULL, -- whose roles it plays
    plugin        TEXT NOT NULL, -- its own id: the connector's, or another where it extends one
    version       TEXT NOT NULL,
    title         TEXT NOT NULL,
    publisher     TEXT NOT NULL,
    roles         TEXT NOT NULL, -- JSON
    asks          TEXT NOT NULL, -- JSON
    source        TEXT NOT NULL,
    installed_at  INTEGER NOT NULL,
    installed_by  TEXT NOT NULL,
    barred        TEXT -- why it must not be activated
) STRICT, WITHOUT ROWID;

CREATE INDEX plugin_versions_connector ON plugin_versions (connector);

CREATE TABLE plugin_pins (
    connector  TEXT NOT NULL,
    role       TEXT NOT NULL,
    digest     BLOB NOT NULL REFERENCES plugin_versions (digest),
    PRIMARY KEY (connector, role)
) STRICT, WITHOUT ROWID;

CREATE TABLE plugin_changes (
    id         INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    connector  TEXT NOT NULL,
    role       TEXT NOT NULL,
    former     BLOB, -- none: nobody played it
    digest     BLOB NOT NULL,
    cause      TEXT NOT NULL,
    at         INTEGER NOT NULL,
    who        TEXT NOT NULL
) STRICT;

CREATE INDEX plugin_changes_role ON plugin_changes (connector, role, id);

-- What an operator has allowed a connector's plugins to ask, in the words it was shown in.
CREATE TABLE plugin_grants (
    connector  TEXT NOT NULL,
    ask        TEXT NOT NULL,
    at         INTEGER NOT NULL,
    who        TEXT NOT NULL,
    PRIMARY KEY (connector, ask)
) STRICT, WITHOUT ROWID;
