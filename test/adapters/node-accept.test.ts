import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import { acceptedTransport } from "../../adapters/node-accept.ts";
import type { NodeSocket } from "../../adapters/node-transport.ts";
import { newDeferred } from "../../src/deferred.ts";
import type { Transport } from "../../src/transport.ts";
import { runtime } from "../support/runtime.ts";

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

  it("tells of the peer's end and of its own, and its server counts it until then", async () => {
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

  it("tells of a reset", async () => {
    const { client, lines, told } = await acceptOne();
    client.resetAndDestroy();
    await told.close.promise;
    expect(lines).toEqual(["onClose read ECONNRESET"]);
  });
});

describe("acceptedTransport() of a socket whose handle is not Node's", () => {
  it("takes it as it came, and lets it read", () => {
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
