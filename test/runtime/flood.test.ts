import process from "node:process";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { newDeferred } from "../../src/deferred.ts";
import type { Closure } from "../../src/errors.ts";
import { adapter } from "../support/adapter.ts";
import { startProgram } from "../support/program.ts";
import { collectGarbage, runtime } from "../support/runtime.ts";

const count = 4_000;
const size = 64 * 1024;
const most = 32 * 1024 ** 2;

const client = fileURLToPath(new URL("../support/flood-client.mjs", import.meta.url));

/** Resident bytes of this process, without what is only waiting to be collected. */
function resident(): number {
  collectGarbage();
  return process.memoryUsage().rss;
}

describe(`a flood against a handler that sleeps, on ${runtime}`, () => {
  it("is held back: one handler at a time, and 32 MiB at the most of the 250 that are sent", async () => {
    const gate = newDeferred<void>();
    const ended = newDeferred<Closure>();
    let next = 0;
    let running = 0;
    const server = await adapter.serve(
      { port: 0, hostname: "127.0.0.1" },
      {
        async message(_, data) {
          running++;
          expect(running).toBe(1);
          await gate.promise;
          const bytes = data as Uint8Array;
          expect(bytes.length).toBe(size);
          expect(new DataView(bytes.buffer, bytes.byteOffset).getUint32(0)).toBe(next);
          next++;
          running--;
        },
        close: (_, closure) => void ended.resolve(closure),
      },
    );
    const before = resident();
    const flood = startProgram(["node", client, `${server.port}`, `${count}`, `${size}`]);
    const [, handed] = await flood.line(/stalled (\d+)/);
    expect(Number(handed)).toBeLessThan(count / 4);
    expect(resident() - before).toBeLessThan(most);
    gate.resolve();
    expect(await ended.promise).toMatchObject({ clean: true });
    expect(next).toBe(count);
    await flood.ended;
    await server.shutdown();
  });
});
