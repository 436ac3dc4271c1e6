/**
 * Calls a stream's `read` or `write` once, and checks the result. Users write streams, maybe in plain JavaScript: a count may be
 * any value, and a promise may be a thenable, or come from another realm.
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
 * @throws {TransportError} `FAILED`: `read` gave no count.
 */
export function readOnce(reader: ByteReader, into: Uint8Array): number | Promise<number | null> {
  const room = into.length;
  const count = reader.read(into);
  // The check for a number comes first, since this runs for each read of a header.
  if (typeof count === "number" || !isPromise(count)) return readCount(count, room);
  return Promise.resolve(count);
}

/**
 * Checks the result of a `read`. A count larger than the room would mean bytes that were never read.
 *
 * @param room Bytes that it could have read.
 * @returns Bytes read; 0 for null.
 * @throws {TransportError} `FAILED`: the result is no integer from 0 to `room`.
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
 * @throws {TransportError} `FAILED`: `write` gave no count, or took nothing.
 */
export function writeOnce(writer: ByteWriter, from: Uint8Array): number | Promise<number> {
  const size = from.length;
  const count = writer.write(from);
  if (typeof count === "number" || !isPromise(count)) return writeCount(count, size);
  return Promise.resolve(count);
}

/**
 * Checks the result of a `write`. A write that takes nothing would be repeated for ever.
 *
 * @param size Bytes that it could have taken.
 * @throws {TransportError} `FAILED`: the result is no integer from 1 to `size`.
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
