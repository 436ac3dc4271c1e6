/**
 * Converts the forms in which applications give headers into one form.
 *
 * @module
 */

import { kindOf } from "../arguments.ts";
import { checkKind, type Kind, text } from "../check-options.ts";
import type { HeaderPairs } from "../errors.ts";

/** A `Headers` object of the Fetch standard, of any library: iterable pairs, and a lookup by name. */
export interface HeadersLike extends Iterable<readonly [name: string, value: string]> {
  /** Gives the value of a name; null or undefined if there is none. */
  get(name: string): string | null | undefined;
}

/** Values by name. A list makes one header line for each value; undefined makes none. */
export type HeaderRecord = Readonly<Record<string, string | readonly string[] | undefined>>;

/**
 * Headers to send: pairs, which keep their order; an object such as `{ Cookie: "id=7" }`; or a `Headers` object.
 *
 * The type also allows a list of lists of strings, because that is the type that TypeScript gives to
 * `names.map((name) => [name, "1"])`. A check at run time refuses a list that is not a pair.
 */
export type GivenHeaders =
  | HeaderPairs
  | readonly (readonly string[])[]
  | HeaderRecord
  | HeadersLike;

/** The kind of a value in an object of headers. */
const valueKind: Kind = {
  expected: "a string or a list of strings",
  is: (value) => value === undefined || text.is(value) || isListOfTexts(value),
  instead: (value) => (typeof value === "number" ? JSON.stringify(String(value)) : undefined),
};

/** The kind of an option with headers. The names are checked when they are written. */
export const headersKind: Kind = {
  expected: 'a record such as { Cookie: "id=7" }, a list of pairs, or Headers',
  is(value) {
    if (Array.isArray(value)) return value.every(isPair);
    return isHeadersLike(value) || isRecord(value);
  },
  instead: (value) =>
    Array.isArray(value) && value.every(text.is) && value.length === 2
      ? `[[${value.map((one) => JSON.stringify(one)).join(", ")}]]`
      : undefined,
  look(value, name) {
    if (Array.isArray(value)) return;
    if (isHeadersLike(value)) {
      if ([...value].every(isPair)) return;
      throw new TypeError(
        `${name} must be ${headersKind.expected}: ${kindOf(value)}, with a pair that is not two strings`,
      );
    }
    for (const [header, given] of Object.entries(value as object)) {
      checkKind(`${name}[${JSON.stringify(header)}]`, valueKind, given);
    }
  },
};

/**
 * Converts headers of any form into pairs.
 *
 * @param name Name of the option, for the message.
 * @returns The same list if it was given as pairs; otherwise a new one.
 * @throws {TypeError} They have none of the forms. The function does not check whether they may be sent.
 */
export function toHeaderPairs(given: GivenHeaders, name = "headers"): HeaderPairs {
  checkKind(name, headersKind, given);
  if (isList(given)) return given;
  headersKind.look!(given, name);
  if (isHeadersLike(given)) return [...given];
  return Object.entries(given).flatMap(([header, value = []]) =>
    typeof value === "string" ? [[header, value]] : value.map((one) => [header, one] as const),
  );
}

function isList(given: GivenHeaders): given is HeaderPairs {
  return Array.isArray(given);
}

function isListOfTexts(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every(text.is);
}

function isPair(value: unknown): boolean {
  return isListOfTexts(value) && value.length === 2;
}

function isHeadersLike(value: unknown): value is HeadersLike {
  if (typeof value !== "object" || value === null || !(Symbol.iterator in value)) return false;
  return typeof (value as Partial<HeadersLike>).get === "function";
}

/** Tells whether a value is a plain object, of any realm: its prototype, if any, has no prototype. */
function isRecord(value: unknown): boolean {
  if (typeof value !== "object" || value === null || Symbol.iterator in value) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}
