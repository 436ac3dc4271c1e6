import { deflateRawSync } from "node:zlib";
import { afterEach, describe, expect, it, vi } from "vitest";
import { OpenInflater } from "../../../adapters/zlib/open-inflater.ts";
import type { Zlib } from "../../../adapters/zlib/open-stream.ts";
import { concat } from "../../../src/bytes.ts";
import { BoundedBuffer } from "../../../src/extension/bounded-buffer.ts";
import { seededBytes } from "../../support/cuts.ts";
import { difference, jsonOf, zlibDeflate } from "../../support/flate.ts";
import { hex } from "../../support/frames.ts";
import { referenceInflate } from "../../support/reference-inflate.ts";
import { countingZlib } from "../../support/zlib-streams.ts";

afterEach(() => {
  vi.unstubAllGlobals();
});

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

  it("goes on after a thousand of those in a message, and no more", () => {
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

  it("forgets at a reset that it stood after a last block", () => {
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
  ])("goes on at every byte as if it had not rested: level %i behind %j", async (level, blocks) => {
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

  it("keeps its stream if the beginning or its output is large, and between slices", async () => {
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

  it("keeps its stream if it had to begin anew very often, and still goes on", async () => {
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

  it("takes memory for what was sent, and for no window that it has not filled", () => {
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
