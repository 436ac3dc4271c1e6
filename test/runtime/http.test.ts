import process from "node:process";
import { afterEach, describe, expect, it } from "vitest";
import type { HttpRequest } from "../../src/connection/http/request.ts";
import type { ServerHandlers } from "../../src/connection/handlers.ts";
import type { ServeOptions, Server } from "../../src/connection/server/serve.ts";
import { newDeferred } from "../../src/deferred.ts";
import { adapter } from "../support/adapter.ts";
import { HttpPeer } from "../support/http-peer.ts";
import {
  haproxy,
  type Intermediary,
  missing,
  nginx,
  RunningIntermediary,
} from "../support/intermediary.ts";
import { RawClient } from "../support/raw-client.ts";
import { runtime } from "../support/runtime.ts";

/** Plain HTTP beside the sockets, over real ones, on every runtime: as clients and proxies of others speak it. */

const servers: Server[] = [];
const running: RunningIntermediary[] = [];
const peers: HttpPeer[] = [];

async function start(
  handlers: ServerHandlers,
  options: Partial<ServeOptions> = {},
): Promise<Server> {
  const server = await adapter.serve({ port: 0, hostname: "127.0.0.1", ...options }, handlers);
  servers.push(server);
  return server;
}

async function clientOf({ port }: Server): Promise<HttpPeer> {
  const peer = new HttpPeer(await RawClient.connect(port));
  peers.push(peer);
  return peer;
}

afterEach(async () => {
  for (const peer of peers.splice(0)) peer.transport.destroy();
  await Promise.all(running.splice(0).map((one) => one.close()));
  await Promise.all(servers.splice(0).map((server) => server.shutdown({ deadline: 0 })));
});

/** Numbers that tell where they stand. */
function bytesOf(size: number): Uint8Array<ArrayBuffer> {
  return Uint8Array.from({ length: size }, (_, i) => (i * i) >> 3);
}

describe(`plain HTTP on ${runtime}`, () => {
  it("answers the runtime's own client: methods, bodies, and one connection for all", async () => {
    const addresses = new Set<number | undefined>();
    const server = await start(
      {
        http: {
          GET: ({ query, remotePort }) => {
            addresses.add(remotePort);
            return { body: `Hello ${query.get("name")}` };
          },
          async POST(request) {
            addresses.add(request.remotePort);
            return { status: 201, body: await request.bytes() };
          },
        },
      },
      { maxBodySize: 8 * 1024 ** 2 },
    );
    const url = `http://127.0.0.1:${server.port}/`;
    const get = await fetch(`${url}?name=Ann`);
    expect([get.status, await get.text()]).toEqual([200, "Hello Ann"]);
    expect(Date.parse(get.headers.get("date")!)).toBeGreaterThan(0);
    const sent = bytesOf(3 * 1024 ** 2);
    const post = await fetch(url, { method: "POST", body: sent });
    expect(post.status).toBe(201);
    expect(Buffer.compare(new Uint8Array(await post.arrayBuffer()), sent)).toBe(0);
    const head = await fetch(url, { method: "HEAD" });
    expect([head.status, head.headers.get("content-length")]).toEqual([200, "10"]);
    const options = await fetch(url, { method: "OPTIONS" });
    expect([options.status, options.headers.get("allow")]).toEqual([
      204,
      "GET, POST, HEAD, OPTIONS",
    ]);
    const put = await fetch(url, { method: "PUT", body: "a" });
    expect([put.status, put.headers.get("allow")]).toEqual([405, "GET, POST, HEAD, OPTIONS"]);
    // Of five requests; when a client takes a new connection beside one that idles is its own matter.
    expect(addresses.size).toBeLessThan(4);
  });

  it("streams both ways, at the pace of whoever reads", async () => {
    const server = await start(
      { http: { POST: (request) => ({ body: request }) } },
      { maxBodySize: 8 * 1024 ** 2 },
    );
    const sent = bytesOf(512 * 1024);
    const first = "the first piece";
    const peer = await clientOf(server);
    peer.send(
      `POST / HTTP/1.1\r\nHost: a\r\nContent-Length: ${first.length + sent.length}\r\n\r\n`,
    );
    peer.send(first);
    await peer.seen(first);
    peer.send(sent);
    await peer.seen("\r\n0\r\n\r\n");
    expect(peer.text.startsWith("HTTP/1.1 200 OK\r\n")).toBe(true);
    const chunks = peer.text.slice(peer.text.indexOf("\r\n\r\n") + 4);
    expect(unchunked(chunks)).toBe(first + Buffer.from(sent).toString("latin1"));
  });

  it("shuts down in the middle of requests: the idle ones at once, the others when answered", async () => {
    const gate = newDeferred<void>();
    const asked = newDeferred<void>();
    const server = await start({
      async http({ path }) {
        if (path === "/slow") {
          asked.resolve();
          await gate.promise;
        }
        return { body: path };
      },
    });
    const idle = await clientOf(server);
    const busy = await clientOf(server);
    idle.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    await idle.answer(1);
    busy.send("GET /slow HTTP/1.1\r\nHost: a\r\n\r\n");
    await asked.promise;
    const over = server.shutdown({ deadline: 5000 });
    await idle.told("closed");
    gate.resolve();
    expect((await busy.answer(5)).at(-1)).toBe("/slow");
    await busy.told("closed");
    await over;
  });
});

