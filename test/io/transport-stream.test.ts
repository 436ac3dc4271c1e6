import { describe, expect, it } from "vitest";
import {
  type MemoryOptions,
  memoryPair,
  type MemoryTransport,
} from "../../adapters/memory/index.ts";
import { concat } from "../../src/bytes.ts";
import { Deadlines } from "../../src/clock.ts";
import { TransportError } from "../../src/errors.ts";
import { readAll } from "../../src/io/full.ts";
import { TransportStream, type TransportStreamOptions } from "../../src/io/transport-stream.ts";
import type { Transport } from "../../src/transport.ts";
import { FakeClock } from "../support/fake-clock.ts";
import { counted, toHex } from "../support/frames.ts";
import { detached } from "../support/ranges.ts";
import { failure, microtasks, plain } from "../support/streams.ts";

/** Writes down what one end gets, and ends when its peer does, unless it is told not to. */
function record(transport: MemoryTransport, { ends = true } = {}): string[] {
  const lines: string[] = [];
  transport.handler = {
    onData: (chunk) => lines.push(toHex(chunk)),
    onDrain: () => lines.push("drain"),
    onEnd: () => {
      lines.push("end");
      if (ends) transport.end();
    },
    onClose: (error) => lines.push(error === undefined ? "close" : `close ${error.message}`),
  };
  return lines;
}

interface Setup extends MemoryOptions, TransportStreamOptions {
  readonly ends?: boolean;
}

/** A stream, its peer, and time of its own; `calls` are those of the stream to its transport but writes. */
function connect({ capacity, ends, ...options }: Setup = {}) {
  const clock = new FakeClock();
  const [ours, peer] = memoryPair(capacity === undefined ? {} : { capacity });
  const calls: string[] = [];
  for (const name of ["pause", "resume", "end", "destroy"] as const) {
    const call = ours[name].bind(ours);
    ours[name] = () => {
      calls.push(name);
      call();
    };
  }
  const stream = new TransportStream(ours, { deadlines: new Deadlines(clock), ...options });
  const lines = record(peer, ends === undefined ? {} : { ends });
  return { stream, ours, peer, lines, clock, calls };
}

/** Reads up to so many bytes, as digits. */
async function take(stream: TransportStream, size: number): Promise<string> {
  const into = new Uint8Array(size);
  return toHex(into, 0, await stream.read(into));
}

const reset = new Error("ECONNRESET");

interface Resizable extends ArrayBuffer {
  resize(size: number): void;
}

/** A buffer that may shrink. */
function resizable(size: number): Resizable {
  const Maker = ArrayBuffer as unknown as new (
    size: number,
    options: { maxByteLength: number },
  ) => Resizable;
  return new Maker(size, { maxByteLength: size });
}

describe("a write that waits while its buffer goes away", () => {
  it("is rejected, and the writes behind it leave", async () => {
    const { stream, peer, ours, lines } = connect({ capacity: 1 });
    peer.pause();
    expect(stream.write(counted(1))).toBe(1);
    const lent = stream.write(counted(6));
    const gone = counted(3);
    const rejected = failure(() => stream.write(gone));
    const last = stream.write(Uint8Array.of(9));
    structuredClone(gone, { transfer: [gone.buffer as ArrayBuffer] });
    peer.resume();
    expect(await lent).toBe(6);
    expect(((await rejected) as Error).message).toMatch(/^from is detached, or has shrunk/);
    expect(await last).toBe(1);
    await microtasks();
    expect(lines.join("")).toBe("0000010203040509");
    expect(ours.handler).toBe(stream);
  });
});

