/**
 * Options and handlers, checked where they are given: a name that is mistyped, and a value of a wrong type, would else be left out
 * in silence, or found much later.
 *
 * Each entry has a table from its names to their kinds, whose type is made of the entry's own interface: one that is forgotten in
 * either does not compile. Numbers are checked for being numbers alone; who reads them knows their ranges.
 *
 * @module
 */

import { kindOf } from "./arguments.ts";

/** What an option may be. */
export interface Kind {
  /** Such as "a number". */
  readonly expected: string;
  /** Tells whether a value is of this kind. */
  is(value: unknown): boolean;
  /** Gives what to write in the place of a value that shows what was meant. */
  readonly instead?: ((value: unknown, name: string) => string | undefined) | undefined;
  /** Looks at what is within a value of this kind. @throws {TypeError} Something in it is wrong. */
  readonly look?: ((value: unknown, name: string) => void) | undefined;
}

/** The kinds of all options that an interface has. */
export type OptionTable<Options> = { readonly [Name in keyof Options]-?: Kind };

type Table = Readonly<Record<string, Kind>>;

/** Where names are looked for, beside the table. */
export interface Place {
  /** What a name stands for. Default: "option". */
  readonly what?: "option" | "handler" | "TLS option" | "field";
  /** What is in front of each name, such as "compression.". Default: nothing. */
  readonly path?: string;
  /** What may have been given in the wrong object: the handlers where options are checked, and the other way round. */
  readonly elsewhere?: object;
  /** A call as it should be, for who gives no object at all. Default: none. */
  readonly example?: string;
}

/**
 * Checks what an entry is given.
 *
 * undefined stands for what is not given. Of an object with a class of its own, which may have other fields, the names that are
 * known are looked at alone.
 *
 * @throws {TypeError} A name is not known, a value is of a wrong type, or there is no object.
 */
export function checkOptions<Options>(
  given: unknown,
  table: OptionTable<Options>,
  place: Place = {},
): void {
  const { what = "option", path = "", example } = place;
  if (!isPlain(given)) {
    const kind: Kind = { ...anObject, instead: () => example };
    throw wrongKind(path === "" ? `${what}s` : path.slice(0, -1), kind, given);
  }
  const kinds = table as Table;
  const prototype: unknown = Object.getPrototypeOf(given);
  // An object of another realm is a plain one, too: nothing is behind its prototype.
  if (prototype === null || Object.getPrototypeOf(prototype) === null) {
    for (const name of Object.keys(given)) {
      if (given[name] === undefined || Object.hasOwn(kinds, name)) continue;
      throw new TypeError(`Unknown ${what} ${path}${name}${suggestion(name, kinds, place)}`);
    }
  }
  for (const name of Object.keys(kinds)) {
    const value = given[name];
    if (value === undefined) continue;
    const kind = kinds[name]!;
    if (!kind.is(value)) throw wrongKind(path + name, kind, value);
    kind.look?.(value, path + name);
  }
}

/** Checks one argument. @throws {TypeError} It is of another kind. */
export function checkKind(name: string, kind: Kind, value: unknown): void {
  if (!kind.is(value)) throw wrongKind(name, kind, value);
}

function wrongKind(name: string, { expected, instead }: Kind, value: unknown): TypeError {
  const hint = instead?.(value, name);
  const end = hint === undefined ? "" : `; write ${hint}`;
  return new TypeError(`${name} must be ${expected}: ${describe(value)}${end}`);
}

/** Texts that are longer are cut: they may be certificates. */
const longestText = 40;

/** Says what a value is; what else has none but its kind may be large, or secret. */
function describe(value: unknown): string {
  switch (typeof value) {
    case "string":
      return `${quote(value.length > longestText ? `${value.slice(0, longestText)}...` : value)} is a string`;
    case "number":
    case "boolean":
    case "bigint":
      return `${value} is a ${typeof value}`;
    default:
      return kindOf(value);
  }
}

function quote(value: unknown): string {
  return JSON.stringify(value);
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}

/** Tells whether a value may have options in it: an array has none. */
function isPlain(value: unknown): value is Record<string, unknown> {
  return isObject(value) && !Array.isArray(value);
}

const anObject: Kind = { expected: "an object", is: isPlain };

/** Says what a name was meant to be, as far as that can be told. */
function suggestion(name: string, kinds: Table, { what, elsewhere = {} }: Place): string {
  const lower = name.toLowerCase();
  const inOtherCase = Object.keys(kinds).find((known) => known.toLowerCase() === lower);
  if (inOtherCase !== undefined) return `: did you mean ${inOtherCase}?`;
  // "onmessage" and "onMessage", as browsers have it.
  const bare = lower.replace(/^on(?=.)/, "");
  const other = Object.hasOwn(otherNames, name) ? otherNames[name]! : name;
  for (const meant of [name, bare, other]) {
    const [own] = meant.split(":", 1) as [string];
    if (Object.hasOwn(kinds, own)) return `: did you mean ${meant}?`;
    if (Object.hasOwn(elsewhere, own)) {
      return what === "handler"
        ? `: ${meant} is an option, and goes into the object before this one`
        : `: ${meant} is a handler, and goes into the object after this one`;
    }
  }
  let least = 1 + Math.floor(name.length / 4);
  let nearest: string | undefined;
  for (const known of Object.keys(kinds)) {
    const distance = distanceOf(lower, known.toLowerCase(), least);
    if (distance > least || (distance === least && nearest !== undefined)) continue;
    least = distance;
    nearest = known;
  }
  return nearest === undefined ? "" : `: did you mean ${nearest}?`;
}

