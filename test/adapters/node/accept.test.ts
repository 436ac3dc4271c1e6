import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { acceptedTransport, AcceptedTransport } from "../../../adapters/node/accept.ts";
import type { NodeSocket } from "../../../adapters/node/transport.ts";
import { newDeferred } from "../../../src/deferred.ts";
import type { Transport } from "../../../src/transport.ts";
import { RawServer, type RawClient } from "../../support/raw-client.ts";
import { runtime } from "../../support/runtime.ts";
import { macrotask } from "../../support/turns.ts";
import { keepWarnings, type KeptWarnings } from "../../support/warnings.ts";

const closers: (() => void)[] = [];

afterEach(() => {
  for (const close of closers.splice(0)) close();
});

/** A server of node:net, one connection that it has accepted, the client of it, and what the transport tells. */
async function acceptOne() {
  const accepted = newDeferred<Transport>();
  const lines: string[] = [];
  const chunks: Uint8Array[] = [];
  const told = {
    data: newDeferred<void>(),
    drain: newDeferred<void>(),
    close: newDeferred<void>(),
  };
  const server = createServer({ pauseOnConnect: true, allowHalfOpen: true }, (socket) => {
    const transport = acceptedTransport(socket as NodeSocket, {});
    transport.handler = {
      onData(chunk) {
        chunks.push(chunk);
        lines.push(`onData ${chunk.constructor.name} ${String.fromCharCode(...chunk.slice(0, 9))}`);
        told.data.resolve();
        told.data = newDeferred<void>();
      },
      onDrain() {
        lines.push("onDrain");
        told.drain.resolve();
      },
      onEnd: () => void lines.push("onEnd"),
      onClose(error) {
        lines.push(`onClose ${error?.message ?? ""}`.trimEnd());
        told.close.resolve();
      },
    };
    accepted.resolve(transport);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const client = connect({ port: (server.address() as AddressInfo).port, allowHalfOpen: true });
  closers.push(
    () => client.destroy(),
    () => void server.close(),
  );
  return { server, client, transport: await accepted.promise, lines, chunks, told };
}

async function sendChunk(client: Socket, text: string, isHere: Promise<void>): Promise<void> {
  client.write(text);
  await isHere;
}

describe.runIf(runtime === "node")("acceptedTransport() on Node", () => {
  it("reads for all sockets into one buffer", async () => {
    const one = await acceptOne();
    const two = await acceptOne();
    await sendChunk(one.client, "one", one.told.data.promise);
    await sendChunk(two.client, "two", two.told.data.promise);
    await sendChunk(one.client, "three", one.told.data.promise);
    expect(one.lines).toEqual(["onData Uint8Array one", "onData Uint8Array three"]);
    expect(two.lines).toEqual(["onData Uint8Array two"]);
    const buffers = [...one.chunks, ...two.chunks].map(({ buffer }) => buffer);
    expect(new Set(buffers).size).toBe(1);
  });

  it("lends out a write that the kernel has not taken whole, until it has", async () => {
    const { client, transport, lines, told } = await acceptOne();
    client.pause();
    expect(transport.write(new Uint8Array(1))).toBe(true);
    const large = new Uint8Array(16 * 1024 ** 2);
    expect(transport.write(large)).toBe(false);
    expect(lines).toEqual([]);
    let received = 0;
    const ended = once(client, "end");
    client.on("data", ({ length }) => (received += length)).resume();
    await told.drain.promise;
    expect(lines).toEqual(["onDrain"]);
    expect(transport.write(new Uint8Array(2))).toBe(true);
    transport.end();
    client.end();
    await told.close.promise;
    await ended;
    expect(received).toBe(1 + large.length + 2);
  });

  it("stops and restarts delivery", async () => {
    const { client, transport, lines, told } = await acceptOne();
    transport.pause();
    const isHere = told.data.promise;
    await new Promise<void>((resolve) => void client.write("late", () => resolve()));
    expect(lines).toEqual([]);
    transport.resume();
    await isHere;
    expect(lines).toEqual(["onData Uint8Array late"]);
  });

  it("reports the peer's end and its own, and its server counts it until then", async () => {
    const { server, client, transport, lines, told } = await acceptOne();
    const closed = once(server, "close");
    server.close();
    client.end();
    await once(client, "finish");
    transport.end();
    expect(transport.write(new Uint8Array(1))).toBe(true);
    await told.close.promise;
    expect(lines).toEqual(["onEnd", "onClose"]);
    await closed;
  });

  it("reports a reset", async () => {
    const { client, lines, told } = await acceptOne();
    client.resetAndDestroy();
    await told.close.promise;
    expect(lines).toEqual(["onClose read ECONNRESET"]);
  });
});

/** The transport of a client's socket of `node:net`, and what it tells until the peer ends. */
async function transportOf(prepare: (socket: Socket, peer: RawClient) => unknown) {
  const server = await RawServer.start();
  const socket = connect({ port: server.port, host: "127.0.0.1", allowHalfOpen: true });
  const [peer] = await Promise.all([server.accept(), once(socket, "connect")]);
  closers.push(
    () => socket.destroy(),
    () => {
      server.close();
    },
  );
  await prepare(socket, peer);
  const transport = new AcceptedTransport(socket as NodeSocket);
  const told = { text: "", sizes: new Set<number>() };
  const ended = newDeferred<void>();
  transport.handler = {
    onData(chunk) {
      told.text += String.fromCharCode(...chunk);
      told.sizes.add(chunk.buffer.byteLength);
    },
    onDrain() {},
    onEnd: () => {
      ended.resolve();
    },
    onClose() {},
  };
  return { socket, peer, told, ended: ended.promise };
}

function sendLast(peer: RawClient, text: string): void {
  peer.write(new TextEncoder().encode(text));
  peer.end();
}

describe("AcceptedTransport of a socket that somebody else has made", () => {
  it("delivers what it reads before its end; on Node from the buffer of all sockets", async () => {
    const { peer, told, ended } = await transportOf(() => {});
    sendLast(peer, "sixteen bytes or more");
    await ended;
    expect(told.text).toBe("sixteen bytes or more");
    if (runtime === "node") expect(told.sizes).toEqual(new Set([256 * 1024]));
  });

  it("uses the socket as it is if it has read bytes that nobody has got, and delivers those", async () => {
    const { peer, told, ended } = await transportOf(async (socket, client) => {
      const isThere = once(socket, "readable");
      client.write(new TextEncoder().encode("early "));
      await isThere;
      expect(socket.readableLength).toBe(6);
      socket.removeAllListeners("readable");
    });
    sendLast(peer, "and late");
    await ended;
    expect(told.text).toBe("early and late");
  });

  it("uses the socket as it is if other code listens to it", async () => {
    let seen = "";
    const { peer, told, ended } = await transportOf((socket) => {
      socket.on("data", (chunk) => (seen += String(chunk)));
    });
    sendLast(peer, "for two");
    await ended;
    expect([told.text, seen]).toEqual(["for two", "for two"]);
  });

  it("leaves a socket paused that was told to pause", async () => {
    const { socket, peer, told, ended } = await transportOf((paused) => {
      paused.pause();
    });
    peer.write(new TextEncoder().encode("held back"));
    await macrotask();
    await macrotask();
    expect([told.text, socket.isPaused()]).toEqual(["", true]);
    socket.resume();
    peer.end();
    await ended;
    expect(told.text).toBe("held back");
  });
});

describe("acceptedTransport() of a socket whose handle is not Node's", () => {
  it("uses the socket as it is, and lets it read", () => {
    const listeners = new Map<string, (value: unknown) => void>();
    const lines: string[] = [];
    const socket = {
      _handle: {},
      on: (event: string, listener: (value: unknown) => void) =>
        void listeners.set(event, listener),
      resume: () => lines.push("resume"),
    };
    const transport = acceptedTransport(socket as unknown as NodeSocket, {});
    transport.handler = {
      onData: (chunk) => void lines.push(`onData ${chunk.join(" ")}`),
      onDrain() {},
      onEnd() {},
      onClose() {},
    };
    listeners.get("data")!(Uint8Array.of(1, 2));
    expect(lines).toEqual(["resume", "onData 1 2"]);
  });
});

describe("the trial of the first reads", () => {
  const kBuffer = Symbol("kBuffer");
  const kBufferCb = Symbol("kBufferCb");

  /** A module that has seen no socket yet, and sockets whose reads are a test's. */
  async function untried() {
    vi.resetModules();
    const fresh = await import("../../../adapters/node/accept.ts");
    return () => {
      const lines: string[] = [];
      const listeners = new Map<string, (value: unknown) => void>();
      const socket = {
        [kBuffer]: null as Uint8Array | null,
        [kBufferCb]: null as ((size: unknown, buffer: unknown) => boolean) | null,
        _handle: { useUserBuffer() {} },
        on: (event: string, listener: (value: unknown) => void) =>
          void listeners.set(event, listener),
        resume() {},
        destroy: (error: Error) => void lines.push(`destroy ${error.name}`),
      };
      const transport = fresh.acceptedTransport(socket as unknown as NodeSocket, {});
      transport.handler = {
        ...transport.handler,
        onData: (chunk) => void lines.push(`onData ${String.fromCharCode(...chunk)}`),
      };
      return {
        lines,
        /** Whether it listens for chunks that come as documented. */
        hasListener: listeners.has("data"),
        /** Data that come as documented. */
        emit: (text: string) => {
          listeners.get("data")!(new TextEncoder().encode(text));
        },
        /** Calls back as Node does, with the text in the buffer, at `at`. */
        read(text: string, at = 0, size: unknown = text.length, buffer: unknown = socket[kBuffer]) {
          new TextEncoder().encodeInto(text, socket[kBuffer]!.subarray(at));
          return socket[kBufferCb]!(size, buffer);
        },
        isTaken: () => socket[kBuffer] !== null,
      };
    };
  }

  const head = "GET / HTTP/1.1\r\n\r\n";
  let warnings: KeptWarnings;

  beforeEach(() => {
    warnings = keepWarnings();
  });

  afterEach(() => {
    warnings.stop();
  });

  it("goes on with the way that has worked, and stops listening for chunks that come as documented", async () => {
    const accept = await untried();
    const first = accept();
    first.read(head);
    const second = accept();
    second.read("short");
    expect([first.lines, second.lines]).toEqual([[`onData ${head}`], ["onData short"]]);
    expect([first.hasListener, second.hasListener]).toEqual([true, false]);
    await macrotask();
    expect(warnings.kept).toEqual([]);
  });

  it("takes chunks that come as documented all the same", async () => {
    const accept = await untried();
    const { emit, lines } = accept();
    emit(head);
    expect(lines).toEqual([`onData ${head}`]);
  });

  it("judges after enough bytes, and uses smaller reads until then", async () => {
    const accept = await untried();
    const first = accept();
    for (const piece of ["GET", " / ", "HTTP/1.1"]) {
      first.read(piece);
      await macrotask();
    }
    first.read("\r\nSixteen bytes: more");
    expect(first.lines.join("")).toBe(
      "onData GETonData  / onData HTTP/1.1onData \r\nSixteen bytes: more",
    );
    await macrotask();
    expect(warnings.kept).toEqual([]);
  });

  it.each<[what: string, read: (socket: ReturnType<Awaited<ReturnType<typeof untried>>>) => void]>([
    ["come in another buffer", ({ read }) => read(head, 0, head.length, new Uint8Array(100))],
    ["have no size", ({ read }) => read(head, 0, "many")],
    ["are more than the buffer holds", ({ read }) => read(head, 0, 2 ** 20)],
    ["are not there", ({ read }) => read("", 0, 20)],
    ["lie somewhere else", ({ read }) => read(head, 30, head.length)],
    ["are more than is said", ({ read }) => read(head, 0, 16)],
  ])(
    "drops a connection whose bytes %s, and uses sockets as they come from then on",
    async (_, read) => {
      const accept = await untried();
      const earlier = accept();
      const first = accept();
      read(first);
      expect(first.lines).toEqual(["destroy Error"]);
      earlier.read(head);
      expect(earlier.lines).toEqual(["destroy Error"]);
      const later = accept();
      expect(later.isTaken()).toBe(false);
      later.emit(head);
      expect(later.lines).toEqual([`onData ${head}`]);
      await macrotask();
      expect(warnings.kept.map(({ code }) => code)).toEqual(["FRAMEWIRE_NO_ONREAD"]);
    },
  );
});