describe("a read that waits while its buffer goes away", () => {
  it.each<[what: string, make: () => { into: Uint8Array; take: () => void }]>([
    [
      "is detached",
      () => {
        const into = new Uint8Array(8);
        return { into, take: () => void structuredClone(into, { transfer: [into.buffer] }) };
      },
    ],
    [
      "shrinks, so that nothing of it is left",
      () => {
        const buffer = resizable(8);
        return {
          into: new Uint8Array(buffer),
          take: () => {
            buffer.resize(0);
          },
        };
      },
    ],
    [
      "shrinks past a view of fixed length",
      () => {
        const buffer = resizable(8);
        return {
          into: new Uint8Array(buffer, 0, 8),
          take: () => {
            buffer.resize(4);
          },
        };
      },
    ],
  ])("is rejected if its buffer %s, and loses no bytes", async (_, make) => {
    const { stream, peer } = connect();
    const { into, take: takeAway } = make();
    const read = failure(() => stream.read(into));
    await microtasks();
    takeAway();
    peer.write(counted(5));
    const error = await read;
    expect(error).toBeInstanceOf(TypeError);
    expect((error as Error).message).toMatch(/^into is detached, or has shrunk/);
    peer.write(Uint8Array.of(9));
    expect(await take(stream, 4)).toBe("00010203");
    expect(await take(stream, 4)).toBe("0409");
    expect(stream.write(counted(1))).toBe(1);
    peer.end();
    await microtasks();
    expect(await stream.read(new Uint8Array(1))).toBe(0);
  });

  it("gets what fits if a part of the buffer is left", async () => {
    const { stream, peer } = connect();
    const buffer = resizable(8);
    const read = stream.read(new Uint8Array(buffer));
    buffer.resize(2);
    peer.write(counted(5));
    expect(await read).toBe(2);
    expect(new Uint8Array(buffer)).toEqual(Uint8Array.of(0, 1));
    expect(await take(stream, 8)).toBe("020304");
  });

  it("is refused at the call if its buffer is gone by then, since 0 would mean the end", async () => {
    const { stream, peer } = connect();
    expect(() => stream.read(detached())).toThrow(/detached/);
    expect(() => stream.write(detached())).toThrow(/detached/);
    peer.write(counted(2));
    expect(await take(stream, 4)).toBe("0001");
    expect(await stream.read(new Uint8Array(0))).toBe(0);
  });
});

describe("TransportStream.read()", () => {
  it("gives what came before, without a promise", async () => {
    const { stream, peer } = connect();
    peer.write(counted(5));
    await microtasks();
    const into = new Uint8Array(3);
    expect([plain(stream.read(into)), toHex(into)]).toEqual([3, "000102"]);
    expect([plain(stream.read(into)), toHex(into, 0, 2)]).toEqual([2, "0304"]);
  });

  it("waits for what comes, and keeps what it has no room for", async () => {
    const { stream, peer } = connect();
    const first = take(stream, 2);
    peer.write(counted(5));
    expect(await first).toBe("0001");
    const rest = await take(stream, 9);
    const second = take(stream, 9);
    peer.write(counted(1));
    expect([rest, await second]).toEqual(["020304", "00"]);
  });

  it("ignores an empty chunk, which is not the end", async () => {
    const { stream, peer } = connect();
    const waiting = take(stream, 9);
    peer.write(new Uint8Array(0));
    await microtasks();
    peer.write(counted(1));
    expect(await waiting).toBe("00");
  });

  it("gives all bytes in order, however they come and are read", async () => {
    const { stream, peer } = connect({ highWaterMark: 64 });
    const bytes = counted(3000);
    for (let at = 0, size = 1; at < bytes.length; at += size, size = (size * 7) % 101) {
      peer.write(bytes.subarray(at, at + size));
    }
    peer.end();
    const parts: string[] = [];
    for (let size = 1, part; (part = await take(stream, size)) !== ""; size = (size * 5) % 97) {
      parts.push(part);
      if (size % 3 === 0) await microtasks(2);
    }
    expect(parts.join("")).toBe(toHex(bytes));
  });

  it("keeps what comes while some of it waits", async () => {
    const { stream, peer } = connect();
    peer.write(counted(8));
    await microtasks();
    expect(await take(stream, 6)).toBe("000102030405");
    peer.write(counted(4));
    await microtasks();
    peer.write(counted(20));
    await microtasks();
    expect(await take(stream, 99)).toBe(`060700010203${toHex(counted(20))}`);
  });

  it("gives 0 if there is no room", () => {
    expect(connect().stream.read(new Uint8Array(0))).toBe(0);
  });

  it("refuses a second one while the first waits", async () => {
    const { stream, peer } = connect();
    const first = take(stream, 4);
    expect(() => stream.read(new Uint8Array(4))).toThrow(TypeError);
    peer.write(counted(2));
    expect(await first).toBe("0001");
  });

  it("gives 0 when the peer has ended, after what came before", async () => {
    const { stream, peer } = connect();
    peer.write(counted(2));
    peer.end();
    await microtasks();
    expect([await take(stream, 9), await take(stream, 9)]).toEqual(["0001", ""]);
  });

  it("gives 0 if the peer ends while it waits", async () => {
    const { stream, peer } = connect();
    const waiting = take(stream, 9);
    peer.end();
    expect(await waiting).toBe("");
  });

  it("gives 0 when the connection is gone without an error", async () => {
    const { stream, peer } = connect();
    const waiting = take(stream, 9);
    peer.destroy();
    await stream.closed;
    expect([await waiting, await take(stream, 9)]).toEqual(["", ""]);
  });

  it("throws RESET after what came before it", async () => {
    const { stream, peer } = connect();
    peer.write(counted(2));
    await microtasks();
    peer.reset(reset);
    await microtasks();
    expect(await take(stream, 9)).toBe("0001");
    const error = await failure(() => take(stream, 9));
    expect(error).toBeInstanceOf(TransportError);
    expect(error).toMatchObject({ code: "RESET", cause: reset });
  });

  it("throws RESET if the network fails while it waits", async () => {
    const { stream, peer } = connect();
    const waiting = failure(() => take(stream, 9));
    peer.reset(reset);
    expect(await waiting).toMatchObject({ code: "RESET", cause: reset });
  });
});