/** How many letters must be put in, taken out or changed to make one word of another (Levenshtein). */
function distanceOf(from: string, to: string, most: number): number {
  if (Math.abs(from.length - to.length) > most) return Infinity;
  let row = Array.from({ length: to.length + 1 }, (_, index) => index);
  for (let i = 0; i < from.length; i++) {
    const next = [i + 1];
    for (let j = 0; j < to.length; j++) {
      const change = row[j]! + (from[i] === to[j] ? 0 : 1);
      next.push(Math.min(change, row[j + 1]! + 1, next[j]! + 1));
    }
    row = next;
  }
  return row[to.length]!;
}

/** What other libraries call an option or a handler, and what is meant by it here; docs/migrating.md tells the differences. */
const otherNames: Readonly<Record<string, string>> = {
  maxPayload: "maxMessageSize",
  maxPayloadLength: "maxMessageSize",
  perMessageDeflate: "compression",
  backpressureLimit: "maxBufferedAmount",
  closeOnBackpressureLimit: "overflow",
  sendPings: "pingInterval",
  heartbeatInterval: "pingInterval",
  handshakeTimeout: "timeout",
  followRedirects: "redirects",
  maxRedirects: "redirects",
  agent: "proxy",
  tls: "tlsOptions",
  address: "hostname",
  host: "hostname",
  unix: "path",
  exclusive: "reusePort",
  subprotocols: "protocols",
  cert: "tls: { cert }",
  key: "tls: { key }",
  ca: "tls: { ca }",
  rejectUnauthorized: "tls: { rejectUnauthorized }",
  verifyClient: "upgrade",
  handleProtocols: "upgrade",
  noServer: "server",
  connection: "open",
  connect: "open",
  disconnect: "close",
  request: "http",
  app: "fetch",
  application: "fetch",
  onRequest: "fetch",
};

/** Anything at all. */
export const anything: Kind = { expected: "anything", is: () => true };

/** A number. Its range is checked where it is used. */
export const number: Kind = {
  expected: "a number",
  is: (value) => typeof value === "number",
  instead: (value) =>
    typeof value === "string" && value.trim() !== "" && !Number.isNaN(Number(value))
      ? `${Number(value)}`
      : undefined,
};

/** A time. */
export const milliseconds: Kind = {
  expected: "a number of milliseconds",
  is: number.is,
  instead: number.instead,
};

/** Yes or no. */
export const boolean: Kind = {
  expected: "true or false",
  is: (value) => typeof value === "boolean",
  instead: (value) => (value === "true" || value === "false" ? value : undefined),
};

/** A text. */
export const text: Kind = { expected: "a string", is: (value) => typeof value === "string" };

/** Something to be called. */
export const callback: Kind = {
  expected: "a function",
  is: (value) => typeof value === "function",
};

/** Texts in a list. */
export const texts: Kind = {
  expected: "a list of strings",
  is: (value) => Array.isArray(value) && value.every(text.is),
  instead: (value) => (typeof value === "string" ? `[${quote(value)}]` : undefined),
};

/** Things in a list. */
export const objects: Kind = {
  expected: "a list of objects",
  is: (value) => Array.isArray(value) && value.every(isObject),
  instead: (value, name) => (isPlain(value) ? `[${name}]` : undefined),
};

/** Whatever has fields or methods: nothing else is known of it. */
export function object(expected: string): Kind {
  return { ...anObject, expected };
}

/** What has certain methods. */
export function having(expected: string, ...methods: readonly string[]): Kind {
  return {
    expected,
    is: (value) => isPlain(value) && methods.every((name) => callback.is(value[name])),
  };
}

/** One of some words. */
export function oneOf(...words: readonly string[]): Kind {
  return {
    expected: `one of ${words.map(quote).join(", ")}`,
    is: (value) => words.includes(value as string),
  };
}

/** One kind or another, each as it is. */
export function either(one: Kind, other: Kind): Kind {
  return {
    expected: `${one.expected}, or ${other.expected}`,
    is: (value) => one.is(value) || other.is(value),
    instead: (value, name) => one.instead?.(value, name) ?? other.instead?.(value, name),
    look(value, name) {
      (one.is(value) ? one : other).look?.(value, name);
    },
  };
}

/** Options within an option. */
export function optionsOf<Options>(table: OptionTable<Options>): Kind {
  return {
    ...anObject,
    look(value, name) {
      checkOptions(value, table, { path: `${name}.` });
    },
  };
}

/** The kinds of numbers that have defaults. */
export function numbersOf<Numbers extends object>(defaults: Numbers): OptionTable<Numbers> {
  const names = Object.keys(defaults).map((name) => [name, number]);
  return Object.fromEntries(names) as OptionTable<Numbers>;
}

/** An `AbortSignal`. */
export const signal: Kind = /* @__PURE__ */ having("an AbortSignal", "addEventListener");

/** A `Clock`. */
export const clock: Kind = /* @__PURE__ */ having("a Clock", "now", "every");

/** `Deadlines`. */
export const deadlines: Kind = /* @__PURE__ */ having("Deadlines", "after");
