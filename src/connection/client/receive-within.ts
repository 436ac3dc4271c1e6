/**
 * Receiving for a time, or until somebody gives up.
 *
 * @module
 */

import { checkMilliseconds } from "../../arguments.ts";
import type { Clock } from "../../clock.ts";
import { startTimer } from "../../timer.ts";
import type { Data } from "../data.ts";
import type { ReceiveOptions } from "../receive/inbox.ts";
import { AbortSource } from "./abort-source.ts";

/** How long is waited, and what is said then. */
export interface Patience extends ReceiveOptions {
  readonly clock: Clock;
  /** Whether the process lives on until the time is over. */
  readonly holds: boolean;
  /** The error for a message that has not come in time. */
  receiveTimeout(milliseconds: number): Error;
}

/**
 * Receives a message by `receive`, which is given the signal that it has to give up by, or nothing where it may wait for ever.
 *
 * @throws {RangeError} The time-out is NaN or below 0.
 * @throws The error for the time-out, the signal's reason, and what `receive` rejects with.
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
