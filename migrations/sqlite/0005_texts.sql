-- Product texts, and which products Purchases name.

CREATE TABLE texts (
    id                 INTEGER PRIMARY KEY NOT NULL,
    account            INTEGER NOT NULL REFERENCES accounts (id),
    partition          INTEGER NOT NULL REFERENCES partitions (id),
    key                TEXT NOT NULL, -- lower case
    locale             TEXT NOT NULL,
    requested          TEXT NOT NULL,
    name               TEXT NOT NULL,
    category           TEXT NOT NULL,
    subcategory        TEXT NOT NULL,
    unit               TEXT NOT NULL,
    region             TEXT NOT NULL,
    currency           TEXT NOT NULL,
    rates              TEXT NOT NULL, -- JSON: pairs of canonical decimals
    included_quantity  TEXT
) STRICT;

CREATE INDEX texts_key ON texts (account, key, locale);
CREATE INDEX texts_partition ON texts (partition);

CREATE TABLE named_products (
    account  INTEGER NOT NULL,
    key      TEXT NOT NULL, -- lower case
    PRIMARY KEY (account, key)
) STRICT, WITHOUT ROWID;
