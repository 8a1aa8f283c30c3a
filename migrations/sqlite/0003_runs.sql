-- Runs, their frontier of requests, the pages they brought, and facts.

CREATE TABLE runs (
    id                 INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    account            INTEGER NOT NULL REFERENCES accounts (id),
    cause              TEXT NOT NULL, -- the trigger
    occurrence         TEXT,
    as_of              INTEGER NOT NULL,
    local_date         TEXT NOT NULL,
    window_from        TEXT NOT NULL,
    window_to          TEXT NOT NULL,
    settings_revision  INTEGER NOT NULL,
    digest             BLOB NOT NULL, -- plugin version
    state              TEXT NOT NULL,
    attempt            INTEGER NOT NULL DEFAULT 0, -- the fencing number
    lease_until        INTEGER,
    requested_at       INTEGER NOT NULL,
    started_at         INTEGER,
    visible_at         INTEGER,
    finished_at        INTEGER,
    cancel_asked       INTEGER NOT NULL DEFAULT 0,
    next_request       INTEGER NOT NULL DEFAULT 1,
    report             TEXT NOT NULL DEFAULT 'null' -- JSON
) STRICT;

CREATE UNIQUE INDEX runs_occurrence ON runs (account, occurrence) WHERE occurrence IS NOT NULL;
-- One run of an account at work at a time.
CREATE UNIQUE INDEX runs_active ON runs (account) WHERE state = 'running';
CREATE INDEX runs_queued ON runs (id) WHERE state = 'queued';

CREATE TABLE run_log (
    id     INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    run    INTEGER NOT NULL REFERENCES runs (id),
    at     INTEGER NOT NULL,
    level  TEXT NOT NULL,
    code   TEXT NOT NULL,
    text   TEXT NOT NULL
) STRICT;

CREATE INDEX run_log_run ON run_log (run, id);

CREATE TABLE feed_batches (
    run    INTEGER NOT NULL REFERENCES runs (id),
    feed   TEXT NOT NULL,
    batch  INTEGER NOT NULL,
    PRIMARY KEY (run, feed, batch)
) STRICT, WITHOUT ROWID;

-- What a run works on. The partition as it stands in the ledger is in `partitions`.
CREATE TABLE run_partitions (
    id             INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    run            INTEGER NOT NULL REFERENCES runs (id),
    feed           TEXT NOT NULL,
    key            TEXT NOT NULL,
    month          TEXT NOT NULL,
    currency       TEXT NOT NULL,
    stage          INTEGER NOT NULL,
    first_request  INTEGER NOT NULL,
    open_requests  INTEGER NOT NULL DEFAULT 0,
    incomplete     TEXT, -- why it must not replace what is stored
    state          TEXT NOT NULL DEFAULT 'open', -- open, committed, abandoned
    report         TEXT, -- JSON, of the commit
    CONSTRAINT run_partitions_name UNIQUE (run, feed, key, month, currency, stage)
) STRICT;

CREATE INDEX run_partitions_ready ON run_partitions (run, first_request) WHERE state = 'open' AND open_requests = 0;

CREATE TABLE requests (
    run          INTEGER NOT NULL REFERENCES runs (id),
    number       INTEGER NOT NULL,
    feed         TEXT NOT NULL,
    partition    INTEGER REFERENCES run_partitions (id),
    body         TEXT NOT NULL, -- JSON, the pipeline's
    not_before   INTEGER,
    retries      INTEGER NOT NULL DEFAULT 0,
    done         INTEGER NOT NULL DEFAULT 0,
    body_digest  BLOB, -- of the kept answer
    PRIMARY KEY (run, number)
) STRICT, WITHOUT ROWID;

CREATE INDEX requests_waiting ON requests (run, number) WHERE done = 0;
CREATE INDEX requests_bodies ON requests (partition, body_digest) WHERE body_digest IS NOT NULL;

-- Raw pages, verbatim, compressed; one of each per account.
CREATE TABLE pages (
    id       INTEGER PRIMARY KEY NOT NULL,
    account  INTEGER NOT NULL REFERENCES accounts (id),
    digest   BLOB NOT NULL,
    length   INTEGER NOT NULL,
    zstd     BLOB NOT NULL,
    CONSTRAINT pages_digest UNIQUE (account, digest)
) STRICT;

-- One reading of a page: by which request, with which context, and what became of its records.
CREATE TABLE page_reads (
    id          INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    run         INTEGER NOT NULL REFERENCES runs (id),
    request     INTEGER NOT NULL,
    number      INTEGER NOT NULL,
    partition   INTEGER REFERENCES run_partitions (id),
    account     INTEGER NOT NULL,
    digest      BLOB NOT NULL,
    context     TEXT NOT NULL, -- JSON
    balance     TEXT NOT NULL, -- JSON
    rejections  TEXT NOT NULL, -- JSON
    CONSTRAINT page_reads_place UNIQUE (run, request, number)
) STRICT;

CREATE INDEX page_reads_digest ON page_reads (account, digest);
CREATE INDEX page_reads_partition ON page_reads (partition);

-- What the readings said, in sorted chunks, until the partition is committed. Nobody but the commit reads it.
CREATE TABLE staged (
    id         INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    read       INTEGER NOT NULL REFERENCES page_reads (id) ON DELETE CASCADE,
    partition  INTEGER NOT NULL REFERENCES run_partitions (id),
    first_key  BLOB NOT NULL,
    last_key   BLOB NOT NULL,
    length     INTEGER NOT NULL, -- bytes once unpacked
    data       BLOB NOT NULL
) STRICT;

CREATE INDEX staged_partition ON staged (partition, first_key);
CREATE INDEX staged_read ON staged (read);

CREATE TABLE staged_texts (
    read       INTEGER PRIMARY KEY NOT NULL REFERENCES page_reads (id) ON DELETE CASCADE,
    partition  INTEGER NOT NULL REFERENCES run_partitions (id),
    texts      TEXT NOT NULL -- JSON
) STRICT;

CREATE INDEX staged_texts_partition ON staged_texts (partition);

-- The newest value per run; a finished run drops what older ones brought and it brought anew.
CREATE TABLE facts (
    account  INTEGER NOT NULL REFERENCES accounts (id),
    kind     TEXT NOT NULL,
    key      TEXT NOT NULL,
    run      INTEGER NOT NULL REFERENCES runs (id),
    value    TEXT NOT NULL, -- JSON
    PRIMARY KEY (account, kind, key, run)
) STRICT, WITHOUT ROWID;

CREATE INDEX facts_run ON facts (run, kind, key);
