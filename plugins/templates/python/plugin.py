"""A Purser connector for {{title}}: customers, what each used a day, and the names of products.

A plugin has no network, clock or files. It says what to ask (`start`, `next`) and what an answer means (`map`, `products`);
Purser asks, keeps every answer, and calls again. See `wit/v0.1/connector.wit`, the whole contract.
"""

import json
from dataclasses import replace

from componentize_py_types import Err
from wit_world import exports
from wit_world.exports import crawl, localisation, mapping
from wit_world.imports import types

import manifest
import reading
from columns import Mapped


class Manifest(exports.Manifest):
    def describe(self):
        return manifest.describe()


class Crawl(exports.Crawl):
    def start(self, ctx, feed, facts):
        if feed == "customers":
            return step(kept("customers", {}, "customers"))
        if feed == "usage":
            # One partition a day: what a day's complete retrieval brings replaces what was stored of that day.
            return step(*(kept("usage", {"day": day}, day) for day in reading.days(ctx.window_from, ctx.window_to)))
        if feed == "products":
            return step(kept("products", {"language": ctx.locale}, ctx.locale))
        raise no_feed(feed)

    def next(self, ctx, feed, request, response):
        if response.status == 200:
            # The vendor names the next page, or nothing.
            page = reading.text(reading.parse(response.envelope), "next")
            return step(again(request, "page", page)) if page else step()
        if response.status in (401, 403):
            raise Err(types.Problem_NeedsConsent("the key is refused · enter a new one"))
        if response.status in (429, 503):
            raise Err(types.Problem_RetryLater(30))
        words = f"VENDOR-{response.status} the vendor refused the request · try again later"
        return replace(step(), incomplete=crawl.Incompleteness_Broken(words))


class Mapping(exports.Mapping):
    def map(self, ctx, page):
        records = reading.records(page)
        if ctx.feed == "customers":
            mapped = Mapped.each(records, reading.customer)
        elif ctx.feed == "usage":
            free = free_products(ctx)
            mapped = Mapped.each(records, lambda record: reading.purchase(record, free))
        else:
            raise no_feed(ctx.feed)
        return mapping.Columns(*mapped.pack())


class Localisation(exports.Localisation):
    def products(self, ctx, page):
        asked = ctx.run.locale
        answered = reading.text(reading.parse(ctx.envelope), "language") or asked
        found = localisation.Localised(asked, answered, [], [], [])
        for ordinal, record in enumerate(reading.records(page)):
            try:
                found.texts.append(product(record, ordinal))
            except ValueError as reason:
                found.rejected.append(localisation.Rejection(ordinal, str(reason)))
        return found


def product(record, ordinal):
    key, name, unit = (reading.text(record, member) for member in ("id", "name", "unit"))
    return localisation.ProductText(key, name, "", "", unit, "", "", [], "", ordinal)


def free_products(ctx):
    """A setting: see the schema in `manifest.py`."""
    free = json.loads(ctx.run.settings).get("free-products")
    return free if isinstance(free, list) else []


def kept(call, query, key):
    """A listed call whose answer is kept in the partition of this key."""
    target = crawl.Target_Call(crawl.CallTarget(call, [], pairs(query)))
    partition = crawl.Partition(key, "", "", 0, [], "")
    return crawl.Request(target, [], None, partition, manifest.ITEMS, 0, "")


def again(request, name, value):
    """The same request with another value in its query."""
    call = request.target.value
    query = [pair for pair in call.query if pair.name != name] + pairs({name: value})
    return replace(request, target=crawl.Target_Call(replace(call, query=query)))


def step(*requests):
    """A step that asks these next; none: this way is walked to its end."""
    return crawl.Step(list(requests), [], None)


def pairs(values):
    return [types.Pair(name, value) for name, value in values.items()]


def no_feed(name):
    return Err(types.Problem_Bug(f"there is no feed {name}"))
