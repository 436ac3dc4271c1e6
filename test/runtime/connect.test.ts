import { connect as connectTcp, createServer, type Server, type Socket } from "node:net";
import { createServer as createTlsServer, type TLSSocket } from "node:tls";
import { afterEach, describe, expect, it } from "vitest";
import { newDeferred } from "../../src/deferred.ts";
import type {
  ConnectOptions,
  Signal,
  TlsOptions,
  Transport,
  TransportHandler,
} from "../../src/transport.ts";
import { adapter } from "../support/adapter.ts";
import { authority, certificate, privateKey } from "../support/certificate.ts";
import { runtime } from "../support/runtime.ts";
import { macrotask } from "../support/turns.ts";

/** One list of behaviours of a client's transport over real sockets, against the adapter of the runtime at hand. */

const trusting: TlsOptions = { ca: authority };

/** What a test began, to be dropped behind it. */
const servers: Server[] = [];
const accepted: Promise<unknown>[] = [];
const sockets: Socket[] = [];
const transports: Transport[] = [];

afterEach(async () => {
  for (const transport of transports.splice(0)) transport.destroy();
  for (const socket of sockets) socket.destroy();
  await closeServers();
  sockets.length = 0;
  accepted.length = 0;
});

/** Closes the servers; done when the last of their connections is gone. */
async function closeServers(): Promise<void> {
  await Promise.all(
    servers.splice(0).map((server) => new Promise((resolve) => server.close(resolve))),
  );
}

