-- What is wrong with an account's consent, or soon will be: told once, told again by stages, resolved by itself. Of a
-- subject at most one is open; the resolved ones tell what was.
CREATE TABLE notices (
    id               INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    account          INTEGER NOT NULL REFERENCES accounts (id),
    subject          TEXT NOT NULL,
    code             TEXT NOT NULL,
    level            TEXT NOT NULL,
    what             TEXT NOT NULL,
    remedy           TEXT NOT NULL,
    stage            INTEGER NOT NULL,
    raised_at        INTEGER NOT NULL,
    told_at          INTEGER NOT NULL, -- raised, or last reminded of
    acknowledged_by  TEXT,             -- and not reminded of since
    acknowledged_at  INTEGER,
    resolved_at      INTEGER,
    CHECK ((acknowledged_by IS NULL) = (acknowledged_at IS NULL))
) STRICT;

CREATE UNIQUE INDEX notices_open ON notices (account, subject) WHERE resolved_at IS NULL;
CREATE INDEX notices_resolved ON notices (account, resolved_at) WHERE resolved_at IS NOT NULL;
