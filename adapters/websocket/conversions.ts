/**
 * Converts values of JavaScript to the types of the standard's interface (Web IDL, 3.2).
 *
 * @module
 */

import { kindOf } from "../../src/arguments.ts";
import type { BlobLike } from "../../src/connection/data.ts";
import { isBlob } from "../blob.ts";

/** The data that `send` takes, sorted by how it is sent. */
export type Sendable = string | Uint8Array | BlobLike;

/** Matches surrogates without their partners. */
const loneSurrogates = /[\uD800-\uDBFF](?![\uDC00-\uDFFF])|(?<![\uD800-\uDBFF])[\uDC00-\uDFFF]/g;

/** Converts to a USVString: surrogates without their partners become U+FFFD. @throws {TypeError} A symbol. */
export function toUsvString(value: unknown): string {
  return `${value as string}`.replace(loneSurrogates, "\uFFFD");
}

/**
 * Converts to a [Clamp] unsigned short: the nearest whole number from 0 to 65 535, and the even one of two equally near ones.
 *
 * @throws {TypeError} A symbol, or a BigInt.
 */
export function toClampedShort(value: unknown): number {
  // Unlike Number(), the operator refuses a BigInt.
  const number = Math.min(Math.max(+(value as number), 0), 65_535);
  if (Number.isNaN(number)) return 0;
  const floor = Math.floor(number);
  const rest = number - floor;
  const isUp = rest > 0.5 || (rest === 0.5 && floor % 2 === 1);
  return isUp ? floor + 1 : floor;
}

/** Converts a string, or an iterable of strings, to a list. @throws {TypeError} A symbol is among them. */
export function toStrings(value: unknown): readonly string[] {
  const isObject = (typeof value === "object" && value !== null) || typeof value === "function";
  if (!isObject || (value as Partial<Iterable<unknown>>)[Symbol.iterator] == null) {
    return [`${value as string}`];
  }
  return Array.from(value as Iterable<unknown>, (one) => `${one as string}`);
}

/**
 * Converts data for sending: bytes to a view without a copy, a Blob to itself, and every other value to a string.
 *
 * @throws {TypeError} A symbol; bytes whose content or number other code may change.
 */
export function toSendable(data: unknown): Sendable {
  if (typeof data === "string") return data;
  if (ArrayBuffer.isView(data)) return viewOn(data.buffer, data.byteOffset, data.byteLength);
  // An ArrayBuffer of another realm, such as that of Jest, is no instance of this realm's class.
  if (data instanceof ArrayBuffer || kindOf(data) === "ArrayBuffer") {
    return viewOn(data as ArrayBuffer, 0, (data as ArrayBuffer).byteLength);
  }
  return isBlob(data) ? data : `${data as string}`;
}

/** @throws {TypeError} The buffer is shared, or can be resized. */
function viewOn(buffer: ArrayBufferLike, start: number, length: number): Uint8Array {
  if (kindOf(buffer) === "SharedArrayBuffer") {
    throw new TypeError("data must not lie in a SharedArrayBuffer");
  }
  if ((buffer as { readonly resizable?: boolean }).resizable === true) {
    throw new TypeError("data must not lie in an ArrayBuffer that can be resized");
  }
  // A detached buffer has no bytes, and no view of it can be made.
  return length === 0 ? new Uint8Array() : new Uint8Array(buffer, start, length);
}
