import { readFileSync } from "node:fs";
import { runInThisContext } from "node:vm";
import { afterEach, describe, expect, it } from "vitest";
import type { Server } from "../../src/connection/server/serve.ts";
import { Ends } from "../support/ends.ts";
import { runtime } from "../support/runtime.ts";

/** What docs/back-pressure.md has for a bound over all connections: the code of that page does it, over real sockets. */

const ends = new Ends();

afterEach(() => ends.finish());

/** The function of that page. */
function dropLargestOfPage(): (server: Server, most: number) => void {
  const page = readFileSync(new URL("../../docs/back-pressure.md", import.meta.url), "utf8");
  const [code] = /^function dropLargest[^]*?^}/m.exec(page)!;
  return runInThisContext(`(${code})`) as (server: Server, most: number) => void;
}

/** More than the system takes for a peer that does not read. */
const large = new Uint8Array(8 * 1024 ** 2);

describe(`dropLargest(), on ${runtime}`, () => {
  it("drops those who hold the most, and only so many that the rest is within the bound", async () => {
    const dropLargest = dropLargestOfPage();
    const { server } = await ends.serve({}, { maxBufferedAmount: Infinity });
    // The first one holds one message, the second two, and so on.
    for (let count = 1; count <= 4; count++) {
      const { client } = await ends.open(server);
      client.pause();
      const ws = server.connections.at(-1)!;
      for (let sent = 0; sent < count; sent++) void ws.send(large).catch(() => {});
    }
    const { client } = await ends.open(server);
    const [one, two, three, four, reader] = server.connections;
    const { queued } = server.counters;
    const most = queued - four!.bufferedAmount - 1;

    dropLargest(server, queued);
    expect(server.counters.open).toBe(5);

    dropLargest(server, most);
    for (const ws of [three!, four!]) expect(await ws.closed).toMatchObject({ status: 1006 });
    expect(server.counters.queued).toBeLessThanOrEqual(most);
    expect(server.connections).toEqual([one, two, reader]);
    expect(client.socket.destroyed).toBe(false);
  });
});
