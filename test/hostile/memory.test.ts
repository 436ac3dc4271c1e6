import { afterEach, describe, expect, it } from "vitest";
import { concat } from "../../src/bytes.ts";
import { Server } from "../../src/connection/serve.ts";
import type { Transport, TransportHandler } from "../../src/transport.ts";
import { macrotask } from "../support/turns.ts";
import { connect, connectOpen, expectNoRejections, Recorder } from "./play.ts";
import { binary, continuation, header, latin1Bytes, open, request, text } from "./support.ts";

/** Rows of the battery that bound memory and work. */

afterEach(expectNoRejections);

interface Allocations {
  /** Bytes of all arrays together. */
  total: number;
  /** Bytes of the largest one. */
  largest: number;
}

/** Counts what is allocated by `new Uint8Array(size)` while `act` runs; copies by `slice` are not counted. */
async function allocationsOf(act: () => Promise<void>): Promise<Allocations> {
  const counted: Allocations = { total: 0, largest: 0 };
  const original = globalThis.Uint8Array;
  globalThis.Uint8Array = new Proxy(original, {
    construct(target, args: unknown[]) {
      const size = args[0];
      if (typeof size === "number") {
        counted.total += size;
        counted.largest = Math.max(counted.largest, size);
      }
      return Reflect.construct(target, args) as object;
    },
  });
  try {
    await act();
  } finally {
    globalThis.Uint8Array = original;
  }
  return counted;
}

const KiB = 1024;
const MiB = 1024 * KiB;

function bytesOf(input: Uint8Array): Uint8Array[] {
  return Array.from(input, (byte) => Uint8Array.of(byte));
}

describe("allocationsOf()", () => {
  it("counts what the library allocates", async () => {
    const { client, recorder } = await connectOpen();
    const halves = [header(2, MiB), new Uint8Array(MiB / 2), new Uint8Array(MiB / 2)];
    const { largest } = await allocationsOf(async () => {
      client.write(...halves);
      await macrotask();
    });
    expect(recorder.events).toHaveLength(2);
    expect(largest).toBe(MiB);
  });
});

describe("memory of one connection", () => {
  it("B-30 a header without an end → not more than the limit and its doubling", async () => {
    const { client, recorder } = connect();
    const chunk = latin1Bytes("a".repeat(4 * KiB));
    const { largest } = await allocationsOf(async () => {
      client.write(latin1Bytes("GET / HTTP/1.1\r\nX-Text: "));
      for (let sent = 0; sent < 1000; sent++) client.write(chunk);
      await macrotask();
    });
    expect(recorder.events).toEqual(["refused REJECTED HEAD_TOO_LARGE"]);
    expect(largest).toBeLessThanOrEqual(32 * KiB);
  });

  it.each([100, 10_000, MiB])("F-114 16 MiB declared, %d bytes come → twice that", async (size) => {
    const { client, recorder } = await connectOpen();
    const payload = new Uint8Array(size);
    const { largest } = await allocationsOf(async () => {
      client.write(header(2, 16 * MiB));
      for (let at = 0; at < size; at += 1000) client.write(payload.subarray(at, at + 1000));
      await macrotask();
    });
    expect(recorder.events).toEqual(["open"]);
    expect(largest).toBeLessThanOrEqual(2 * size + 64 * KiB);
  });

  it("G-122 16000 fragments of one byte → twice the payload", async () => {
    const { client, recorder } = await connectOpen();
    const count = 16_000;
    const rest = continuation("a", open);
    const { total, largest } = await allocationsOf(async () => {
      client.write(binary("a", open));
      for (let i = 1; i < count; i++) client.write(rest);
      await macrotask();
    });
    expect(recorder.events).toEqual(["open"]);
    expect(largest).toBeLessThanOrEqual(2 * count + 4 * KiB);
    expect(total).toBeLessThanOrEqual(4 * count + 4 * KiB);
  });

  it("G-123 16000 empty fragments → nothing", async () => {
    const { client, recorder } = await connectOpen();
    const rest = continuation("", open);
    const input = concat([binary("", open), ...Array.from({ length: 15_999 }, () => rest)]);
    const { total } = await allocationsOf(async () => {
      client.write(input);
      await macrotask();
    });
    expect(recorder.events).toEqual(["open"]);
    expect(total).toBeLessThanOrEqual(4 * KiB);
  });

  it("G-125 a frame of 256 KiB byte by byte → twice the payload", async () => {
    const { options, handlers, events } = new Recorder();
    const transport = new Direct();
    new Server(options, handlers).accept(transport);
    transport.handler.onData(request());
    const size = 256 * KiB;
    const chunks = bytesOf(binary(new Uint8Array(size)));
    const { total, largest } = await allocationsOf(async () => {
      for (const chunk of chunks) transport.handler.onData(chunk);
    });
    expect(events).toHaveLength(2);
    expect(largest).toBeLessThanOrEqual(size);
    expect(total).toBeLessThanOrEqual(4 * size + 4 * KiB);
    transport.handler.onClose();
  });
});

