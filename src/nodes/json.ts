/**
 * Copies and checks the values of an application that go to other nodes as JSON.
 *
 * @module
 */

import { kindOf } from "../arguments.ts";

/**
 * Copies a value by way of JSON, so that nobody else can change the copy; undefined stays undefined.
 *
 * @param name The name of the argument, for the error message.
 * @param most UTF-16 units of JSON that the value may have.
 * @throws {TypeError} JSON cannot hold the value. @throws {RangeError} The value is longer than `most`.
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

/**
 * Tells whether a value that came as JSON may be a result of `copyOfJson`. It stops early at any value that is too long, since it
 * adds up the fewest UTF-16 units that each part needs. `JSON.stringify` would overflow the stack at a deep value, or take
 * seconds.
 */
export function isShortJson(value: unknown, most: number): boolean {
  return value === undefined || roomBehind(value, most) >= 0;
}

/** @returns The room that is left after a value; less than 0 if the value does not fit. */
function roomBehind(value: unknown, room: number): number {
  if (typeof value === "string") return room - value.length - 2;
  if (typeof value !== "object" || value === null) return room - 1;
  let left = room - 2;
  if (Array.isArray(value)) {
    for (let at = 0; at < value.length && left >= 0; at++) left = roomBehind(value[at], left);
    return left;
  }
  for (const key in value) {
    if (left < 0) return left;
    left = roomBehind((value as Record<string, unknown>)[key], left - key.length - 3);
  }
  return left;
}
