import { generateKeyPairSync } from "node:crypto";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer as createHttpServer, get, type Server as HttpServer } from "node:http";
import { createServer as createHttpsServer, get as getOverTls } from "node:https";
import {
  connect as connectTcp,
  createServer,
  type Server as NetServer,
  type Socket,
} from "node:net";
import { networkInterfaces, tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import {
  connect as connectTls,
  type ConnectionOptions,
  createServer as createTlsServer,
} from "node:tls";
import { afterEach, describe, expect, it } from "vitest";
import { NodeTransport } from "../../adapters/node/transport.ts";
import type { ServerHandlers } from "../../src/connection/handlers.ts";
import type { ServeOptions } from "../../src/connection/server/serve.ts";
import { newDeferred } from "../../src/deferred.ts";
import type { AcceptingListener, Listener, ListenOptions, Transport } from "../../src/transport.ts";
import { adapter } from "../support/adapter.ts";
import { authority, certificate, privateKey } from "../support/certificate.ts";
import { Peer, upgradeRequest } from "../support/peer.ts";
import { hasUnixSockets, runtime } from "../support/runtime.ts";
import { macrotask } from "../support/turns.ts";

/** One list of behaviours of listening, on each runtime against its own adapter; clients and other servers are Node's. */

const tls = { cert: certificate, key: privateKey };
const local = { port: 0, hostname: "127.0.0.1" };

/** What a test has begun, to be undone behind it in the opposite order. */
const undo: (() => unknown)[] = [];

afterEach(async () => {
  for (const task of undo.splice(0).reverse()) await task();
});

/** The path of a socket in a folder of its own. */
function newPath(): string {
  const folder = mkdtempSync(join(tmpdir(), "framewire-"));
  undo.push(() => rmSync(folder, { recursive: true }));
  return join(folder, "listen.sock");
}

/** A client's socket, connected. */
function connected(socket: Socket, event = "connect"): Promise<Socket> {
  undo.push(() => socket.destroy());
  return new Promise((resolve, reject) => {
    socket.once("error", reject);
    socket.once(event, () => {
      socket.off("error", reject);
      socket.on("error", () => {}); // `close` follows
      resolve(socket);
    });
  });
}

type Address = Pick<Listener, "port" | "hostname">;

function dialTcp({ port, hostname }: Address): Promise<Socket> {
  const place = port === 0 ? { path: hostname } : { port, host: hostname };
  return connected(connectTcp({ ...place, allowHalfOpen: true }));
}

function dialTls({ port, hostname }: Address, options: ConnectionOptions = {}): Promise<Socket> {
  const place = port === 0 ? { path: hostname } : { port, host: hostname };
  const socket = connectTls({ servername: "localhost", ca: authority, ...place, ...options });
  return connected(socket, "secureConnect");
}

/** Reads until the server ends its stream. */
function allText(socket: Socket): Promise<string> {
  let text = "";
  socket.on("data", (chunk: Uint8Array) => {
    text += new TextDecoder().decode(chunk);
  });
  return new Promise((resolve) => {
    socket.on("end", () => {
      resolve(text);
      socket.end();
    });
    socket.on("close", () => {
      resolve(text);
    });
  });
}

/** Waits until the server drops a connection. */
function gone(socket: Socket): Promise<void> {
  return new Promise((resolve) => {
    if (socket.destroyed) resolve();
    socket.resume();
    socket.once("end", () => socket.end());
    socket.once("close", () => {
      resolve();
    });
  });
}

interface Accepted {
  readonly transport: Transport;
  readonly early: string;
}

/**
 * Listens, and echoes what comes until the peer ends; `next` gives what was accepted, in its order, with the bytes that
 * were read before.
 */
async function listen(
  options: ListenOptions,
): Promise<{ listener: Listener; next: () => Promise<Accepted>; count: () => number }> {
  const accepted: ReturnType<typeof newDeferred<Accepted>>[] = [];
  const at = (index: number): (typeof accepted)[number] => (accepted[index] ??= newDeferred());
  let taken = 0;
  let asked = 0;
  const listener = await adapter.listenTransport(options, (transport, bytes) => {
    undo.push(() => {
      transport.destroy();
    });
    transport.handler = {
      // A write may be borrowed: then the next one would have to wait. None of these tests sends so much.
      onData: (chunk) => transport.write(chunk.slice()),
      onDrain() {},
      // Later than the event: then what is not half-open is closed.
      onEnd: () =>
        void macrotask().then(() => {
          transport.write(new TextEncoder().encode(" to the end"));
          transport.end();
        }),
      onClose() {},
    };
    const early = new TextDecoder().decode(bytes ?? new Uint8Array(0));
    at(taken++).resolve({ transport, early });
  });
  undo.push(() => listener.close());
  return { listener, next: () => at(asked++).promise, count: () => taken };
}

/** Serves an echo. */
async function serve(options: ServeOptions, handlers: ServerHandlers = {}) {
  const server = await adapter.serve(options, {
    message: (ws, data) => ws.send(data),
    ...handlers,
  });
  undo.push(() => server.shutdown({ deadline: 0 }));
  return server;
}

/** Does a handshake, has messages echoed, and closes. */
async function converse(socket: Socket): Promise<string[]> {
  const peer = new Peer(new NodeTransport(socket));
  peer.send(upgradeRequest());
  await peer.seen("open");
  peer.text("hello");
  await peer.seen("text hello");
  peer.binary(new Uint8Array(1_000_000));
  await peer.seen("binary 1000000 bytes");
  peer.close(1000, "bye");
  await peer.seen("closed");
  return peer.lines;
}

const conversation = [
  "open",
  "text hello",
  "binary 1000000 bytes",
  "close 1000 bye",
  "end",
  "closed",
];

async function failure(options: ListenOptions): Promise<unknown> {
  return listen(options).then(
    () => {
      throw new Error("It listens");
    },
    (error: unknown) => error,
  );
}

describe.skipIf(!hasUnixSockets)(`a Unix socket on ${runtime}`, () => {
  it("is listened on, and its file goes with the listener", async () => {
    const path = newPath();
    const { listener, next } = await listen({ path });
    expect([listener.port, listener.hostname, existsSync(path)]).toEqual([0, path, true]);
    const socket = await dialTcp(listener);
    const text = allText(socket);
    socket.end("hello");
    const { transport } = await next();
    expect([transport.remoteAddress, transport.remotePort]).toEqual([undefined, undefined]);
    expect([transport.localAddress, transport.localPort]).toEqual([undefined, undefined]);
    expect(transport.encrypted).toBe(false);
    expect(await text).toBe("hello to the end");
    await listener.close();
    await listener.close();
    expect(existsSync(path)).toBe(false);
    await expect(dialTcp({ port: 0, hostname: path })).rejects.toThrow();
  });

  it("serves WebSocket", async () => {
    const server = await serve({ path: newPath() });
    expect(await converse(await dialTcp(server))).toEqual(conversation);
  });

  it("is in use where another listens on it", async () => {
    const path = newPath();
    const { listener } = await listen({ path });
    expect(await failure({ path })).toMatchObject({
      name: "TransportError",
      code: "ADDRESS_IN_USE",
    });
    // And still is the first one's.
    await dialTcp(listener);
  });

  it("is in use where a file is in its place, which stays", async () => {
    const path = newPath();
    writeFileSync(path, "somebody's");
    expect(await failure({ path })).toMatchObject({ code: "ADDRESS_IN_USE" });
    expect(existsSync(path)).toBe(true);
  });

  it("says that it cannot be made", async () => {
    const path = join(newPath(), "in", "no", "folder");
    // Node takes a folder that is missing for one that it must not write to.
    const code = runtime === "node" ? "ACCESS_DENIED" : "NOT_FOUND";
    expect(await failure({ path })).toMatchObject({ name: "TransportError", code });
    // Nobody may make a file in there, not even root.
    if (process.platform !== "linux") return;
    expect(await failure({ path: "/sys/listen.sock" })).toMatchObject({ code: "ACCESS_DENIED" });
  });
});

describe(`the default hostname on ${runtime}`, () => {
  it("takes both families, and calls an IPv4 address by its own name", async () => {
    const server = await adapter.serve({ port: 0 }, {});
    try {
      const hasIpv6 = Object.values(networkInterfaces()).some((all) =>
        all?.some(({ address }) => address === "::1"),
      );
      expect(server.hostname).toBe(hasIpv6 ? "::" : "0.0.0.0");
      for (const host of hasIpv6 ? ["127.0.0.1", "[::1]"] : ["127.0.0.1"]) {
        const ws = await adapter.connect(`ws://${host}:${server.port}/`);
        const [ours] = server.connections;
        const address = host.replace(/[[\]]/g, "");
        expect([ours!.remoteAddress, ours!.localAddress, ours!.peer.address]).toEqual([
          address,
          address,
          address,
        ]);
        await ws.close();
      }
    } finally {
      await server.shutdown();
    }
  });

  it("gives streams an IPv4 address by its own name, too", async () => {
    const listener = await adapter.listen({ port: 0, backlog: 3 });
    const socket = await dialTcp({ port: listener.port, hostname: "127.0.0.1" });
    const stream = (await listener.accept())!;
    expect([stream.remoteAddress, stream.localAddress]).toEqual(["127.0.0.1", "127.0.0.1"]);
    socket.destroy();
    await stream.close().catch(() => {});
    await listener.close();
  });
});

describe(`backlog on ${runtime}`, () => {
  it("is the system's, and refused where the runtime has none", async () => {
    const started = adapter.serve({ ...local, backlog: 5 }, {});
    if (runtime === "bun") {
      await expect(started).rejects.toThrow(
        new TypeError("Bun has no backlog, and always asks the system for 512: leave it out"),
      );
      return;
    }
    await (await started).shutdown();
  });

  it.runIf(runtime === "deno")("is refused for a Unix socket on Deno", async () => {
    await expect(adapter.serve({ path: "/tmp/framewire-none", backlog: 5 }, {})).rejects.toThrow(
      new TypeError("Deno has no backlog for a Unix socket: leave it out"),
    );
  });
});

describe(`TLS on ${runtime}`, () => {
  it("is told by the transport, with the peer's address", async () => {
    const { listener, next } = await listen({ ...local, tls });
    const socket = await dialTls(listener);
    const { transport } = await next();
    expect(transport.encrypted).toBe(true);
    expect(transport.remoteAddress).toBe("127.0.0.1");
    expect(transport.remotePort).toBe(socket.localPort);
    const text = allText(socket);
    socket.write("hello");
    socket.end();
    expect(await text).toBe("hello to the end");
  });

  it("serves WebSocket", async () => {
    const server = await serve({ ...local, tls });
    expect(await converse(await dialTls(server))).toEqual(conversation);
  });

  it.skipIf(runtime === "deno" || !hasUnixSockets)("goes over a Unix socket", async () => {
    const server = await serve({ path: newPath(), tls });
    expect(await converse(await dialTls(server))).toEqual(conversation);
  });

  it("drops those who do not speak it, and goes on", async () => {
    const { listener, count } = await listen({ ...local, tls });
    for (const bytes of ["GET / HTTP/1.1\r\nHost: localhost\r\n\r\n", "\x16\x03\x01\0\x05hello"]) {
      const socket = await dialTcp(listener);
      socket.write(bytes, "latin1");
      await gone(socket);
    }
    const reset = await dialTcp(listener);
    reset.resetAndDestroy();
    const ended = await dialTcp(listener);
    ended.end();
    await gone(ended);
    expect(count()).toBe(0);
    await dialTls(listener);
  });

  it("is not held up by those who are slow", async () => {
    const { listener, next, count } = await listen({ ...local, tls });
    for (let i = 0; i < 10; i++) await dialTcp(listener);
    await dialTls(listener);
    await next();
    expect(count()).toBe(1);
  });

  // Deno lets go of the connection, but its socket stays until the peer does something.
  it.skipIf(runtime === "deno")("drops those who are too slow", async () => {
    const { listener, count } = await listen({ ...local, tls: { ...tls, handshakeTimeout: 50 } });
    await gone(await dialTcp(listener));
    expect(count()).toBe(0);
  });

  it("gives out no connection once it is closed", async () => {
    const { listener, count } = await listen({ ...local, tls });
    const socket = await dialTcp(listener);
    await listener.close();
    await listener.close();
    const secure = connectTls({ socket, servername: "localhost", ca: authority });
    secure.on("error", () => {});
    await gone(secure);
    expect(count()).toBe(0);
  });

  it.each([
    ["a certificate that is none", { ...tls, cert: "certificate" }],
    ["a key that is none", { ...tls, key: "key" }],
    [
      "a key to another certificate",
      {
        ...tls,
        key: generateKeyPairSync("ec", { namedCurve: "P-256" })
          .privateKey.export({ type: "pkcs8", format: "pem" })
          .toString(),
      },
    ],
  ])("refuses %s", async (_, options) => {
    expect(await failure({ ...local, tls: options })).toMatchObject({
      name: "TransportError",
      code: "TLS_FAILED",
    });
  });

  it("says that a port is in use, or cannot be had", async () => {
    const { listener } = await listen({ ...local, tls });
    expect(await failure({ ...local, port: listener.port, tls })).toMatchObject({
      code: "ADDRESS_IN_USE",
    });
    expect(await failure({ port: 0, hostname: "192.0.2.1", tls })).toMatchObject({
      code: "FAILED",
    });
  });

  it.skipIf(runtime === "deno")(
    "lets in those alone who show a certificate it trusts",
    async () => {
      const mutual = { ...tls, ca: authority, requestCert: true };
      const { listener, count, next } = await listen({ ...local, tls: mutual });
      // With TLS 1.3 a client learns of its refusal after its own handshake.
      const stranger = await dialTls(listener);
      await gone(stranger);
      expect(count()).toBe(0);
      await dialTls(listener, tls);
      await next();

      const untrusting = await listen({ ...local, tls: { ...tls, requestCert: true } });
      const unknown = await dialTls(untrusting.listener, tls);
      await gone(unknown);
      expect(untrusting.count()).toBe(0);

      const lenient = await listen({ ...local, tls: { ...mutual, rejectUnauthorized: false } });
      await dialTls(lenient.listener);
      await lenient.next();
    },
  );

  it.runIf(runtime === "deno")("refuses what Deno does not have", async () => {
    for (const options of [
      { ...local, tls: { ...tls, requestCert: true } },
      { ...local, tls: { ...tls, ca: authority } },
      { path: newPath(), tls },
    ]) {
      expect(await failure(options)).toBeInstanceOf(TypeError);
    }
  });
});

/** Lets a server of Node's modules listen. */
async function started<Server extends NetServer>(server: Server): Promise<Server> {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  undo.push(() => void server.close());
  return server;
}

function addressOf(server: NetServer): Address {
  return { port: (server.address() as { port: number }).port, hostname: "127.0.0.1" };
}

describe.each([
  ["HTTP", () => createHttpServer(), dialTcp, get],
  ["HTTPS", () => createHttpsServer(tls), dialTls, getOverTls],
] as const)(`an %s server on ${runtime}`, (name, create, dial, ask) => {
  /** A server that answers "plain" to everything. */
  async function startHttp(): Promise<HttpServer> {
    const server = create() as HttpServer;
    server.on("request", (_, response) => {
      response.end("plain");
    });
    return started(server);
  }

  function fetchText(server: HttpServer, headers: Record<string, string> = {}): Promise<string> {
    const { port, hostname } = addressOf(server);
    return new Promise((resolve, reject) => {
      const options = { port, host: hostname, ca: authority, agent: false, headers };
      ask(options, (response) => {
        let text = "";
        response.on("data", (chunk) => (text += String(chunk)));
        response.on("end", () => {
          resolve(text);
        });
      }).on("error", reject);
    });
  }

  it("gives its requests for an upgrade, with what came behind them, and keeps all others", async () => {
    const server = await startHttp();
    const { listener, next } = await listen({ server });
    expect(listener).toMatchObject(addressOf(server));
    const socket = await dial(listener);
    const request = new TextDecoder().decode(upgradeRequest({ "X-Twice": "a", "x-twice": "b" }));
    socket.write(`${request}early`);
    const { transport, early } = await next();
    expect(early).toBe(`${request}early`);
    expect(transport.encrypted).toBe(name === "HTTPS");
    expect(transport.remotePort).toBe(socket.localPort);
    expect(await fetchText(server)).toBe("plain");
    const text = allText(socket);
    socket.write("late");
    socket.end();
    expect(await text).toBe("late to the end");
  });

  it("serves WebSocket beside its own", async () => {
    const server = await startHttp();
    const sockets = await serve({ server });
    expect(await converse(await dial(sockets))).toEqual(conversation);
    await sockets.shutdown({ deadline: 0 });
    expect(await fetchText(server)).toBe("plain");
  });

  it("goes on when the listener is closed, and so do the connections", async () => {
    const server = await startHttp();
    const { listener, next, count } = await listen({ server });
    const socket = await dial(listener);
    socket.write(upgradeRequest());
    await next();
    await listener.close();
    await listener.close();
    expect(await fetchText(server)).toBe("plain");
    expect(listener).toMatchObject(addressOf(server));
    const text = allText(socket);
    socket.end("still here");
    expect(await text).toBe("still here to the end");
    expect(count()).toBe(1);
  });

  it("answers requests for an upgrade itself again when the listener is closed", async () => {
    const server = await startHttp();
    const sockets = await serve({ server });
    await sockets.shutdown({ deadline: 0 });
    const headers = { Connection: "Upgrade", Upgrade: "websocket" };
    expect(await fetchText(server, headers)).toBe("plain");
  });

  it("does not end by its own times what it gave away", async () => {
    const server = await startHttp();
    Object.assign(server, { timeout: 100, headersTimeout: 100, requestTimeout: 100 });
    server.keepAliveTimeout = 100;
    const { listener, next } = await listen({ server });
    const socket = await dial(listener);
    socket.write(upgradeRequest());
    await next();
    // An idle connection beside it tells when the server's time is up.
    await gone(await dial(listener));
    const text = allText(socket);
    socket.end("still here");
    expect(await text).toBe("still here to the end");
  });

  it("is listened to before it listens itself", async () => {
    const server = create() as HttpServer;
    const { listener } = await listen({ server });
    expect([listener.port, listener.hostname]).toEqual([0, ""]);
    await started(server);
    expect(listener).toMatchObject(addressOf(server));
  });
});

describe(`a listener that is there already on ${runtime}`, () => {
  it.each([
    ["TCP", () => createServer(), dialTcp],
    ["TLS", () => createTlsServer(tls), dialTls],
  ] as const)("gives its connections over %s, half-open ones too", async (name, create, dial) => {
    const server = await started(create());
    const { listener, next } = await listen({ listener: server });
    expect(listener).toMatchObject(addressOf(server));
    const socket = await dial(listener);
    const { transport } = await next();
    expect(transport.encrypted).toBe(name === "TLS");
    const text = allText(socket);
    socket.end("hello");
    expect(await text).toBe("hello to the end");
    await listener.close();
    await listener.close();
    expect(server.listening).toBe(false);
  });

  it.skipIf(!hasUnixSockets)("tells the path of a Unix socket", async () => {
    const server = createServer();
    const path = newPath();
    await new Promise<void>((resolve) => server.listen(path, resolve));
    const { listener } = await listen({ listener: server });
    expect([listener.port, listener.hostname]).toEqual([0, path]);
  });

  it.runIf(runtime === "deno")("may be Deno's own", async () => {
    interface DenoNamespace {
      listen(options: object): AcceptingListener;
      listenTls(options: object): AcceptingListener;
    }
    const { Deno } = globalThis as unknown as { Deno: DenoNamespace };
    const plain = await listen({ listener: Deno.listen(local) });
    const text = allText(await dialTcp(plain.listener).then((socket) => socket.end("hello")));
    expect((await plain.next()).transport.encrypted).toBe(false);
    expect(await text).toBe("hello to the end");
    const secure = await listen({ listener: Deno.listenTls({ ...local, ...tls }) });
    await dialTls(secure.listener);
    expect((await secure.next()).transport.encrypted).toBe(true);
    const ended = Deno.listen(local);
    const { listener } = await listen({ listener: ended });
    ended.close();
    await listener.close();
  });

  it("is refused where it is Bun's own, or nothing that listens", async () => {
    const listener = { reload() {}, stop() {} } as unknown as AcceptingListener;
    expect(await failure({ listener })).toBeInstanceOf(TypeError);
  });
});
