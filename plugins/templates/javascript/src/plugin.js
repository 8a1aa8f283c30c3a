// A Purser connector for {{title}}: customers, what each used a day, and the names of products.
//
// A plugin has no network, clock or files. It says what to ask (`start`, `next`) and what an answer means (`map`,
// `products`); Purser asks, keeps every answer, and calls again. See `wit/v0.1/connector.wit`, the whole contract.

import { Mapped } from "../purser/columns.js";
import { again, broken, dayAfter, days, kept, step } from "../purser/crawl.js";
import { decimal, parse, records, required, text } from "../purser/exact.js";
import { ITEMS, describe } from "./manifest.js";

export const manifest = { describe };

export const crawl = {
  start(context, feed) {
    switch (feed) {
      case "customers":
        return step([kept("customers", {}, "customers", ITEMS)]);
      case "usage":
        // One partition a day: what a day's complete retrieval brings replaces what was stored of that day.
        return step(days(context.windowFrom, context.windowTo).map((day) => kept("usage", { day }, day, ITEMS)));
      case "products":
        return step([kept("products", { language: context.locale }, context.locale, ITEMS)]);
      default:
        throw noFeed(feed);
    }
  },

  next(_context, _feed, request, response) {
    switch (response.status) {
      case 200: {
        // The vendor names the next page, or nothing.
        const page = text(parse(response.envelope), "next");
        return page === "" ? step() : step([again(request, "page", page)]);
      }
      case 401:
      case 403:
        throw { tag: "needs-consent", val: "the key is refused · enter a new one" };
      case 429:
      case 503:
        throw { tag: "retry-later", val: 30 };
      default:
        return broken(`VENDOR-${response.status} the vendor refused the request · try again later`);
    }
  },
};

export const mapping = {
  map(context, page) {
    const all = records(context.framing, page);
    switch (context.feed) {
      case "customers":
        return Mapped.each(all, customer).pack();
      case "usage": {
        const free = freeProducts(context);
        return Mapped.each(all, (record) => purchase(record, free)).pack();
      }
      default:
        throw noFeed(context.feed);
    }
  },
};

export const localisation = {
  products(context, page) {
    const requested = context.run.locale;
    const found = { requested, answered: text(parse(context.envelope), "language") || requested, texts: [], rejected: [], facts: [] };
    records(context.framing, page).forEach((record, recordOrdinal) => {
      try {
        found.texts.push({ ...product(record), recordOrdinal });
      } catch (error) {
        found.rejected.push({ recordOrdinal, reason: error.message });
      }
    });
    return found;
  },
};

function customer(record) {
  const value = { name: text(record, "name"), domain: text(record, "domain") };
  return { fact: ["customer", required(record, "id"), value] };
}

/** Amounts and quantities cross as the text the vendor spelt: no number becomes a float. */
export function purchase(record, free) {
  const product = text(record, "product");
  if (free.includes(product)) return { ignored: "free-product" };
  const [service, day, currency] = [text(record, "service"), required(record, "day"), text(record, "currency")];
  const [quantity, cost] = [decimal(record, "hours"), decimal(record, "amount")];
  if (quantity === "" || cost === "") throw new Error(`${quantity === "" ? "hours" : "amount"} is missing`);
  return {
    purchase: {
      // What stays the same when the vendor restates: no price, no amount. Purser adds customer and day.
      reference: `${service}/${product}`,
      vendorCustomer: text(record, "customer"),
      productKey: product,
      productText: product,
      quantity,
      unit: "Hour",
      unitPrice: decimal(record, "price"),
      unitPriceCurrency: currency,
      cost,
      currency,
      start: `${day}T00:00:00Z`,
      end: `${dayAfter(day)}T00:00:00Z`,
      amount: "given",
      metadata: { service },
    },
  };
}

function product(record) {
  return {
    key: required(record, "id"),
    name: text(record, "name"),
    category: "",
    subcategory: "",
    unit: text(record, "unit"),
    region: "",
    currency: "",
    rates: [],
    includedQuantity: "",
  };
}

/** A setting: see the schema in `manifest.js`. */
function freeProducts(context) {
  const free = JSON.parse(context.run.settings)["free-products"];
  return Array.isArray(free) ? free : [];
}

function noFeed(name) {
  return { tag: "bug", val: `there is no feed ${name}` };
}
