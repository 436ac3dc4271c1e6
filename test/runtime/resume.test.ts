import { afterEach, describe, expect, it } from "vitest";
import { localBackplane } from "../../src/connection/backplane/local.ts";
import type { Position } from "../../src/connection/backplane/history.ts";
import type { Connection } from "../../src/connection/connection.ts";
import { reconnecting } from "../../src/connection/client/reconnect.ts";
import type { Server } from "../../src/connection/server/serve.ts";
import { adapter } from "../support/adapter.ts";
import { seededRandom } from "../support/cuts.ts";
import { runtime } from "../support/runtime.ts";

/** A client that says where it was when it comes back, as docs/reconnecting.md shows it. */

const servers: Server[] = [];

afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.shutdown({ deadline: 0 })));
});

describe(`a client that resumes, on ${runtime}`, () => {
  it("misses nothing and gets nothing twice, though it is cut off a hundred times, on two servers by turns", async () => {
    const backplane = localBackplane({ history: 1000 });
    const completes: boolean[] = [];
    const there = new Set<Connection>();
    const ports = await Promise.all(
      [0, 1].map(async () => {
        const server = await adapter.serve(
          {
            port: 0,
            hostname: "127.0.0.1",
            backplane,
            carrying: { stamp: (data, position) => JSON.stringify({ data, position }) },
          },
          {
            open: (ws) => void there.add(ws),
            close: (ws) => void there.delete(ws),
            async message(ws, data) {
              const { since } = JSON.parse(String(data)) as { since?: Position };
              const { complete, position } = await ws.subscribe("news", { since });
              // One that was cut off meanwhile has not got all.
              completes.push(complete || ws.state !== "open");
              if (since === undefined) await ws.send(JSON.stringify({ position }));
            },
          },
        );
        servers.push(server);
        return server.port;
      }),
    );

    let attempts = 0;
    let since: Position | undefined;
    const numbers: number[] = [];
    await using feed = reconnecting(
      ({ signal }) => adapter.connect(`ws://127.0.0.1:${ports[attempts++ % 2]}/`, { signal }),
      // Each wait is drawn from 0 to that.
      {
        initialDelay: 1,
        maxDelay: 1,
        resume: (ws: Connection) => ws.send(JSON.stringify({ since })),
      },
    );
    const listening = (async () => {
      for await (const message of feed) {
        const { data, position } = JSON.parse(String(message)) as {
          data?: string;
          position: Position;
        };
        since = position;
        if (data !== undefined) numbers.push(Number(data));
      }
    })();
    await expect.poll(() => since).toBeDefined();

    const random = seededRandom(11);
    const count = 600;
    let cuts = 0;
    for (let number = 0; number < count; number++) {
      servers[number % 2]!.publish("news", `${number}`);
      if (random() < 0.3) await new Promise((resolve) => setTimeout(resolve, 0));
      if (cuts < 100 && number % 5 === 0) {
        // Now by the client and now by the server, as soon as it is connected again.
        const ws = await feed.ready;
        if (cuts % 2 === 0) ws.terminate();
        else for (const connection of there) connection.terminate();
        cuts++;
      }
    }
    await expect.poll(() => numbers.at(-1), { timeout: 20_000 }).toBe(count - 1);
    expect(numbers).toEqual(Array.from({ length: count }, (_, number) => number));
    expect([cuts, attempts > 50, completes.every(Boolean)]).toEqual([100, true, true]);
    await feed.close();
    await listening;
  });
});
