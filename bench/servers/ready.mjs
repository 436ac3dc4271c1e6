/**
 * How a server says that it is ready, and answers to the benchmark: the same for all of them.
 *
 * Where BENCH_ASK is set, a line "memory" on standard input is answered by a line of JSON: bytes in use, as the
 * collector counts them right after a collection, and resident bytes.
 */

import process from "node:process";

/** A collection frees what finalizers hold only in the next one, and they run in between. */
async function collect() {
  for (let i = 0; i < 4; i++) {
    if (globalThis.Bun) Bun.gc(true);
    else globalThis.gc();
    await new Promise((resolve) => setTimeout(resolve, 0));
  }
}

/** Allocators give pages back in their own time: looks again until that does not find less than before. */
async function memory() {
  let least = Infinity;
  for (;;) {
    await collect();
    const { rss, heapUsed, external } = process.memoryUsage();
    if (rss >= least) return { resident: rss, inUse: heapUsed + external };
    least = rss;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

async function answer() {
  const { createInterface } = await import("node:readline");
  for await (const line of createInterface({ input: process.stdin })) {
    if (line === "memory") console.log(JSON.stringify(await memory()));
  }
}

export function ready(port) {
  console.log(`listening on ${port}`);
  if (process.env.BENCH_ASK) void answer();
}