/** Lets a server listen on a free port. */
async function listening(server: Server): Promise<number> {
  servers.push(server);
  accepted.push(new Promise((resolve) => server.once("connection", resolve)));
  server.on("connection", (socket: Socket) => {
    sockets.push(socket);
    socket.on("error", () => {});
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return (server.address() as { port: number }).port;
}

/** Starts a TCP server. */
function startTcp(serve: (socket: Socket) => void, options: object = {}): Promise<number> {
  return listening(createServer({ allowHalfOpen: true, ...options }, serve));
}

/** Starts a TLS server with the certificate of the tests. */
function startTls(serve: (socket: TLSSocket) => void, options: object = {}): Promise<number> {
  const keys = { cert: certificate, key: privateKey, allowHalfOpen: true };
  const server = createTlsServer({ ...keys, ...options }, (socket) => {
    socket.on("error", () => {});
    serve(socket);
  });
  server.on("tlsClientError", (_, socket) => socket.destroy());
  return listening(server);
}

/** For a server that reads all, and closes when its peer does: also in the midst of a handshake. */
function hearOut(socket: Socket): void {
  socket.resume();
}
const closing = { allowHalfOpen: false };

/** Waits until the servers have accepted a connection each, and all of them are closed. */
async function allClosed(): Promise<void> {
  await Promise.all(accepted);
  await closeServers();
}

/** A port on which nobody listens. */
async function closedPort(): Promise<number> {
  const port = await startTcp(() => {});
  const server = servers.pop()!;
  await new Promise((resolve) => server.close(resolve));
  return port;
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

  onDrain(): void {} // Whether a write is borrowed is the runtime's business.

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

/** Connects to 127.0.0.1 and writes down what comes. */
function open(
  port: number,
  options: Partial<ConnectOptions> = {},
): Promise<{ transport: Transport; recorder: Recorder }> {
  return adapter.connectTransport({ hostname: "127.0.0.1", port, ...options }, record);
}

/** Connects where that fails; nothing may be attached. */
async function failure(options: ConnectOptions): Promise<unknown> {
  return adapter.connectTransport(options, record).then(
    () => {
      throw new Error("connect() succeeded");
    },
    (error: unknown) => {
      expect(transports).toEqual([]);
      return error;
    },
  );
}

/** A TransportError with the runtime's own as its cause. */
function transportError(code: string): unknown {
  return expect.objectContaining({
    name: "TransportError",
    code,
    cause: expect.any(Error) as unknown,
  });
}

function utf8(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

/** A promise of one event of an emitter. */
function once(emitter: Pick<Socket, "once">, event: string): Promise<void> {
  return new Promise((resolve) => {
    emitter.once(event, () => {
      resolve();
    });
  });
}

/** Counts who listens to a real signal. */
function countingSignal(): { signal: Signal; listeners: () => number; abort: () => void } {
  const controller = new AbortController();
  const { signal } = controller;
  let count = 0;
  return {
    signal: {
      get aborted() {
        return signal.aborted;
      },
      get reason() {
        return signal.reason as unknown;
      },
      addEventListener(type, listener) {
        count++;
        signal.addEventListener(type, listener);
      },
      removeEventListener(type, listener) {
        count--;
        signal.removeEventListener(type, listener);
      },
    },
    listeners: () => count,
    abort: () => {
      controller.abort(new Error("given up"));
    },
  };
}

const kinds = [
  { kind: "TCP", start: startTcp, tls: undefined },
  { kind: "TLS", start: startTls, tls: trusting },
];

describe.each(kinds)(`a client's transport over $kind on ${runtime}`, ({ start, tls }) => {
  it("brings bytes both ways and closes when both sides have ended", async () => {
    const port = await start((socket) => {
      socket.pipe(socket);
    });
    const { transport, recorder } = await open(port, { tls });
    expect([transport.remoteAddress, transport.remotePort]).toEqual(["127.0.0.1", port]);
    transport.write(utf8("hello"));
    await recorder.seen("data hello");
    transport.end();
    await recorder.seen("close");
    expect(recorder.lines).toEqual(["data hello", "end", "close"]);
  });

  it("goes on reading after its own end", async () => {
    const heard: string[] = [];
    const port = await start((socket) => {
      socket.on("data", (chunk) => heard.push(chunk.toString()));
      socket.on("end", () => socket.end("answer"));
    });
    const { transport, recorder } = await open(port, { tls });
    transport.write(utf8("question"));
    transport.end();
    await recorder.seen("close");
    expect(heard.join("")).toBe("question");
    expect(recorder.lines).toEqual(["data answer", "end", "close"]);
  });

  it("goes on writing after the peer's end", async () => {
    const heard = newDeferred<string>();
    const port = await start((socket) => {
      const chunks: string[] = [];
      socket.on("data", (chunk) => chunks.push(chunk.toString()));
      socket.on("end", () => {
        heard.resolve(chunks.join(""));
      });
      socket.end("question");
    });
    const { transport, recorder } = await open(port, { tls });
    await recorder.seen("end");
    await macrotask();
    transport.write(utf8("answer"));
    transport.end();
    expect(await heard.promise).toBe("answer");
    await recorder.seen("close");
    expect(recorder.lines).toEqual(["data question", "end", "close"]);
  });

  it("sends all of 16 MiB to a peer that reads late, though single writes take a part", async () => {
    const peer = newDeferred<Socket>();
    const port = await start((socket) => {
      socket.pause();
      peer.resolve(socket);
    });
    const { transport, recorder } = await open(port, { tls });
    const bytes = Uint8Array.from({ length: 16 * 1024 ** 2 - 1 }, (_, i) => i % 251);
    const drained = newDeferred<void>();
    recorder.onDrain = () => {
      drained.resolve();
    };
    expect(transport.write(bytes)).toBe(false);
    const socket = await peer.promise;
    const chunks: Uint8Array[] = [];
    socket.on("data", (chunk: Uint8Array) => chunks.push(chunk));
    const ended = once(socket, "end");
    socket.resume();
    await drained.promise;
    transport.end();
    await ended;
    expect(Buffer.concat(chunks).equals(bytes)).toBe(true);
    socket.end();
    await recorder.seen("close");
  });

  it("ends its stream behind a write that is under way", async () => {
    const peer = newDeferred<Socket>();
    const port = await start((socket) => {
      socket.pause();
      peer.resolve(socket);
    });
    const { transport, recorder } = await open(port, { tls });
    const size = 16 * 1024 ** 2;
    transport.write(new Uint8Array(size));
    transport.end();
    const socket = await peer.promise;
    let received = 0;
    socket.on("data", (chunk: Uint8Array) => {
      received += chunk.length;
    });
    socket.on("end", () => socket.end());
    socket.resume();
    await recorder.seen("close");
    expect(received).toBe(size);
    expect(recorder.lines).toEqual(["end", "close"]);
  });

  it("holds its peer back while it is paused", async () => {
    const port = await start((socket) => {
      socket.end("held back");
    });
    const { transport, recorder } = await adapter.connectTransport(
      { hostname: "127.0.0.1", port, tls },
      (opened) => {
        opened.pause();
        return record(opened);
      },
    );
    expect(recorder.lines).toEqual([]);
    transport.resume();
    await recorder.seen("end");
    expect(recorder.lines).toEqual(["data held back", "end"]);
  });

  it("tells a reset as an error", async () => {
    const port = await start((socket) => {
      socket.once("data", () => {
        for (const one of sockets) one.resetAndDestroy();
      });
    });
    const { transport, recorder } = await open(port, { tls });
    transport.write(utf8("hello"));
    await recorder.seen("close with an error");
    expect(recorder.lines).toEqual(["close with an error"]);
  });

  it("is dropped at once by destroy()", async () => {
    const port = await start(hearOut, closing);
    const { transport, recorder } = await open(port, { tls });
    transport.destroy();
    expect(recorder.lines).toEqual([]);
    await recorder.seen("close");
    await allClosed();
    expect(recorder.lines).toEqual(["close"]);
  });

  it("is destroyed where attach() throws", async () => {
    const port = await start(hearOut, closing);
    const error = new Error("attach");
    const connecting = adapter.connectTransport({ hostname: "127.0.0.1", port, tls }, () => {
      throw error;
    });
    await expect(connecting).rejects.toBe(error);
    await allClosed();
  });
});

describe(`connectTransport() on ${runtime}`, () => {
  it("says that nobody listens", async () => {
    const port = await closedPort();
    const address = { hostname: "127.0.0.1", port };
    expect(await failure(address)).toEqual(transportError("REFUSED"));
    expect(await failure({ ...address, tls: trusting })).toEqual(transportError("REFUSED"));
  });

  it("says that a host is not known", async () => {
    const address = { hostname: "nobody.invalid", port: 80 };
    expect(await failure(address)).toEqual(transportError("NOT_FOUND"));
    expect(await failure({ ...address, tls: trusting })).toEqual(transportError("NOT_FOUND"));
  });

  it("says that a port is none", async () => {
    const error = await failure({ hostname: "127.0.0.1", port: 65_536 });
    expect(error).toEqual(transportError("FAILED"));
    expect((error as Error).cause).toBeInstanceOf(RangeError);
  });

  it("finds the address of a name that listens", async () => {
    const port = await startTcp((socket) => socket.end("here"));
    const { recorder } = await open(port, { hostname: "localhost" });
    await recorder.seen("data here");
  });
});

/** Ends all streams: Deno closes a connection whose handshake is not done only when its peer answers, or goes. */
function endAll(): void {
  for (const socket of sockets) socket.end();
  for (const server of servers) server.on("connection", (socket: Socket) => socket.end());
}

describe(`the signal of connectTransport() on ${runtime}`, () => {
  it("opens nothing where it is aborted already", async () => {
    let count = 0;
    const port = await startTcp(() => count++);
    const { signal, listeners, abort } = countingSignal();
    abort();
    const options = { hostname: "127.0.0.1", port, signal };
    expect(await failure(options)).toBe(signal.reason);
    expect(await failure({ ...options, tls: trusting })).toBe(signal.reason);
    // One that comes later finds that none came before it.
    const { transport, recorder } = await open(port);
    transport.destroy();
    await recorder.seen("close");
    expect(count).toBeLessThanOrEqual(1);
    expect(listeners()).toBe(0);
  });

  it("gives up a lookup", async () => {
    const { signal, listeners, abort } = countingSignal();
    const failed = failure({ hostname: "nobody.invalid", port: 80, signal });
    abort();
    expect(await failed).toBe(signal.reason);
    expect(listeners()).toBe(0);
  });

  const ways: [string, TlsOptions | undefined][] = [
    ["TCP", undefined],
    ["TLS", trusting],
    ["TLS with a client's certificate", { ...trusting, cert: certificate, key: privateKey }],
  ];

  it.each(ways)("gives up at once, and leaves no connection open: %s", async (_, tls) => {
    const port = await startTcp(hearOut, closing);
    const { signal, listeners, abort } = countingSignal();
    const failed = failure({ hostname: "127.0.0.1", port, tls, signal });
    abort();
    expect(await failed).toBe(signal.reason);
    const { transport, recorder } = await open(port);
    transport.destroy();
    await recorder.seen("close");
    if (runtime === "deno") endAll();
    await allClosed();
    expect(transports).toEqual([transport]);
    expect(listeners()).toBe(0);
  });

  it.each(ways.slice(1))("gives up a handshake that is not answered: %s", async (_, tls) => {
    const greeted = newDeferred<void>();
    const port = await startTcp((socket) => {
      socket.once("data", () => {
        greeted.resolve();
      });
    }, closing);
    const { signal, listeners, abort } = countingSignal();
    const failed = failure({ hostname: "127.0.0.1", port, tls, signal });
    await greeted.promise;
    abort();
    expect(await failed).toBe(signal.reason);
    if (runtime === "deno") endAll();
    await allClosed();
    expect(listeners()).toBe(0);
  });

  it.each(kinds)("has no say once connected: $kind", async ({ start, tls }) => {
    const port = await start((socket) => {
      socket.pipe(socket);
    });
    const { signal, listeners, abort } = countingSignal();
    const { transport, recorder } = await open(port, { tls, signal });
    expect(listeners()).toBe(0);
    abort();
    transport.write(utf8("still here"));
    await recorder.seen("data still here");
  });

  it("is let go where connecting fails", async () => {
    const { signal, listeners } = countingSignal();
    await failure({ hostname: "127.0.0.1", port: await closedPort(), signal });
    await failure({ hostname: "127.0.0.1", port: 65_536, signal });
    expect(listeners()).toBe(0);
  });
});

/** Starts a TLS server that says which name the client asked for, and whether it trusts the client's certificate. */
function startAsking(): Promise<number> {
  const options = { ca: authority, requestCert: true, rejectUnauthorized: false };
  return startTls((socket) => {
    // An absent name is undefined, null, false or "" by runtime; an address is none, though Bun sends it.
    const { servername } = socket as unknown as { servername: unknown };
    const isName = typeof servername === "string" && /[a-z]/.test(servername);
    socket.end(`${isName ? servername : "no name"}, ${socket.authorized ? "trusted" : "unknown"}`);
  }, options);
}

describe(`TLS of connectTransport() on ${runtime}`, () => {
  it.each<[string, string, TlsOptions, string]>([
    ["an address", "127.0.0.1", trusting, "no name"],
    ["a name", "localhost", { ca: [authority] }, "localhost"],
    ["another name", "127.0.0.1", { ...trusting, serverName: "framewire.test" }, "framewire.test"],
    ["another address", "localhost", { ...trusting, serverName: "::1" }, "no name"],
  ])("trusts a certificate for %s", async (_, hostname, tls, name) => {
    const port = await startAsking();
    const { recorder } = await open(port, { hostname, tls });
    await recorder.seen("end");
    expect(recorder.lines[0]).toBe(`data ${name}, unknown`);
  });

  it.each<[string, TlsOptions]>([
    ["an authority that is not trusted", {}],
    ["another name", { ...trusting, serverName: "other.test" }],
    ["another address", { ...trusting, serverName: "127.0.0.2" }],
    ["what is no name", { ...trusting, serverName: "no name" }],
  ])("refuses a certificate of %s", async (_, tls) => {
    const port = await startTls(hearOut, closing);
    expect(await failure({ hostname: "127.0.0.1", port, tls })).toEqual(
      transportError("TLS_FAILED"),
    );
    await allClosed();
  });

  it.each<[string, (socket: Socket) => void]>([
    ["speaks something else", (socket) => socket.end("HTTP/1.1 400 Bad Request\r\n\r\n")],
    ["ends its stream", (socket) => socket.end()],
    ["resets", (socket) => socket.resetAndDestroy()],
  ])("fails with a server that %s instead", async (_, serve) => {
    const port = await startTcp((socket) => {
      socket.once("data", () => {
        serve(socket);
      });
    });
    const address = { hostname: "127.0.0.1", port };
    expect(await failure({ ...address, tls: trusting })).toEqual(transportError("TLS_FAILED"));
    const trustsAll = { ...trusting, rejectUnauthorized: false };
    expect(await failure({ ...address, tls: trustsAll })).toEqual(transportError("TLS_FAILED"));
    await allClosed();
  });

  it("passes options that it does not know to the runtime", async () => {
    const port = await startTls((socket) => socket.end(String(socket.alpnProtocol)), {
      ALPNProtocols: ["http/1.1"],
    });
    const option = {
      node: { ALPNProtocols: ["http/1.1"] },
      deno: { alpnProtocols: ["http/1.1"] },
      bun: { ALPNProtocols: utf8("\bhttp/1.1") },
    }[runtime];
    for (const tls of [option, { runtimeOptions: option }]) {
      const { recorder } = await open(port, { tls: { ...trusting, ...tls } });
      await recorder.seen("end");
      expect(recorder.lines[0]).toBe("data http/1.1");
    }
  });

  it.each<[string, TlsOptions]>([
    ["an authority that is not trusted", {}],
    ["another name", { ...trusting, serverName: "other.test" }],
  ])("trusts %s where the runtime takes rejectUnauthorized: false", async (_, options) => {
    const port = await startTls((socket) => socket.end("hello"));
    const tls = { ...options, rejectUnauthorized: false };
    if (runtime === "deno") {
      expect(await failure({ hostname: "127.0.0.1", port, tls })).toEqual(
        transportError("TLS_FAILED"),
      );
      return;
    }
    const { recorder } = await open(port, { tls });
    await recorder.seen("data hello");
  });

  it("takes a FIN without close_notify for an end", async () => {
    const tlsPort = await startTls((socket) => {
      socket.end("hello");
    });
    const finished = newDeferred<void>();
    // Passes records on, but for the end: when the client has its bytes, the stream is cut.
    const port = await startTcp((socket) => {
      const inner = connectTcp({ port: tlsPort, host: "127.0.0.1", allowHalfOpen: true });
      sockets.push(inner);
      inner.on("error", () => {});
      socket.on("data", (chunk) => inner.write(chunk));
      inner.on("data", (chunk) => socket.write(chunk));
      void finished.promise.then(() => socket.end());
    });
    const { transport, recorder } = await open(port, { tls: trusting });
    await recorder.seen("data hello");
    finished.resolve();
    await recorder.seen("end");
    transport.end();
    await recorder.seen("close");
    expect(recorder.lines).toEqual(["data hello", "end", "close"]);
  });
});

describe(`a client's certificate on ${runtime}`, () => {
  const own: TlsOptions = { ...trusting, cert: certificate, key: privateKey };

  it("is shown to a server that asks", async () => {
    const port = await startAsking();
    const { recorder } = await open(port, { hostname: "localhost", tls: own });
    await recorder.seen("end");
    expect(recorder.lines[0]).toBe("data localhost, trusted");
  });

  it("goes with a serverName, but on Deno", async () => {
    const port = await startAsking();
    const tls = { ...own, serverName: "framewire.test" };
    if (runtime === "deno") {
      const error = await failure({ hostname: "127.0.0.1", port, tls });
      expect(error).toEqual(transportError("FAILED"));
      expect((error as Error).cause).toBeInstanceOf(TypeError);
      return;
    }
    const { recorder } = await open(port, { tls });
    await recorder.seen("end");
    expect(recorder.lines[0]).toBe("data framewire.test, trusted");
  });

  it("is refused where it is none", async () => {
    const port = await startAsking();
    const tls = { ...own, cert: "no PEM", key: "no PEM" };
    expect(await failure({ hostname: "127.0.0.1", port, tls })).toEqual(
      transportError("TLS_FAILED"),
    );
  });
});
