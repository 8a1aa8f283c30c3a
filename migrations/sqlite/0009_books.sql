-- What holds for all Purchases of an account: whose customer is whose, and which booked periods are closed.

-- Every state a row of the mapping ever had; the newest of a customer and day counts.
CREATE TABLE customer_mappings (
    id               INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    account          INTEGER NOT NULL REFERENCES accounts (id),
    vendor_customer  TEXT NOT NULL, -- in lower case
    from_day         TEXT NOT NULL,
    target           TEXT, -- JSON; none: the row was removed
    changed_by       TEXT NOT NULL,
    changed_at       INTEGER NOT NULL
) STRICT;

CREATE INDEX customer_mappings_row ON customer_mappings (account, vendor_customer, from_day, id);

-- Our own customers, as the billing system has told: what a vendor's customer may be is suggested from them.
CREATE TABLE known_customers (
    code             TEXT NOT NULL PRIMARY KEY,
    name             TEXT NOT NULL,
    domain           TEXT NOT NULL,
    vendor_customer  TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE closed_periods (
    account    INTEGER NOT NULL REFERENCES accounts (id),
    month      TEXT NOT NULL,
    closed_by  TEXT NOT NULL,
    closed_at  INTEGER NOT NULL,
    PRIMARY KEY (account, month)
) STRICT, WITHOUT ROWID;

-- Purchases that wait for a customer: few, where the mapping is kept.
CREATE INDEX purchases_unmapped ON purchases (key) WHERE customer_code IS NULL;

-- Answers with records that were set aside.
CREATE INDEX page_reads_rejected ON page_reads (account, id) WHERE rejections <> '[]';
