-- What the host prices: products by billing cycle, and the rates each was first priced with.

CREATE TABLE tier_keys (
    account            INTEGER NOT NULL REFERENCES accounts (id),
    feed               TEXT NOT NULL,
    tier_group         TEXT NOT NULL, -- a subscription's billing cycle
    tier_key           TEXT NOT NULL, -- lower case: that of `texts`
    first_key          BLOB NOT NULL, -- its Purchases lie between these keys of the ledger
    last_key           BLOB NOT NULL,
    stale              INTEGER NOT NULL, -- its contributions have changed since it was priced, if ever it was
    changed_by         INTEGER NOT NULL REFERENCES runs (id), -- the run that changed them last
    -- Pinned when it is first priced: a later rate card does not move a running cycle.
    currency           TEXT,
    rates              TEXT, -- JSON: pairs of canonical decimals
    included_quantity  TEXT,
    partition          INTEGER REFERENCES partitions (id), -- the rate card
    run                INTEGER REFERENCES runs (id), -- that retrieved it
    PRIMARY KEY (account, feed, tier_group, tier_key)
) STRICT, WITHOUT ROWID;

CREATE INDEX tier_keys_stale ON tier_keys (account, feed, tier_group, tier_key) WHERE stale;
