-- What speaks for the bytes of plugin versions. It stays where a version is removed, as its bytes do.

-- The text of a signature file, checked each time the bytes are loaded.
CREATE TABLE plugin_signatures (
    digest     BLOB NOT NULL,
    key_id     TEXT NOT NULL, -- of the key that made it
    signature  TEXT NOT NULL,
    PRIMARY KEY (digest, key_id)
) STRICT, WITHOUT ROWID;

-- Bytes that came with a Purser.
CREATE TABLE plugin_bundled (
    digest  BLOB PRIMARY KEY NOT NULL
) STRICT, WITHOUT ROWID;

INSERT INTO plugin_bundled (digest)
SELECT digest FROM plugin_versions WHERE source = 'bundled' AND installed_by = 'Purser';
