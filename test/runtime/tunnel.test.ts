import { mkdtempSync, rmSync } from "node:fs";
import { createServer, type Server, type Socket } from "node:net";
import { createServer as createTlsServer } from "node:tls";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { newDeferred } from "../../src/deferred.ts";
import { connectThrough, parseProxy } from "../../src/handshake/proxy/proxy.ts";
import type {
  Connect,
  ConnectOptions,
  TlsOptions,
  Transport,
  TransportHandler,
  TunnelStream,
} from "../../src/transport.ts";
import { adapter } from "../support/adapter.ts";
import { authority, certificate, privateKey } from "../support/certificate.ts";
import { TestProxy, type TestProxyOptions } from "../support/proxy.ts";
import { hasUnixSockets, runtime } from "../support/runtime.ts";
import { macrotask } from "../support/turns.ts";

/** Connecting through proxies and other tunnels over real sockets, against the adapter of the runtime at hand. */

const trusting: TlsOptions = { ca: authority };

/** What a test began, to be dropped behind it. */
const servers: Server[] = [];
const sockets: Socket[] = [];
const proxies: TestProxy[] = [];
const transports: Transport[] = [];

afterEach(async () => {
  for (const transport of transports.splice(0)) transport.destroy();
  for (const socket of sockets.splice(0)) socket.destroy();
  for (const proxy of proxies.splice(0)) await proxy.close();
  for (const server of servers.splice(0)) {
    await new Promise((resolve) => server.close(resolve));
  }
});

/** Lets a server listen on a free port, or on a Unix socket. */
async function listening(server: Server, path?: string): Promise<number> {
  servers.push(server);
  server.on("connection", (socket: Socket) => {
    sockets.push(socket);
    socket.on("error", () => {});
  });
  const address = path === undefined ? { port: 0, host: "127.0.0.1" } : { path };
  await new Promise<void>((resolve) => server.listen(address, resolve));
  return path === undefined ? (server.address() as { port: number }).port : 0;
}

/** Starts a target, which does TLS with the certificate of the tests where it is to. */
function startTarget(
  isSecure: boolean,
  serve: (socket: Socket) => void,
  path?: string,
): Promise<number> {
  if (!isSecure) return listening(createServer({ allowHalfOpen: true }, serve), path);
  const keys = { cert: certificate, key: privateKey, allowHalfOpen: true };
  const server = createTlsServer(keys, (socket) => {
    socket.on("error", () => {});
    serve(socket);
  });
  server.on("tlsClientError", (_, socket) => socket.destroy());
  return listening(server, path);
}

async function startProxy(options: TestProxyOptions = {}): Promise<TestProxy> {
  const proxy = await TestProxy.start(options);
  proxies.push(proxy);
  return proxy;
}

/** Leads through a proxy. */
function through(url: string): Connect {
  return connectThrough(adapter.connectTransport, parseProxy(url), trusting);
}

/** Writes down what a transport tells, bytes in a row as one line of text, and lets a test wait for a line. */
class Recorder implements TransportHandler {
  readonly lines: string[] = [];
  #awaited: { line: string; resolve: () => void } | undefined;

  onData(chunk: Uint8Array): void {
    const text = new TextDecoder().decode(chunk);
    if (this.lines.at(-1)?.startsWith("data ")) this.lines[this.lines.length - 1] += text;
    else this.lines.push(`data ${text}`);
    this.#tell();
  }

  onDrain(): void {}

  onEnd(): void {
    this.lines.push("end");
    this.#tell();
  }

  onClose(error?: Error): void {
    this.lines.push(error === undefined ? "close" : "close with an error");
    this.#tell();
  }

  seen(line: string): Promise<void> {
    return new Promise((resolve) => {
      this.#awaited = { line, resolve };
      this.#tell();
    });
  }

