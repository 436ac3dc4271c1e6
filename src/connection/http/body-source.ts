/**
 * A body of an answer that is made piece by piece.
 *
 * @module
 */

import { isBytes } from "../../arguments.ts";
import { encodeUtf8 } from "../../bytes.ts";
import { whenSettled } from "../../deferred.ts";
import { toBytes } from "../data.ts";

/** Where the pieces of a body come from. */
export interface BodySource {
  /** Gives the next piece, undefined at the end. @throws What the source fails with; a TypeError for an odd piece. */
  next(): Promise<Uint8Array | undefined>;
  /** No more is wanted. */
  cancel(reason: unknown): void;
}

/** What can be a source. */
type Given = AsyncIterable<string | Uint8Array>;

/** Tells whether a value is an async iterable, or a `ReadableStream`, which not every runtime's is. */
export function isSource(value: unknown): value is Given {
  if (typeof value !== "object" || value === null) return false;
  return isStream(value) || Symbol.asyncIterator in value;
}

function isStream(value: object): value is ReadableStream<string | Uint8Array> {
  return "getReader" in value && typeof value.getReader === "function";
}

/** Makes the source of an async iterable or a stream. @throws What it throws when it is begun: a stream that is locked. */
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
        // It has nobody to tell.
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
