"""What Purser must know beforehand. Nothing outside this list is ever asked."""

import json

from wit_world.exports import manifest
from wit_world.exports.manifest import FeedKind, Partitioning
from wit_world.imports import types

# How a list falls into records.
ITEMS = types.Framing_JsonItems("/items")

# Purser draws the form from it.
SETTINGS = {
    "type": "object",
    "properties": {
        "free-products": {
            "type": "array",
            "items": {"type": "string"},
            "title": "Free products",
            "description": "Products that are never billed, by their ids",
            "default": ["trial"],
        }
    },
}


def describe():
    return manifest.Descriptor(
        id="{{name}}",
        version="0.1.0",
        title="{{title}}",
        publisher="You",
        extends=None,
        endpoints=[
            manifest.Endpoint(
                name="api",
                base_urls=[types.Pair("main", "https://api.{{name}}.example")],
                # The account's secret is put into this header by Purser; the plugin never sees it.
                auth=manifest.Auth_SecretHeader("x-api-key"),
            )
        ],
        calls=[
            call("customers", "/v1/customers", ["page"], "read your customers"),
            call("usage", "/v1/usage", ["day", "page"], "read what each customer used"),
            call("products", "/v1/products", ["language", "page"], "read the names of products"),
        ],
        download_hosts=[],
        feeds=[
            feed("customers", "Customers", FeedKind.FACTS, gives=["customer"]),
            feed(
                "usage",
                "Usage",
                FeedKind.PURCHASES,
                partitioning=Partitioning.SUBSCRIPTION_REPORTED_DAY,
                needs=["customer"],
                # Where an amount stands in one record: Purser counts and sums beside the plugin.
                amount=["/amount"],
                currency=["/currency"],
                quantity=["/hours"],
                customer=["/customer"],
            ),
            feed("products", "Products", FeedKind.TEXTS),
        ],
        coverage=[],
        consent=None,
        settings_schema=json.dumps(SETTINGS),
        locales=[manifest.Locale("en-US", "English (United States)")],
        default_locale="en-US",
    )


def call(name, path, query, purpose):
    return manifest.Call(name, "api", manifest.Method.GET, path, query, [], None, purpose)


def feed(name, title, kind, partitioning=Partitioning.SCOPE, **lists):
    empty = dict.fromkeys(("gives", "needs", "amount", "currency", "quantity", "unit", "customer"), [])
    return manifest.Feed(
        name=name,
        title=title,
        kind=kind,
        invoice=False,
        clouds=[],
        partitioning=partitioning,
        framing=ITEMS,
        **{**empty, **lists},
    )
