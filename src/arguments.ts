/**
 * What callers give by mistake, found at the call.
 *
 * @module
 */

/**
 * Checks a time that a caller gives. NaN would be a deadline that never comes, and a negative one comes at once.
 *
 * @param name Of the option, for the message.
 * @param milliseconds From 0 on, or Infinity; undefined stands for the default.
 * @throws {TypeError} It is no number.
 * @throws {RangeError} It is NaN or below 0.
 */
export function checkMilliseconds(name: string, milliseconds: number | undefined): void {
  if (milliseconds === undefined) return;
  if (typeof milliseconds !== "number") {
    throw new TypeError(`${name} must be a number of milliseconds: ${String(milliseconds)}`);
  }
  if (!(milliseconds >= 0)) {
    throw new RangeError(`${name} must be milliseconds from 0 on, or Infinity: ${milliseconds}`);
  }
}
