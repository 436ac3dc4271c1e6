import { constants, createDeflateRaw, createInflateRaw, deflateRawSync } from "node:zlib";
import { afterEach, describe, expect, it, vi } from "vitest";
import { openStreamsWork } from "../../../adapters/zlib/engine.ts";
import { OpenDeflater, OpenInflater, OpenStream, type Zlib } from "../../../adapters/zlib/open.ts";
import { concat, encodeUtf8 } from "../../../src/bytes.ts";
import { BoundedBuffer } from "../../../src/extension/bounded-buffer.ts";
import { seededBytes } from "../../support/cuts.ts";
import {
  deflate,
  difference,
  jsonOf,
  newDeflater,
  ways,
  zlibDeflate,
  zlibInflate,
} from "../../support/flate.ts";
import { counted, hex, toHex } from "../../support/frames.ts";
import { referenceInflate } from "../../support/reference-inflate.ts";

afterEach(() => {
  vi.unstubAllGlobals();
});

const real: Zlib = { createDeflateRaw, createInflateRaw };

/** A stream whose synchronous call does what is given. */
function broken(writeSync: () => void): object {
  const state = new Uint32Array(2);
  const handle = { onerror: () => {}, writeSync, reset() {} };
  return { _handle: handle, _writeState: state, on() {}, close() {} };
}

describe("openStreamsWork()", () => {
  it("is true of this runtime's zlib", () => {
    expect(openStreamsWork()).toBe(true);
    expect(openStreamsWork(real)).toBe(true);
  });

  it.each<[what: string, zlib: Zlib]>([
    ["has no handle", { ...real, createDeflateRaw: () => ({ on() {}, close() {} }) }],
    [
      "throws",
      {
        ...real,
        createInflateRaw: () =>
          broken(() => {
            throw new Error("no such call");
          }),
      },
    ],
    [
      "does nothing",
      {
        createDeflateRaw: () => {
          const stream = broken(() => {}) as { _writeState: Uint32Array };
          stream._writeState[0] = 1;
          return stream;
        },
        createInflateRaw,
      },
    ],
    [
      "keeps no window",
      {
        ...real,
        createDeflateRaw(options) {
          const stream = createDeflateRaw(options) as unknown as {
            _handle: { writeSync(...values: unknown[]): void; reset(): void };
          };
          const { _handle: handle } = stream;
          const write = handle.writeSync.bind(handle);
          handle.writeSync = (...values) => {
            handle.reset();
            write(...values);
          };
          return stream;
        },
      },
    ],
    [
      "takes everything",
      {
        ...real,
        createInflateRaw(options) {
          const stream = createInflateRaw(options) as unknown as {
            _handle: { writeSync(flush: number, bytes: Uint8Array, ...more: unknown[]): void };
            _writeState: Uint32Array;
          };
          const { _handle: handle, _writeState: state } = stream;
          const write = handle.writeSync.bind(handle);
          let isWrong = false;
          handle.writeSync = (flush, bytes, ...more) => {
            isWrong ||= bytes[0] === 0xff;
            if (isWrong) state.set([64, flush === constants.Z_BLOCK ? 1 : 0]);
            else write(flush, bytes, ...more);
          };
          return stream;
        },
      },
    ],
  ])("is false where it %s", (_, zlib) => {
    expect(openStreamsWork(zlib)).toBe(false);
  });
});

/** Streams as Deno had them until 2.4: what is left is returned, input first. */
function returning(stream: object): object {
  const { _handle: handle, _writeState: state } = stream as {
    _handle: { onerror: unknown; writeSync(...values: unknown[]): void; reset(): void };
    _writeState: Uint32Array;
  };
  let hasFailed = false;
  const theirs = {
    onerror: (message: string): void => void message,
    writeSync(...values: unknown[]) {
      handle.onerror = (message: string) => {
        hasFailed = true;
        theirs.onerror(message);
      };
      handle.writeSync(...values);
      return hasFailed ? undefined : [state[1], state[0]];
    },
    reset: () => {
      handle.reset();
    },
  };
  return {
    _handle: theirs,
    on() {},
    close: () => {
      (stream as { close(): void }).close();
    },
  };
}

