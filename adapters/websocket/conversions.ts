/**
 * What JavaScript gives, made what the standard's interface takes (Web IDL, 3.2).
 *
 * @module
 */

import { kindOf } from "../../src/arguments.ts";
import type { BlobLike } from "../../src/connection/data.ts";
import { isBlob } from "../blob.ts";

/** What `send` takes, sorted by how it is sent. */
export type Sendable = string | Uint8Array | BlobLike;

/** Surrogates without their partners. */
const loneSurrogates = /[\uD800-\uDBFF](?![\uDC00-\uDFFF])|(?<![\uD800-\uDBFF])[\uDC00-\uDFFF]/g;

/** Makes a USVString: surrogates without their partners become U+FFFD. @throws {TypeError} A symbol. */
export function toUsvString(value: unknown): string {
  return `${value as string}`.replace(loneSurrogates, "\uFFFD");
}

/**
 * Makes a [Clamp] unsigned short: the nearest whole number from 0 to 65 535, the even one of two.
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

/** Makes a list of strings of one, or of what gives several. @throws {TypeError} One of them is a symbol. */
export function toStrings(value: unknown): readonly string[] {
  const isObject = (typeof value === "object" && value !== null) || typeof value === "function";
  if (!isObject || (value as Partial<Iterable<unknown>>)[Symbol.iterator] == null) {
    return [`${value as string}`];
  }
  return Array.from(value as Iterable<unknown>, (one) => `${one as string}`);
}

/**
 * Makes of data what is sent: bytes where they lie, a Blob as it is, and a string of all else.
 *
 * @throws {TypeError} A symbol; bytes that somebody else may change, or whose number may.
 */
export function toSendable(data: unknown): Sendable {
  if (typeof data === "string") return data;
  if (ArrayBuffer.isView(data)) return viewOn(data.buffer, data.byteOffset, data.byteLength);
  // Of another realm, such as that of Jest, is none of this realm's class.
  if (data instanceof ArrayBuffer || kindOf(data) === "ArrayBuffer") {
    return viewOn(data as ArrayBuffer, 0, (data as ArrayBuffer).byteLength);
  }
  return isBlob(data) ? data : `${data as string}`;
}

/** @throws {TypeError} */
function viewOn(buffer: ArrayBufferLike, start: number, length: number): Uint8Array {
  if (kindOf(buffer) === "SharedArrayBuffer") {
    throw new TypeError("data must not lie in a SharedArrayBuffer");
  }
  if ((buffer as { readonly resizable?: boolean }).resizable === true) {
    throw new TypeError("data must not lie in an ArrayBuffer that can be resized");
  }
  // The bytes of a buffer that is detached are none. On such a one no view can be made.
  return length === 0 ? new Uint8Array() : new Uint8Array(buffer, start, length);
}