describe("memory of many connections", () => {
  it("F-115 a message of 16 MiB declared and one byte of it, 2000 times → 4 KiB each", async () => {
    const recorder = new Recorder();
    const server = new Server(recorder.options, recorder.handlers);
    const count = 2000;
    const input = concat([request(), header(2, 16 * MiB), Uint8Array.of(1)]);
    const transports = Array.from({ length: count }, () => new Direct());
    const chunks = transports.map(() => input.slice());
    const { total } = await allocationsOf(async () => {
      transports.forEach((transport, i) => {
        server.accept(transport);
        transport.handler.onData(chunks[i]!);
      });
      await macrotask();
    });
    expect(server.connections).toHaveLength(count);
    expect(total / count).toBeLessThanOrEqual(4 * KiB);
    for (const transport of transports) transport.handler.onClose();
    expect(server.connections).toHaveLength(0);
    expect(recorder.events.filter((event) => event.startsWith("close 1006"))).toHaveLength(count);
  });
});

/** A transport that takes all at once, whose events the test itself calls. */
class Direct implements Transport {
  handler!: TransportHandler;
  readonly remoteAddress = undefined;
  readonly remotePort = undefined;

  write(): boolean {
    return true;
  }

  pause(): void {}
  resume(): void {}
  end(): void {}
  destroy(): void {}
}

const { gc, Bun } = globalThis as unknown as {
  gc?: () => void;
  Bun?: { gc(force: boolean): void };
};
const collect = gc ?? (Bun === undefined ? undefined : () => Bun?.gc(true));

describe("an idle connection", () => {
  const endings = {
    "a whole message": text("Hello"),
    "a part of a header": header(1, 70_000).slice(0, 9),
    "a part of a payload": text("Hello").slice(0, 8),
    "a first fragment": text("Hello", open),
    "a part of a ping": header(9, 5),
  };

  it.skipIf(collect === undefined).each(Object.entries(endings))(
    "G-130 a read of 64 KiB that ends with %s → none of it is kept",
    async (_, ending) => {
      const messages: Uint8Array[] = [];
      const { options, handlers } = new Recorder({
        handlers: () => ({ message: (_, data) => messages.push(data as Uint8Array) }),
      });
      const server = new Server(options, handlers);
      const transports = Array.from({ length: 20 }, () => new Direct());
      const reads = transports.map((transport) => {
        server.accept(transport);
        transport.handler.onData(request());
        return readOf64KiB(transport, ending);
      });
      // A reference that was read in this turn is kept until its end.
      for (let i = 0; i < 5; i++) {
        await macrotask();
        collect!();
      }
      // What a stack or a register still holds may keep one or the other alive.
      expect(reads.filter((read) => read.deref() !== undefined).length).toBeLessThan(5);
      expect(messages.length).toBeGreaterThanOrEqual(20);
      for (const data of messages) {
        if (typeof data !== "string") expect(data.buffer.byteLength).toBe(data.length);
      }
      for (const transport of transports) transport.handler.onClose();
    },
  );
});

/** Hands in a chunk with a message in front and `ending` at its end; gives what tells whether it is still alive. */
function readOf64KiB(transport: Direct, ending: Uint8Array): WeakRef<ArrayBufferLike> {
  const chunk = new Uint8Array(64 * KiB);
  const message = binary("a".repeat(chunk.length - ending.length - 8));
  chunk.set(concat([message, ending]));
  transport.handler.onData(chunk);
  return new WeakRef(chunk.buffer);
}

describe("work", () => {
  /** Milliseconds that `act` takes, the best of three. */
  async function timeOf(act: () => Promise<void>): Promise<number> {
    let best = Infinity;
    for (let i = 0; i < 3; i++) {
      const start = performance.now();
      await act();
      best = Math.min(best, performance.now() - start);
    }
    return best;
  }

  /** Linear work grows by 16 between the two sizes, quadratic work by 256. */
  const times = 16;
  const linear = 5 * times;

  it("B-30 a header byte by byte → linear", async () => {
    const run = (size: number) => async (): Promise<void> => {
      const { options, handlers } = new Recorder({ options: { maxHeadSize: 0 } });
      const transport = new Direct();
      new Server(options, handlers).accept(transport);
      const chunks = bytesOf(request({ more: [`X-Text: ${"a".repeat(size)}`] }));
      for (const chunk of chunks) transport.handler.onData(chunk);
      transport.handler.onClose();
    };
    const small = await timeOf(run(8 * KiB));
    const large = await timeOf(run(times * 8 * KiB));
    expect(large / small).toBeLessThan(linear);
  });

  it("D-71 a list of blanks and commas → linear", async () => {
    const run = (size: number) => async (): Promise<void> => {
      const { client, trace } = connect({
        options: { maxHeadSize: 0 },
        handlers: () => ({ upgrade: ({ protocols }) => ({ protocol: protocols[0] }) }),
      });
      client.write(request({ more: [`Sec-WebSocket-Protocol: b${" ,".repeat(size)} x`] }));
      await macrotask();
      expect(trace().headers["sec-websocket-protocol"]).toBe("b");
    };
    const small = await timeOf(run(32 * KiB));
    const large = await timeOf(run(times * 32 * KiB));
    expect(large / small).toBeLessThan(linear);
  });
});
