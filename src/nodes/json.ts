/**
 * Values of an application that go to other nodes as JSON.
 *
 * @module
 */

import { kindOf } from "../arguments.ts";

/**
 * Gives a value as JSON has it, in memory that nobody else changes; undefined stays what it is.
 *
 * @param name Of the argument, for the message.
 * @param most UTF-16 units of JSON that it may have.
 * @throws {TypeError} JSON cannot hold it. @throws {RangeError} It is longer than that.
 */
export function copyOfJson(name: string, value: unknown, most: number): unknown {
  if (value === undefined) return undefined;
  let json: string | undefined;
  try {
    json = JSON.stringify(value);
  } catch (cause) {
    throw new TypeError(`${name} must be what JSON can hold: ${kindOf(value)}`, { cause });
  }
  if (json === undefined)
    throw new TypeError(`${name} must be what JSON can hold: ${kindOf(value)}`);
  if (json.length > most) {
    throw new RangeError(`${name} must be ${most} characters of JSON at the most: ${json.length}`);
  }
  return JSON.parse(json);
}
