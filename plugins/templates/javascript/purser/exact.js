// JSON whose numbers keep their own text: `1.50`, `1e3` and thirty digits stay what they are, where a plain
// `JSON.parse` would respell or round one in ten.

/** A number as it was written. */
export class Exact {
  constructor(text) {
    this.text = text;
  }
}

/** Parses a JSON text; every number becomes an `Exact`. */
export function parse(text) {
  return JSON.parse(text, (_, value, context) => (typeof value === "number" ? new Exact(context.source) : value));
}

/** The records of a page: items of an array, lines, or the whole body, each parsed; one that is no JSON is `undefined`. */
export function records(framing, page) {
  const text = new TextDecoder().decode(page);
  if (framing.tag === "lines") return text.split("\n").filter((line) => line.trim() !== "").map(parsedOrNothing);
  if (framing.tag === "json-whole") return [parse(text)];
  if (framing.tag === "json-items") return text.trim() === "" ? [] : parse(text);
  throw { tag: "bug", val: `pages framed as ${framing.tag} are not read here` };
}

/** A member as text: a string, a number as it was written, or nothing. */
export function text(record, name) {
  const value = member(record, name);
  if (value === undefined || value === null) return "";
  if (value instanceof Exact) return value.text;
  if (typeof value === "string") return value;
  throw new Error(`${name} is no text`);
}

/** A member as text that must be there. */
export function required(record, name) {
  const value = text(record, name);
  if (value === "") throw new Error(`${name} is missing`);
  return value;
}

/** An exact decimal, from a number or a string that holds one; nothing where there is none. */
export function decimal(record, name) {
  const value = text(record, name).trim();
  if (value !== "" && !/^[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d{1,3})?$/.test(value)) {
    throw new Error(`${name} ${JSON.stringify(value.slice(0, 40))} is no number`);
  }
  return value;
}

function member(record, name) {
  if (typeof record !== "object" || record === null || record instanceof Exact || Array.isArray(record)) {
    throw new Error("not a JSON object");
  }
  return record[name];
}

function parsedOrNothing(line) {
  try {
    return parse(line);
  } catch {
    return undefined;
  }
}
