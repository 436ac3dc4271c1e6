/**
 * What may be given to compression: plain JavaScript gives anything.
 *
 * @module
 */

import { checkRange } from "../arguments.ts";

/**
 * Refuses what is no Uint8Array, and a range that is not within it: zlib's own call would end the process.
 *
 * @throws {TypeError} `bytes` is something else, or detached.
 * @throws {RangeError} `start` or `end` is not within `bytes`.
 */
export function checkInput(bytes: Uint8Array, start: number, end: number): void {
  checkRange(bytes, start, end);
}
