import { connect as connectTcp } from "node:net";
import { Duplex } from "node:stream";
import { describe, expect, it } from "vitest";
import {
  connect,
  connectBy,
  createServer,
  type OpenStreams,
  type StreamPair,
  streamsTransport,
  type StreamsTarget,
} from "../../../adapters/streams/index.ts";
import { zlibEngine } from "../../../adapters/zlib/engine.ts";
import { newDeferred } from "../../../src/deferred.ts";
import { adapter } from "../../support/adapter.ts";
import { runtime } from "../../support/runtime.ts";
import { macrotask } from "../../support/turns.ts";

/** Both ends of a connection of streams. */
function joined(): [StreamPair, StreamPair] {
  const there = new TransformStream<Uint8Array, Uint8Array>();
  const back = new TransformStream<Uint8Array, Uint8Array>();
  return [
    { readable: back.readable, writable: there.writable },
    { readable: there.readable, writable: back.writable },
  ];
}

describe("createServer() and connect()", () => {
  it("make a connection of any two streams, compressed if there is an engine", async () => {
    const host = { engine: zlibEngine() };
    await using server = createServer(
      { runtime: host, compression: true },
      { message: (ws, data) => ws.send(data) },
    );
    expect([server.port, server.hostname]).toEqual([0, ""]);
    const open: OpenStreams = () => {
      const [ours, theirs] = joined();
      server.accept(streamsTransport(theirs, { remoteAddress: "192.0.2.1", remotePort: 4000 }));
      return ours;
    };
    await using ws = await connect("ws://any/", { open, runtime: host, compression: true });
    expect(server.connections[0]).toMatchObject({ remoteAddress: "192.0.2.1", remotePort: 4000 });
    const text = "to be or not to be ".repeat(10_000);
    await ws.send(text);
    expect(await ws.receive()).toBe(text);
    expect(ws.counters.sent.ratio).toBeGreaterThan(10);
    expect(await ws.close(1000)).toMatchObject({ clean: true });
  });

  it("refuse options out of range, and compression without an engine", async () => {
    expect(() => createServer({ maxMessageSize: -1 }, {})).toThrow(RangeError);
    expect(() => createServer({ compression: true }, {})).toThrow(TypeError);
  });
});

describe("connectBy()", () => {
  it("passes on where the streams are to lead", async () => {
    const targets: StreamsTarget[] = [];
    const open: OpenStreams = (target) => {
      targets.push(target);
      throw new Error("no way");
    };
    const tls = { serverName: "b.test" };
    const options = { open, tls };
    await expect(connect("wss://a.test/", options)).rejects.toMatchObject({
      code: "FAILED",
      cause: { message: "no way" },
    });
    await expect(connect("ws://[::1]:81/", options)).rejects.toThrow();
    expect(targets).toMatchObject([
      { hostname: "a.test", port: 443, encrypted: true, tls },
      { hostname: "::1", port: 81, encrypted: false, tls: undefined },
    ]);
  });

  it("waits until the streams say that they are open, and passes on what they say", async () => {
    const opened = newDeferred<void>();
    const failed = (): Promise<unknown> =>
      Promise.reject(Object.assign(new Error("no"), { code: "ECONNREFUSED" }));
    const targets = ["ws://a", "wss://a"].map((url) =>
      connect(url, { open: () => ({ ...joined()[0], opened: failed() }) }),
    );
    await expect(targets[0]).rejects.toMatchObject({ code: "REFUSED" });
    // With TLS, it is not known what has failed.
    await expect(targets[1]).rejects.toMatchObject({ code: "FAILED", cause: { message: "no" } });
    await using server = createServer({}, {});
    const open: OpenStreams = () => {
      const [ours, theirs] = joined();
      server.accept(streamsTransport(theirs));
      return { ...ours, opened: opened.promise };
    };
    const connecting = connect("ws://a", { open });
    const isOpen = connecting.then(() => "open");
    expect(await Promise.race([isOpen, macrotask()])).toBeUndefined();
    opened.resolve();
    expect(await isOpen).toBe("open");
  });

  it("refuses to connect through a proxy, or to a path", async () => {
    const open: OpenStreams = () => joined()[0];
    const path = connect("ws://a", { open, path: "/tmp/a.sock" });
    await expect(path).rejects.toThrow(/open\(\) may lead there/);
    const proxy = connect("ws://a", { open, proxy: "http://127.0.0.1:1" });
    await expect(proxy).rejects.toThrow(/open\(\) may lead there/);
  });

  it("closes streams that come after the connection was given up", async () => {
    const opening = newDeferred<StreamPair>();
    const abort = new AbortController();
    const outcome = connectBy(() => opening.promise)(
      { hostname: "a", port: 80, signal: abort.signal },
      () => "attached",
    ).catch((error: unknown) => error);
    abort.abort(new Error("enough"));
    expect(await outcome).toMatchObject({ message: "enough" });
    const closed = newDeferred<void>();
    opening.resolve({ ...joined()[0], close: () => void closed.resolve() });
    await closed.promise;
  });
});

/**
 * What an edge platform's `connect()` gives: it has its streams at once, `opened` and `closed` tell the rest, and it ends
 * its own side when the peer has ended the other, unless it is half-open.
 */
