/**
 * What is left of bytes that a stream takes, or fills, a part at a time.
 *
 * @module
 */

import { checkBytes } from "../arguments.ts";

/**
 * Checks an array that is lent; gives its length, which is what counts from now on.
 *
 * @param name Of the argument, for the message.
 * @throws {TypeError} It is no Uint8Array, or is detached: such a one says that it is empty.
 */
export function lentSize(name: string, bytes: Uint8Array): number {
  checkBytes(name, bytes);
  // Not `length`: V8 before Node 24 may give the old one of a detached array, in hot code that has seen resizable buffers.
  const { byteLength } = bytes;
  // Any call tells an empty array from a detached one, by an error that says so.
  if (byteLength === 0) bytes.at(0);
  return byteLength;
}

/**
 * Gives the bytes from `at` on.
 *
 * @param name Of the argument, for the message.
 * @param size Bytes that there were at the beginning: an array over a resizable buffer may have changed while the stream took
 * its time.
 * @throws {TypeError} There are fewer now: the buffer was detached, or shrunk, while it was lent.
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
