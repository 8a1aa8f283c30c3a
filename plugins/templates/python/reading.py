"""What the vendor's records say. Plain functions without the sandbox, so that `python3 -m unittest` can test them.

Every number keeps its own text: `1.50`, `1e3` and thirty digits stay what they are, where a plain `json.loads` would respell
or round one in ten.
"""

import json
import re
from datetime import date, timedelta

from columns import Ignored

_DECIMAL = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d{1,3})?")


def parse(text):
    """Parses a JSON text; every number becomes the text it was written with."""
    return json.loads(text, parse_float=str, parse_int=str)


def records(page):
    """The items of a page."""
    return parse(page.decode("utf-8", errors="replace")) if page.strip() else []


def text(record, name):
    """A member as text; nothing where there is none."""
    if not isinstance(record, dict):
        raise ValueError("not a JSON object")
    value = record.get(name)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise ValueError(f"{name} is no text")
    return value


def required(record, name):
    """A member as text that must be there."""
    value = text(record, name)
    if not value:
        raise ValueError(f"{name} is missing")
    return value


def decimal(record, name):
    """An exact decimal, from a number or a string that holds one; nothing where there is none."""
    value = text(record, name).strip()
    if value and not _DECIMAL.fullmatch(value):
        raise ValueError(f"{name} {value[:40]!r} is no number")
    return value


def days(first, after):
    """The days of a half-open range."""
    first, after = date.fromisoformat(first), date.fromisoformat(after)
    return [str(first + timedelta(days=n)) for n in range((after - first).days)]


def customer(record):
    """A fact that later feeds need."""
    return "customer", required(record, "id"), {"name": text(record, "name"), "domain": text(record, "domain")}


def purchase(record, free):
    """Amounts and quantities cross as the text the vendor spelt: no number becomes a float."""
    product = text(record, "product")
    if product in free:
        raise Ignored("free-product")
    service, currency = text(record, "service"), text(record, "currency")
    day = date.fromisoformat(required(record, "day"))
    for name in ("hours", "amount"):
        required(record, name)
    return {
        # What stays the same when the vendor restates: no price, no amount. Purser adds customer and day.
        "reference": f"{service}/{product}",
        "vendor_customer": text(record, "customer"),
        "product_key": product,
        "product_text": product,
        "quantity": decimal(record, "hours"),
        "unit": "Hour",
        "unit_price": decimal(record, "price"),
        "unit_price_currency": currency,
        "cost": decimal(record, "amount"),
        "currency": currency,
        "start": f"{day}T00:00:00Z",
        "end": f"{day + timedelta(days=1)}T00:00:00Z",
        "amount": "given",
        "metadata": {"service": service},
    }
