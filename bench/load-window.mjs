/**
 * The window in which a load program counts.
 */

import { startCpuClock } from "./cpu.mjs";

/** How often a window is made longer in which nothing has come: on a machine that is busy with other things. */
const mostExtensions = 100;

/**
 * Lets the load run for `warm` milliseconds, then counts for `measure`.
 *
 * @param pid Whose CPU time is told; undefined for none.
 * @param count Gives what has been counted so far, `{ messages }` and whatever else.
 * @param failed A promise that ends the wait.
 * @returns What was counted, and `seconds` and `cpu`, both in seconds.
 */
export async function countInWindow({ pid, warm, measure }, count, failed) {
  let isOver = false;
  void failed.then(() => {
    isOver = true;
  });
  const wait = (milliseconds) =>
    Promise.race([new Promise((resolve) => setTimeout(resolve, milliseconds)), failed]);
  await wait(warm);
  const start = performance.now();
  const cpuTime = startCpuClock(pid);
  const before = count();
  await wait(measure);
  for (let i = 0; i < mostExtensions && !isOver && count().messages === before.messages; i++) {
    await wait(100);
  }
  const seconds = (performance.now() - start) / 1000;
  const after = count();
  const result = { seconds, cpu: cpuTime() };
  for (const name of Object.keys(after)) result[name] = after[name] - before[name];
  return result;
}
