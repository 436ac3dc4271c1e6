/**
 * Headers as applications give them, and the one form that they are made into.
 *
 * @module
 */

import { kindOf } from "../arguments.ts";
import { checkKind, type Kind, text } from "../check-options.ts";
import type { HeaderPairs } from "../errors.ts";

/** A `Headers` object of the Fetch standard, of whichever library: pairs that can be gone through, and asked for by name. */
export interface HeadersLike extends Iterable<readonly [name: string, value: string]> {
  /** Gives the value of a name; null or undefined where there is none. */
  get(name: string): string | null | undefined;
}

/** Values by their names. A list is one header line for each of its values; undefined stands for no header. */
export type HeaderRecord = Readonly<Record<string, string | readonly string[] | undefined>>;

/**
 * Headers to be sent, in the form that is at hand: pairs, which say in what order they are written; a record such as
 * `{ Cookie: "id=7" }`; or `Headers`.
 *
 * Lists of any strings are let through by the type, since TypeScript makes no more of `names.map((name) => [name, "1"])`. That each is
 * a pair is checked when they are given.
 */
export type GivenHeaders =
  HeaderPairs | readonly (readonly string[])[] | HeaderRecord | HeadersLike;

/** What the value of a name in a record may be. */
const valueKind: Kind = {
  expected: "a string or a list of strings",
  is: (value) => value === undefined || text.is(value) || isListOfTexts(value),
  instead: (value) => (typeof value === "number" ? JSON.stringify(String(value)) : undefined),
};

/** Headers as an option. Whether names are tokens is checked where they are written. */
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
 * Makes pairs of headers in any form.
 *
 * @param name Of the option that they were given as, for the message.
 * @returns Pairs as they were given are the same list; of another form they are a new one.
 * @throws {TypeError} They have none of the forms. Whether they may be sent is not checked here.
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

/** An object without a class of its own, of whatever realm: nothing is behind its prototype. */
function isRecord(value: unknown): boolean {
  if (typeof value !== "object" || value === null || Symbol.iterator in value) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}
