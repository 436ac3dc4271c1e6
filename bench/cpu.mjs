/**
 * CPU time of another process, as Linux tells it.
 */

import { readdirSync, readFileSync } from "node:fs";

/** Nanoseconds that each thread has run. */
function threadsOf(pid) {
  const folder = `/proc/${pid}/task`;
  const threads = new Map();
  for (const thread of readdirSync(folder)) {
    try {
      const [time] = readFileSync(`${folder}/${thread}/schedstat`, "utf8").split(" ");
      threads.set(thread, Number(time));
    } catch {
      // It has ended since the folder was read.
    }
  }
  return threads;
}

/** Starts to count; gives a function that tells the seconds of CPU since then, undefined where the system tells none. */
export function startCpuClock(pid) {
  try {
    const before = threadsOf(pid);
    return () => {
      let sum = 0;
      for (const [thread, time] of threadsOf(pid)) sum += time - (before.get(thread) ?? 0);
      return sum / 1e9;
    };
  } catch {
    // There is no /proc, or it does not count.
    return () => undefined;
  }
}
