import process from "node:process";
import { describe, expect, it } from "vitest";
import { adapter } from "../support/adapter.ts";
import { collectGarbage, runtime } from "../support/runtime.ts";
import { macrotask } from "../support/turns.ts";

const round = 10_000;
const size = 1024;
/** Much less than the messages of a round have in all, and more than a runtime's own books vary by. */
const most = 2 * 1024 ** 2;

/** Bytes in use, without what is only waiting to be collected. */
async function inUse(): Promise<number> {
  for (let i = 0; i < 3; i++) {
    collectGarbage();
    await macrotask();
  }
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

describe(`both ends of a connection on ${runtime}`, () => {
  it.each([false, true])(
    "keep nothing of 20 000 messages that were echoed, compression %s",
    async (compression) => {
      await using server = await adapter.serve(
        { port: 0, hostname: "127.0.0.1", compression },
        { message: (ws, data) => ws.send(data) },
      );
      await using ws = await adapter.connect(`ws://127.0.0.1:${server.port}`, { compression });
      const message = new Uint8Array(size).fill(7);
      const echoes = async (): Promise<void> => {
        for (let sent = 0; sent < round; sent += 50) {
          for (let i = 0; i < 50; i++) void ws.send(message);
          for (let i = 0; i < 50; i++) expect((await ws.receive()).length).toBe(size);
        }
      };
      await echoes();
      const before = await inUse();
      await echoes();
      await echoes();
      expect((await inUse()) - before).toBeLessThan(most);
    },
  );
});
