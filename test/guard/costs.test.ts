import { afterEach, describe, expect, it, vi } from "vitest";
import type { ConnectionOptions } from "../../src/connection/options.ts";
import type { ServerHandlers } from "../../src/connection/handlers.ts";
import { Server } from "../../src/connection/server/serve.ts";
import { concat } from "../../src/bytes.ts";
import type { Transport, TransportHandler } from "../../src/transport.ts";
import { binary, text } from "../support/frames.ts";
import { leftOverEach } from "../support/left-over.ts";
import { upgradeRequest } from "../support/peer.ts";
import { runtime } from "../support/runtime.ts";
import { macrotask } from "../support/turns.ts";

/*
 * What a message costs, counted and not timed: writes for a chunk, bytes copied for a payload. A change that costs more
 * shows itself on however noisy a machine. test/package/heap.test.ts counts the bytes of the heap.
 */

const masked = { masked: true };

/** A socket that takes all at once, and counts. */
class CountingTransport implements Transport {
  handler!: TransportHandler;
  readonly remoteAddress = undefined;
  readonly remotePort = undefined;
  writes = 0;
  written = 0;

  write(bytes: Uint8Array): boolean {
    this.writes++;
    this.written += bytes.length;
    return true;
  }

  pause(): void {}
  resume(): void {}
  end(): void {}
  destroy(): void {}
}

/** A server's connection, open, and what it writes from here on. */
async function open(handlers: ServerHandlers, options: ConnectionOptions = {}) {
  const server = new Server({ port: 0, ...options }, handlers);
  const transport = new CountingTransport();
  server.accept(transport);
  transport.handler.onData(upgradeRequest());
  await macrotask();
  transport.writes = 0;
  transport.written = 0;
  return transport;
}

const echo: ServerHandlers = { message: (ws, data) => ws.send(data) };

const ways: Record<string, ServerHandlers> = {
  "a handler that returns what send gives": echo,
  "a handler that awaits send": {
    async message(ws, data) {
      await ws.send(data);
    },
  },
  "a handler that awaits much that is there already": {
    async message(ws, data) {
      for (let i = 0; i < 20; i++) await undefined;
      await ws.send(data);
    },
  },
  "a loop": {
    async open(ws) {
      for await (const data of ws) await ws.send(data);
    },
  },
  "a loop that awaits much that is there already": {
    async open(ws) {
      for await (const data of ws) {
        for (let i = 0; i < 20; i++) await undefined;
        await ws.send(data);
      }
    },
  },
};

describe("the replies to one chunk", () => {
  it.each(Object.entries(ways))("make one write with %s", async (_, handlers) => {
    for (const message of [binary(new Uint8Array(16), masked), text("x".repeat(100), masked)]) {
      for (const count of [1, 2, 16, 100]) {
        const transport = await open(handlers);
        const chunk = concat(Array.from({ length: count }, () => message));
        for (let round = 1; round <= 3; round++) {
          transport.handler.onData(chunk.slice());
          await macrotask();
          expect(transport.writes, `${count} messages`).toBe(round);
        }
        expect(transport.written).toBe(3 * count * (message.length - 4));
      }
    }
  });
});

afterEach(() => {
  vi.restoreAllMocks();
});

/** Counts the bytes that arrays copy in bulk while `work` runs; ranges of fewer than 64 bytes are copied one by one. */
function copiedBy(work: () => void): number {
  let copied = 0;
  const { set, slice, copyWithin } = Uint8Array.prototype;
  vi.spyOn(Uint8Array.prototype, "set").mockImplementation(function (
    this: Uint8Array,
    source: ArrayLike<number>,
    at?: number,
  ) {
    copied += source.length;
    set.call(this, source, at);
  });
  vi.spyOn(Uint8Array.prototype, "slice").mockImplementation(function (
    this: Uint8Array,
    ...range: [number?, number?]
  ) {
    const made = slice.apply(this, range);
    copied += made.length;
    return made;
  } as never);
  vi.spyOn(Uint8Array.prototype, "copyWithin").mockImplementation(function (
    this: Uint8Array,
    ...range: [number, number, number]
  ) {
    copied += range[2] - range[1];
    return copyWithin.apply(this, range);
  } as never);
  work();
  vi.restoreAllMocks();
  return copied;
}