describe("an open stream that is told by a call who hears of errors, as on Workers", () => {
  /** One whose property is not looked at. */
  const deaf = (stream: object): object => {
    const { _handle: handle } = stream as { _handle: { onerror: unknown } };
    let told: (message: string) => void = () => {};
    handle.onerror = (message: string) => {
      told(message);
    };
    const theirs = Object.create(handle, {
      onerror: { value: undefined, writable: true },
      setErrorHandler: { value: (handler: typeof told) => void (told = handler) },
      writeSync: { value: callOn(handle, "writeSync") },
      reset: { value: callOn(handle, "reset") },
    }) as object;
    return Object.create(stream, { _handle: { value: theirs } }) as object;
  };
  const callOn =
    (handle: object, name: string) =>
    (...values: unknown[]): unknown =>
      (handle as Record<string, (...values: unknown[]) => unknown>)[name]!(...values);

  it("works as any other does", () => {
    const closing = (stream: object): object =>
      Object.assign(deaf(stream), {
        close: () => {
          (stream as { close(): void }).close();
        },
      });
    const zlib: Zlib = {
      createDeflateRaw: (options) => closing(createDeflateRaw(options)),
      createInflateRaw: (options) => closing(createInflateRaw(options)),
    };
    expect(openStreamsWork(zlib)).toBe(true);
  });
});

describe("an open stream whose call returns what it has left", () => {
  const zlib: Zlib = {
    createDeflateRaw: (options) => returning(createDeflateRaw(options)),
    createInflateRaw: (options) => returning(createInflateRaw(options)),
  };

  it("works as any other does", () => {
    expect(openStreamsWork(zlib)).toBe(true);
  });
});

describe("OpenStream", () => {
  it("tells what zlib says of wrong data, and throws nothing", () => {
    const stream = new OpenStream(createInflateRaw());
    expect(stream.error).toBeUndefined();
    stream.write(2, hex("ff"), 0, 1, new Uint8Array(64), 0, 64);
    expect(stream.error).toBe("invalid block type");
    stream.close();
  });
});

describe("OpenDeflater", () => {
  it("says so where zlib fails", () => {
    const zlib = {
      ...real,
      createDeflateRaw() {
        const stream = broken(() => {
          (stream as { _handle: { onerror(message: string): void } })._handle.onerror("broken");
        });
        return stream;
      },
    };
    const deflater = new OpenDeflater({ windowBits: 15, level: 6, memLevel: 8 }, 1000, zlib);
    expect(() => deflater.deflate(counted(4), 0, 4, true, new BoundedBuffer())).toThrow("broken");
  });
});

describe.each(ways)("the size of what is compressed the %s way", (way) => {
  it.each([128, 4096, 65_536, 1024 ** 2])(
    "is zlib's own at the same level: %i bytes",
    async (size) => {
      const item = (i: number): object => ({
        id: i * 7919,
        name: `item ${i % 97}`,
        price: (i * i) % 991,
      });
      const items = Array.from({ length: Math.ceil(size / 20) }, (_, i) => item(i));
      const message = encodeUtf8(JSON.stringify(items).slice(0, size));
      for (const level of [1, 2, 6, 9]) {
        const settings = { windowBits: 13, memLevel: 6, level };
        const own = deflateRawSync(message, { ...settings, finishFlush: constants.Z_SYNC_FLUSH });
        const deflater = newDeflater(way, settings);
        const { length } = await deflate(deflater, [message]);
        // Slices of the one-shot way end each with a flush; where there are none it is the same to the byte.
        expect(length / (own.length - 4)).toBeLessThan(size > 128 * 1024 ? 1.03 : 1.000001);
        deflater.close();
      }
    },
  );
});

