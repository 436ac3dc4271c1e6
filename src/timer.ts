/**
 * A deadline with a timer of its own, for what waits once and for itself alone: the time between two attempts, say. What there may
 * be thousands of shares a timer (clock.ts).
 *
 * @module
 */

import type { Clock, Deadline } from "./clock.ts";

/** The longest time that runtimes' timers take, in milliseconds: they hold it in 32 bits. */
const longest = 2 ** 31 - 1;

/**
 * Calls `task` once, `milliseconds` from now.
 *
 * @param milliseconds From 0 on; Infinity for never.
 */
export function startTimer(clock: Clock, milliseconds: number, task: () => void): Deadline {
  if (milliseconds === Infinity) return { cancel() {}, hold() {} };
  // A longer time is cut into parts.
  let left = Math.max(1, Math.ceil(milliseconds / longest));
  const stop = clock.every(Math.max(1, milliseconds / left), () => {
    if (--left > 0) return;
    stop();
    task();
  });
  return {
    cancel: stop,
    hold(holds) {
      if (holds) stop.ref?.();
      else stop.unref?.();
    },
  };
}
