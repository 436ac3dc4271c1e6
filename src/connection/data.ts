/**
 * What may be sent as binary data.
 *
 * @module
 */

/** What may be sent as binary data. */
export type Binary = ArrayBuffer | ArrayBufferView;

/** Gives the bytes of data, where they lie. @throws {TypeError} Not bytes. */
export function toBytes(data: Binary): Uint8Array {
  if (data instanceof Uint8Array) return data;
  if (ArrayBuffer.isView(data))
    return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  if (data instanceof ArrayBuffer) return new Uint8Array(data);
  throw new TypeError("Data must be a string, an ArrayBuffer or a view on one");
}
