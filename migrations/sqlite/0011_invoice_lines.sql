-- Lines of the vendor's invoices that another feed bills: what its Purchases are reconciled with.

CREATE TABLE staged_lines (
    read       INTEGER PRIMARY KEY NOT NULL REFERENCES page_reads (id) ON DELETE CASCADE,
    partition  INTEGER NOT NULL REFERENCES run_partitions (id),
    lines      TEXT NOT NULL -- JSON
) STRICT;

CREATE INDEX staged_lines_partition ON staged_lines (partition);

-- Of each committed partition, replaced with it.
CREATE TABLE invoice_lines (
    id                   INTEGER PRIMARY KEY NOT NULL,
    account              INTEGER NOT NULL REFERENCES accounts (id),
    partition            INTEGER NOT NULL REFERENCES partitions (id),
    month                TEXT NOT NULL, -- the vendor's
    billed_by            TEXT NOT NULL, -- the feed
    rule                 TEXT NOT NULL,
    vendor_customer      TEXT NOT NULL,
    vendor_subscription  TEXT NOT NULL,
    product_key          TEXT NOT NULL,
    product_text         TEXT NOT NULL,
    quantity             TEXT NOT NULL, -- canonical decimal
    unit                 TEXT NOT NULL,
    cost                 TEXT NOT NULL, -- canonical decimal
    currency             TEXT NOT NULL,
    starts               TEXT NOT NULL, -- RFC 3339, UTC
    ends                 TEXT NOT NULL
) STRICT;

CREATE INDEX invoice_lines_partition ON invoice_lines (partition);
CREATE INDEX invoice_lines_month ON invoice_lines (account, month);
