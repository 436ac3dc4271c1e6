/**
 * The Cookie header of a request (RFC 6265, 4.2 and 5.4). Values are not decoded.
 *
 * A semicolon ends a pair even between double quotes, as in browsers. Otherwise one cookie could hide others. In a string, a
 * character above U+00FF is malformed.
 *
 * @module
 */

import { checkText } from "../arguments.ts";
import { latin1, spells } from "../bytes.ts";
import { fieldBytes, tokenEnd } from "./option-scanner.ts";
import { isBlank, valueBytes } from "./token.ts";

/** How a Cookie header is read. */
export interface CookieSyntax {
  /** Removes the double quotes around a value. Default: false; they belong to the value, as in browsers. */
  readonly unquote?: boolean | undefined;
  /**
   * Ends the scan at anything that RFC 6265, 4.2.1 does not allow. Default: false. Then a pair is skipped if it has no equals
   * sign, its name is not a token, or its value is not a field value; empty pairs, and blanks around names and values, are
   * allowed.
   */
  readonly strict?: boolean | undefined;
}

const Quote = 0x22;
const Semicolon = 0x3b;
const Equals = 0x3d;
const SP = 0x20;

const noOctets = '",;\\';

/** 1 for cookie-octet: visible ASCII without `"`, comma, semicolon and backslash (RFC 6265, 4.1.1). */
const cookieOctets: Uint8Array = /* @__PURE__ */ Uint8Array.from({ length: 256 }, (_, byte) =>
  byte > 0x20 && byte < 0x7f && !noOctets.includes(String.fromCharCode(byte)) ? 1 : 0,
);

interface Pair {
  readonly name: Uint8Array;
  readonly value: Uint8Array;
}

/**
 * Calls `visit` with each pair in a Cookie header's value.
 *
 * @example
 * onHeader(name, value) {
 *   if (!headerIs(name, "Cookie")) return;
 *   const isWellFormed = scanCookie(value, (name, value) => true); // look at each; false ends the scan
 *   if (!isWellFormed) throw rejectConnection({ status: 400, message: "bad cookie" });
 * }
 *
 * @param visit Gets views that are valid during the call; returns false to end the scan.
 * @returns false if a pair was skipped, or `strict` ended the scan. true if all pairs were well-formed up to the end of the scan.
 * @throws {TypeError} `source` is neither a string nor a Uint8Array.
 * @see gobwas ScanCookie
 */
export function scanCookie(
  source: Uint8Array | string,
  visit: (name: Uint8Array, value: Uint8Array) => boolean,
  { unquote = false, strict = false }: CookieSyntax = {},
): boolean {
  const bytes = fieldBytes(source);
  let isWellFormed = true;
  for (let start = 0, end: number; start <= bytes.length; start = end + 1) {
    end = pairEnd(bytes, start);
    const pair = strict ? exactPair(bytes, start, end) : laxPair(bytes, start, end);
    if (pair === undefined) {
      if (strict) return false;
      if (blanksEnd(bytes, start, end) < end) isWellFormed = false;
      continue;
    }
    if (!visit(pair.name, unquote ? unquoted(pair.value) : pair.value)) return true;
  }
  return isWellFormed;
}

/**
 * Gives the cookies in a Cookie header's value, as Latin-1. The first of several cookies with one name counts.
 *
 * Malformed pairs are skipped. Quotes around a value belong to it.
 *
 * @throws {TypeError} `source` is neither a string nor a Uint8Array.
 */
export function parseCookies(source: Uint8Array | string): Map<string, string> {
  const cookies = new Map<string, string>();
  scanCookie(source, (name, value) => {
    const key = latin1(name, 0, name.length);
    if (!cookies.has(key)) cookies.set(key, latin1(value, 0, value.length));
    return true;
  });
  return cookies;
}

/**
 * Finds a cookie in a Cookie header's value: the first one with that name.
 *
 * @returns Its value as Latin-1, including quotes; undefined if there is none.
 * @throws {TypeError} `source` is neither a string nor a Uint8Array, or `name` is not a string.
 */
export function cookie(source: Uint8Array | string, name: string): string | undefined {
  checkText("name", name);
  let found: string | undefined;
  scanCookie(source, (other, value) => {
    if (!spells(other, 0, other.length, name)) return true;
    found = latin1(value, 0, value.length);
    return false;
  });
  return found;
}

function pairEnd(bytes: Uint8Array, start: number): number {
  let at = start;
  while (at < bytes.length && bytes[at] !== Semicolon) at++;
  return at;
}

/** Reads a pair that follows `cookie-string = cookie-pair *( ";" SP cookie-pair )` (RFC 6265, 4.2.1). */
function exactPair(bytes: Uint8Array, start: number, end: number): Pair | undefined {
  if (start > 0 && bytes[start] !== SP) return undefined;
  const from = start > 0 ? start + 1 : start;
  const nameEnd = tokenEnd(bytes, from, end);
  if (nameEnd === from || bytes[nameEnd] !== Equals) return undefined;
  const valueStart = nameEnd + 1;
  const quotes = isQuoted(bytes, valueStart, end) ? 1 : 0;
  if (!consistsOf(bytes, valueStart + quotes, end - quotes, cookieOctets)) return undefined;
  return { name: bytes.subarray(from, nameEnd), value: bytes.subarray(valueStart, end) };
}

/** Reads a pair as RFC 6265, 5.2 does: splits it at the first equals sign, and removes blanks around both parts. */
function laxPair(bytes: Uint8Array, start: number, end: number): Pair | undefined {
  const from = blanksEnd(bytes, start, end);
  const nameEnd = tokenEnd(bytes, from, end);
  const equals = blanksEnd(bytes, nameEnd, end);
  if (nameEnd === from || bytes[equals] !== Equals) return undefined;
  let valueEnd = end;
  while (isBlank(bytes[valueEnd - 1])) valueEnd--;
  const valueStart = blanksEnd(bytes, equals + 1, valueEnd);
  if (!consistsOf(bytes, valueStart, valueEnd, valueBytes)) return undefined;
  return { name: bytes.subarray(from, nameEnd), value: bytes.subarray(valueStart, valueEnd) };
}

function blanksEnd(bytes: Uint8Array, start: number, end: number): number {
  let at = start;
  while (at < end && isBlank(bytes[at])) at++;
  return at;
}

function isQuoted(bytes: Uint8Array, start: number, end: number): boolean {
  return end - start >= 2 && bytes[start] === Quote && bytes[end - 1] === Quote;
}

function unquoted(value: Uint8Array): Uint8Array {
  return isQuoted(value, 0, value.length) ? value.subarray(1, -1) : value;
}

function consistsOf(bytes: Uint8Array, start: number, end: number, members: Uint8Array): boolean {
  for (let at = start; at < end; at++) {
    if (members[bytes[at]] !== 1) return false;
  }
  return true;
}
