/**
 * The data of a message.
 *
 * @module
 */

import { checkRange, kindOf, wrongType } from "../arguments.ts";

/** The data of a received message: text as a string, binary as bytes. */
export type Data = string | Uint8Array;

/** Binary data that can be sent. */
export type Binary = ArrayBuffer | ArrayBufferView;

/** The part of a `Blob` that framewire uses. A Blob gives its bytes only asynchronously. */
export interface BlobLike {
  /** Its length in bytes. */
  readonly size: number;
  /** Gives its bytes. */
  arrayBuffer(): Promise<ArrayBuffer>;
}

/**
 * Gives a view of the bytes of data, without a copy.
 *
 * @param name Name of the argument, for the message.
 * @param expected What the argument may be, for the message.
 * @throws {TypeError} The data is not bytes, or its ArrayBuffer is detached.
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
  // An ArrayBuffer of another realm, such as in Jest, is not an instance of this realm's class.
  if (data instanceof ArrayBuffer || kindOf(data) === "ArrayBuffer") return new Uint8Array(data);
  throw wrongType(name, expected, data);
}