/** zlib whose calls are counted: streams that were made, resets, writes, and bytes of input. */
function countingZlib() {
  const counts = { streams: 0, resets: 0, writes: 0, bytes: 0 };
  const counted = (stream: object): object => {
    counts.streams++;
    const { _handle: handle } = stream as {
      _handle: {
        reset(): void;
        writeSync(flush: number, bytes: Uint8Array, start: number, length: number): unknown;
      };
    };
    const write = handle.writeSync.bind(handle) as (...values: unknown[]) => unknown;
    const reset = handle.reset.bind(handle);
    handle.writeSync = (...values) => {
      counts.writes++;
      counts.bytes += values[3];
      return write(...values);
    };
    handle.reset = () => {
      counts.resets++;
      reset();
    };
    return stream;
  };
  const zlib: Zlib = {
    createDeflateRaw: (options) => counted(createDeflateRaw(options)),
    createInflateRaw: (options) => counted(createInflateRaw(options)),
  };
  return { zlib, counts };
}

/** A decompressor that has a full window of bytes. */
function filledInflater(windowBits: number, zlib?: Zlib): OpenInflater {
  const inflater = new OpenInflater({ windowBits }, Infinity, zlib);
  const before = deflateRawSync(seededBytes(2 ** windowBits + 5, 1));
  inflater.inflate(before, 0, before.length, true, new BoundedBuffer());
  return inflater;
}

describe("OpenInflater behind last blocks", () => {
  const times = (count: number, digits: string): Uint8Array =>
    concat([...Array<Uint8Array>(count).fill(hex(digits)), hex("00")]);

  it.each(["0300", "03fc", "010000ffff", "0300000000ffff", "f90000ffff0300"])(
    "makes no call of zlib for empty blocks, however many: %s",
    (digits) => {
      const { zlib, counts } = countingZlib();
      const inflater = filledInflater(13, zlib);
      const into = new BoundedBuffer();
      const calls: (typeof counts)[] = [];
      for (const count of [10, 10, 1000, 100_000]) {
        Object.assign(counts, { streams: 0, resets: 0, writes: 0, bytes: 0 });
        const payload = times(count, digits);
        expect(inflater.inflate(payload, 0, payload.length, true, into)).toBe(true);
        const bytes = counts.bytes - payload.length;
        calls.push({ ...counts, bytes: bytes > 0 ? 1 : 0 });
      }
      expect(into.size).toBe(0);
      expect(calls[2]).toEqual(calls[1]);
      // All that was given is not given to zlib again.
      expect(calls[3]).toMatchObject({ streams: 0, resets: 1, writes: calls[1]!.writes });
      inflater.close();
    },
  );

  it("begins a stream with the same window for a block that is not empty, and makes no array for it", () => {
    const { zlib, counts } = countingZlib();
    const inflater = filledInflater(13, zlib);
    const into = new BoundedBuffer(Infinity, new Uint8Array(4096));
    const payload = times(100, "4b0400");
    inflater.inflate(payload, 0, payload.length, true, into);
    const sizes: number[] = [];
    Object.assign(counts, { streams: 0, resets: 0 });
    vi.stubGlobal(
      "Uint8Array",
      new Proxy(Uint8Array, {
        construct(target, values: unknown[], newTarget) {
          if (typeof values[0] === "number") sizes.push(values[0]);
          return Reflect.construct(target, values, newTarget) as Uint8Array;
        },
      }),
    );
    inflater.inflate(payload, 0, payload.length, true, into);
    vi.unstubAllGlobals();
    expect(sizes).toEqual([]);
    expect(counts).toMatchObject({ streams: 0, resets: 100 });
    expect(new TextDecoder().decode(into.take())).toBe("a".repeat(200));
    inflater.close();
  });

  it("goes on behind a thousand of those in a message, and no more", () => {
    const inflater = new OpenInflater({ windowBits: 9 }, Infinity);
    const into = new BoundedBuffer();
    for (let round = 0; round < 2; round++) {
      expect(inflater.inflate(times(1024, "4b0400"), 0, 3073, true, into)).toBe(true);
    }
    expect(() => inflater.inflate(times(1025, "4b0400"), 0, 3076, true, into)).toThrow(
      expect.objectContaining({ code: "INVALID_DEFLATE", cause: "more than 1024 last blocks" }),
    );
    inflater.close();
  });

  it("forgets at a reset that it stood behind one", () => {
    const inflater = new OpenInflater({ windowBits: 9 }, Infinity);
    const into = new BoundedBuffer();
    inflater.inflate(hex("f348cdc9c90700"), 0, 7, true, into);
    inflater.reset();
    // Cut off: behind a last block it would be whole.
    expect(() => inflater.inflate(hex("0100"), 0, 2, true, into)).toThrow(
      expect.objectContaining({ code: "INVALID_DEFLATE" }),
    );
    inflater.close();
  });
});

