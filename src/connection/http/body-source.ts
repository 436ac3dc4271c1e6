/**
 * The source of an answer's body that is made piece by piece.
 *
 * @module
 */

import { isBytes } from "../../arguments.ts";
import { encodeUtf8 } from "../../bytes.ts";
import { whenSettled } from "../../deferred.ts";
import type { Awaitable } from "../../io/byte-stream.ts";
import { toBytes } from "../data.ts";

/** The source of a body's pieces. */
export interface BodySource {
  /** Gives the next piece; undefined at the end. @throws The error of the source; a TypeError for a piece of a wrong type. */
  next(): Awaitable<Uint8Array | undefined>;
  /** No more pieces are wanted. */
  cancel(reason: unknown): void;
}

/** A value that can be a source. */
type Given = AsyncIterable<string | Uint8Array>;

/** Tells whether a value is an async iterable or a `ReadableStream`. On some runtimes a `ReadableStream` is not iterable. */
export function isSource(value: unknown): value is Given {
  if (typeof value !== "object" || value === null) return false;
  return isStream(value) || Symbol.asyncIterator in value;
}

function isStream(value: object): value is ReadableStream<string | Uint8Array> {
  return "getReader" in value && typeof value.getReader === "function";
}

/** Gives the value of a promise that is fulfilled already; undefined for any other, and if the runtime does not tell. */
export type ValueNow = <Value>(promise: Promise<Value>) => Value | undefined;

/**
 * Makes the source from an async iterable or a stream.
 *
 * @param valueNow Default: every read of a stream is awaited.
 * @throws The error at its start, for example of a locked stream.
 */
export function sourceOf(given: Given, valueNow: ValueNow = nothing): BodySource {
  if (isStream(given)) {
    const reader = given.getReader();
    return {
      next() {
        const reading = reader.read();
        const read = valueNow(reading);
        return read === undefined ? reading.then(pieceOf) : pieceOf(read);
      },
      cancel(reason) {
        whenSettled(reader.cancel(reason), undefined, nothing);
      },
    };
  }
  const iterator = given[Symbol.asyncIterator]();
  return {
    next: async () => pieceOf(await iterator.next()),
    cancel() {
      try {
        whenSettled(iterator.return?.(), undefined, nothing);
      } catch {
        // Nobody waits for this error.
      }
    },
  };
}

function nothing(): undefined {}

function pieceOf({
  done,
  value,
}: {
  readonly done?: boolean | undefined;
  readonly value?: unknown;
}): Uint8Array | undefined {
  if (done === true) return undefined;
  if (typeof value === "string") return encodeUtf8(value);
  if (isBytes(value)) return toBytes(value);
  throw new TypeError(`A piece of a body must be a string or a Uint8Array: ${String(value)}`);
}
