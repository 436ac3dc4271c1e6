import process from "node:process";
import { afterEach, describe, expect, it } from "vitest";
import type { Loss } from "../../src/connection/client/backoff.ts";
import type { ClientOptions } from "../../src/connection/client/connect.ts";
import type { Connection } from "../../src/connection/connection.ts";
import { reconnecting } from "../../src/connection/client/reconnect.ts";
import type { Server } from "../../src/connection/server/serve.ts";
import { newDeferred } from "../../src/deferred.ts";
import type { Closure } from "../../src/errors.ts";
import { adapter } from "../support/adapter.ts";
import {
  haproxy,
  type Intermediary,
  missing,
  nginx,
  RunningIntermediary,
} from "../support/intermediary.ts";
import { runtime } from "../support/runtime.ts";

/** A client and a server of the library with somebody else's HTTP proxy in between, which gives up after a second. */

const present: Intermediary[] = [];
for (const kind of [nginx, haproxy]) {
  const reason = missing(kind);
  if (reason === undefined) present.push(kind);
  else if (process.env["CI"]) it(`has ${kind.name} in between`, () => expect.fail(reason));
  else {
    console.warn(`skipped, ${reason}`);
    it.skip(`has ${kind.name} in between`, () => {});
  }
}

describe.each(present)(`$name in between, on ${runtime}`, (kind) => {
  const servers: Server[] = [];
  const running: RunningIntermediary[] = [];
  const clients: { close(): Promise<unknown> }[] = [];

  afterEach(async () => {
    for (const client of clients.splice(0)) void client.close();
    await Promise.all(running.splice(0).map((one) => one.close()));
    await Promise.all(servers.splice(0).map((server) => server.shutdown({ deadline: 0 })));
  });

  /** An echo server behind the proxy; "close" of its first connection ends `ended`. */
  async function start() {
    const ended = newDeferred<Closure>();
    const server = await adapter.serve(
      { port: 0, hostname: "127.0.0.1", compression: true },
      {
        message: (ws, data) => ws.send(data),
        close: (_, closure) => {
          ended.resolve(closure);
        },
      },
    );
    servers.push(server);
    const between = await RunningIntermediary.start(kind, server.port);
    running.push(between);
    return { server, between, url: `ws://127.0.0.1:${between.port}/`, ended: ended.promise };
  }

  async function open(url: string, options: ClientOptions = {}): Promise<Connection> {
    const ws = await adapter.connect(url, options);
    clients.push(ws);
    return ws as Connection;
  }

  async function expectEcho(ws: Connection, text: string): Promise<void> {
    await ws.send(text);
    expect(await ws.receive()).toBe(text);
  }

  /** A client that stays connected, and the losses it has. */
  function stay(url: string) {
    let lost = newDeferred<Loss>();
    const feed = reconnecting(({ signal }) => adapter.connect(url, { signal }), {
      initialDelay: 10,
      maxDelay: 100,
      disconnected: (loss) => {
        lost.resolve(loss);
      },
    });
    clients.push(feed);
    return {
      feed,
      async nextLoss(): Promise<Loss> {
        const loss = await lost.promise;
        lost = newDeferred();
        return loss;
      },
    };
  }

  it("passes the handshake, messages of a mebibyte, compressed or not, and the close", async () => {
    const { url, ended } = await start();
    const bytes = Uint8Array.from({ length: 1024 ** 2 }, (_, i) => i * i);
    for (const compression of [false, true]) {
      const ws = await open(url, { compression });
      expect(ws.extensions.startsWith("permessage-deflate")).toBe(compression);
      await expectEcho(ws, "hello");
      await ws.send(bytes);
      // No toEqual: on a mebibyte it takes longer than the proxy waits.
      expect(Buffer.compare((await ws.receive()) as Uint8Array, bytes)).toBe(0);
      expect(await ws.close(4000, "bye")).toMatchObject({
        status: 4000,
        reason: "bye",
        clean: true,
      });
    }
    expect(await ended).toMatchObject({ status: 4000, reason: "bye", clean: true });
  });

  it("ends a connection that idles: 1006 for both sides, and reconnecting() comes back", async () => {
    const { url, ended } = await start();
    const { feed, nextLoss } = stay(url);
    const first = await feed.ready;
    const { closure } = await nextLoss();
    expect(closure).toMatchObject({ status: 1006, clean: false, initiator: "transport" });
    expect(await ended).toMatchObject({ status: 1006, clean: false, initiator: "transport" });
    const second = (await feed.ready) as Connection;
    expect(second).not.toBe(first);
    await feed.send("back");
    expect(await feed.receive()).toBe("back");
  });

  it("does not end one that is kept up by pings", async () => {
    const { url } = await start();
    const pongs = newDeferred<void>();
    let count = 0;
    const ws = await adapter.connect(
      url,
      { pingInterval: 300 },
      {
        pong: () => {
          if (++count === 5) pongs.resolve();
        },
      },
    );
    clients.push(ws);
    await pongs.promise;
    expect(ws.state).toBe("open");
  });

  it("is started again: 1006, refused for a while, and reconnecting() comes back", async () => {
    const { url, between, ended } = await start();
    const { feed, nextLoss } = stay(url);
    await feed.ready;
    await between.stop();
    expect((await nextLoss()).closure).toMatchObject({ status: 1006, initiator: "transport" });
    expect(await ended).toMatchObject({ status: 1006, initiator: "transport" });
    expect((await nextLoss()).error).toMatchObject({ name: "TransportError", code: "REFUSED" });
    await between.start();
    await feed.ready;
    await feed.send("back");
    expect(await feed.receive()).toBe("back");
  });

  it("passes on that the server goes: 1001, and an HTTP status to who comes then", async () => {
    const { url, server } = await start();
    const ws = await open(url);
    void server.shutdown({ deadline: 5000 });
    expect(await ws.closed).toMatchObject({ status: 1001, clean: true, initiator: "peer" });
    await expect(adapter.connect(url)).rejects.toMatchObject({
      name: "DialError",
      code: "BAD_STATUS",
      status: kind.status,
    });
  });

  it.runIf(kind === nginx)(
    "that passes no Upgrade on: the server says what is missing",
    async () => {
      const { url } = await start();
      await expect(adapter.connect(`${url}bare/`)).rejects.toMatchObject({
        name: "DialError",
        code: "BAD_STATUS",
        status: 426,
      });
    },
  );
});