describe("OpenInflater at rest in the middle of a message", () => {
  const message = jsonOf(6_000);

  it.each([
    [9, ""],
    [1, ""],
    [0, ""],
    [9, "4b0400"],
    [9, "03004b04004b04000300"],
  ])("goes on at every byte as if nothing had been: level %i behind %j", async (level, blocks) => {
    const [before, rest] = await zlibDeflate([message, message.subarray(3_000)], { level });
    const payload = concat([hex(blocks), rest!]);
    const expected = referenceInflate(payload, message).bytes;
    const step = level === 0 ? 17 : 1;
    for (let cut = 1; cut < payload.length; cut += step) {
      const inflater = new OpenInflater({ windowBits: 15 }, Infinity);
      inflater.inflate(before!, 0, before!.length, true, new BoundedBuffer());
      const into = new BoundedBuffer();
      inflater.inflate(payload, 0, cut, false, into);
      for (let time = 0; time < 2; time++) {
        expect(inflater.canRest).toBe(true);
        inflater.rest();
      }
      inflater.inflate(payload, cut, payload.length, true, into);
      expect(difference(into.take(), expected)).toBe(-1);
      inflater.close();
    }
  });

  it("goes on with the next message, and its window", async () => {
    const [first, second] = await zlibDeflate([message, message], { level: 9 });
    const inflater = new OpenInflater({ windowBits: 15 }, Infinity);
    const into = new BoundedBuffer();
    for (let at = 0; at < first!.length; at += 100) {
      const end = Math.min(at + 100, first!.length);
      inflater.inflate(first!, at, end, end === first!.length, into);
      if (inflater.canRest) inflater.rest();
    }
    inflater.inflate(second!, 0, second!.length, true, into);
    expect(difference(into.take(), concat([message, message]))).toBe(-1);
    inflater.close();
  });

  it("keeps its stream where the beginning is large, or has become much, and between slices", async () => {
    const large = seededBytes(40_000, 1);
    const swelling = new Uint8Array(4 * 1024 ** 2);
    const [incompressible] = await zlibDeflate([large]);
    const [bomb] = await zlibDeflate([swelling]);
    for (const [payload, cuts, message] of [
      [incompressible!, [10_000], large],
      [incompressible!, [5_000, 10_000], large],
      [bomb!, [2_000], swelling],
      [bomb!, [500, 2_000], swelling],
    ] as const) {
      const inflater = new OpenInflater({ windowBits: 15 }, 128 * 1024);
      const into = new BoundedBuffer();
      let at = 0;
      for (const cut of [...cuts, payload.length]) {
        let isDone = inflater.inflate(payload, at, cut, cut === payload.length, into);
        if (!isDone) expect(inflater.canRest).toBe(false);
        while (!isDone) isDone = inflater.goOn(into);
        at = cut;
        expect(inflater.canRest).toBe(at === payload.length || at === 5_000);
      }
      expect(difference(into.take(), message)).toBe(-1);
      inflater.close();
    }
  });

  it("keeps its stream where it had to begin anew very often, and still goes on", async () => {
    const [payload] = await zlibDeflate([jsonOf(3_000)]);
    const { zlib, counts } = countingZlib();
    const inflater = new OpenInflater({ windowBits: 15 }, Infinity, zlib);
    const into = new BoundedBuffer();
    let rests = 0;
    for (let at = 0; at < payload!.length; at++) {
      inflater.inflate(payload!, at, at + 1, at === payload!.length - 1, into);
      if (!inflater.canRest || at === payload!.length - 1) continue;
      inflater.rest();
      rests++;
    }
    expect(difference(into.take(), jsonOf(3_000))).toBe(-1);
    expect(rests).toBeGreaterThan(20);
    expect(rests).toBeLessThan(payload!.length / 2);
    // What it went through in all is bounded, however often it was rested.
    expect(counts.bytes).toBeLessThan(12 * 1024 + payload!.length);
    inflater.close();
  });

  it("is small: what was sent, and no window that it has not filled", () => {
    const inflater = new OpenInflater({ windowBits: 15 }, Infinity);
    const sizes: number[] = [];
    vi.stubGlobal(
      "Uint8Array",
      new Proxy(Uint8Array, {
        construct(target, values: unknown[], newTarget) {
          if (typeof values[0] === "number") sizes.push(values[0]);
          return Reflect.construct(target, values, newTarget) as Uint8Array;
        },
      }),
    );
    inflater.inflate(hex("f248cd"), 0, 3, false, new BoundedBuffer(Infinity, new Uint8Array(1024)));
    inflater.rest();
    vi.unstubAllGlobals();
    // Apart from what all use, and what is let go at rest.
    expect(sizes.filter((size) => size !== 64 * 1024).every((size) => size <= 1024)).toBe(true);
    inflater.close();
  });
});

