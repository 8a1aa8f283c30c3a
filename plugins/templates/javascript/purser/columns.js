// The result of a mapping, packed as the contract's `columns`: one run of UTF-8 strings, each ended by U+0000, and the
// numbers that vary.
//
// Invariant: the packed counts always match the packed strings, whatever the values hold: U+0000, which ends a string,
// is replaced by U+FFFD inside one.

/** The strings of a purchase, in the contract's order. */
const FIELDS = [
  "reference",
  "vendorCustomer",
  "vendorSubscription",
  "productKey",
  "productText",
  "category",
  "quantity",
  "unit",
  "unitPrice",
  "unitPriceCurrency",
  "cost",
  "currency",
  "exchangeRate",
  "start",
  "end",
  "amount",
  "tierGroup",
  "tierKey",
];

/** What became of every record of a page. */
export class Mapped {
  #purchases = [];
  #ignored = new Map();
  #rejected = [];
  #facts = [];

  /**
   * Reads each record by itself. `read` gives `{ purchase }`, `{ ignored: rule }` or `{ fact: [kind, key, value] }`; what it
   * throws is the reason the record is set aside by, and the others are read.
   */
  static each(records, read) {
    const mapped = new Mapped();
    records.forEach((record, ordinal) => {
      try {
        const { purchase, ignored, fact } = read(record);
        if (purchase) {
          mapped.purchase(purchase, [ordinal]);
        } else {
          if (fact) mapped.fact(...fact);
          mapped.ignore(fact ? "fact" : ignored, ordinal);
        }
      } catch (error) {
        mapped.reject(ordinal, error.message);
      }
    });
    return mapped;
  }

  /** Takes a purchase: the fields it has as text, and the ordinals of the records it was read from. */
  purchase(fields, records) {
    this.#purchases.push([fields, records]);
  }

  /** Sets a record aside by a rule: it is meant not to become a purchase. */
  ignore(rule, record) {
    const records = this.#ignored.get(rule) ?? [];
    records.push(record);
    this.#ignored.set(rule, records);
  }

  /** Sets a record aside that cannot be read. */
  reject(record, reason) {
    this.#rejected.push([record, reason]);
  }

  /** Says something later feeds need; `value` becomes JSON. */
  fact(kind, key, value) {
    this.#facts.push([kind, key, JSON.stringify(value)]);
  }

  /** The result as it crosses the sandbox's border. */
  pack() {
    const columns = new Packer();
    columns.number(this.#purchases.length);
    for (const [fields, records] of this.#purchases) packPurchase(columns, fields, records);
    columns.number(this.#ignored.size);
    for (const [rule, records] of this.#ignored) {
      columns.string(rule);
      columns.ordinals(records);
    }
    columns.number(this.#rejected.length);
    for (const [record, reason] of this.#rejected) {
      columns.string(reason);
      columns.number(record);
    }
    columns.number(this.#facts.length);
    for (const fact of this.#facts) fact.forEach((field) => columns.string(field));
    return columns.finish();
  }
}

function packPurchase(columns, fields, records) {
  for (const name of FIELDS) columns.string(fields[name] ?? (name === "amount" ? "none" : ""));
  const metadata = Object.entries(fields.metadata ?? {}).filter(([, value]) => value !== "");
  for (const pair of metadata) pair.forEach((text) => columns.string(text));
  columns.number(metadata.length);
  columns.ordinals(records);
}

class Packer {
  #text = [];
  #counts = [];

  string(value) {
    this.#text.push(value.includes("\0") ? value.replaceAll("\0", "\u{fffd}") : value);
  }

  number(value) {
    this.#counts.push(value);
  }

  ordinals(records) {
    this.number(records.length);
    records.forEach((record) => this.number(record));
  }

  finish() {
    // One string and one encoding for the whole page: crossing the border string by string is what costs.
    const text = this.#text.length === 0 ? "" : `${this.#text.join("\0")}\0`;
    return { text: new TextEncoder().encode(text), counts: Uint32Array.from(this.#counts) };
  }
}
