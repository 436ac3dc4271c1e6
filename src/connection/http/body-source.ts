/**
 * The source of an answer's body that is made piece by piece.
 *
 * @module
 */

import { isBytes } from "../../arguments.ts";
import { encodeUtf8 } from "../../bytes.ts";
import { whenSettled } from "../../deferred.ts";
import { toBytes } from "../data.ts";

/** The source of a body's pieces. */
export interface BodySource {
  /** Gives the next piece; undefined at the end. @throws The error of the source; a TypeError for a piece of a wrong type. */
  next(): Promise<Uint8Array | undefined>;
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

/** Makes the source from an async iterable or a stream. @throws The error at its start, for example of a locked stream. */
export function sourceOf(given: Given): BodySource {
  if (isStream(given)) {
    const reader = given.getReader();
    return {
      next: async () => pieceOf(await reader.read()),
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

function nothing(): void {}

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
