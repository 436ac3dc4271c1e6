/**
 * What plain JavaScript may give as a range of bytes.
 *
 * @module
 */

import { expect } from "vitest";

/** Ranges that are none of four bytes. */
const wrongRanges: readonly (readonly [start: number, end: number])[] = [
  [0, 7],
  [0, Infinity],
  [0, NaN],
  [NaN, 4],
  [-1, 4],
  [3, 2],
  [5, 5],
  [0.5, 4],
];

/**
 * Calls with ranges that are none of four bytes: each must be refused by a RangeError. What is no number, what are no bytes, and
 * bytes that are detached must be refused by a TypeError.
 *
 * @param call Throws, or rejects nothing: what it gives is not looked at.
 */
export function expectRangesChecked(
  call: (bytes: Uint8Array, start: number, end: number) => unknown,
): void {
  for (const [start, end] of wrongRanges) {
    expect(() => call(new Uint8Array(4), start, end), `${start} to ${end}`).toThrow(RangeError);
  }
  for (const wrong of ["1", null, {}]) {
    expect(() => call(new Uint8Array(4), wrong as number, 4)).toThrow(TypeError);
  }
  for (const wrong of ["4", null]) {
    expect(() => call(new Uint8Array(4), 0, wrong as never), `end ${wrong}`).toThrow(TypeError);
  }
  for (const wrong of ["Hello", [1, 2, 3, 4], undefined]) {
    expect(() => call(wrong as never, 0, 4), String(wrong)).toThrow(TypeError);
  }
  expect(() => call(detached(), 0, 0), "detached").toThrow(/detached/);
}

/** Calls without a start, or without an end, where the two have no default: each must be refused by a TypeError. */
export function expectRangeNeeded(
  call: (bytes: Uint8Array, start: number, end: number) => unknown,
): void {
  const none = undefined as never;
  expect(() => call(new Uint8Array(4), 0, none), "end").toThrow(TypeError);
  expect(() => call(new Uint8Array(4), none, 4), "start").toThrow(TypeError);
  expect(() => call(new Uint8Array(0), 0, none), "end of nothing").toThrow(TypeError);
}

/** Bytes whose memory has gone elsewhere, as by `postMessage` with a list of what is transferred. */
export function detached(size = 4): Uint8Array {
  const bytes = new Uint8Array(size);
  structuredClone(bytes, { transfer: [bytes.buffer] });
  return bytes;
}
