/**
 * A deadline with its own timer, for a single wait such as the time between two attempts. Deadlines that may exist by the
 * thousand share a timer (clock.ts).
 *
 * @module
 */

import type { Clock, Deadline } from "./clock.ts";

/** The longest time of the runtimes' timers, in milliseconds: they store it in 32 bits. */
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