describe("TransportStream.highWaterMark", () => {
  it("pauses the transport from there on, and resumes when all has been read", async () => {
    const { stream, peer, calls } = connect({ highWaterMark: 10 });
    const trace: unknown[] = [];
    for (const size of [9, 1, 5]) {
      peer.write(counted(size));
      await microtasks();
      trace.push([...calls]);
    }
    for (const size of [4, 6, 3, 2]) {
      trace.push((await take(stream, size)).length / 2, [...calls]);
      await microtasks();
    }
    const paused = ["pause"];
    const resumed = ["pause", "resume"];
    expect(trace).toEqual([[], paused, paused, 4, paused, 6, resumed, 3, resumed, 2, resumed]);
  });

  it("counts only what has not been read", async () => {
    const { stream, peer, calls } = connect({ highWaterMark: 10 });
    for (const size of [9, 5]) {
      peer.write(counted(size));
      await microtasks();
      await take(stream, 5);
    }
    peer.write(counted(5));
    await microtasks();
    expect(calls).toEqual([]);
    peer.write(counted(1));
    await microtasks();
    expect(calls).toEqual(["pause"]);
  });

  it("is 64 KiB by default", async () => {
    const { peer, calls } = connect();
    peer.write(new Uint8Array(65_535));
    await microtasks();
    expect(calls).toEqual([]);
    peer.write(new Uint8Array(1));
    await microtasks();
    expect(calls).toEqual(["pause"]);
  });

  it("holds a peer back whose bytes are not read", async () => {
    const { stream, peer, lines } = connect({ highWaterMark: 4, capacity: 4 });
    const written: boolean[] = [];
    for (let i = 0; i < 3; i++) {
      written.push(peer.write(counted(4)));
      await microtasks();
    }
    expect([written, lines]).toEqual([[true, true, false], []]);
    expect(await take(stream, 99)).toBe("00010203");
    await microtasks();
    expect(lines).toEqual(["drain"]);
  });
});

describe("TransportStream.write()", () => {
  it("gives the bytes back at once if the transport does", async () => {
    const { stream, lines } = connect();
    const bytes = counted(3);
    expect(plain(stream.write(bytes))).toBe(3);
    bytes.fill(9);
    await microtasks();
    expect(lines).toEqual(["000102"]);
  });

  it("borrows the bytes until they have been taken", async () => {
    const { stream, peer, lines } = connect({ capacity: 1 });
    peer.pause();
    stream.write(counted(2));
    const bytes = counted(3);
    let isDone = false;
    const written = Promise.resolve(stream.write(bytes)).then((count) => {
      isDone = true;
      return count;
    });
    await microtasks();
    expect([isDone, lines]).toEqual([false, []]);
    peer.resume();
    expect(await written).toBe(3);
    await microtasks();
    expect(lines).toEqual(["0001", "000102"]);
  });

  it("keeps the order of calls that are not awaited, even of one that comes with the drain", async () => {
    const { stream, peer, ours, lines } = connect({ capacity: 1 });
    peer.pause();
    const numbers = [1, 2, 3, 4, 5];
    const written = numbers.map((size) => stream.write(new Uint8Array(size)));
    const { handler } = ours;
    ours.handler = {
      onData: (chunk) => {
        handler.onData(chunk);
      },
      onDrain: () => {
        queueMicrotask(() => void stream.write(new Uint8Array(9)));
        handler.onDrain();
        ours.handler = handler;
      },
      onEnd: () => {
        handler.onEnd();
      },
      onClose: (error) => {
        handler.onClose(error);
      },
    };
    peer.resume();
    expect(await Promise.all(written)).toEqual(numbers);
    await microtasks(40);
    expect(lines.map((line) => line.length / 2)).toEqual([...numbers, 9]);
  });

  it("throws FAILED when the stream is closed", async () => {
    for (const end of ["close", "closeWrite", "destroy"] as const) {
      const { stream } = connect({ ends: false });
      void stream[end]();
      await microtasks();
      expect(await failure(() => stream.write(counted(1)))).toMatchObject({ code: "FAILED" });
    }
  });

  it("throws RESET when the network has failed", async () => {
    const { stream, peer } = connect();
    peer.reset(reset);
    await microtasks();
    expect(await failure(() => stream.write(counted(1)))).toMatchObject({ code: "RESET" });
  });

  it.each([
    [reset, "RESET"],
    [undefined, "FAILED"],
  ])("fails if the connection ends while it waits: %s", async (error, code) => {
    const { stream, peer } = connect({ capacity: 1 });
    peer.pause();
    const written = [1, 2, 3].map((size) => failure(() => stream.write(counted(size))));
    if (error === undefined) peer.destroy();
    else peer.reset(error);
    expect(await Promise.all(written)).toMatchObject([undefined, { code }, { code }]);
  });
});

