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

/** Names what a caller gave: "String", "Array", "Null", "Uint8Array". Never by what it says of itself in text. */
function kindOf(value: unknown): string {
  return Object.prototype.toString.call(value).slice(8, -1);
}

/**
 * Makes the error for what plain JavaScript gave in the place of something else.
 *
 * @param name Of the argument.
 * @param expected What it must be, such as "a Uint8Array".
 */
export function wrongType(name: string, expected: string, value: unknown): TypeError {
  return new TypeError(`${name} must be ${expected}: ${kindOf(value)}`);
}

/**
 * Refuses what is no Uint8Array, of whatever realm. It is called wherever plain JavaScript may give bytes: a text or an array of
 * numbers would be sent as zeros, and ends the process inside of zlib.
 *
 * @param name Of the argument, for the message.
 * @throws {TypeError} It is something else.
 */
export function checkBytes(name: string, value: unknown): asserts value is Uint8Array {
  if (!(value instanceof Uint8Array)) checkForeignBytes(name, value);
}

/** An array of another realm is none of this realm's class: it is known by its name. */
function checkForeignBytes(name: string, value: unknown): void {
  if (ArrayBuffer.isView(value) && kindOf(value) === "Uint8Array") return;
  throw wrongType(name, "a Uint8Array", value);
}

/** Refuses what is no string. @throws {TypeError} It is something else. */
export function checkText(name: string, value: unknown): asserts value is string {
  if (typeof value !== "string") throw wrongType(name, "a string", value);
}

/** Refuses what is neither a string nor a Uint8Array. @throws {TypeError} It is something else. */
export function checkTextOrBytes(name: string, value: unknown): void {
  if (typeof value === "string" || value instanceof Uint8Array) return;
  if (ArrayBuffer.isView(value) && kindOf(value) === "Uint8Array") return;
  throw wrongType(name, "a string or a Uint8Array", value);
}
