import { createServer as createHttpServer, type Server as HttpServer } from "node:http";
import { afterEach, describe, expect, it } from "vitest";
import { encodeUtf8 } from "../../src/bytes.ts";
import type { ServerHandlers } from "../../src/connection/handlers.ts";
import type { ServeOptions, Server } from "../../src/connection/server/serve.ts";
import { newDeferred } from "../../src/deferred.ts";
import type { UpgradeRequest } from "../../src/handshake/server/upgrade-request.ts";
import { adapter } from "../support/adapter.ts";
import { Peer, upgradeRequest } from "../support/peer.ts";
import { exchange, RawClient } from "../support/raw-client.ts";
import { runtime } from "../support/runtime.ts";

/** A request that a hook keeps, and one whose client goes while the hook decides: over real sockets, on every runtime. */

const servers: Server[] = [];
const httpServers: HttpServer[] = [];

async function start(
  handlers: ServerHandlers,
  options: Partial<ServeOptions> = {},
): Promise<Server> {
  const where = options.server === undefined ? { port: 0, hostname: "127.0.0.1" } : {};
  const server = await adapter.serve({ ...where, ...options }, handlers);
  servers.push(server);
  return server;
}

async function startHttp(): Promise<HttpServer> {
  const server = createHttpServer();
  httpServers.push(server);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return server;
}

afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.shutdown({ deadline: 0 })));
  for (const server of httpServers.splice(0)) server.close();
});

/** Opens a connection as somebody, and sends so much that whatever the runtime reads into is filled with it. */
async function openAs(port: number, name: string): Promise<Peer> {
  const peer = new Peer(await RawClient.connect(port));
  const headers = {
    Authorization: `Bearer of-${name}`,
    Origin: `https://${name}.example`,
    "Sec-WebSocket-Protocol": `${name}.v2, ${name}.v1`,
  };
  peer.send(upgradeRequest(headers, `/rooms/${name}?of=${name}`));
  await peer.seen("open");
  return peer;
}

/** All that a request tells, as a program may come to ask for it late. */
function toldBy(request: UpgradeRequest): unknown {
  return {
    target: request.target,
    path: request.path,
    of: request.query.get("of"),
    params: { ...request.params },
    authorization: request.get("authorization"),
    origin: request.origin,
    protocols: request.protocols,
    names: Array.from(request.headers(), ([header]) => header),
    remote: [request.remoteAddress, typeof request.remotePort],
  };
}

function expectedOf(name: string): unknown {
  return {
    target: `/rooms/${name}?of=${name}`,
    path: `/rooms/${name}`,
    of: name,
    params: { room: name },
    authorization: `Bearer of-${name}`,
    origin: `https://${name}.example`,
    protocols: [`${name}.v2`, `${name}.v1`],
    names: [
      "Host",
      "Upgrade",
      "Connection",
      "Sec-WebSocket-Version",
      "Sec-WebSocket-Key",
      "Authorization",
      "Origin",
      "Sec-WebSocket-Protocol",
    ],
    remote: ["127.0.0.1", "number"],
  };
}

const noise = "what somebody else has sent, ".repeat(10_000);

