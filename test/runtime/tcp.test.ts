import { readFileSync } from "node:fs";
import { createServer as createHttpServer } from "node:http";
import {
  connect as connectTcp,
  createServer,
  type Server as NetServer,
  type Socket,
} from "node:net";
import process from "node:process";
import {
  connect as connectTls,
  type ConnectionOptions,
  createServer as createTlsServer,
} from "node:tls";
import { afterEach, describe, expect, it } from "vitest";
import { newDeferred } from "../../src/deferred.ts";
import type {
  AcceptingListener,
  ConnectOptions,
  Listener,
  ListenOptions,
  TcpOptions,
  Transport,
} from "../../src/transport.ts";
import { adapter } from "../support/adapter.ts";
import { authority, certificate, privateKey } from "../support/certificate.ts";
import { Peer, upgradeRequest } from "../support/peer.ts";
import { runtime } from "../support/runtime.ts";
import { macrotask } from "../support/turns.ts";
import { NodeTransport } from "../../adapters/node/transport.ts";

/** What a socket is told, and what it knows, on each runtime against its own adapter; the kernel is asked for the former. */

const tls = { cert: certificate, key: privateKey };
const local = { port: 0, hostname: "127.0.0.1" };

/** What a test has begun, to be undone behind it in the opposite order. */
const undo: (() => unknown)[] = [];

afterEach(async () => {
  for (const task of undo.splice(0).reverse()) await task();
});

/** Gives a transport nothing to do, and an end. */
function hold(transport: Transport): Transport {
  transport.handler = { onData() {}, onDrain() {}, onEnd() {}, onClose() {} };
  undo.push(() => {
    transport.destroy();
  });
  return transport;
}

async function listen(
  options: ListenOptions,
): Promise<{ listener: Listener; accepted: Promise<Transport> }> {
  const accepted = newDeferred<Transport>();
  const listener = await adapter.listenTransport(options, (transport) => {
    accepted.resolve(hold(transport));
  });
  undo.push(() => listener.close());
  return { listener, accepted: accepted.promise };
}

/** A client's socket, connected. */
function connected(socket: Socket, event = "connect"): Promise<Socket> {
  undo.push(() => socket.destroy());
  return new Promise((resolve, reject) => {
    socket.once("error", reject);
    socket.once(event, () => {
      socket.off("error", reject);
      socket.on("error", () => {});
      resolve(socket);
    });
  });
}

const dialTcp = (port: number): Promise<Socket> => connected(connectTcp(port, "127.0.0.1"));

const dialTls = (port: number, options: ConnectionOptions = {}): Promise<Socket> =>
  connected(
    connectTls({ port, host: "127.0.0.1", servername: "localhost", ca: authority, ...options }),
    "secureConnect",
  );

/** Lets a server of Node's modules listen. */
async function started<Server extends NetServer>(server: Server): Promise<[Server, number]> {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  undo.push(() => void server.close());
  server.on("connection", (socket: Socket) => undo.push(() => socket.destroy()));
  return [server, (server.address() as { port: number }).port];
}

async function failure(options: ListenOptions): Promise<unknown> {
  return listen(options).then(
    () => {
      throw new Error("It listens");
    },
    (error: unknown) => error,
  );
}

/**
 * Seconds until the kernel first asks a silent peer, of the connection between two ports as its first end sees it;
 * undefined where it will not.
 */
async function keepAliveTimer(localPort: number, remotePort: number): Promise<number | undefined> {
  const hex = (port: number): string => port.toString(16).toUpperCase().padStart(4, "0");
  const pattern = new RegExp(
    ` 0100007F:${hex(localPort)} 0100007F:${hex(remotePort)} 01 \\S+ (\\d\\d):([0-9A-F]{8}) `,
  );
  for (;;) {
    const [, kind, when] = pattern.exec(readFileSync("/proc/net/tcp", "latin1"))!;
    if (kind === "00") return undefined;
    // A hundredth of a second each.
    if (kind === "02") return parseInt(when!, 16) / 100;
    // That of bytes whose acknowledgement is on its way hides it.
    await macrotask();
  }
}

const twoHours = 7200;

/** That a timer has begun with `seconds`, a little while ago. */
async function expectTimer(
  found: Promise<number | undefined>,
  seconds: number | undefined,
): Promise<void> {
  const timer = await found;
  if (seconds === undefined) expect(timer).toBeUndefined();
  else {
    expect(timer).toBeGreaterThan(seconds - 15);
    expect(timer).toBeLessThanOrEqual(seconds);
  }
}