describe("TransportStream with writes that nobody awaits", () => {
  it("reports nothing as unhandled, and throws at the next call", async () => {
    const { stream, peer } = connect({ capacity: 1 });
    peer.pause();
    for (const size of [1, 2, 3]) void stream.write(counted(size));
    peer.reset(reset);
    await stream.closed;
    expect(await failure(() => stream.write(counted(1)))).toMatchObject({ code: "RESET" });
  });
});

describe("TransportStream.closeWrite()", () => {
  it("ends this side once, after what was written, and reads on", async () => {
    const { stream, peer, lines, calls } = connect({ capacity: 1, ends: false });
    peer.pause();
    for (const size of [1, 2, 3]) void stream.write(counted(size));
    stream.closeWrite();
    stream.closeWrite();
    peer.resume();
    await microtasks(60);
    expect([lines, calls]).toEqual([["00", "0001", "000102", "end"], ["end"]]);
    peer.write(counted(1));
    peer.end();
    expect(await readAll(stream)).toEqual(counted(1));
    await stream.closed;
  });

  it("ends at once if nothing waits, and only once", async () => {
    const { stream, lines, calls } = connect();
    stream.closeWrite();
    stream.closeWrite();
    await stream.close();
    expect([lines, calls]).toEqual([["end", "close"], ["end"]]);
  });
});

describe("TransportStream.close()", () => {
  it("sends what was written, drops what comes, and resolves with the peer's end", async () => {
    const { stream, peer, lines, clock } = connect({ capacity: 1 });
    peer.write(counted(9));
    await microtasks();
    peer.pause();
    for (const size of [1, 2, 3]) void stream.write(counted(size));
    const closed = [stream.close(), stream.close()];
    expect(await take(stream, 9)).toBe("");
    peer.write(counted(5));
    peer.resume();
    await Promise.all(closed);
    expect(lines).toEqual(["00", "0001", "000102", "end", "close"]);
    expect([await take(stream, 9), clock.running]).toEqual(["", 0]);
  });

  it("drops the connection if the peer does not end in time", async () => {
    const { stream, lines, clock, calls } = connect({ ends: false });
    const closed = stream.close();
    await microtasks();
    clock.advance(1_999);
    expect(calls).toEqual(["end"]);
    clock.advance(101);
    await closed;
    expect([calls, lines]).toEqual([
      ["end", "destroy"],
      ["end", "close"],
    ]);
    expect(clock.running).toBe(0);
  });

  it("waits as long as told", async () => {
    const { stream, clock, calls } = connect({ ends: false, lingerTimeout: 500 });
    void stream.close();
    clock.advance(600);
    expect(calls).toEqual(["end", "destroy"]);
    await stream.closed;
  });

  it("ends a read that waits", async () => {
    const { stream } = connect({ ends: false });
    const waiting = take(stream, 9);
    void stream.close();
    expect(await waiting).toBe("");
  });

  it("stops holding a peer back, however much it still sends", async () => {
    const { stream, peer, calls } = connect({ highWaterMark: 4 });
    const closed = stream.close();
    for (let i = 0; i < 3; i++) peer.write(counted(9));
    await closed;
    expect(calls).toEqual(["end"]);
  });

  it("resumes a peer that was held back, so that its end comes", async () => {
    const { stream, peer, calls } = connect({ highWaterMark: 2 });
    peer.write(counted(2));
    await microtasks();
    peer.write(counted(2));
    peer.end();
    await stream.close();
    expect(calls).toEqual(["pause", "resume", "end"]);
  });

  it("resolves at once when the connection is gone", async () => {
    const { stream, peer, calls } = connect();
    peer.reset(reset);
    await stream.closed;
    await stream.close();
    expect(calls).toEqual([]);
  });
});

