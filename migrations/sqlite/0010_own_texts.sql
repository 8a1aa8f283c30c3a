-- Words an operator has given a product. Every state is kept; the newest of a product and locale counts.

CREATE TABLE own_texts (
    id          INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    account     INTEGER NOT NULL REFERENCES accounts (id),
    key         TEXT NOT NULL, -- lower case
    locale      TEXT NOT NULL,
    name        TEXT, -- none: the vendor's words again
    category    TEXT NOT NULL,
    unit        TEXT NOT NULL,
    changed_by  TEXT NOT NULL,
    changed_at  INTEGER NOT NULL
) STRICT;

CREATE INDEX own_texts_key ON own_texts (account, key, locale, id);