/** What the kernel makes of an option; the last are for Node and Bun. */
const keepAlives: [TcpOptions["keepAlive"], number | undefined][] = [
  [undefined, undefined],
  [false, undefined],
  [true, twoHours],
  [60_000, 60],
];

describe.runIf(process.platform === "linux")(`keepAlive on ${runtime}`, () => {
  it.each(keepAlives.filter(([value]) => runtime !== "deno" || typeof value !== "number"))(
    "%s is what the kernel is told of accepted connections: %s seconds",
    async (keepAlive, seconds) => {
      const { listener, accepted } = await listen({ ...local, keepAlive });
      const { localPort } = await dialTcp(listener.port);
      await accepted;
      await expectTimer(keepAliveTimer(listener.port, localPort!), seconds);
    },
  );

  it.skipIf(runtime === "deno").each(keepAlives)(
    "%s is what the kernel is told of connections over TLS: %s seconds",
    async (keepAlive, seconds) => {
      const { listener, accepted } = await listen({ ...local, tls, keepAlive });
      const { localPort } = await dialTls(listener.port);
      await accepted;
      await expectTimer(keepAliveTimer(listener.port, localPort!), seconds);
    },
  );

  it.each(keepAlives.filter(([value]) => runtime !== "bun" || !value))(
    "%s is what the kernel is told of an HTTP server's connections: %s seconds",
    async (keepAlive, seconds) => {
      const [server, port] = await started(createHttpServer({ keepAlive: false }));
      const { accepted } = await listen({ server, keepAlive });
      const socket = await dialTcp(port);
      socket.write(upgradeRequest());
      await accepted;
      await expectTimer(keepAliveTimer(port, socket.localPort!), seconds);
    },
  );

  it.each(keepAlives)(
    "%s is what the kernel is told of a listener's connections: %s seconds",
    async (keepAlive, seconds) => {
      const [server, port] = await started(createServer());
      const { accepted } = await listen({ listener: server, keepAlive });
      const { localPort } = await dialTcp(port);
      await accepted;
      await expectTimer(keepAliveTimer(port, localPort!), seconds);
    },
  );

  describe.each<[string, Partial<ConnectOptions>]>([
    ["TCP", {}],
    ["TLS", { tls: { ca: authority, serverName: "localhost" } }],
    ["TLS with a certificate", { tls: { ca: authority, ...tls } }],
    ["a tunnel", { tunnel: async () => {} }],
    [
      "TLS behind a tunnel",
      { tunnel: async () => {}, tls: { ca: authority, serverName: "localhost" } },
    ],
  ])("a client's over %s", (_, options) => {
    it.each(keepAlives)("%s is what the kernel is told: %s seconds", async (keepAlive, seconds) => {
      const server = options.tls === undefined ? createServer() : createTlsServer(tls);
      const [, port] = await started(server);
      const transport = await adapter.connectTransport(
        { hostname: "127.0.0.1", port, ...options, keepAlive },
        hold,
      );
      await expectTimer(keepAliveTimer(transport.localPort!, port), seconds);
    });
  });

  it("is what connect() is told", async () => {
    const server = await adapter.serve(local, {});
    undo.push(() => server.shutdown({ deadline: 0 }));
    const ws = await adapter.connect(`ws://127.0.0.1:${server.port}`, { keepAlive: 60_000 });
    undo.push(() => ws.close());
    await expectTimer(keepAliveTimer(ws.localPort!, server.port), 60);
    expect(ws.localAddress).toBe("127.0.0.1");
  });
});

describe(`TCP options on ${runtime}`, () => {
  it("are refused out of their range", async () => {
    expect(await failure({ listener: createServer(), keepAlive: 500 })).toBeInstanceOf(RangeError);
    const connecting = adapter.connectTransport(
      { hostname: "127.0.0.1", port: 1, keepAlive: 0 },
      hold,
    );
    await expect(connecting).rejects.toBeInstanceOf(RangeError);
  });

  it.runIf(runtime === "deno")("are refused where Deno does not have them", async () => {
    interface DenoNamespace {
      listen(options: object): AcceptingListener;
      listenTls(options: object): AcceptingListener;
    }
    const { Deno } = globalThis as unknown as { Deno: DenoNamespace };
    const plain = Deno.listen(local);
    const secure = Deno.listenTls({ ...local, ...tls });
    undo.push(() => plain.close());
    for (const options of [
      { ...local, keepAlive: 60_000 },
      { ...local, tls, keepAlive: true },
      { ...local, tls, keepAlive: 60_000 },
      { ...local, tls, noDelay: true },
      { listener: plain, keepAlive: 60_000 },
      { listener: secure, keepAlive: true },
      { listener: secure, noDelay: true },
    ]) {
      expect(await failure(options)).toMatchObject({
        name: "TypeError",
        message: expect.stringContaining("listener") as string,
      });
    }
    await listen({ ...local, tls, noDelay: false, keepAlive: false });
    await listen({ listener: secure });
  });

  it.runIf(runtime === "bun")("are refused where Bun does not have them", async () => {
    const [server] = await started(createHttpServer());
    for (const options of [{ noDelay: false }, { keepAlive: true }, { keepAlive: 60_000 }]) {
      expect(await failure({ server, ...options })).toBeInstanceOf(TypeError);
    }
    await listen({ server, noDelay: true, keepAlive: false });
  });
});