describe("TransportStream", () => {
  it("tells the peer's address", () => {
    const { stream, ours } = connect();
    Object.assign(ours, { remoteAddress: "::1", remotePort: 4711 });
    expect([stream.remoteAddress, stream.remotePort]).toEqual(["::1", 4711]);
  });

  it("tells the facts of its transport", () => {
    const { stream, ours } = connect();
    const bare = {
      localAddress: undefined,
      localPort: undefined,
      encrypted: false,
      tls: undefined,
    };
    expect(stream).toMatchObject(bare);
    const facts = { localAddress: "::2", localPort: 443, encrypted: true, tls: {} };
    Object.assign(ours, facts);
    expect(stream).toMatchObject(facts);
  });

  it("becomes its transport's handler", () => {
    const { stream, ours } = connect();
    expect(ours.handler).toBe(stream);
  });

  it("drops the connection when it is destroyed", async () => {
    const { stream, lines } = connect();
    stream.destroy();
    await stream.closed;
    expect(lines).toEqual(["close"]);
  });

  it("reads one burst after another", async () => {
    const { stream, peer } = connect({ highWaterMark: 8 });
    const bytes = counted(100);
    peer.write(bytes);
    await microtasks();
    expect(await take(stream, 100)).toBe(toHex(bytes));
    peer.write(concat([bytes, bytes]));
    expect(await take(stream, 200)).toBe(toHex(concat([bytes, bytes])));
  });

  it("uses the system's clock if none is given", async () => {
    const pairs = [memoryPair(), memoryPair()];
    const streams = pairs.map(([ours, peer]) => {
      record(peer);
      return new TransportStream(ours as Transport);
    });
    await Promise.all(streams.map((stream) => stream.close()));
    expect(await take(streams[0]!, 1)).toBe("");
  });
});

describe("TransportStream.release()", () => {
  it("gives the transport, and the bytes that were not read", async () => {
    const { stream, ours, peer } = connect();
    peer.write(counted(5));
    await microtasks();
    expect(await take(stream, 2)).toBe("0001");
    const released = stream.release();
    expect(released.transport).toBe(ours);
    expect(toHex(released.unread)).toBe("020304");
    expect(released).toMatchObject({ hasEnded: false, isClosed: false, error: undefined });
  });

  it("gives bytes that belong to the caller", async () => {
    const { stream, peer } = connect();
    peer.write(counted(5));
    await microtasks();
    const { unread } = stream.release();
    expect(unread.byteLength).toBe(unread.buffer.byteLength);
    peer.write(new Uint8Array(5).fill(9)); // the stream is its handler still
    await microtasks();
    expect(toHex(unread)).toBe("0001020304");
  });

  it("gives no bytes if all were read", async () => {
    expect(connect().stream.release().unread).toHaveLength(0);
  });

  it("resumes a peer that was held back", async () => {
    const { stream, ours, peer, calls } = connect({ highWaterMark: 4 });
    peer.write(counted(4));
    await microtasks();
    peer.write(counted(2));
    peer.end();
    await microtasks();
    expect(calls).toEqual(["pause"]);
    const { unread } = stream.release();
    const lines = record(ours);
    expect([toHex(unread), calls]).toEqual(["00010203", ["pause", "resume"]]);
    await microtasks();
    expect(lines).toEqual(["0001", "end", "close"]);
  });

  it("tells that the peer has ended", async () => {
    const { stream, peer } = connect();
    peer.end();
    await microtasks();
    expect(stream.release()).toMatchObject({ hasEnded: true, isClosed: false });
  });

  it.each([undefined, reset])("tells that the connection is gone: %s", async (error) => {
    const { stream, ours } = connect();
    if (error === undefined) ours.destroy();
    else ours.reset(error);
    await stream.closed;
    expect(stream.release()).toMatchObject({ isClosed: true, error });
  });

  it.each<[string, (stream: TransportStream) => unknown]>([
    ["a read", (stream) => stream.read(new Uint8Array(1))],
    ["a write", (stream) => stream.write(counted(20))],
    ["its end", (stream) => void stream.closeWrite()],
    ["its closing", (stream) => void stream.close()],
  ])("is refused while %s is under way", async (_, use) => {
    const { stream, peer } = connect({ capacity: 1 });
    peer.pause();
    void stream.write(counted(1));
    void Promise.resolve(use(stream)).catch(() => {});
    expect(() => stream.release()).toThrow(TypeError);
  });
});