  #tell(): void {
    if (this.lines.includes(this.#awaited?.line ?? "")) this.#awaited?.resolve();
  }
}

/** Gives a transport its handler. */
function record(transport: Transport): { transport: Transport; recorder: Recorder } {
  transports.push(transport);
  const recorder = new Recorder();
  transport.handler = recorder;
  return { transport, recorder };
}

/** What connecting fails with; nothing may be attached. */
function failure(connecting: Promise<unknown>): Promise<unknown> {
  return connecting.then(
    () => {
      throw new Error("connect() succeeded");
    },
    (error: unknown) => {
      expect(transports).toEqual([]);
      return error;
    },
  );
}

function utf8(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

/** Who goes through what to whom. */
const ways: readonly [name: string, proxy: TestProxyOptions, isSecure: boolean][] = [
  ["CONNECT", {}, false],
  ["CONNECT, then TLS", {}, true],
  ["TLS, then CONNECT", { tls: true }, false],
  ["TLS, then CONNECT, then TLS", { tls: true }, true],
  ["SOCKS5", { kind: "socks5" }, false],
  ["SOCKS5, then TLS", { kind: "socks5" }, true],
  ["a CONNECT that is answered byte by byte", { step: 1 }, false],
  ["a SOCKS5 that is answered byte by byte, then TLS", { kind: "socks5", step: 1 }, true],
  ["CONNECT with a password", { auth: "me%40home:pass%3Aword%20%C3%BC" }, false],
  ["SOCKS5 with a password, then TLS", { kind: "socks5", auth: "me%40home:%C3%BC" }, true],
];

describe.each(ways)(`a transport behind %s on ${runtime}`, (_, options, isSecure) => {
  const tls = isSecure ? trusting : undefined;

  /** Connects to a target by a name that only the proxy knows, and that the certificate is for. */
  async function open(
    serve: (socket: Socket) => void,
  ): Promise<{ transport: Transport; recorder: Recorder; proxy: TestProxy }> {
    const leadsTo = await startTarget(isSecure, serve);
    const proxy = await startProxy({ ...options, leadsTo });
    const address = { hostname: "framewire.test", port: 4000, tls };
    return { ...(await through(proxy.url)(address, record)), proxy };
  }

  it("brings bytes both ways and closes when both sides have ended", async () => {
    const { transport, recorder, proxy } = await open((socket) => {
      socket.pipe(socket);
    });
    expect(proxy.asked).toEqual(["framewire.test:4000"]);
    expect(transport.remoteAddress).toBe("127.0.0.1");
    transport.write(utf8("hello"));
    await recorder.seen("data hello");
    transport.end();
    await recorder.seen("close");
    expect(recorder.lines).toEqual(["data hello", "end", "close"]);
  });

  it("goes on reading after its own end", async () => {
    const heard: string[] = [];
    const { transport, recorder } = await open((socket) => {
      socket.on("data", (chunk) => heard.push(chunk.toString()));
      socket.on("end", () => socket.end("answer"));
    });
    transport.write(utf8("question"));
    transport.end();
    await recorder.seen("close");
    expect(heard.join("")).toBe("question");
    expect(recorder.lines).toEqual(["data answer", "end", "close"]);
  });

  it("goes on writing after the peer's end", async () => {
    const heard = newDeferred<string>();
    const { transport, recorder } = await open((socket) => {
      const chunks: string[] = [];
      socket.on("data", (chunk) => chunks.push(chunk.toString()));
      // Where Bun ends the outer TLS, the inner one may be cut off without an end.
      for (const event of ["end", "close"]) {
        socket.on(event, () => {
          heard.resolve(chunks.join(""));
        });
      }
      socket.once("data", () => socket.end("question"));
    });
    transport.write(utf8("Well? "));
    await recorder.seen("end");
    await macrotask();
    transport.write(utf8("answer"));
    transport.end();
    // Bun ends the outer TLS with the inner one.
    const isLost = runtime === "bun" && options.tls === true && isSecure;
    expect(await heard.promise).toBe(isLost ? "Well? " : "Well? answer");
    await expect.poll(() => recorder.lines.length, { timeout: 10_000 }).toBe(3);
    expect(recorder.lines.slice(0, 2)).toEqual(["data question", "end"]);
    // Whoever has lost its last bytes may be told so, by the time at which the outer TLS has ended.
    expect(isLost ? ["close", "close with an error"] : ["close"]).toContain(recorder.lines[2]);
  });

  it("sends all of 4 MiB to a peer that reads late", async () => {
    const peer = newDeferred<Socket>();
    const { transport, recorder } = await open((socket) => {
      socket.pause();
      peer.resolve(socket);
    });
    const bytes = Uint8Array.from({ length: 4 * 1024 ** 2 - 1 }, (_, i) => i % 251);
    const drained = newDeferred<void>();
    recorder.onDrain = drained.resolve;
    if (transport.write(bytes)) drained.resolve();
    const socket = await peer.promise;
    const chunks: Uint8Array[] = [];
    socket.on("data", (chunk: Uint8Array) => chunks.push(chunk));
    const ended = new Promise((resolve) => socket.once("end", resolve));
    socket.resume();
    await drained.promise;
    transport.end();
    await ended;
    expect(Buffer.concat(chunks).equals(bytes)).toBe(true);
    socket.end();
    await recorder.seen("close");
  });

  it("is dropped at once by destroy()", async () => {
    const gone = newDeferred<void>();
    const { transport, recorder } = await open((socket) => {
      socket.on("data", (chunk) => socket.write(chunk));
      // A TLS server may be told of the end of its stream as of its close alone.
      socket.on("end", () => socket.end());
      socket.on("end", gone.resolve);
      socket.on("close", gone.resolve);
    });
    transport.write(utf8("hello"));
    await recorder.seen("data hello");
    transport.destroy();
    expect(recorder.lines).toEqual(["data hello"]);
    await recorder.seen("close");
    expect(recorder.lines).toEqual(["data hello", "close"]);
    await gone.promise;
  });
});

/** Starts a server that reads all, closes when its client does, and says something first where it is to. */
function startSilent(greeting?: string): Promise<number> {
  return listening(
    createServer((socket) => {
      socket.resume();
      if (greeting !== undefined) socket.write(greeting);
    }),
  );
}

/** Reads up to the end of a line, byte by byte. */
async function readLine(stream: TunnelStream): Promise<string> {
  const byte = new Uint8Array(1);
  let line = "";
  while ((await stream.read(byte)) === 1 && byte[0] !== 0x0a) {
    line += String.fromCharCode(byte[0]!);
  }
  return line;
}

/** Waits until the clients of all servers are gone. */
async function allGone(): Promise<void> {
  for (const server of servers.splice(0)) {
    await new Promise((resolve) => server.close(resolve));
  }
}

describe(`a tunnel of one's own on ${runtime}`, () => {
  it("leaves what it has not read to the transport", async () => {
    const port = await startSilent("hello\nworld");
    const lines: string[] = [];
    const { recorder } = await adapter.connectTransport(
      {
        hostname: "127.0.0.1",
        port,
        tunnel: async (stream) => {
          lines.push(await readLine(stream));
        },
      },
      record,
    );
    await recorder.seen("data world");
    expect(lines).toEqual(["hello"]);
  });

  it("leaves it to a transport that is paused", async () => {
    const port = await startSilent("hello\nworld");
    const tunnel = async (stream: TunnelStream): Promise<void> => {
      await readLine(stream);
    };
    const { transport, recorder } = await adapter.connectTransport(
      { hostname: "127.0.0.1", port, tunnel },
      (opened) => {
        opened.pause();
        return record(opened);
      },
    );
    await macrotask();
    expect(recorder.lines).toEqual([]);
    transport.resume();
    await recorder.seen("data world");
  });

  it("writes all of 4 MiB and reads it back, as much at a time as there is room for", async () => {
    const port = await startTarget(false, (socket) => {
      socket.on("data", (chunk) => socket.write(chunk));
      socket.on("end", () => socket.end());
    });
    const bytes = Uint8Array.from({ length: 4 * 1024 ** 2 - 1 }, (_, i) => i % 251);
    const echo = new Uint8Array(bytes.length);
    const counts: number[] = [];
    await adapter.connectTransport(
      {
        hostname: "127.0.0.1",
        port,
        tunnel: async (stream) => {
          const written = stream.write(bytes);
          for (let at = 0; at < echo.length; at += counts.at(-1)!) {
            counts.push(await stream.read(echo.subarray(at, at + 1000)));
          }
          await written;
          expect(await stream.read(new Uint8Array(0))).toBe(0);
        },
      },
      record,
    );
    expect(Buffer.compare(echo, bytes)).toBe(0);
    expect(Math.min(...counts)).toBeGreaterThan(0);
  });

  it("speaks on TLS of its own, with a client's certificate", async () => {
    const keys = { cert: certificate, key: privateKey, ca: authority, requestCert: true };
    const port = await listening(
      createTlsServer({ ...keys, rejectUnauthorized: false }, (socket) => {
        socket.end(`${String(socket.authorized)}\nhello`);
      }),
    );
    const tunnelTls = { ...trusting, cert: certificate, key: privateKey };
    const lines: string[] = [];
    const { recorder } = await adapter.connectTransport(
      {
        hostname: "127.0.0.1",
        port,
        tunnelTls,
        tunnel: async (stream) => {
          lines.push(await readLine(stream));
        },
      },
      record,
    );
    await recorder.seen("end");
    expect([...lines, ...recorder.lines]).toEqual(["true", "data hello", "end"]);
  });

  it("fails connecting with its own error, and drops the connection", async () => {
    const port = await startSilent();
    const error = new Error("no way");
    const tunnel = (): Promise<void> => Promise.reject(error);
    const address = { hostname: "127.0.0.1", port, tunnel };
    expect(await failure(adapter.connectTransport(address, record))).toBe(error);
    await allGone();
  });

  it("fails connecting where it throws outside of its promise", async () => {
    const port = await startSilent();
    const error = new Error("no way");
    const tunnel = (): Promise<void> => {
      throw error;
    };
    const address = { hostname: "127.0.0.1", port, tunnel };
    expect(await failure(adapter.connectTransport(address, record))).toBe(error);
    await allGone();
  });

  it("fails connecting where it reads the end of the stream", async () => {
    const port = await startTarget(false, (socket) => socket.end("bye"));
    const seen: number[] = [];
    const tunnel = async (stream: TunnelStream): Promise<void> => {
      await readLine(stream);
      seen.push(await stream.read(new Uint8Array(8)));
    };
    const address = { hostname: "127.0.0.1", port, tunnel };
    const error = await failure(adapter.connectTransport(address, record));
    expect(error).toMatchObject({ name: "TransportError", code: "FAILED" });
    expect(seen).toEqual([0]);
  });

  it("is told a reset as an error, by a read and by a write", async () => {
    const port = await startTarget(false, (socket) => {
      socket.once("data", () => socket.resetAndDestroy());
    });
    const errors: unknown[] = [];
    const tunnel = async (stream: TunnelStream): Promise<void> => {
      await stream.write(utf8("hello"));
      await stream.read(new Uint8Array(8)).catch((error: unknown) => errors.push(error));
      await stream.write(utf8("hello")).catch((error: unknown) => errors.push(error));
    };
    const address = { hostname: "127.0.0.1", port, tunnel };
    const error = await failure(adapter.connectTransport(address, record));
    expect(error).toMatchObject({ name: "TransportError" });
    expect(errors[0]).toMatchObject({ name: "TransportError", code: "RESET" });
    expect(errors).toHaveLength(2);
    for (const one of errors) expect(one).toMatchObject({ name: "TransportError" });
  });
});

/** A PROXY_FAILED whose cause has these fields. */
function proxyFailed(cause: object): unknown {
  return expect.objectContaining({
    name: "TransportError",
    code: "PROXY_FAILED",
    cause: expect.objectContaining(cause) as unknown,
  });
}

describe(`connecting through a proxy on ${runtime}`, () => {
  const target = { hostname: "framewire.test", port: 4000 };

  it.each<[string, TestProxyOptions, object]>([
    [
      "refuses the way",
      { answer: "HTTP/1.1 403 Forbidden\r\n\r\n" },
      { name: "ProxyError", status: 403, message: "Proxy refused the way: 403 Forbidden" },
    ],
    ["speaks something else", { answer: "SSH-2.0-OpenSSH_9.2\r\n" }, { name: "HandshakeError" }],
    ["closes", { ends: true }, { name: "ProxyError", status: 0 }],
    [
      "refuses the way by SOCKS",
      { kind: "socks5", answer: Uint8Array.of(5, 4) },
      { name: "ProxyError", status: 4 },
    ],
    [
      "speaks something else by SOCKS",
      { kind: "socks5", answer: "HTTP/1.1 400 Bad Request\r\n\r\n" },
      { name: "ProxyError" },
    ],
    ["closes by SOCKS", { kind: "socks5", ends: true }, { name: "ProxyError" }],
  ])("fails where the proxy %s", async (_, options, cause) => {
    const proxy = await startProxy(options);
    const error = await failure(through(proxy.url)(target, record));
    expect(error).toEqual(proxyFailed(cause));
    await proxy.allClosed();
  });

  it.each([
    ["CONNECT", { auth: "me:secret" }, { status: 407 }],
    ["SOCKS5", { kind: "socks5" as const, auth: "me:secret" }, { name: "ProxyError" }],
  ])("fails where the proxy wants another password: %s", async (_, options, cause) => {
    const proxy = await startProxy(options);
    for (const url of [proxy.url.replace("secret", "guess"), proxy.url.replace("me:secret@", "")]) {
      const error = await failure(through(url)(target, record));
      expect(error).toEqual(proxyFailed(cause));
      expect(String((error as Error).cause)).not.toMatch(/secret|guess/);
    }
    expect(proxy.connections).toBe(2);
    await proxy.allClosed();
  });

  it("says that there is no proxy", async () => {
    const { url } = await startProxy();
    await proxies.pop()!.close();
    expect(await failure(through(url)(target, record))).toEqual(proxyFailed({ code: "REFUSED" }));
  });

  it("says that TLS with the proxy failed", async () => {
    const proxy = await startProxy({ tls: true, allowHalfOpen: false });
    const connect = connectThrough(adapter.connectTransport, parseProxy(proxy.url), {
      ...trusting,
      serverName: "other.test",
    });
    expect(await failure(connect(target, record))).toEqual(proxyFailed({ code: "TLS_FAILED" }));
    await proxy.allClosed();
  });

  it.each<[string, TestProxyOptions, TlsOptions]>([
    ["another name", {}, { ...trusting, serverName: "other.test" }],
    ["another name, inside TLS", { tls: true }, { ...trusting, serverName: "other.test" }],
    ["an authority that is not trusted", {}, {}],
    ["an authority that is not trusted, inside TLS", { tls: true }, {}],
  ])("refuses a target's certificate of %s", async (_, options, tls) => {
    const keys = { cert: certificate, key: privateKey };
    const leadsTo = await listening(
      createTlsServer(keys, (socket) => socket.on("error", () => {})),
    );
    const proxy = await startProxy({ ...options, leadsTo });
    const error = await failure(through(proxy.url)({ ...target, tls }, record));
    expect(error).toMatchObject({ name: "TransportError", code: "TLS_FAILED" });
    await proxy.allClosed();
  });

  it.each<[string, TestProxyOptions]>([
    ["a proxy", {}],
    ["TLS with a proxy", { tls: true }],
  ])("shows a client's certificate behind %s", async (_, options) => {
    const keys = { cert: certificate, key: privateKey, ca: authority, requestCert: true };
    const leadsTo = await listening(
      createTlsServer({ ...keys, rejectUnauthorized: false }, (socket) => {
        socket.end(socket.authorized ? "trusted" : "unknown");
      }),
    );
    const proxy = await startProxy({ ...options, leadsTo });
    const tls = { ...trusting, cert: certificate, key: privateKey };
    const { recorder } = await through(proxy.url)({ ...target, tls }, record);
    await recorder.seen("end");
    expect(recorder.lines[0]).toBe("data trusted");
  });

  it.each([
    ["connect" as const, "127.0.0.1", "127.0.0.1:4000"],
    ["connect" as const, "2001:db8::1", "[2001:db8::1]:4000"],
    ["socks5" as const, "127.0.0.1", "127.0.0.1:4000"],
    ["socks5" as const, "2001:db8::1", "[2001:0db8:0000:0000:0000:0000:0000:0001]:4000"],
  ])("asks by %s for the address %s", async (kind, hostname, asked) => {
    const leadsTo = await startTarget(false, (socket) => {
      socket.once("data", () => socket.end("here"));
    });
    const proxy = await startProxy({ kind, leadsTo });
    const { transport, recorder } = await through(proxy.url)({ hostname, port: 4000 }, record);
    transport.write(utf8("hello"));
    await recorder.seen("data here");
    expect(proxy.asked).toEqual([asked]);
  });
});

describe(`a signal while a tunnel is made on ${runtime}`, () => {
  const target = { hostname: "framewire.test", port: 4000, tls: trusting };

  /** Connects, is aborted when `when` is done, and fails with the reason. */
  async function aborted(
    connect: Connect,
    options: ConnectOptions,
    when: Promise<unknown> = Promise.resolve(),
  ): Promise<void> {
    const controller = new AbortController();
    const failed = failure(connect({ ...options, signal: controller.signal }, record));
    await when;
    controller.abort(new Error("given up"));
    expect(await failed).toBe(controller.signal.reason);
  }

  /** A TCP server that says nothing, and a promise that a client has said something. */
  async function startDeaf(): Promise<{ port: number; greeted: Promise<void> }> {
    const greeted = newDeferred<void>();
    const server = createServer((socket) => {
      socket.on("data", () => {
        greeted.resolve();
        // Deno closes a connection whose TLS handshake is not done only when its peer goes.
        if (runtime === "deno") socket.end();
      });
    });
    return { port: await listening(server), greeted: greeted.promise };
  }

  it("gives up before the proxy is reached", async () => {
    const proxy = await startProxy({ hangs: true });
    await aborted(through(proxy.url), target);
    await proxy.allClosed();
  });

  it("gives up a proxy that does not answer TLS", async () => {
    const { port, greeted } = await startDeaf();
    await aborted(through(`https://127.0.0.1:${port}`), { ...target, tls: undefined }, greeted);
    await aborted(through(`https://127.0.0.1:${port}`), target, greeted);
    await allGone();
  });

  it.each<[string, TestProxyOptions]>([
    ["CONNECT", {}],
    ["CONNECT over TLS", { tls: true }],
    ["SOCKS5", { kind: "socks5" }],
  ])("gives up a proxy that does not answer %s", async (_, options) => {
    for (const tls of [undefined, trusting]) {
      const proxy = await startProxy({ ...options, hangs: true });
      const isAsked = new Promise<void>((resolve) => {
        proxy.onAsked = () => {
          resolve();
        };
      });
      await aborted(through(proxy.url), { ...target, tls }, isAsked);
      await proxy.allClosed();
    }
  });

  it.each<[string, TestProxyOptions]>([
    ["CONNECT", {}],
    ["CONNECT over TLS", { tls: true }],
    ["SOCKS5", { kind: "socks5" }],
  ])("gives up a target behind %s that does not answer TLS", async (_, options) => {
    const { port: leadsTo, greeted } = await startDeaf();
    const proxy = await startProxy({ ...options, leadsTo });
    await aborted(through(proxy.url), target, greeted);
    await proxy.allClosed();
    await allGone();
  });

  it("drops the connection of a tunnel that goes on all the same", async () => {
    const port = await startSilent();
    const isBegun = newDeferred<void>();
    const goesOn = newDeferred<void>();
    const tunnel = async (): Promise<void> => {
      isBegun.resolve();
      await goesOn.promise;
    };
    const address = { hostname: "127.0.0.1", port, tunnel };
    await aborted(adapter.connectTransport, address, isBegun.promise);
    await allGone();
    goesOn.resolve();
    await macrotask();
    expect(transports).toEqual([]);
  });
});

describe.skipIf(!hasUnixSockets)(`a Unix socket on ${runtime}`, () => {
  const folders: string[] = [];

  afterEach(() => {
    for (const folder of folders.splice(0)) rmSync(folder, { recursive: true });
  });

  function newPath(): string {
    const folder = mkdtempSync(join(tmpdir(), "framewire-"));
    folders.push(folder);
    return join(folder, "socket");
  }

  const kinds: [string, boolean, TlsOptions | undefined][] = [
    ["bytes", false, undefined],
    ["TLS", true, trusting],
  ];

  it.each(kinds)("brings %s both ways, and ends them one by one", async (_, isSecure, tls) => {
    const path = newPath();
    await startTarget(
      isSecure,
      (socket) => {
        socket.pipe(socket);
      },
      path,
    );
    // The host is that of the certificate; nobody listens there.
    const { transport, recorder } = await adapter.connectTransport(
      { hostname: "framewire.test", port: 1, path, tls },
      record,
    );
    transport.write(utf8("hello"));
    await recorder.seen("data hello");
    transport.end();
    await recorder.seen("close");
    expect(recorder.lines).toEqual(["data hello", "end", "close"]);
    expect(transport.encrypted).toBe(isSecure);
  });

  it("refuses a certificate of another name", async () => {
    const path = newPath();
    await startTarget(true, () => {}, path);
    const address = { hostname: "other.test", port: 1, path, tls: trusting };
    const error = await failure(adapter.connectTransport(address, record));
    expect(error).toMatchObject({ name: "TransportError", code: "TLS_FAILED" });
  });

  it("fails where it is not there", async () => {
    const address = { hostname: "a.test", port: 1, path: newPath() };
    for (const tls of [undefined, trusting]) {
      const error = await failure(adapter.connectTransport({ ...address, tls }, record));
      expect(error).toMatchObject({ name: "TransportError", code: "NOT_FOUND" });
    }
  });

  it("can be what a tunnel speaks on", async () => {
    const path = newPath();
    await startTarget(false, (socket) => socket.end("hello\nworld"), path);
    const lines: string[] = [];
    const { recorder } = await adapter.connectTransport(
      {
        hostname: "a.test",
        port: 1,
        path,
        tunnel: async (stream) => {
          lines.push(await readLine(stream));
        },
      },
      record,
    );
    await recorder.seen("end");
    expect([...lines, ...recorder.lines]).toEqual(["hello", "data world", "end"]);
  });

  it("gives up when the signal says so", async () => {
    const path = newPath();
    await listening(
      createServer(() => {}),
      path,
    );
    const signal = AbortSignal.abort(new Error("given up"));
    const address = { hostname: "a.test", port: 1, path, signal };
    expect(await failure(adapter.connectTransport(address, record))).toBe(signal.reason);
  });
});
