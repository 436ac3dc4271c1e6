/**
 * What may be given to compression: plain JavaScript gives anything.
 *
 * @module
 */

/**
 * Refuses what is no Uint8Array, of whatever realm: zlib's own call would end the process for a text or an array of numbers.
 *
 * @throws {TypeError} It is something else.
 */
export function checkBytes(value: unknown): asserts value is Uint8Array {
  if (value instanceof Uint8Array) return;
  // An array of another realm is none of this realm's class: it is known by its name.
  const name = Object.prototype.toString.call(value).slice(8, -1);
  if (ArrayBuffer.isView(value) && name === "Uint8Array") return;
  throw new TypeError(`Compression takes a Uint8Array, not ${name}: encode text first`);
}

/**
 * Refuses what is no Uint8Array, and a range that is not within it.
 *
 * @throws {TypeError} `bytes` is something else.
 * @throws {RangeError} `start` or `end` is not within `bytes`.
 */
export function checkInput(bytes: Uint8Array, start: number, end: number): void {
  checkBytes(bytes);
  if (start >= 0 && start <= end && end <= bytes.length) return;
  throw new RangeError(`No range of ${bytes.length} bytes: ${start} to ${end}`);
}
