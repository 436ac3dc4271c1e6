/**
 * What it costs to copy the messages of one chunk for those who keep them: each into a buffer of its own, or all into one
 * that they share.
 *
 * `node bench/micro/copies.mjs`, and with Deno (`deno run -A`) and Bun.
 */

import { bench, do_not_optimize, run, summary } from "mitata";

const messagesPerChunk = 16;

for (const size of [16, 64, 128, 1024]) {
  const chunk = new Uint8Array(messagesPerChunk * size);
  summary(() => {
    bench(`16 messages of ${size} B, a buffer each`, () => {
      for (let at = 0; at < chunk.length; at += size) {
        do_not_optimize(chunk.slice(at, at + size));
      }
    });
    bench(`16 messages of ${size} B, a buffer for all`, () => {
      const shared = new Uint8Array(chunk.length);
      for (let at = 0; at < chunk.length; at += size) {
        if (size < 64) for (let i = at; i < at + size; i++) shared[i] = chunk[i];
        else shared.set(chunk.subarray(at, at + size), at);
        do_not_optimize(shared.subarray(at, at + size));
      }
    });
  });
}

await run();