describe(`a request that a hook keeps on ${runtime}`, () => {
  it.each(["the library's own listener", "a server of node:http"])(
    "tells of its own client for ever, behind %s",
    async (kind) => {
      const kept: UpgradeRequest[] = [];
      const own = kind.includes("http") ? { server: await startHttp() } : {};
      const server = await start(
        {
          routes: {
            "/rooms/:room": {
              upgrade: (request) => void kept.push(request),
              message: (ws) => ws.send("taken"),
            },
          },
        },
        { origins: "any", ...own },
      );
      const names = ["ann", "bob", "a-much-longer-name-than-those"];
      const peers: Peer[] = [];
      for (const name of names) {
        const peer = await openAs(server.port, name);
        peer.text(noise);
        await peer.seen("text taken");
        peers.push(peer);
      }
      expect(kept.map(toldBy)).toEqual(names.map(expectedOf));
      for (const peer of peers) peer.close(1000);
      for (const peer of peers) await peer.seen("closed");
      expect(kept.map(toldBy)).toEqual(names.map(expectedOf));
    },
  );

  it("tells so, too, where it asked for no upgrade", async () => {
    const kept: UpgradeRequest[] = [];
    const { port } = await start({
      http(request) {
        kept.push(request);
        return { body: "ok" };
      },
    });
    const names = ["ann", "bob", "a-much-longer-name-than-those"];
    for (const name of names) {
      const request = `GET /${name} HTTP/1.1\r\nHost: ${name}.example\r\n\r\n`;
      expect(await exchange(port, encodeUtf8(request + noise))).toMatch(/^HTTP\/1.1 200 /);
    }
    expect(kept.map((request) => [request.path, request.host])).toEqual(
      names.map((name) => [`/${name}`, `${name}.example`]),
    );
  });
});

describe(`the signal of a request on ${runtime}`, () => {
  /** A server whose hook decides nothing, and what its signal tells. */
  async function startWatching(
    options: Partial<ServeOptions> = {},
  ): Promise<{ server: Server; asked: Promise<UpgradeRequest>; aborted: Promise<unknown> }> {
    const asked = newDeferred<UpgradeRequest>();
    const aborted = newDeferred<unknown>();
    const server = await start(
      {
        upgrade(request) {
          const { signal } = request;
          signal.addEventListener("abort", () => {
            aborted.resolve(signal.reason);
          });
          asked.resolve(request);
          return new Promise<never>(() => {});
        },
      },
      options,
    );
    return { server, asked: asked.promise, aborted: aborted.promise };
  }

  it.each([
    ["resets the connection", "the library's own listener", true],
    ["ends its stream", "the library's own listener", false],
    ["resets the connection", "a server of node:http", true],
    ["ends its stream", "a server of node:http", false],
  ])("aborts when the peer %s while the hook decides, behind %s", async (_, kind, isReset) => {
    const own = kind.includes("http") ? { server: await startHttp() } : {};
    const { server, asked, aborted } = await startWatching(own);
    const client = await RawClient.connect(server.port);
    client.write(upgradeRequest());
    const { signal } = await asked;
    expect(signal).toBeInstanceOf(AbortSignal);
    expect(signal.aborted).toBe(false);
    // What comes early is no reason to be deaf.
    client.write(encodeUtf8("early"));
    if (isReset) client.socket.resetAndDestroy();
    else client.end();
    expect(await aborted).toMatchObject({ name: "TransportError" });
    client.destroy();
  });

  it("aborts when the server is shut down", async () => {
    const { server, asked, aborted } = await startWatching();
    const client = await RawClient.connect(server.port);
    client.write(upgradeRequest());
    await asked;
    const shut = server.shutdown();
    expect(await aborted).toMatchObject({ name: "ClosedError", status: 1001 });
    // The server waits for that before it drops the connection, which would take its deadline.
    client.end();
    expect(await shut).toEqual({ closed: 0, dropped: 0 });
    client.destroy();
  });

  it("lets what came while the hook decided come in order, though it was much", async () => {
    const gate = newDeferred<undefined>();
    const asked = newDeferred<void>();
    const { port } = await start({
      upgrade() {
        asked.resolve();
        return gate.promise;
      },
      message: (ws, data) => ws.send(`${data.length} of ${String(data[0])}`),
    });
    const peer = new Peer(await RawClient.connect(port));
    peer.send(upgradeRequest());
    await asked.promise;
    for (const letter of "abcdef") peer.text(letter.repeat(100_000));
    gate.resolve(undefined);
    await peer.seen("text 100000 of f");
    expect(peer.lines).toEqual(["open", ...Array.from("abcdef", (of) => `text 100000 of ${of}`)]);
  });
});
