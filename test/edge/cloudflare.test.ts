import { once } from "node:events";
import { createServer as createHttpServer } from "node:http";
import { type AddressInfo, createServer as createTcpServer } from "node:net";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { serve } from "../../adapters/node/index.ts";
import type { ServeOptions, Server } from "../../src/connection/server/serve.ts";
import type { ServerHandlers } from "../../src/connection/handlers.ts";
import { newDeferred } from "../../src/deferred.ts";
import { acceptKey } from "../../src/handshake/accept.ts";
import { rejectConnection } from "../../src/handshake/server/reject.ts";
import { certificate, privateKey } from "../support/certificate.ts";
import { TestProxy } from "../support/proxy.ts";
import { startWorkerd, type Workerd } from "../support/workerd.ts";

let workerd: Workerd;

beforeAll(async () => {
  workerd = await startWorkerd({ entry: "test/edge/worker.mjs" });
});

afterAll(async () => {
  await workerd[Symbol.asyncDispose]();
});

/** Has the Worker do something. */
async function ask(task: string, options: object): Promise<{ result?: unknown; error?: unknown }> {
  const body = JSON.stringify({ task, ...options });
  const response = await fetch(workerd.url, { method: "POST", body });
  return (await response.json()) as { result?: unknown; error?: unknown };
}

const tls = { cert: certificate, key: privateKey };

function serveOn(handlers: ServerHandlers, options: ServeOptions = {}): Promise<Server<unknown>> {
  return serve({ port: 0, hostname: "127.0.0.1", ...options }, handlers);
}

function echo(options?: ServeOptions): Promise<Server<unknown>> {
  return serveOn({ message: (ws, data) => ws.send(data) }, options);
}

/** A port that nobody listens on. */
async function closedPort(): Promise<number> {
  const server = createTcpServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}

const talked = {
  text: "hello",
  isSame: true,
  status: 1000,
  reason: "bye",
  clean: true,
  initiator: "local",
};