describe("OpenDeflater at rest in the middle of a message", () => {
  it.each([8, 9, 15])("goes on with an empty window: %i bits", async (windowBits) => {
    const message = jsonOf(5_000);
    const deflater = newDeflater("open", { windowBits });
    const payloads: Uint8Array[] = [];
    for (const cuts of [[1_000], [0, 1_000, 1_000, 4_000], [5_000], []]) {
      const into = new BoundedBuffer();
      let at = 0;
      for (const cut of cuts) {
        deflater.deflate(message, at, cut, false, into);
        at = cut;
        for (let time = 0; time < 2; time++) {
          expect(deflater.canRest).toBe(true);
          deflater.rest();
        }
      }
      deflater.deflate(message, at, message.length, true, into);
      payloads.push(into.take());
    }
    expect(difference(zlibInflate(payloads), concat(payloads.map(() => message)))).toBe(-1);
    deflater.close();
  });

  it("goes on between slices", () => {
    const message = jsonOf(50_000);
    const deflater = newDeflater("open", {}, 10_000);
    const into = new BoundedBuffer();
    let isDone = deflater.deflate(message, 0, message.length, true, into);
    while (!isDone) {
      deflater.rest();
      isDone = deflater.goOn(into);
    }
    expect(difference(zlibInflate([into.take()]), message)).toBe(-1);
    deflater.close();
  });

  it("holds nothing of a message that was given up", async () => {
    const deflater = newDeflater("open");
    deflater.deflate(encodeUtf8("never sent"), 0, 10, false, new BoundedBuffer());
    deflater.rest();
    deflater.reset();
    expect(toHex(await deflate(deflater, [encodeUtf8("Hello")]))).toBe("f248cdc9c90700");
    deflater.close();
  });

  it("writes nothing more when it is closed", () => {
    const { zlib, counts } = countingZlib();
    const settings = { windowBits: 15, level: 6, memLevel: 8 };
    const deflater = new OpenDeflater(settings, Infinity, zlib);
    deflater.deflate(encodeUtf8("never sent"), 0, 10, false, new BoundedBuffer());
    const { writes } = counts;
    deflater.close();
    expect(counts.writes).toBe(writes);
  });
});
