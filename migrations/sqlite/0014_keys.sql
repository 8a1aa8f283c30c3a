-- The key-encryption keys that have been used with this database: never a key, only what tells whether one is the right
-- one. A retired key seals nothing any more, and nothing may be sealed by it again.
CREATE TABLE keys (
    version       INTEGER PRIMARY KEY NOT NULL,
    check_value   BLOB NOT NULL,
    first_used_at INTEGER NOT NULL,
    retired_at    INTEGER
) STRICT;