/** Whether the runtime at hand shares ports: Node from 22.12 on, but for 23.0, Deno with its flag, Bun. */
const sharesPorts = {
  node: /^v(?:22\.(?:1[2-9]|[2-9]\d)|23\.[1-9]|2[4-9]|[3-9]\d)/.test(process.version),
  deno: "listenDatagram" in ((globalThis as { Deno?: object }).Deno ?? {}),
  bun: true,
}[runtime];

describe.runIf(process.platform === "linux")(`reusePort on ${runtime}`, () => {
  it.runIf(sharesPorts).each([
    ["TCP", {}],
    ["TLS", { tls }],
  ])("lets another listen on the same port over %s", async (_, options) => {
    const shared = { ...local, ...options, reusePort: true };
    const { listener } = await listen(shared);
    const { port } = listener;
    const second = await listen({ ...shared, port });
    expect(second.listener.port).toBe(port);
    expect(await failure({ ...shared, port, reusePort: false })).toMatchObject({
      code: "ADDRESS_IN_USE",
    });
  });

  it.skipIf(sharesPorts)(
    "is refused where it is not to be had, and says what is needed",
    async () => {
      const needed = { node: /22\.12.*node:cluster/, deno: /--unstable-net/, bun: /./ }[runtime];
      expect(await failure({ ...local, reusePort: true })).toMatchObject({
        name: "TypeError",
        message: expect.stringMatching(needed) as string,
      });
    },
  );

  it("is not there unasked", async () => {
    const { listener } = await listen(local);
    const { port } = listener;
    expect(await failure({ ...local, port })).toMatchObject({ code: "ADDRESS_IN_USE" });
  });
});

