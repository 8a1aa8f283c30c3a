// Short ways to say what most plugins ask: a list whose items are kept, and the next page of it.

/** Names and values, as the contract has them. */
export function pairs(object) {
  return Object.entries(object).map(([name, value]) => ({ name, value }));
}

/** A listed call whose answer is kept in the partition of this key. */
export function kept(call, query, key, keep, parameters = {}) {
  return {
    target: { tag: "call", val: { name: call, path: [], query: pairs(query) } },
    headers: [],
    body: undefined,
    partition: { key, month: "", currency: "", stage: 0, parameters: pairs(parameters), version: "" },
    keep,
    delay: 0,
    state: "",
  };
}

/** The same request with another value in its query. */
export function again(request, name, value) {
  const call = request.target.val;
  const query = [...call.query.filter((pair) => pair.name !== name), { name, value }];
  return { ...request, target: { tag: "call", val: { ...call, query } } };
}

/** A step that asks these next; none: this way is walked to its end. */
export function step(requests = [], facts = []) {
  return { requests, facts, incomplete: undefined };
}

/** What was asked for will not come. The text is for the administrator. */
export function broken(words) {
  return { ...step(), incomplete: { tag: "broken", val: words } };
}

/** The days of a half-open range, `YYYY-MM-DD`. */
export function days(from, to) {
  const all = [];
  for (let day = from; day < to; day = dayAfter(day)) all.push(day);
  return all;
}

/** A plain date has no clock in it, so the guest's own calendar is good enough for the day after. */
export function dayAfter(day) {
  const date = new Date(`${day}T00:00:00Z`);
  if (!/^\d{4}-\d{2}-\d{2}$/.test(day) || Number.isNaN(date.getTime())) throw new Error(`${JSON.stringify(day)} is no date`);
  date.setUTCDate(date.getUTCDate() + 1);
  return date.toISOString().slice(0, 10);
}
