-- The ledger. `key` is account, customer or subscription, day, then hash: neighbours in a run are neighbours here.

CREATE TABLE partitions (
    id         INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    account    INTEGER NOT NULL REFERENCES accounts (id),
    feed       TEXT NOT NULL,
    key        TEXT NOT NULL,
    month      TEXT NOT NULL,
    currency   TEXT NOT NULL,
    stage      INTEGER NOT NULL,
    run        INTEGER REFERENCES runs (id), -- that committed it last; none: not yet
    as_of      INTEGER, -- that run's
    raised     INTEGER NOT NULL DEFAULT 0, -- it was committed with a record, and so counts as one of its stage
    weight     TEXT NOT NULL, -- JSON: how much it contributes
    balance    TEXT NOT NULL, -- JSON, of the last commit
    keys_kept  INTEGER NOT NULL DEFAULT 0, -- the generation of `partition_keys` that counts
    CONSTRAINT partitions_name UNIQUE (account, feed, key, month, currency, stage)
) STRICT;

CREATE INDEX partitions_stages ON partitions (account, feed, month, currency, stage) WHERE month <> '';

-- The keys a partition contributes to, sorted, 32 bytes each, in chunks.
CREATE TABLE partition_keys (
    partition   INTEGER NOT NULL REFERENCES partitions (id),
    generation  INTEGER NOT NULL,
    first_key   BLOB NOT NULL,
    last_key    BLOB NOT NULL,
    count       INTEGER NOT NULL,
    keys        BLOB NOT NULL, -- zstd
    PRIMARY KEY (partition, generation, first_key)
) STRICT;

CREATE TABLE purchases (
    id               INTEGER PRIMARY KEY NOT NULL,
    key              BLOB NOT NULL,
    feed             TEXT NOT NULL,
    reference        TEXT NOT NULL,
    vendor_customer  TEXT NOT NULL,
    customer_code    TEXT,
    product_key      TEXT NOT NULL,
    product_text     TEXT NOT NULL,
    quantity         TEXT NOT NULL, -- canonical decimal
    unit             TEXT NOT NULL,
    cost             TEXT, -- canonical decimal
    currency         TEXT,
    starts           INTEGER NOT NULL, -- seconds; exact in `rest`
    state            TEXT NOT NULL,
    vendor_period    TEXT NOT NULL,
    booked_period    TEXT NOT NULL,
    revision         INTEGER NOT NULL,
    source_date      INTEGER NOT NULL,
    run              INTEGER NOT NULL, -- that made this revision
    committed_at     INTEGER NOT NULL,
    corrections      INTEGER NOT NULL, -- rows `reference#c1` … made of it
    origin           INTEGER, -- the partition of the only share, where the row is exactly that; none: see `shares`
    shares           BLOB, -- who contributes what, where the row does not say it itself
    rest             BLOB NOT NULL
) STRICT;

CREATE UNIQUE INDEX purchases_key ON purchases (key);

-- Former states, whole rows.
CREATE TABLE revisions (
    key              BLOB NOT NULL,
    revision         INTEGER NOT NULL,
    feed             TEXT NOT NULL,
    reference        TEXT NOT NULL,
    vendor_customer  TEXT NOT NULL,
    customer_code    TEXT,
    product_key      TEXT NOT NULL,
    product_text     TEXT NOT NULL,
    quantity         TEXT NOT NULL,
    unit             TEXT NOT NULL,
    cost             TEXT,
    currency         TEXT,
    starts           INTEGER NOT NULL,
    state            TEXT NOT NULL,
    vendor_period    TEXT NOT NULL,
    booked_period    TEXT NOT NULL,
    source_date      INTEGER NOT NULL,
    run              INTEGER NOT NULL,
    committed_at     INTEGER NOT NULL,
    rest             BLOB NOT NULL,
    PRIMARY KEY (key, revision)
) STRICT;

CREATE TABLE held_voids (
    key        BLOB NOT NULL,
    partition  INTEGER NOT NULL REFERENCES partitions (id),
    because    TEXT NOT NULL,
    run        INTEGER NOT NULL REFERENCES runs (id),
    PRIMARY KEY (key, partition)
) STRICT, WITHOUT ROWID;

CREATE INDEX held_voids_partition ON held_voids (partition);

CREATE TABLE rollups (
    account          INTEGER NOT NULL,
    feed             TEXT NOT NULL,
    vendor_customer  TEXT NOT NULL,
    day              TEXT NOT NULL,
    booked_period    TEXT NOT NULL,
    currency         TEXT NOT NULL,
    purchases        INTEGER NOT NULL,
    cost             TEXT NOT NULL, -- canonical decimal
    PRIMARY KEY (account, feed, vendor_customer, day, booked_period, currency)
) STRICT, WITHOUT ROWID;

CREATE INDEX rollups_day ON rollups (day);
