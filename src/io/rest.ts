/**
 * The rest of an array that a stream takes, or fills, in parts.
 *
 * @module
 */

import { checkBytes } from "../arguments.ts";

/**
 * Checks an array that is lent, and gives its length, which counts from now on.
 *
 * @param name Name of the argument, for the error message.
 * @throws {TypeError} The array is no Uint8Array, or is detached: its length would be 0.
 */
export function lentSize(name: string, bytes: Uint8Array): number {
  checkBytes(name, bytes);
  // Not `length`: V8 before Node 24 may give the old length of a detached array, in hot code that has seen resizable buffers.
  const { byteLength } = bytes;
  // Any method call throws for a detached array, and not for an empty one.
  if (byteLength === 0) bytes.at(0);
  return byteLength;
}

/**
 * Gives the bytes from `at` on.
 *
 * @param name Name of the argument, for the error message.
 * @param size Length of the array when it was lent: an array over a resizable buffer may have changed while the stream took its
 * time.
 * @throws {TypeError} The array is shorter now: its buffer was detached, or shrunk, while it was lent.
 */
export function restOf(name: string, bytes: Uint8Array, at: number, size: number): Uint8Array {
  const { byteLength } = bytes;
  if (byteLength < size) {
    throw new TypeError(
      `${name} was detached or shrunk while it was lent: ${byteLength} of ${size} bytes are left`,
    );
  }
  return at === 0 && byteLength === size ? bytes : bytes.subarray(at, size);
}
