/**
 * One call of a stream's `read` or `write`, and what it gives. Streams are the user's: where one is plain JavaScript a count
 * may be anything, and a promise may be a thenable, or of another realm.
 *
 * @module
 */

import { isPromise } from "../deferred.ts";
import { TransportError } from "../errors.ts";
import type { ByteReader, ByteWriter } from "./byte-stream.ts";

/**
 * Calls `read` once.
 *
 * @returns Bytes read, 0 at the end; or a promise of this realm, whose value goes through {@link readCount}.
 * @throws {TransportError} `FAILED`: it gave no count.
 */
export function readOnce(reader: ByteReader, into: Uint8Array): number | Promise<number | null> {
  const room = into.length;
  const count = reader.read(into);
  // A number is asked for first: this is done for each read of a header.
  if (typeof count === "number" || !isPromise(count)) return readCount(count, room);
  return Promise.resolve(count);
}

/**
 * Checks what a `read` gave. A count above the room would be memory that was never read into.
 *
 * @param room Bytes that it could have read.
 * @returns Bytes read; 0 where it gave null.
 * @throws {TransportError} `FAILED`: it is no integer from 0 to `room`.
 */
export function readCount(count: unknown, room: number): number {
  if (count === null) return 0;
  if (Number.isInteger(count) && (count as number) >= 0 && (count as number) <= room) {
    return count as number;
  }
  throw wrongCount("read", count, `from 0 to ${room}, or null`);
}

/**
 * Calls `write` once.
 *
 * @returns Bytes taken; or a promise of this realm, whose value goes through {@link writeCount}.
 * @throws {TransportError} `FAILED`: it gave no count, or took nothing.
 */
export function writeOnce(writer: ByteWriter, from: Uint8Array): number | Promise<number> {
  const size = from.length;
  const count = writer.write(from);
  if (typeof count === "number" || !isPromise(count)) return writeCount(count, size);
  return Promise.resolve(count);
}

/**
 * Checks what a `write` gave. A write that takes nothing would be tried for ever.
 *
 * @param size Bytes that it could have taken.
 * @throws {TransportError} `FAILED`: it is no integer from 1 to `size`.
 */
export function writeCount(count: unknown, size: number): number {
  if (Number.isInteger(count) && (count as number) > 0 && (count as number) <= size) {
    return count as number;
  }
  throw wrongCount("write", count, `from 1 to ${size}`);
}

function wrongCount(method: string, count: unknown, expected: string): TransportError {
  const given = typeof count === "string" ? JSON.stringify(count) : String(count);
  const cause = new TypeError(`${method}() must give an integer ${expected}: ${given}`);
  return new TransportError("FAILED", { cause });
}
