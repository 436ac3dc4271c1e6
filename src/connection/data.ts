/**
 * What a message holds, and what may be sent as one.
 *
 * @module
 */

import { checkRange, kindOf, wrongType } from "../arguments.ts";

/** What a message holds: text as a string, binary as bytes. */
export type Data = string | Uint8Array;

/** What may be sent as binary data. */
export type Binary = ArrayBuffer | ArrayBufferView;

/** A `Blob`, as far as it is used: its bytes have to be asked for. */
export interface BlobLike {
  /** Its length in bytes. */
  readonly size: number;
  /** Gives its bytes. */
  arrayBuffer(): Promise<ArrayBuffer>;
}

/**
 * Gives the bytes of data, where they lie.
 *
 * @param name Of the argument, for the message.
 * @param expected What it may be.
 * @throws {TypeError} Not bytes, or such as are detached.
 */
export function toBytes(
  data: Binary,
  name = "data",
  expected = "a string, an ArrayBuffer or a view on one",
): Uint8Array {
  if (data instanceof Uint8Array) {
    checkRange(data, 0, undefined, name);
    return data;
  }
  if (ArrayBuffer.isView(data))
    return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  // One of another realm, such as those of Jest, is none of this realm's class.
  if (data instanceof ArrayBuffer || kindOf(data) === "ArrayBuffer") return new Uint8Array(data);
  throw wrongType(name, expected, data);
}