describe("the payload of a message that is echoed", () => {
  const sizes = [100, 1000, 10_000, 60_000];

  it.each(sizes)(
    "of %i bytes is copied twice: for the handler, and behind its new header",
    async (size) => {
      const transport = await open(echo);
      const chunk = binary(new Uint8Array(size), masked);
      expect(copiedBy(() => transport.handler.onData(chunk))).toBe(2 * size);
      expect(transport.written).toBe(chunk.length - 4);
    },
  );

  it.each(sizes)("of %i bytes is copied once if the handler borrows it", async (size) => {
    const transport = await open(echo, { borrow: true });
    const chunk = binary(new Uint8Array(size), masked);
    expect(copiedBy(() => transport.handler.onData(chunk))).toBe(size);
  });

  it.each(sizes)(
    "of %i bytes is copied once, behind its new header, if the chunk lies in memory of its own",
    async (size) => {
      const transport = await open(echo);
      Object.assign(transport, { hasOwnChunks: true });
      const wire = binary(new Uint8Array(size), masked);
      // The payload lies at a multiple of 8; elsewhere it would be moved there.
      const headerSize = wire.length - size;
      const chunk = concat([new Uint8Array(16 - headerSize), wire]).subarray(16 - headerSize);
      expect(copiedBy(() => transport.handler.onData(chunk))).toBe(size);
    },
  );

  it("is copied at most four times if it comes in pieces, however many", async () => {
    const size = 1024 ** 2;
    const wire = binary(new Uint8Array(size), masked);
    for (const piece of [1000, 16 * 1024, 64 * 1024, 256 * 1024]) {
      const transport = await open(echo);
      const pieces: Uint8Array[] = [];
      for (let at = 0; at < wire.length; at += piece) pieces.push(wire.slice(at, at + piece));
      const copied = copiedBy(() => {
        for (const bytes of pieces) transport.handler.onData(bytes);
      });
      expect(transport.written).toBe(wire.length - 4);
      // Once when it is gathered, twice at the most while the buffer for it grows, once behind its new header.
      expect(copied / size, `pieces of ${piece}`).toBeLessThanOrEqual(4);
    }
  });
});

describe("a message of which half has come", () => {
  it.each([16, 64, 512])("is copied only twice as a chunk of %i KiB", async (kibibytes) => {
    const half = kibibytes * 1024;
    const transport = await open(echo);
    const wire = binary(new Uint8Array(2 * half), masked);
    const chunks = [wire.slice(0, half), wire.slice(half, 2 * half), wire.slice(2 * half)];
    const copied = copiedBy(() => {
      for (const chunk of chunks) transport.handler.onData(chunk);
    });
    expect(transport.written).toBe(wire.length - 4);
    // When it is gathered, and behind its new header: room for twice the first payload would lack a few bytes.
    expect(copied).toBeLessThanOrEqual(2 * 2 * half);
  });
});

// Only Node lets a test ask for a small collection.
describe.runIf(runtime === "node")("connections that are over", () => {
  it("are freed by the next minor collection, since nothing in the library keeps them", () => {
    const server = new Server({ port: 0 }, echo);
    const transports: CountingTransport[] = [];
    const left = leftOverEach((place) => {
      const old = transports[place];
      old?.handler.onEnd();
      old?.handler.onClose();
      const transport = new CountingTransport();
      server.accept(transport);
      transport.handler.onData(upgradeRequest());
      transports[place] = transport;
    });
    expect(left).toBeLessThan(500);
  });
});