function edgeConnect(
  { hostname, port }: { readonly hostname: string; readonly port: number },
  { allowHalfOpen }: { readonly allowHalfOpen: boolean },
) {
  const opened = newDeferred<{ remoteAddress: string }>();
  const closed = newDeferred<void>();
  const socket = connectTcp({ host: hostname, port, allowHalfOpen });
  let source!: ReadableStreamDefaultController<Uint8Array>;
  socket.once("connect", () => {
    opened.resolve({ remoteAddress: `${hostname}:${port}` });
  });
  const connected = opened.promise.then(() => {});
  connected.catch(() => {});
  socket.on("data", (chunk: Uint8Array) => {
    source.enqueue(new Uint8Array(chunk));
    if (source.desiredSize! <= 0) socket.pause();
  });
  let isOver = false;
  const finish = (task: () => void): void => {
    if (!isOver) task();
    isOver = true;
  };
  socket.on("end", () => {
    finish(() => {
      source.close();
    });
  });
  socket.on("error", (error) => {
    opened.reject(error);
    finish(() => {
      source.error(error);
    });
  });
  socket.on("close", () => {
    closed.resolve();
  });
  return {
    readable: new ReadableStream<Uint8Array>({
      start(controller) {
        source = controller;
      },
      pull: () => void socket.resume(),
      cancel() {
        isOver = true;
        socket.destroy();
      },
    }),
    writable: new WritableStream<Uint8Array>({
      async write(chunk) {
        await connected;
        if (socket.writableEnded) throw new TypeError("This socket is closed");
        await new Promise<void>((resolve, reject) => {
          socket.write(chunk, (error) => {
            if (error) reject(error);
            else resolve();
          });
        });
      },
      close: () => void socket.end(),
      abort: () => void socket.destroy(),
    }),
    opened: opened.promise,
    closed: closed.promise,
    close() {
      socket.destroy();
      return closed.promise;
    },
  };
}

/** The ways in which runtimes and platforms make streams of a TCP connection. */
const sources: Record<string, OpenStreams> = {
  "an edge platform's socket, half-open": (target) => edgeConnect(target, { allowHalfOpen: true }),
  "an edge platform's socket": (target) => edgeConnect(target, { allowHalfOpen: false }),
};
if (runtime === "deno") {
  const { Deno } = globalThis as unknown as {
    Deno: { connect(target: { hostname: string; port: number }): Promise<StreamPair> };
  };
  sources["Deno.connect"] = ({ hostname, port }) => Deno.connect({ hostname, port });
} else {
  // Deno's own throws from one of its listeners where a stream was cancelled.
  sources["Duplex.toWeb"] = ({ hostname, port }) =>
    Duplex.toWeb(connectTcp({ host: hostname, port })) as unknown as StreamPair;
}

describe.each(Object.entries(sources))(`over %s, on ${runtime}`, (_, open) => {
  it("a client talks with a server on a socket, and closes in order", async () => {
    await using server = await adapter.serve(
      { port: 0, hostname: "127.0.0.1" },
      { message: (ws, data) => ws.send(data) },
    );
    const ws = await connect(`ws://127.0.0.1:${server.port}`, { open });
    for (const size of [0, 125, 70_000, 3_000_000]) {
      const sent = new Uint8Array(size).fill(size);
      void ws.send(sent);
      const received = await ws.receive();
      // Not toEqual: that looks at each byte by itself.
      expect(received.length).toBe(size);
      expect((received as Uint8Array).every((byte) => byte === (size & 255))).toBe(true);
    }
    expect(await ws.close(1000, "bye")).toEqual({
      status: 1000,
      reason: "bye",
      clean: true,
      initiator: "local",
    });
    await expect.poll(() => server.counters.open).toBe(0);
  });

  it("a server that closes is answered", async () => {
    const ended = newDeferred<unknown>();
    await using server = await adapter.serve(
      { port: 0, hostname: "127.0.0.1" },
      { open: (ws) => void ws.close(4000), close: (_ws, closure) => void ended.resolve(closure) },
    );
    const ws = await connect(`ws://127.0.0.1:${server.port}`, { open });
    expect(await ws.closed).toMatchObject({ status: 4000, clean: true, initiator: "peer" });
    expect(await ended.promise).toMatchObject({ status: 4000, clean: true, initiator: "local" });
  });

  it("a reset is told once, as 1006", async () => {
    await using server = await adapter.serve(
      { port: 0, hostname: "127.0.0.1" },
      { message: (ws) => void ws.terminate() },
    );
    const ws = await connect(`ws://127.0.0.1:${server.port}`, { open });
    void ws.send("drop me");
    expect(await ws.closed).toMatchObject({ status: 1006, clean: false, initiator: "transport" });
  });

  it("terminate() ends the socket behind it", async () => {
    const ended = newDeferred<unknown>();
    await using server = await adapter.serve(
      { port: 0, hostname: "127.0.0.1" },
      { close: (_ws, closure) => void ended.resolve(closure) },
    );
    const ws = await connect(`ws://127.0.0.1:${server.port}`, { open });
    ws.terminate();
    expect(await ws.closed).toMatchObject({ status: 1006, initiator: "local" });
    expect(await ended.promise).toMatchObject({ status: 1006, clean: false });
  });
});
