"""The result of a mapping, packed as the contract's `columns`: one run of UTF-8 strings, each ended by U+0000, and the
numbers that vary.

Invariant: the packed counts always match the packed strings, whatever the values hold: U+0000, which ends a string, is
replaced by U+FFFD inside one, and so is half a surrogate pair.
"""

import json

# The strings of a purchase, in the contract's order.
FIELDS = (
    "reference",
    "vendor_customer",
    "vendor_subscription",
    "product_key",
    "product_text",
    "category",
    "quantity",
    "unit",
    "unit_price",
    "unit_price_currency",
    "cost",
    "currency",
    "exchange_rate",
    "start",
    "end",
    "amount",
    "tier_group",
    "tier_key",
)


class Ignored(Exception):
    """A record that is meant not to become a purchase; the text is the rule."""


class Mapped:
    """What became of every record of a page."""

    def __init__(self):
        self._purchases, self._ignored, self._rejected, self._facts = [], {}, [], []

    @classmethod
    def each(cls, records, read):
        """Reads each record by itself. `read` gives a purchase's fields or a fact (kind, key, value), or raises `Ignored`;
        what else it raises is the reason the record is set aside by, and the others are read."""
        mapped = cls()
        for ordinal, record in enumerate(records):
            try:
                became = read(record)
            except Ignored as rule:
                mapped.ignore(str(rule), ordinal)
            except Exception as reason:
                mapped.reject(ordinal, str(reason))
            else:
                if isinstance(became, tuple):
                    mapped.fact(*became)
                    mapped.ignore("fact", ordinal)
                else:
                    mapped.purchase(became, [ordinal])
        return mapped

    def purchase(self, fields, records):
        """Takes a purchase: the fields it has as text, and the ordinals of the records it was read from."""
        self._purchases.append((fields, records))

    def ignore(self, rule, record):
        """Sets a record aside by a rule: it is meant not to become a purchase."""
        self._ignored.setdefault(rule, []).append(record)

    def reject(self, record, reason):
        """Sets a record aside that cannot be read."""
        self._rejected.append((record, reason))

    def fact(self, kind, key, value):
        """Says something later feeds need; `value` becomes JSON."""
        self._facts.append((kind, key, json.dumps(value)))

    def pack(self):
        """Text and counts, as they cross the sandbox's border."""
        strings, counts = [], [len(self._purchases)]
        for fields, records in self._purchases:
            metadata = [(name, text) for name, text in fields.get("metadata", {}).items() if text]
            strings += [fields.get(name, "none" if name == "amount" else "") for name in FIELDS]
            strings += [text for pair in metadata for text in pair]
            counts += [len(metadata), len(records), *records]
        counts.append(len(self._ignored))
        for rule, records in self._ignored.items():
            strings.append(rule)
            counts += [len(records), *records]
        counts.append(len(self._rejected))
        for record, reason in self._rejected:
            strings.append(reason)
            counts.append(record)
        counts.append(len(self._facts))
        strings += [text for fact in self._facts for text in fact]
        # One encoding for the whole page: string by string is what costs.
        joined = "".join(text.replace("\0", "\ufffd") + "\0" for text in strings)
        return joined.encode("utf-8", errors="replace"), counts
