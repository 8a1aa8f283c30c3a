-- What a run sent: where, and what came of it. Never a header, a query, a body or a token; of a download no path
-- either, since an address that the vendor made may bear its secret there. The first and the last thousand are kept.
CREATE TABLE sent (
    run        INTEGER NOT NULL REFERENCES runs (id),
    number     INTEGER NOT NULL, -- in the order they were noted
    at         INTEGER NOT NULL,
    call       TEXT NOT NULL,    -- empty: a download
    method     TEXT NOT NULL,    -- empty: it was refused before it could be sent
    host       TEXT NOT NULL,
    path       TEXT NOT NULL,
    status     INTEGER,
    code       TEXT NOT NULL,    -- of the trouble; empty: none
    bytes      INTEGER NOT NULL,
    attempts   INTEGER NOT NULL,
    millis     INTEGER NOT NULL,
    request_id TEXT NOT NULL,
    PRIMARY KEY (run, number)
) STRICT, WITHOUT ROWID;
