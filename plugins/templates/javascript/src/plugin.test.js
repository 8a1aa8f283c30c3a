// Plain functions, tested in node; `purser plugin test` tries them in the sandbox.

import assert from "node:assert/strict";
import { test } from "node:test";
import { Exact } from "../purser/exact.js";
import { purchase } from "./plugin.js";

const RECORD = { customer: "c", service: "s", product: "vm", day: "2026-12-31", hours: "24", price: "0.041", amount: new Exact("0.9840000000000000000001"), currency: "EUR" };

test("every digit of an amount is kept", () => {
  const { reference, cost, end } = purchase(RECORD, []).purchase;
  assert.deepEqual([reference, cost, end], ["s/vm", "0.9840000000000000000001", "2027-01-01T00:00:00Z"]);
});

test("what is free is left out, and what cannot be read says why", () => {
  assert.deepEqual(purchase({ product: "trial" }, ["trial"]), { ignored: "free-product" });
  assert.throws(() => purchase({ ...RECORD, amount: null }, []), /amount is missing/);
  assert.throws(() => purchase(new Exact("17"), []), /not a JSON object/);
});
