/**
 * Tokens, lists of tokens, and the bytes that each part of a head may have (RFC 9110, 5.5 and 5.6).
 *
 * @module
 */

import { checkSpan, checkText } from "../arguments.ts";
import { equalsIgnoreCase, latin1 } from "../bytes.ts";

/** Makes a table that has 1 for each byte of a set. */
function table(isMember: (byte: number) => boolean): Uint8Array {
  return Uint8Array.from({ length: 256 }, (_, byte) => (isMember(byte) ? 1 : 0));
}

const delimiters = '"(),/:;<=>?@[\\]{}';

/** 1 for each byte of a token: visible ASCII without delimiters (RFC 9110, 5.6.2). */
export const tokenBytes: Uint8Array = /* @__PURE__ */ table(
  (byte) => byte > 0x20 && byte < 0x7f && !delimiters.includes(String.fromCharCode(byte)),
);

/** 1 for each byte of a field value: visible ASCII, SP, HT and 0x80 to 0xFF (RFC 9110, 5.5). */
export const valueBytes: Uint8Array = /* @__PURE__ */ table(
  (byte) => byte === 0x09 || (byte >= 0x20 && byte !== 0x7f),
);

/** 1 for each byte of a request target: visible ASCII without `#`, because a fragment is never sent. */
export const targetBytes: Uint8Array = /* @__PURE__ */ table(
  (byte) => byte > 0x20 && byte < 0x7f && byte !== 0x23,
);

/** Tells whether `byte` is a space or a tab. */
export function isBlank(byte: number): boolean {
  return byte === 0x20 || byte === 0x09;
}

/** Tells whether `text` is a token. @throws {TypeError} It is not a string. */
export function isToken(text: string): boolean {
  checkText("text", text);
  for (let i = 0; i < text.length; i++) {
    if (tokenBytes[text.charCodeAt(i)] !== 1) return false;
  }
  return text.length > 0;
}

/** Tells whether `text` is a field value, which cannot end its line. @throws {TypeError} It is not a string. */
export function isFieldValue(text: string): boolean {
  checkText("text", text);
  for (let i = 0; i < text.length; i++) {
    if (valueBytes[text.charCodeAt(i)] !== 1) return false;
  }
  return true;
}

/** Checks a name before it is written. @param what The thing that it names. @throws {TypeError} It is not a token. */
export function checkToken(what: string, name: string): void {
  if (!isToken(name)) throw new TypeError(`${what} is not a token: ${JSON.stringify(name)}`);
}

/** Checks a value before it is written. @param what The thing that has it. @throws {TypeError} It is not a field value. */
export function checkFieldValue(what: string, value: string): void {
  if (isFieldValue(value)) return;
  throw new TypeError(`Value of ${what} has a character that may not stand there`);
}

/**
 * Calls `visit` with each element of a comma-separated list, without blanks around it. Empty elements are skipped.
 *
 * @param visit Returns false to end the walk.
 * @returns false if `visit` ended the walk.
 * @throws {TypeError} `bytes` is not a Uint8Array, or is detached.
 * @throws {RangeError} `start` or `end` is not within `bytes`.
 */
function walkList(
  bytes: Uint8Array,
  start: number,
  end: number,
  visit: (start: number, end: number) => boolean,
): boolean {
  checkSpan(bytes, start, end);
  let from = start;
  for (let at = start; at <= end; at++) {
    if (at < end && bytes[at] !== 0x2c) continue;
    let first = from;
    let last = at;
    while (first < last && isBlank(bytes[first])) first++;
    while (last > first && isBlank(bytes[last - 1])) last--;
    if (first < last && !visit(first, last)) return false;
    from = at + 1;
  }
  return true;
}

/**
 * Tells whether a comma-separated list contains `token`, in upper or lower case.
 *
 * @param token In lower case.
 * @throws {TypeError} `bytes` is not a Uint8Array or is detached, or `token` is not a string.
 * @throws {RangeError} `start` or `end` is not within `bytes`.
 */
export function listHasToken(
  bytes: Uint8Array,
  start: number,
  end: number,
  token: string,
): boolean {
  checkText("token", token);
  return !walkList(
    bytes,
    start,
    end,
    (first, last) => !equalsIgnoreCase(bytes, first, last, token),
  );
}

/**
 * Appends the start and the end of each element of a comma-separated list of tokens to `ranges`. Empty elements are skipped.
 *
 * @returns false if an element is not a token.
 */
export function addListRanges(
  ranges: number[],
  bytes: Uint8Array,
  start: number,
  end: number,
): boolean {
  return walkList(bytes, start, end, (first, last) => {
    for (let at = first; at < last; at++) {
      if (tokenBytes[bytes[at]] !== 1) return false;
    }
    ranges.push(first, last);
    return true;
  });
}

/**
 * Appends the elements of a comma-separated list of tokens to `tokens`. Empty elements are skipped (RFC 9110, 5.6.1).
 *
 * @returns false if an element is not a token.
 * @throws {TypeError} `bytes` is not a Uint8Array, or is detached.
 * @throws {RangeError} `start` or `end` is not within `bytes`.
 */
export function addListTokens(
  tokens: string[],
  bytes: Uint8Array,
  start: number,
  end: number,
): boolean {
  return walkList(bytes, start, end, (first, last) => {
    const text = latin1(bytes, first, last);
    if (!isToken(text)) return false;
    tokens.push(text);
    return true;
  });
}