/** Takes the chunked coding off a body that is decently coded. */
function unchunked(text: string): string {
  let body = "";
  let at = 0;
  for (;;) {
    const line = text.indexOf("\r\n", at);
    const size = Number.parseInt(text.slice(at, line), 16);
    if (size === 0) return body;
    body += text.slice(line + 2, line + 2 + size);
    at = line + 2 + size + 2;
  }
}

const present: Intermediary[] = [];
for (const kind of [nginx, haproxy]) {
  const reason = missing(kind);
  if (reason === undefined) present.push(kind);
  else if (process.env["CI"]) it(`is asked by ${kind.name}`, () => expect.fail(reason));
  else {
    console.warn(`skipped, ${reason}`);
    it.skip(`is asked by ${kind.name}`, () => {});
  }
}

/** haproxy with `option httpchk` as it comes: it asks OPTIONS / HTTP/1.0, without a Host. */
const checking: Intermediary = {
  ...haproxy,
  config: (folder, port, serverPort) =>
    haproxy
      .config(folder, port, serverPort)
      .replace(
        /server one (\S+)/,
        "option httpchk\n  server one $1 check inter 50ms fall 1 rise 1",
      ),
};

/** nginx with `proxy_pass` alone: it speaks HTTP/1.0. */
const bare: Intermediary = {
  ...nginx,
  config: (folder, port, serverPort) =>
    nginx
      .config(folder, port, serverPort)
      .replace("proxy_http_version 1.1;", "")
      .replace("proxy_set_header Host $host;", ""),
};

describe.runIf(present.includes(haproxy))(`haproxy's checks of a server on ${runtime}`, () => {
  it("pass as they come, and say the server is down when GET would say so", async () => {
    let status = 200;
    const checks: string[] = [];
    const server = await start({
      http({ method, host, remotePort }) {
        if (method === "OPTIONS")
          checks.push(`${method} ${JSON.stringify(host)} ${remotePort! > 0}`);
        return { status, body: "alive" };
      },
    });
    const between = await RunningIntermediary.start(checking, server.port);
    running.push(between);
    const url = `http://127.0.0.1:${between.port}/`;
    while (checks.length === 0) await (await fetch(url)).text();
    expect(checks[0]).toBe('OPTIONS "" true');
    const response = await fetch(url);
    expect([response.status, await response.text()]).toEqual([200, "alive"]);
    status = 503;
    for (;;) {
      const refused = await fetch(url);
      // Until haproxy has checked again it passes the hook's own answer on.
      if ((await refused.text()) !== "alive") {
        expect(refused.status).toBe(503);
        break;
      }
    }
  });

  it("pass where there is no http hook", async () => {
    const server = await start({ message: (ws, data) => ws.send(data) });
    const between = await RunningIntermediary.start(checking, server.port);
    running.push(between);
    const ws = await adapter.connect(`ws://127.0.0.1:${between.port}/`);
    await ws.send("Hello");
    expect(await ws.receive()).toBe("Hello");
    await ws.close();
    expect(server.counters.refused).toBe(0);
  });
});

describe.runIf(present.includes(nginx))(`nginx in front of a server on ${runtime}`, () => {
  it("passes plain requests as it comes, by HTTP/1.0", async () => {
    const asked: HttpRequest[] = [];
    const server = await start({
      http: {
        GET(request) {
          asked.push(request);
          return {
            body: (async function* () {
              for (let i = 0; i < 3; i++) yield `${i}`.repeat(10_000);
            })(),
          };
        },
        async POST(request) {
          asked.push(request);
          return { body: await request.text() };
        },
      },
    });
    const between = await RunningIntermediary.start(bare, server.port);
    running.push(between);
    const url = `http://127.0.0.1:${between.port}/bare/`;
    const get = await fetch(url);
    expect(await get.text()).toBe(
      `${"0".repeat(10_000)}${"1".repeat(10_000)}${"2".repeat(10_000)}`,
    );
    const post = await fetch(url, { method: "POST", body: "Hello" });
    expect(await post.text()).toBe("Hello");
    const head = await fetch(url, { method: "HEAD" });
    expect(head.status).toBe(200);
    expect(asked.map(({ method }) => method)).toEqual(["GET", "POST", "HEAD"]);
    expect(asked[0]!.get("connection")).toBe("close");
  });
});
