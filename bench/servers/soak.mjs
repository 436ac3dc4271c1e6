/**
 * The library's echo server for the soak: the same file on every runtime. It tells about itself.
 *
 * Binary messages come back. The text "close" makes the server close with 4001, the text "terminate" drop the connection.
 * A line on standard input is a question, and a line of JSON its answer: "idle" waits until every connection is over and
 * tells how those since the last time ended, "measure" collects garbage and tells the bytes of memory.
 */

import process from "node:process";
import { createInterface } from "node:readline";
import { serve } from "framewire/auto";

/** How many connections ended which way. */
let endings = {};

const server = await serve(
  { port: 0, hostname: "127.0.0.1" },
  {
    message(ws, data) {
      if (data === "close") ws.close(4001, "as asked");
      else if (data === "terminate") ws.terminate();
      else return ws.send(data);
    },
    close(_, { status, clean, initiator }) {
      const name = `${status} ${clean ? "clean" : "unclean"} ${initiator}`;
      endings[name] = (endings[name] ?? 0) + 1;
    },
  },
);

async function idle() {
  await Promise.all(server.connections.map((ws) => ws.closed));
  const told = endings;
  endings = {};
  return { endings: told };
}

/** A collection frees what finalizers hold only in the next one, and they run in between. */
async function collect() {
  for (let i = 0; i < 4; i++) {
    if (typeof Bun === "object") Bun.gc(true);
    else globalThis.gc();
    await new Promise((resolve) => setTimeout(resolve, 0));
  }
}

/** Allocators give pages back in their own time: looks again until that does not find less than before. */
async function measure() {
  let least = Infinity;
  for (;;) {
    await collect();
    const { rss, heapUsed, external } = process.memoryUsage();
    if (rss >= least) return { connections: server.connections.length, rss, heapUsed, external };
    least = rss;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

const answers = { idle, measure };

console.log(JSON.stringify({ port: server.port, pid: process.pid }));
for await (const line of createInterface({ input: process.stdin })) {
  console.log(JSON.stringify(await answers[line]()));
}
process.exit(0);
