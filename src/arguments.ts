/**
 * Checks arguments, so that a mistake is found at the call.
 *
 * @module
 */

/**
 * Checks a time that a caller gives. A deadline of NaN would never come, and a negative one would come at once.
 *
 * @param name Name of the option, for the error message.
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

/** Names the type of a value: "String", "Array", "Null", "DataView". */
export function kindOf(value: unknown): string {
  return Object.prototype.toString.call(value).slice(8, -1);
}

/**
 * Makes the error for an argument of a wrong type.
 *
 * @param name Name of the argument.
 * @param expected The required type, such as "a Uint8Array".
 */
export function wrongType(name: string, expected: string, value: unknown): TypeError {
  return new TypeError(`${name} must be ${expected}: ${kindOf(value)}`);
}

/** Makes the error for a value of the right type that is not allowed. Parameters as for {@link wrongType}. */
export function wrongValue(name: string, expected: string, value: unknown): RangeError {
  return new RangeError(`${name} must be ${expected}: ${value}`);
}

/**
 * Checks a limit, or a size. NaN would be no limit, since no number is larger than NaN.
 *
 * @param name Name of the argument, for the error message.
 * @throws {TypeError} It is no number.
 * @throws {RangeError} It is NaN or below 0.
 */
export function checkLimit(name: string, value: unknown): asserts value is number {
  if (typeof value !== "number") throw wrongType(name, "a number", value);
  if (!(value >= 0)) throw wrongValue(name, "from 0 on, or Infinity", value);
}

/**
 * Refuses a value that is no Uint8Array of any realm. It is called wherever plain JavaScript may give bytes: a string or an array
 * of numbers would be sent as zeros, and ends the process inside zlib.
 *
 * @param name Name of the argument, for the error message.
 * @param expected The required types, if others are allowed too.
 * @throws {TypeError} The value is no Uint8Array.
 */
export function checkBytes(
  name: string,
  value: unknown,
  expected = "a Uint8Array",
): asserts value is Uint8Array {
  if (!isBytes(value)) throw wrongType(name, expected, value);
}

/** Tells whether a value is a Uint8Array of any realm. */
export function isBytes(value: unknown): value is Uint8Array {
  if (value instanceof Uint8Array) return true;
  // An array of another realm is no instance of this realm's class: its name identifies it.
  return ArrayBuffer.isView(value) && kindOf(value) === "Uint8Array";
}

/** Refuses a value that is neither a string nor a Uint8Array. @throws {TypeError} It is neither. */
export function checkTextOrBytes(name: string, value: unknown): void {
  if (typeof value !== "string") checkBytes(name, value, "a string or a Uint8Array");
}

/** Refuses a value that is no string. @throws {TypeError} It is none. */
export function checkText(name: string, value: unknown): asserts value is string {
  if (typeof value !== "string") throw wrongType(name, "a string", value);
}

/**
 * Checks a whole number, such as an index.
 *
 * @param name Name of the argument, for the error message.
 * @param most With Infinity, the value may be Infinity too.
 * @throws {TypeError} It is no number.
 * @throws {RangeError} It is no whole number from 0 to `most`.
 */
export function checkWhole(name: string, value: unknown, most: number): asserts value is number {
  if (typeof value !== "number") throw wrongType(name, "a number", value);
  if (value === most || (Number.isInteger(value) && value >= 0 && value < most)) return;
  throw wrongValue(name, `from 0 to ${most}`, value);
}

/**
 * Checks bytes and a range of them whose end may be left out. Otherwise as {@link checkSpan}.
 *
 * @param end undefined stands for the end of the bytes.
 * @returns The end. The caller must use it in place of its own `end`; otherwise {@link checkSpan} is the right function.
 */
export function checkRange(
  bytes: unknown,
  start: number,
  end: number | undefined,
  name = "bytes",
): number {
  const last = end === undefined ? (bytes as Uint8Array | null | undefined)?.length : end;
  checkSpan(bytes, start, last!, name);
  return last!;
}

/**
 * Checks bytes and a range of them. Reads beyond their end would give zeros, or never stop.
 *
 * @param name Name of the bytes, for the error message.
 * @throws {TypeError} `bytes` is no Uint8Array or is detached, or `start` or `end` is no number.
 * @throws {RangeError} `start` or `end` is not within `bytes`.
 */
export function checkSpan(bytes: unknown, start: number, end: number, name = "bytes"): void {
  checkBytes(name, bytes);
  // A detached array has the length 0. Any method call throws for it, and not for an empty array; the property `detached` is too
  // new.
  // Asked once: on Node 20 it costs ten times as much as `length`, which an array may have as a property of its own.
  const { byteLength } = bytes;
  if (byteLength === 0) bytes.at(0);
  checkWhole("end", end, byteLength);
  checkWhole("start", start, end);
}

/** Checks that a word is one of two. @throws {RangeError} It is another one. */
export function checkEither(name: string, value: unknown, one: string, other: string): void {
  if (value !== one && value !== other) throw wrongValue(name, `"${one}" or "${other}"`, value);
}

/**
 * Checks an option that is a whole number within bounds; it may be Infinity if `most` is.
 *
 * @throws {RangeError} `value` is no whole number from `least` to `most`.
 */
export function checkBetween(name: string, value: number, least: number, most: number): void {
  if ((Number.isInteger(value) || value === Infinity) && value >= least && value <= most) return;
  throw new RangeError(`${name} must be a whole number from ${least} to ${most}: ${value}`);
}

/** Some of the limits; undefined stands for the default. */
export type PartialLimits<Limits> = { readonly [Key in keyof Limits]?: number | undefined };

/**
 * Gives the limits, with defaults filled in and 0 read as "no limit".
 *
 * @throws {TypeError} A limit is no number.
 * @throws {RangeError} A limit is not a whole number from 0 on, or Infinity.
 */
export function resolveLimits<Limits extends { readonly [Key in keyof Limits]: number }>(
  given: PartialLimits<Limits>,
  defaults: Limits,
): Limits {
  const resolved: Record<string, number> = {};
  for (const key of Object.keys(defaults) as (string & keyof Limits)[]) {
    const { [key]: limit = defaults[key] } = given;
    checkWhole(key, limit, Infinity);
    resolved[key] = limit || Infinity;
  }
  return resolved as Limits;
}