describe("connect() of framewire/cloudflare", () => {
  it("opens a connection, and knows where it leads", async () => {
    await using server = await echo();
    const { port } = server;
    expect(await ask("talk", { url: `ws://127.0.0.1:${port}/` })).toEqual({
      result: {
        ...talked,
        encrypted: false,
        extensions: "",
        remoteAddress: "127.0.0.1",
        remotePort: port,
      },
    });
  });

  it("does TLS, for another name than the host's where that is said", async () => {
    await using server = await echo({ tls });
    const url = `wss://localhost:${server.port}/`;
    expect(await ask("talk", { url })).toMatchObject({ result: { ...talked, encrypted: true } });
    const options = { tls: { serverName: "framewire.test" } };
    expect(await ask("talk", { url, options })).toMatchObject({ result: talked });
    const wrong = { tls: { serverName: "other.test" } };
    expect(await ask("talk", { url, options: wrong })).toMatchObject({
      error: { name: "TransportError", code: "TLS_FAILED" },
    });
  });

  it("sends headers, an origin and subprotocols", async () => {
    await using server = await serveOn(
      {
        upgrade: (request) => ({ context: request.get("x-token"), protocol: "b" }),
        open: (ws) => ws.send(`${String(ws.context)} ${ws.protocol}`),
      },
      { origins: ["https://app.test"] },
    );
    const options = {
      headers: [["X-Token", "secret"]],
      origin: "https://app.test",
      protocols: ["a", "b"],
    };
    expect(await ask("first", { url: `ws://127.0.0.1:${server.port}/`, options })).toEqual({
      result: "secret b",
    });
  });

  it("tells what a server answers that refuses", async () => {
    await using server = await serveOn({
      upgrade() {
        throw rejectConnection({ status: 403, body: "Members only" });
      },
    });
    expect(await ask("first", { url: `ws://127.0.0.1:${server.port}/` })).toMatchObject({
      error: { name: "DialError", code: "BAD_STATUS", status: 403, body: "Members only" },
    });
  });

  it("goes through proxies, and does TLS behind them", async () => {
    await using server = await echo({ tls });
    for (const kind of ["connect", "socks5"] as const) {
      const proxy = await TestProxy.start({ kind, auth: "user:password", leadsTo: server.port });
      const url = "wss://framewire.test/";
      const options = { proxy: proxy.url };
      expect(await ask("talk", { url, options })).toMatchObject({
        result: { ...talked, encrypted: true },
      });
      expect(proxy.asked).toEqual(["framewire.test:443"]);
      await proxy.close();
    }
  });

  it("goes through a proxy that does TLS itself", async () => {
    await using server = await echo();
    const proxy = await TestProxy.start({ tls: true, leadsTo: server.port });
    const options = { proxy: proxy.url.replace("127.0.0.1", "localhost") };
    expect(await ask("talk", { url: "ws://framewire.test/", options })).toMatchObject({
      result: talked,
    });
    await proxy.close();
  });

  it("tells what a proxy answers that refuses", async () => {
    const proxy = await TestProxy.start({ auth: "user:password" });
    const options = { proxy: proxy.url.replace("password", "wrong") };
    expect(await ask("first", { url: "ws://framewire.test/", options })).toMatchObject({
      error: { name: "TransportError", code: "PROXY_FAILED" },
    });
    await proxy.close();
  });

  it("says that a port refuses, and that there is no TLS", async () => {
    const port = await closedPort();
    for (const scheme of ["ws", "wss"]) {
      expect(await ask("first", { url: `${scheme}://localhost:${port}/` })).toMatchObject({
        error: { name: "TransportError", code: "REFUSED" },
      });
    }
    await using server = await echo();
    expect(await ask("first", { url: `wss://localhost:${server.port}/` })).toMatchObject({
      error: { name: "TransportError", code: "TLS_FAILED" },
    });
  });

  it("has no other code for a host that is not there", async () => {
    expect(await ask("first", { url: "ws://no-such-host.invalid/" })).toMatchObject({
      error: { name: "TransportError", code: "REFUSED" },
    });
  });

  it.each<[option: string, url: string, options: object]>([
    ["a path", "ws://a/", { path: "/tmp/a.sock" }],
    ["noDelay", "ws://a/", { noDelay: true }],
    ["keepAlive", "ws://a/", { keepAlive: 5000 }],
    ["certificates", "wss://a/", { tls: { ca: "PEM" } }],
    ["what another runtime's TLS knows", "wss://a/", { tls: { rejectUnauthorized: false } }],
    ["a proxy of the environment", "ws://a/", { proxy: "environment" }],
    ["TLS inside TLS", "wss://a/", { proxy: "https://proxy.test" }],
    ["compression without an engine", "ws://a/", { compression: true }],
  ])("refuses what Workers cannot do: %s", async (_, url, options) => {
    expect(await ask("first", { url, options })).toMatchObject({ error: { name: "TypeError" } });
  });

  it("pings, and notices a peer that is gone without a word", async () => {
    const server = createTcpServer((socket) => {
      socket.on("error", () => {});
      socket.once("data", (head: Uint8Array) => {
        const key = /Sec-WebSocket-Key: (\S+)/i.exec(String(head))![1]!;
        socket.write(
          "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
            `Sec-WebSocket-Accept: ${acceptKey(key)}\r\n\r\n`,
        );
      });
    }).listen(0, "127.0.0.1");
    await once(server, "listening");
    const { port } = server.address() as AddressInfo;
    const options = { pingInterval: 200, pongTimeout: 300 };
    expect(await ask("ending", { url: `ws://127.0.0.1:${port}/`, options })).toEqual({
      result: { status: 1006, initiator: "local", code: "PONG_TIMEOUT" },
    });
    server.close();
  });

  it("tells of a reset", async () => {
    await using server = await serveOn({
      message: (ws) => {
        ws.terminate();
      },
    });
    expect(await ask("ending", { url: `ws://127.0.0.1:${server.port}/` })).toMatchObject({
      result: { status: 1006, initiator: "transport" },
    });
  });

  it("reads messages, and sends them, before they are complete", async () => {
    await using server = await serveOn({
      async open(ws) {
        await ws.send(new Uint8Array(4 * 1024 ** 2));
      },
      message: (ws, data) => ws.send(`${data.length} bytes`),
    });
    const { result } = await ask("pieces", { url: `ws://127.0.0.1:${server.port}/` });
    expect(result).toMatchObject({ said: "4194304 bytes" });
    expect((result as { pieces: number }).pieces).toBeGreaterThan(1);
  });

  it("is held back by a server that does not read on", async () => {
    const gate = newDeferred<void>();
    const http = createHttpServer((_, response) => {
      gate.resolve();
      response.end();
    }).listen(0, "127.0.0.1");
    await once(http, "listening");
    await using server = await serve({ server: http }, { message: () => gate.promise });
    expect(server.port).toBeGreaterThan(0);
    const { result } = await ask("held", { url: `ws://127.0.0.1:${server.port}/` });
    expect(result).toMatchObject({ isHeld: true, sent: 64, status: 1000 });
    expect((result as { sentFirst: number }).sentFirst).toBeLessThan(64);
    http.close();
  });

  it("keeps time for each request by itself", async () => {
    await using server = await serveOn({});
    const url = `ws://127.0.0.1:${server.port}/`;
    for (let i = 0; i < 3; i++) {
      expect(await ask("timeouts", { url })).toMatchObject({
        error: { name: "TimeoutError", code: "RECEIVE_TIMEOUT" },
      });
    }
  });

  it("gives up where its signal is aborted", async () => {
    const deaf = createTcpServer(() => {}).listen(0, "127.0.0.1");
    await once(deaf, "listening");
    const { port } = deaf.address() as AddressInfo;
    expect(await ask("aborted", { url: `ws://127.0.0.1:${port}/` })).toMatchObject({
      error: { message: "enough" },
    });
    deaf.close();
  });
});

describe("the other ways to connect of framewire/cloudflare", () => {
  it("are the standard's WebSocketStream, dial() and connectStream()", async () => {
    await using server = await echo();
    const url = `ws://127.0.0.1:${server.port}/`;
    expect(await ask("webSocketStream", { url })).toEqual({
      result: { value: "hello", closeCode: 1005, reason: "" },
    });
    expect(await ask("dial", { url })).toMatchObject({ result: { text: "hello" } });
    expect(await ask("connectStream", { port: server.port })).toMatchObject({
      result: "HTTP/1.1 426",
    });
  });
});

describe("framewire/streams on Workers", () => {
  it("makes a connection of a socket, with TLS from the start or later", async () => {
    await using plain = await echo();
    await using secure = await echo({ tls });
    const url = `ws://127.0.0.1:${plain.port}/`;
    expect(await ask("overStreams", { url })).toMatchObject({ result: talked });
    const secured = `wss://localhost:${secure.port}/`;
    for (const task of ["overStreams", "overStartTls"]) {
      expect(await ask(task, { url: secured })).toMatchObject({
        result: { ...talked, encrypted: true },
      });
    }
  });

  it("says that a port refuses, and no more than it knows with TLS", async () => {
    const port = await closedPort();
    expect(await ask("overStreams", { url: `ws://127.0.0.1:${port}/` })).toMatchObject({
      error: { name: "TransportError", code: "REFUSED" },
    });
    expect(await ask("overStreams", { url: `wss://127.0.0.1:${port}/` })).toMatchObject({
      error: { name: "TransportError", code: "FAILED" },
    });
  });
});
