// What Purser must know beforehand. Nothing outside this list is ever asked.

import { pairs } from "../purser/crawl.js";

/** How a list falls into records. */
export const ITEMS = { tag: "json-items", val: "/items" };

export function describe() {
  return {
    id: "{{name}}",
    version: "0.1.0",
    title: "{{title}}",
    publisher: "You",
    extends: undefined,
    endpoints: [
      {
        name: "api",
        baseUrls: pairs({ main: "https://api.{{name}}.example" }),
        // The account's secret is put into this header by Purser; the plugin never sees it.
        auth: { tag: "secret-header", val: "x-api-key" },
      },
    ],
    calls: [
      call("customers", "/v1/customers", ["page"], "read your customers"),
      call("usage", "/v1/usage", ["day", "page"], "read what each customer used"),
      call("products", "/v1/products", ["language", "page"], "read the names of products"),
    ],
    downloadHosts: [],
    feeds: [
      { ...feed("customers", "Customers", "facts"), gives: ["customer"] },
      {
        ...feed("usage", "Usage", "purchases"),
        partitioning: "subscription-reported-day",
        needs: ["customer"],
        // Where an amount stands in one record: Purser counts and sums beside the plugin.
        amount: ["/amount"],
        currency: ["/currency"],
        quantity: ["/hours"],
        customer: ["/customer"],
      },
      feed("products", "Products", "texts"),
    ],
    coverage: [],
    consent: undefined,
    settingsSchema: JSON.stringify(SETTINGS),
    locales: [{ tag: "en-US", title: "English (United States)" }],
    defaultLocale: "en-US",
  };
}

/** Purser draws the form from it. */
const SETTINGS = {
  type: "object",
  properties: {
    "free-products": {
      type: "array",
      items: { type: "string" },
      title: "Free products",
      description: "Products that are never billed, by their ids",
      default: ["trial"],
    },
  },
};

function call(name, path, query, purpose) {
  return { name, endpoint: "api", method: "get", path, query, headers: [], perMinute: undefined, purpose };
}

function feed(name, title, kind) {
  return {
    name,
    title,
    kind,
    invoice: false,
    clouds: [],
    partitioning: "scope",
    framing: ITEMS,
    gives: [],
    needs: [],
    amount: [],
    currency: [],
    quantity: [],
    unit: [],
    customer: [],
  };
}
