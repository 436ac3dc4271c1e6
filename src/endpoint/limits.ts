/**
 * What one peer may cost an open connection, with defaults that are safe for a server on the Internet.
 *
 * @module
 */

import { checkWhole } from "../arguments.ts";

/** Limits on what a peer sends. For each, 0 or Infinity means none. */
export interface MessageLimits {
  /** Payload bytes of one frame. 1009 when exceeded. */
  readonly maxFrameSize: number;
  /** Payload bytes of one message. 1009 when exceeded, at the header of the frame that does. */
  readonly maxMessageSize: number;
  /** Frames of one message, empty ones included. 1008 when exceeded. */
  readonly maxFragments: number;
}

/** The limits in force where none are given. */
export const defaultMessageLimits: MessageLimits = {
  maxFrameSize: 16 * 1024 ** 2,
  maxMessageSize: 16 * 1024 ** 2,
  maxFragments: 16 * 1024,
};

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
    const limit = given[key] ?? defaults[key];
    checkWhole(key, limit, Infinity);
    resolved[key] = limit || Infinity;
  }
  return resolved as Limits;
}
