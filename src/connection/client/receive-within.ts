/**
 * Receives a message within a time, or until a signal aborts.
 *
 * @module
 */

import { checkMilliseconds } from "../../arguments.ts";
import type { Clock } from "../../clock.ts";
import { startTimer } from "../../timer.ts";
import type { Data } from "../data.ts";
import type { ReceiveOptions } from "../receive/inbox.ts";
import { AbortSource } from "./abort-source.ts";

/** How long to wait, and the error after that time. */
export interface Patience extends ReceiveOptions {
  readonly clock: Clock;
  /** Whether the wait keeps the process alive. */
  readonly holds: boolean;
  /** Makes the error for a message that has not come in time. */
  receiveTimeout(milliseconds: number): Error;
}

/**
 * Receives a message by `receive`. That function gets the signal by which it must give up, or undefined if it may wait for ever.
 *
 * @throws {RangeError} The timeout is NaN or below 0.
 * @throws The error for the timeout, the signal's reason, or the error of `receive`.
 */
export async function receiveWithin(
  { signal, timeout = Infinity, clock, holds, receiveTimeout }: Patience,
  receive: (limit?: AbortSource) => Promise<Data>,
): Promise<Data> {
  checkMilliseconds("timeout", timeout);
  if (signal === undefined && timeout === Infinity) return receive();
  const limit = new AbortSource();
  const unfollow = limit.follow(signal);
  const timer = startTimer(clock, timeout, () => {
    limit.abort(receiveTimeout(timeout));
  });
  timer.hold(holds);
  try {
    limit.check();
    return await receive(limit);
  } finally {
    timer.cancel();
    unfollow();
  }
}
