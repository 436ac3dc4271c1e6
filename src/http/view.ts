/**
 * Compares and reads the views of a head that callbacks get.
 *
 * @module
 */

import { checkRange, checkText } from "../arguments.ts";
import { equalsIgnoreCase, latin1 } from "../bytes.ts";

/**
 * Tells whether a view spells `text`, in upper or lower case.
 *
 * @param text ASCII, in any case.
 * @throws {TypeError} `view` is not a Uint8Array or is detached, or `text` is not a string.
 */
export function headerIs(view: Uint8Array, text: string): boolean {
  checkText("text", text);
  return equalsIgnoreCase(view, 0, checkView(view), text.toLowerCase());
}

/** Changes the case of a header's name in place, as in `X-Forwarded-For`. */
export function canonicalize(bytes: Uint8Array, start: number, end: number): void {
  let isFirst = true;
  for (let at = start; at < end; at++) {
    const byte = bytes[at];
    if (isFirst && byte >= 0x61 && byte <= 0x7a) bytes[at] = byte - 0x20;
    else if (!isFirst && byte >= 0x41 && byte <= 0x5a) bytes[at] = byte + 0x20;
    isFirst = byte === 0x2d;
  }
}

/** Makes a string from a view, as Latin-1. @throws {TypeError} `view` is not a Uint8Array, or is detached. */
export function headerText(view: Uint8Array): string {
  return latin1(view, 0, checkView(view));
}

/** Checks a view. @returns Index of its end. */
function checkView(view: Uint8Array): number {
  return checkRange(view, 0, undefined, "view");
}
