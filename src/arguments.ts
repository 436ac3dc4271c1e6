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

/** Names what a caller gave: "String", "Array", "Null", "DataView". */
export function kindOf(value: unknown): string {
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

/** Makes the error for a value that is none of those that it may be. As {@link wrongType}. */
export function wrongValue(name: string, expected: string, value: unknown): RangeError {
  return new RangeError(`${name} must be ${expected}: ${value}`);
}

/**
 * Checks a limit, or a size. NaN, which no number is above, would be no limit at all.
 *
 * @param name Of the argument, for the message.
 * @throws {TypeError} It is no number.
 * @throws {RangeError} It is NaN or below 0.
 */
export function checkLimit(name: string, value: unknown): asserts value is number {
  if (typeof value !== "number") throw wrongType(name, "a number", value);
  if (!(value >= 0)) throw wrongValue(name, "from 0 on, or Infinity", value);
}

/**
 * Refuses what is no Uint8Array, of whatever realm. It is called wherever plain JavaScript may give bytes: a text or an array of
 * numbers would be sent as zeros, and ends the process inside of zlib.
 *
 * @param name Of the argument, for the message.
 * @param expected What else it may be is said here.
 * @throws {TypeError} It is something else.
 */
export function checkBytes(
  name: string,
  value: unknown,
  expected = "a Uint8Array",
): asserts value is Uint8Array {
  if (!isBytes(value)) throw wrongType(name, expected, value);
}

/** Tells whether a value is a Uint8Array, of whatever realm. */
export function isBytes(value: unknown): value is Uint8Array {
  if (value instanceof Uint8Array) return true;
  // An array of another realm is none of this realm's class: it is known by its name.
  return ArrayBuffer.isView(value) && kindOf(value) === "Uint8Array";
}

/** Refuses what is neither a string nor a Uint8Array. @throws {TypeError} It is something else. */
export function checkTextOrBytes(name: string, value: unknown): void {
  if (typeof value !== "string") checkBytes(name, value, "a string or a Uint8Array");
}

/** Refuses what is no string. @throws {TypeError} It is something else. */
export function checkText(name: string, value: unknown): asserts value is string {
  if (typeof value !== "string") throw wrongType(name, "a string", value);
}

/**
 * Checks a number that is whole, such as one of which so many bits are sent, or an index.
 *
 * @param name Of the argument, for the message.
 * @param most Infinity, too, is let through where this is it.
 * @throws {TypeError} It is no number.
 * @throws {RangeError} It is no whole number from 0 to `most`.
 */
export function checkWhole(name: string, value: unknown, most: number): asserts value is number {
  if (typeof value !== "number") throw wrongType(name, "a number", value);
  if (value === most || (Number.isInteger(value) && value >= 0 && value < most)) return;
  throw wrongValue(name, `from 0 to ${most}`, value);
}

/**
 * Checks bytes and a range of them whose end may be left out. As {@link checkSpan}.
 *
 * @param end undefined stands for the end of the bytes.
 * @returns `end`, to be used from there on: who drops it, and may be given undefined, wants {@link checkSpan}.
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
 * Checks bytes and a range of them. Beyond their end there would be zeros, or no end at all.
 *
 * @param name Of the bytes, for the message.
 * @throws {TypeError} `bytes` is no Uint8Array or is detached, or `start` or `end` is no number.
 * @throws {RangeError} `start` or `end` is not within `bytes`.
 */
export function checkSpan(bytes: unknown, start: number, end: number, name = "bytes"): void {
  checkBytes(name, bytes);
  // A detached array says that it is empty. Any call tells the two apart, by an error that says so; `detached` is too new.
  if (bytes.byteLength === 0) bytes.at(0);
  checkWhole("end", end, bytes.byteLength);
  checkWhole("start", start, end);
}

/** Checks a word that is one of two. @throws {RangeError} It is another one. */
export function checkEither(name: string, value: unknown, one: string, other: string): void {
  if (value !== one && value !== other) throw wrongValue(name, `"${one}" or "${other}"`, value);
}

/**
 * Checks an option that is a whole number within bounds; Infinity, too, where `most` is it.
 *
 * @throws {RangeError} `value` is no whole number from `least` to `most`.
 */
export function checkBetween(name: string, value: number, least: number, most: number): void {
  if ((Number.isInteger(value) || value === Infinity) && value >= least && value <= most) return;
  throw new RangeError(`${name} must be a whole number from ${least} to ${most}: ${value}`);
}

/** Some limits; undefined stands for the default. */
export type PartialLimits<Limits> = { readonly [Key in keyof Limits]?: number | undefined };

/**
 * Fills in defaults, and reads 0 as "none".
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
