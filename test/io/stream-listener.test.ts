import { describe, expect, it } from "vitest";
import { memoryPair, type MemoryTransport } from "../../adapters/memory/index.ts";
import {
  listenStreams,
  type StreamListener,
  type StreamListenOptions,
} from "../../src/io/stream-listener.ts";
import type { TransportStream } from "../../src/io/transport-stream.ts";
import type { ListenOptions, Transport } from "../../src/transport.ts";
import { counted } from "../support/frames.ts";
import { failure, microtasks } from "../support/streams.ts";

/** A listener without a network: `connect` brings a connection, and `closes` counts how often it was closed. */
async function listening(options: Partial<StreamListenOptions> = {}) {
  const given: ListenOptions[] = [];
  const network = {
    given,
    closes: 0,
    /** Gives the client's end; its lines tell whether it was dropped. */
    connect(bytes?: Uint8Array): { peer: MemoryTransport; lines: string[] } {
      const [ours, peer] = memoryPair();
      const lines: string[] = [];
      peer.handler = {
        onData: () => {},
        onDrain: () => {},
        onEnd: () => lines.push("end"),
        onClose: () => lines.push("close"),
      };
      accept(ours, bytes);
      return { peer, lines };
    },
  };
  let accept!: (transport: Transport, bytes?: Uint8Array) => void;
  const listener = await listenStreams(
    (listenOptions, onAccept) => {
      given.push(listenOptions);
      accept = onAccept;
      return Promise.resolve({
        port: 8080,
        hostname: "127.0.0.1",
        close: () => {
          network.closes++;
          return Promise.resolve();
        },
      });
    },
    { port: 0, ...options },
  );
  return { listener, network };
}

/** What the next connection has to say: one byte of the peer's. */
async function firstByte(stream: TransportStream | undefined): Promise<number | undefined> {
  const into = new Uint8Array(1);
  await stream?.read(into);
  return stream === undefined ? undefined : into[0];
}

describe("listenStreams()", () => {
  it("listens where it is told, and tells where", async () => {
    const { listener, network } = await listening({ port: 0, hostname: "localhost" });
    expect(network.given).toEqual([{ port: 0, hostname: "localhost" }]);
    expect([listener.port, listener.hostname]).toEqual([8080, "127.0.0.1"]);
  });

  it("throws what listening throws", async () => {
    const error = new Error("in use");
    const listen = () => Promise.reject(error);
    expect(await failure(() => listenStreams(listen, { port: 1 }))).toBe(error);
  });
});

describe("StreamListener.accept()", () => {
  it("gives first the bytes that were read of a connection before it came", async () => {
    const { listener, network } = await listening();
    network.connect(Uint8Array.of(1)).peer.write(Uint8Array.of(2));
    const stream = await listener.accept();
    expect([await firstByte(stream), await firstByte(stream)]).toEqual([1, 2]);
  });

  it("gives connections in the order in which they came, before and after the call", async () => {
    const { listener, network } = await listening();
    for (const byte of [1, 2]) network.connect().peer.write(Uint8Array.of(byte));
    const accepted = [0, 1, 2, 3].map(() => listener.accept());
    for (const byte of [3, 4]) network.connect().peer.write(Uint8Array.of(byte));
    const streams = await Promise.all(accepted);
    expect(await Promise.all(streams.map(firstByte))).toEqual([1, 2, 3, 4]);
  });

  it("drops connections beyond the backlog", async () => {
    const { listener, network } = await listening({ backlog: 2 });
    const clients = [0, 1, 2].map(() => network.connect());
    await microtasks();
    expect(clients.map(({ lines }) => lines)).toEqual([[], [], ["close"]]);
    await listener.accept();
    const { lines } = network.connect();
    await microtasks();
    expect(lines).toEqual([]);
  });

  it("lets 511 connections wait by default", async () => {
    const { network } = await listening();
    const clients = Array.from({ length: 513 }, () => network.connect());
    await microtasks();
    expect(clients.findIndex(({ lines }) => lines.length > 0)).toBe(511);
  });

  it("gives streams with the options of the listener", async () => {
    const { listener, network } = await listening({ highWaterMark: 4 });
    const { peer } = network.connect();
    const stream = await listener.accept();
    peer.write(counted(4));
    peer.write(counted(4));
    await microtasks();
    expect(stream!.read(new Uint8Array(99))).toBe(4);
  });
});

describe("StreamListener.close()", () => {
  it("ends waiting calls of accept(), drops waiting connections, and keeps accepted ones", async () => {
    const { listener, network } = await listening();
    const first = network.connect();
    const stream = await listener.accept();
    const accepting = [listener.accept(), listener.accept()];
    await listener.close();
    expect(await Promise.all(accepting)).toEqual([undefined, undefined]);
    expect(await listener.accept()).toBeUndefined();
    await microtasks();
    first.peer.write(Uint8Array.of(7));
    expect([await firstByte(stream), first.lines, network.closes]).toEqual([7, [], 1]);
  });

  it("drops connections that nobody has accepted, and those that come later", async () => {
    const { listener, network } = await listening();
    const clients = [network.connect()];
    await listener.close();
    clients.push(network.connect());
    await microtasks();
    expect(clients.map(({ lines }) => lines)).toEqual([["close"], ["close"]]);
    await listener.close();
    expect(await listener.accept()).toBeUndefined();
  });

  it("is called by `await using`", async () => {
    const { listener, network } = await listening();
    await listener[Symbol.asyncDispose]();
    expect(network.closes).toBe(1);
  });
});

describe("a loop over a StreamListener", () => {
  async function bytesOf(listener: StreamListener, most: number): Promise<unknown[]> {
    const bytes: unknown[] = [];
    for await (const stream of listener) {
      bytes.push(await firstByte(stream));
      if (bytes.length === most) break;
    }
    return bytes;
  }

  it("gives connections until the listener is closed", async () => {
    const { listener, network } = await listening();
    const bytes = bytesOf(listener, Infinity);
    for (const byte of [1, 2, 3]) network.connect().peer.write(Uint8Array.of(byte));
    await microtasks(60);
    await listener.close();
    expect(await bytes).toEqual([1, 2, 3]);
  });

  it("closes the listener when it is left", async () => {
    const { listener, network } = await listening();
    for (const byte of [1, 2]) network.connect().peer.write(Uint8Array.of(byte));
    expect([await bytesOf(listener, 1), network.closes]).toEqual([[1], 1]);
    expect(await listener.accept()).toBeUndefined();
  });
});
