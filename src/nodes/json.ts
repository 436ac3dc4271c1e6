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

/**
 * Tells whether a value that came as JSON may be one that `copyOfJson` has let go: whatever it is, that is told at once. It counts the
 * fewest UTF-16 units that a value has as JSON. To write it would overflow the stack where it is deep, or take seconds.
 */
export function isShortJson(value: unknown, most: number): boolean {
  return value === undefined || roomBehind(value, most) >= 0;
}

/** @returns What is left of the room behind a value; less than 0 where it has not enough. */
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
