import { afterEach, describe, expect, it } from "vitest";
import type { Connection } from "../../src/connection/connection.ts";
import type { ServerHandlers } from "../../src/connection/handlers.ts";
import type { ServeOptions, Server } from "../../src/connection/server/serve.ts";
import { newDeferred } from "../../src/deferred.ts";
import { adapter } from "../support/adapter.ts";
import { Peer, upgradeRequest } from "../support/peer.ts";
import { RawClient } from "../support/raw-client.ts";
import { runtime } from "../support/runtime.ts";

/** What one address may cost a server, over real sockets. */

const servers: Server[] = [];

afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.shutdown({ deadline: 0 })));
});

async function start(
  options: Partial<ServeOptions>,
  handlers: ServerHandlers = {},
): Promise<Server> {
  const server = await adapter.serve({ port: 0, hostname: "127.0.0.1", ...options }, handlers);
  servers.push(server);
  return server;
}

/** The answer to a request that claims to come from somewhere. */
async function answerTo(
  server: Server,
  from = "192.0.2.1",
): Promise<{ status: string; peer: Peer }> {
  const peer = new Peer(await RawClient.connect(server.port));
  peer.send(upgradeRequest({ "X-Forwarded-For": from }));
  await peer.seen(/^(open|closed)$/);
  return { status: peer.response.slice(9, 12), peer };
}

describe(`limits of one address, on ${runtime}`, () => {
  it("are of its connections: 429 beyond them, until one ends; forged addresses do not help", async () => {
    const server = await start({ maxConnectionsPerAddress: 2 });
    const first = await answerTo(server, "192.0.2.1");
    const second = await answerTo(server, "192.0.2.2");
    const third = await answerTo(server, "192.0.2.3");
    expect([first.status, second.status, third.status]).toEqual(["101", "101", "429"]);
    expect(third.peer.response).toMatch(/\r\nRetry-After: 10(\r\n|$)/);
    const { closed } = server.connections[0]!;
    first.peer.close(1000);
    await first.peer.seen("closed");
    await closed;
    expect((await answerTo(server)).status).toBe("101");
  });

  it("are of the address that a trusted proxy tells, an IPv6 one by its /64", async () => {
    const server = await start({ maxConnectionsPerAddress: 1, trustProxy: ["127.0.0.1"] });
    const statuses: string[] = [];
    for (const from of [
      "192.0.2.1",
      "192.0.2.2",
      "192.0.2.1",
      "2001:db8::1",
      "2001:db8::2",
      "2001:db8:0:1::1",
    ]) {
      statuses.push((await answerTo(server, from)).status);
    }
    expect(statuses).toEqual(["101", "101", "429", "101", "429", "101"]);
  });

  it("are of its handshakes", async () => {
    const server = await start({ handshakesPerAddress: { perSecond: 0.001, burst: 2 } });
    const url = `ws://127.0.0.1:${server.port}/`;
    for (let i = 0; i < 2; i++) await (await adapter.connect(url)).close();
    await expect(adapter.connect(url)).rejects.toMatchObject({
      name: "DialError",
      code: "BAD_STATUS",
      status: 429,
      headers: expect.arrayContaining([
        ["Retry-After", expect.stringMatching(/^\d{3,4}$/)],
      ]) as unknown,
    });
  });

  it("hold back who sends too many messages, and lose none", async () => {
    const all = newDeferred<void>();
    const seen: string[] = [];
    const server = await start(
      { messagesPerAddress: { perSecond: 100, burst: 10 } },
      {
        message(_, data) {
          seen.push(data as string);
          if (seen.length === 40) all.resolve();
        },
      },
    );
    const ws = (await adapter.connect(`ws://127.0.0.1:${server.port}/`)) as Connection;
    const sent = Array.from({ length: 40 }, (_, i) => String(i));
    for (const text of sent) void ws.send(text);
    await all.promise;
    expect(seen).toEqual(sent);
    expect(await ws.close()).toMatchObject({ status: 1000, clean: true });
  });

  it("close the connection of who sends too many messages, where that is said", async () => {
    const server = await start({
      messagesPerAddress: { perSecond: 0.001, burst: 2, excess: "close" },
    });
    const ws = await adapter.connect(`ws://127.0.0.1:${server.port}/`);
    for (let i = 0; i < 3; i++) void ws.send("a");
    expect(await ws.closed).toMatchObject({ status: 1008, initiator: "peer" });
  });
});