describe(`what is known of a connection on ${runtime}`, () => {
  it("is both its ends, and that there is no TLS", async () => {
    const { listener, accepted } = await listen(local);
    const socket = await dialTcp(listener.port);
    const facts = {
      remoteAddress: "127.0.0.1",
      remotePort: socket.localPort,
      localAddress: "127.0.0.1",
      localPort: listener.port,
      encrypted: false,
      tls: undefined,
    };
    expect(await accepted).toMatchObject(facts);
  });

  /** What the runtime spells differently: the protocol that is offered by ALPN. */
  const alpn = {
    node: { ALPNProtocols: ["http/1.1"] },
    deno: { alpnProtocols: ["http/1.1"] },
    bun: { ALPNProtocols: "\x08http/1.1" },
  }[runtime];

  it.each([
    ["", alpn],
    [" by runtimeOptions", { runtimeOptions: alpn }],
  ])("is at a server what was agreed on by TLS%s", async (_, option) => {
    const mutual =
      runtime === "deno" ? {} : { ca: authority, requestCert: true, rejectUnauthorized: false };
    const { listener, accepted } = await listen({
      ...local,
      tls: { ...tls, ...mutual, ...option },
    });
    await dialTls(listener.port, { ...tls, ALPNProtocols: ["http/1.1"] });
    const transport = await accepted;
    expect(transport.localPort).toBe(listener.port);
    expect(transport.tls!.alpnProtocol).toBe("http/1.1");
    const { peerCertificate, ...rest } = transport.tls!;
    if (runtime === "deno") {
      expect([rest.serverName, rest.version, rest.authorized, peerCertificate]).toEqual(
        Array(4).fill(undefined),
      );
      return;
    }
    expect(rest).toEqual({
      alpnProtocol: "http/1.1",
      serverName: "localhost",
      version: "TLSv1.3",
      authorized: true,
    });
    expect(peerCertificate).toMatchObject({
      subject: { CN: "localhost" },
      issuer: { CN: "framewire test authority" },
      subjectaltname: expect.stringContaining("DNS:localhost") as string,
      valid_from: "Jan  1 00:00:00 2020 GMT",
      valid_to: "Jan  1 00:00:00 2120 GMT",
      serialNumber: "0B7FEB7F0DCB361B7226752B351CD2EAB1CA691C",
      fingerprint256: expect.stringMatching(/^([0-9A-F]{2}:){31}[0-9A-F]{2}$/) as string,
    });
    const der = new Uint8Array(Buffer.from(certificate.replaceAll(/-+[^-]+-+|\n/g, ""), "base64"));
    expect(new Uint8Array(peerCertificate!.raw)).toEqual(der);
  });

  it.skipIf(runtime === "deno")("is at a server that a client has shown nothing", async () => {
    const lenient = { ca: authority, requestCert: true, rejectUnauthorized: false };
    const { listener, accepted } = await listen({ ...local, tls: { ...tls, ...lenient } });
    await dialTls(listener.port, { servername: "" });
    expect({ ...(await accepted).tls }).toEqual({
      alpnProtocol: undefined,
      serverName: undefined,
      version: "TLSv1.3",
      authorized: false,
      peerCertificate: undefined,
    });
  });

  it("is at a server of node:tls what was agreed on, on all runtimes", async () => {
    const options = { ...tls, ca: authority, requestCert: true, ALPNProtocols: ["http/1.1"] };
    const [server, port] = await started(createTlsServer(options));
    const { accepted } = await listen({ listener: server });
    await dialTls(port, { ...tls, ALPNProtocols: ["http/1.1"] });
    expect((await accepted).tls).toMatchObject({
      alpnProtocol: "http/1.1",
      serverName: "localhost",
      version: "TLSv1.3",
      authorized: true,
      peerCertificate: { subject: { CN: "localhost" } },
    });
  });

  it("is at a client what was agreed on", async () => {
    const [, port] = await started(createTlsServer({ ...tls, ALPNProtocols: ["http/1.1"] }));
    const options = { ca: authority, serverName: "localhost", ...alpn };
    const transport = await adapter.connectTransport(
      { hostname: "127.0.0.1", port, tls: options },
      hold,
    );
    expect([transport.encrypted, transport.remotePort]).toEqual([true, port]);
    const { peerCertificate, ...rest } = transport.tls!;
    const known =
      runtime === "deno"
        ? { serverName: undefined, version: undefined, authorized: undefined }
        : { serverName: "localhost", version: "TLSv1.3", authorized: true };
    expect(rest).toEqual({ alpnProtocol: "http/1.1", ...known });
    if (runtime !== "deno") expect(peerCertificate).toMatchObject({ subject: { CN: "localhost" } });
  });

  it("is told to hooks and handlers, and does no harm when the connection is gone", async () => {
    const seen: unknown[] = [];
    const server = await adapter.serve(
      { ...local, tls },
      {
        upgrade(request) {
          seen.push(request.encrypted, request.localPort, request.tls?.alpnProtocol);
          return {};
        },
        open(ws) {
          seen.push(ws.encrypted, ws.localPort, ws.tls?.peerCertificate);
        },
        close(ws) {
          seen.push(ws.encrypted, typeof ws.tls, { ...ws.tls }.peerCertificate, ws.localPort === 1);
        },
      },
    );
    undo.push(() => server.shutdown({ deadline: 0 }));
    const peer = new Peer(new NodeTransport(await dialTls(server.port)));
    peer.send(upgradeRequest());
    await peer.seen("open");
    peer.close(1000, "bye");
    await peer.seen("closed");
    await server.shutdown();
    const open = [true, server.port, undefined];
    expect(seen).toEqual([...open, ...open, true, "object", undefined, false]);
  });
});

describe(`chunks on ${runtime}`, () => {
  it.each([
    ["TCP", {}, dialTcp],
    ["TLS", { tls }, dialTls],
  ])("over %s lie in memory of their own where the transport says so", async (_, options, dial) => {
    const { listener, accepted } = await listen({ ...local, ...options });
    const socket = await dial(listener.port);
    const transport = await accepted;
    const chunks: Uint8Array[] = [];
    let come = newDeferred<void>();
    transport.handler.onData = (chunk) => {
      chunks.push(chunk);
      come.resolve();
    };
    for (const byte of [1, 2, 3]) {
      socket.write(new Uint8Array(100).fill(byte));
      await come.promise;
      come = newDeferred<void>();
    }
    expect(transport.hasOwnChunks === true).toBe(runtime === "bun");
    if (transport.hasOwnChunks === true) {
      expect(chunks.map((chunk) => [...new Set(chunk)])).toEqual([[1], [2], [3]]);
      expect(new Set(chunks.map(({ buffer }) => buffer)).size).toBe(3);
    }
  });
});
