/**
 * Checks options and handlers where an application gives them. Without this check, a mistyped name would have no effect, and a
 * value of a wrong type would fail much later.
 *
 * Each function that takes options has a table from the options' names to their kinds. The type of the table is made from the
 * interface of the options, so a name that is missing in either does not compile. Of a number, the table only says that it is a
 * number. The code that uses the number checks its range.
 *
 * @module
 */

import { kindOf } from "./arguments.ts";

/** The type that an option must have. */
export interface Kind {
  /** The kind in words, such as "a number". */
  readonly expected: string;
  /** Tells whether a value is of this kind. */
  is(value: unknown): boolean;
  /** Says what to write instead of a wrong value, if the value shows what the caller meant. */
  readonly instead?: ((value: unknown, name: string) => string | undefined) | undefined;
  /** Checks what is inside a value of this kind. @throws {TypeError} Something inside is wrong. */
  readonly look?: ((value: unknown, name: string) => void) | undefined;
}

/** The kinds of all options that an interface has. */
export type OptionTable<Options> = { readonly [Name in keyof Options]-?: Kind };

type Table = Readonly<Record<string, Kind>>;

/** Where the names stand, for messages, and where else a name could belong. */
export interface Place {
  /** What the names are names of. Default: "option". */
  readonly what?: "option" | "handler" | "TLS option" | "field";
  /** The text before each name, such as "compression.". Default: none. */
  readonly path?: string;
  /** The other object of the same call, in which a name may belong: the handlers when options are checked, and the reverse. */
  readonly elsewhere?: object;
  /** A correct call, for a caller that gives no object at all. Default: none. */
  readonly example?: string;
}

/**
 * Checks the options or handlers that a caller gives.
 *
 * A value of undefined counts as absent. An object with a class of its own may have other fields, so only its known names are
 * checked.
 *
 * @throws {TypeError} A name is unknown, a value is of a wrong type, or there is no object.
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
  // A plain object of another realm (a frame or a worker) has another Object.prototype. That prototype has no prototype, too.
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

/** Checks one argument. @throws {TypeError} The argument is of another kind. */
export function checkKind(name: string, kind: Kind, value: unknown): void {
  if (!kind.is(value)) throw wrongKind(name, kind, value);
}

function wrongKind(name: string, { expected, instead }: Kind, value: unknown): TypeError {
  const hint = instead?.(value, name);
  const end = hint === undefined ? "" : `; write ${hint}`;
  return new TypeError(`${name} must be ${expected}: ${describe(value)}${end}`);
}

/** A longer string is cut in messages: it may be a certificate. */
const longestText = 40;

/** Describes a value for a message. Of other types only the kind is shown, since the value may be large, or secret. */
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

/** Tells whether a value can hold options. An array cannot. */
function isPlain(value: unknown): value is Record<string, unknown> {
  return isObject(value) && !Array.isArray(value);
}

const anObject: Kind = { expected: "an object", is: isPlain };

/** Suggests the name that a caller meant, if one is similar enough. */
function suggestion(name: string, kinds: Table, { what, elsewhere = {} }: Place): string {
  const lower = name.toLowerCase();
  const inOtherCase = Object.keys(kinds).find((known) => known.toLowerCase() === lower);
  if (inOtherCase !== undefined) return `: did you mean ${inOtherCase}?`;
  // Browsers call handlers "onmessage", other libraries "onMessage".
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

/** Counts the letters to insert, remove or change to make one word of the other (Levenshtein distance). */
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

/** Names that other libraries use, and the names of the same things here. docs/migrating.md explains the differences. */
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

/** A number. The code that uses the number checks its range. */
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

/** A boolean. */
export const boolean: Kind = {
  expected: "true or false",
  is: (value) => typeof value === "boolean",
  instead: (value) => (value === "true" || value === "false" ? value : undefined),
};

/** A string. */
export const text: Kind = { expected: "a string", is: (value) => typeof value === "string" };

/** A function. */
export const callback: Kind = {
  expected: "a function",
  is: (value) => typeof value === "function",
};

/** A list of strings. */
export const texts: Kind = {
  expected: "a list of strings",
  is: (value) => Array.isArray(value) && value.every(text.is),
  instead: (value) => (typeof value === "string" ? `[${quote(value)}]` : undefined),
};

/** A list of objects. */
export const objects: Kind = {
  expected: "a list of objects",
  is: (value) => Array.isArray(value) && value.every(isObject),
  instead: (value, name) => (isPlain(value) ? `[${name}]` : undefined),
};

/** An object with any fields and methods. */
export function object(expected: string): Kind {
  return { ...anObject, expected };
}

/** An object that has certain methods. */
export function having(expected: string, ...methods: readonly string[]): Kind {
  return {
    expected,
    is: (value) => isPlain(value) && methods.every((name) => callback.is(value[name])),
  };
}

/** One of several words. */
export function oneOf(...words: readonly string[]): Kind {
  return {
    expected: `one of ${words.map(quote).join(", ")}`,
    is: (value) => words.includes(value as string),
  };
}

/** Either of two kinds. */
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

/** Options inside an option. */
export function optionsOf<Options>(table: OptionTable<Options>): Kind {
  return {
    ...anObject,
    look(value, name) {
      checkOptions(value, table, { path: `${name}.` });
    },
  };
}

/** Gives a table of numbers, with the names of an object of defaults. */
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
