import { describe, expect, it } from "vitest";
import { bestWay, engineWithTrials, zlibEngine } from "../../../adapters/zlib/engine.ts";
import { OneShotInflater } from "../../../adapters/zlib/one-shot.ts";
import { concat, encodeUtf8 } from "../../../src/bytes.ts";
import { seededRandom } from "../../support/cuts.ts";
import {
  deflate,
  difference,
  inflate,
  jsonOf,
  kinds,
  newDeflater,
  newInflater,
  tail,
  ways,
  zlibDeflate,
  zlibInflate,
} from "../../support/flate.ts";
import { hex, toHex } from "../../support/frames.ts";
import { referenceInflate } from "../../support/reference-inflate.ts";
import { runtime } from "../../support/runtime.ts";
import { macrotask } from "../../support/turns.ts";
import { keepWarnings } from "../../support/warnings.ts";

const hello = encodeUtf8("Hello");
const allBits = [8, 9, 10, 11, 12, 13, 14, 15];

describe("zlibEngine()", () => {
  it("uses open streams on this runtime", () => {
    expect(bestWay()).toBe("open");
  });

  it("tries its way once, when it is needed, and the other way if that does not work", () => {
    const tried: string[] = [];
    const engine = engineWithTrials({
      open: () => {
        tried.push("open");
        return false;
      },
      "one-shot": () => {
        tried.push("one-shot");
        return true;
      },
    });
    expect(tried).toEqual([]);
    expect([engine.isUsable!(), engine.isUsable!()]).toEqual([true, true]);
    expect(engine.newInflater({ windowBits: 9 })).toBeInstanceOf(OneShotInflater);
    expect(tried).toEqual(["open", "one-shot"]);
  });

  it("does not work if no way works, or the named one does not, and warns of that once", async () => {
    const warnings = keepWarnings();
    const nothing = engineWithTrials({ open: () => false, "one-shot": () => false });
    const named = engineWithTrials({ open: () => false, "one-shot": () => true }, { way: "open" });
    expect([nothing.isUsable!(), named.isUsable!()]).toEqual([false, false]);
    expect(() => nothing.newDeflater({ windowBits: 9, level: 1, memLevel: 1 })).toThrow(
      "This runtime's zlib does not do what permessage-deflate needs",
    );
    await macrotask();
    warnings.stop();
    expect(warnings.kept).toMatchObject([{ code: "FRAMEWIRE_NO_ZLIB", name: "FramewireWarning" }]);
  });

  it.each(ways)("uses the named way: %s", (way) => {
    expect(zlibEngine({ way }).isUsable!()).toBe(true);
  });

  it("uses the better way if none is named", async () => {
    const engine = zlibEngine();
    const deflater = engine.newDeflater({ windowBits: 15, level: 6, memLevel: 8 });
    const inflater = engine.newInflater({ windowBits: 15 });
    for (const payload of ["f248cdc9c90700", "f200110000"]) {
      const bytes = await deflate(deflater, [hello]);
      expect(toHex(bytes)).toBe(payload);
      expect(difference(await inflate(inflater, [bytes]), hello)).toBe(-1);
    }
    deflater.close();
    inflater.close();
  });

  it("has a clock for idle contexts, which runs until it is stopped", async () => {
    const { clock } = zlibEngine();
    const before = clock!.now();
    let ticks = 0;
    await new Promise<void>((resolve) => {
      const stop = clock!.every(1, () => {
        if (++ticks < 2) return;
        stop();
        resolve();
      });
    });
    expect(ticks).toBe(2);
    expect(clock!.now()).toBeGreaterThan(before);
  });

  it.each([0, -1, NaN])("refuses a sliceSize of %s", (sliceSize) => {
    expect(() => zlibEngine({ sliceSize })).toThrow(RangeError);
    expect(() => zlibEngine({ sliceSize })).toThrow("sliceSize");
  });
});

describe.each(ways)("the %s way", (way) => {
  describe("compressing", () => {
    it("writes the examples of RFC 7692, 7.2.3", async () => {
      const deflater = newDeflater(way);
      expect(toHex(await deflate(deflater, [hello]))).toBe("f248cdc9c90700");
      // Deno's one-shot calls take no dictionary: each message stands for itself there, which is as good for a receiver.
      const alone = way === "one-shot" && runtime === "deno";
      const second = alone ? "f248cdc9c90700" : "f200110000";
      expect(toHex(await deflate(deflater, [hello]))).toBe(second);
      deflater.reset();
      expect(toHex(await deflate(deflater, [hello]))).toBe("f248cdc9c90700");
      deflater.close();
      const stored = newDeflater(way, { level: 0 });
      expect(toHex(await deflate(stored, [hello]))).toBe("000500faff48656c6c6f00");
      stored.close();
    });

    it("writes an empty message as one byte 00, wherever it stands", async () => {
      const deflater = newDeflater(way);
      const none = new Uint8Array(0);
      for (const pieces of [[none], [none, none]]) {
        expect(toHex(await deflate(deflater, pieces))).toBe("00");
      }
      const payload = await deflate(deflater, [hello, none]);
      expect(toHex(await deflate(deflater, [none]))).toBe("00");
      expect(difference(zlibInflate([payload, Uint8Array.of(0)]), hello)).toBe(-1);
      deflater.close();
    });

    it("gives the same to a receiver, however a message is cut into pieces", async () => {
      const message = jsonOf(900);
      const random = seededRandom(1);
      for (let round = 0; round < 40; round++) {
        const deflater = newDeflater(way, { windowBits: 8 + (round % 8), level: round % 10 });
        const payloads: Uint8Array[] = [];
        for (let i = 0; i < 3; i++) {
          const at = [random(), random()]
            .map((part) => Math.floor(part * 900))
            .sort((a, b) => a - b);
          const pieces = [
            message.slice(0, at[0]),
            message.slice(at[0], at[1]),
            message.slice(at[1]),
          ];
          payloads.push(await deflate(deflater, pieces));
          const before = concat(Array<Uint8Array>(i).fill(message));
          expect(difference(referenceInflate(payloads[i]!, before).bytes, message)).toBe(-1);
        }
        expect(difference(zlibInflate(payloads), concat([message, message, message]))).toBe(-1);
        deflater.close();
      }
    });

    it.each(allBits)(
      "refers no further back than a window of %s bits has bytes",
      async (windowBits) => {
        const piece = jsonOf(3_000);
        // What repeats just inside the window, and just outside.
        const period = jsonOf(2 ** windowBits - 7);
        for (const level of [1, 6, 9]) {
          const deflater = newDeflater(way, { windowBits, level, memLevel: 9 });
          let before = new Uint8Array(0);
          for (const message of [piece, period, period, piece, concat([period, period]), piece]) {
            const payload = await deflate(deflater, [message]);
            const { bytes, distance } = referenceInflate(payload, before);
            expect(difference(bytes, message)).toBe(-1);
            expect(distance).toBeLessThanOrEqual(2 ** windowBits);
            before = concat([before, message]);
          }
          deflater.close();
        }
      },
    );

    it.each(Object.keys(kinds))("agrees with zlib on data %s", async (kind) => {
      const make = kinds[kind]!;
      const sizes = [0, 1, 2, 17, 128, 1_000, 5_000, 20_000];
      for (let level = 0; level <= 9; level++) {
        for (const windowBits of allBits) {
          const memLevel = 1 + ((level + windowBits) % 9);
          const deflater = newDeflater(way, { windowBits, level, memLevel });
          const takesOver = (level + windowBits) % 2 === 0;
          const payloads: Uint8Array[] = [];
          const messages = sizes.map((size) => make(size, size + level));
          for (const message of messages) {
            payloads.push(await deflate(deflater, [message]));
            if (takesOver) continue;
            deflater.reset();
            expect(
              difference(zlibInflate([payloads.at(-1)!], Math.max(windowBits, 9)), message),
            ).toBe(-1);
          }
          expect(difference(zlibInflate(payloads), concat(messages))).toBe(-1);
          deflater.close();
        }
      }
    });

    it.each(Object.keys(kinds))("agrees with zlib on a mebibyte of data %s", async (kind) => {
      const message = kinds[kind]!(1024 ** 2, 1);
      for (const [windowBits, level, memLevel] of [
        [15, 6, 8],
        [12, 1, 5],
        [8, 1, 5],
        [9, 1, 1],
      ] as const) {
        const deflater = newDeflater(way, { windowBits, level, memLevel });
        const payload = await deflate(deflater, [message]);
        expect(difference(zlibInflate([payload]), message)).toBe(-1);
        deflater.close();
      }
    });

    it("writes 1 000 messages in one context that zlib reads as one stream", async () => {
      for (const windowBits of [8, 9, 12, 15]) {
        const deflater = newDeflater(way, { windowBits, level: 3 });
        const messages = Array.from({ length: 1_000 }, (_, i) => jsonOf((i * 7) % 500, i));
        const payloads: Uint8Array[] = [];
        for (const message of messages) payloads.push(await deflate(deflater, [message]));
        expect(difference(zlibInflate(payloads), concat(messages))).toBe(-1);
        deflater.close();
      }
    });
  });

  describe("decompressing", () => {
    it.each([
      ["one block", "f248cdc9c90700", "Hello"],
      ["no compression", "000500faff48656c6c6f00", "Hello"],
      ["a last block", "f348cdc9c9070000", "Hello"],
      ["two blocks", "f248050000 00ffffcac9c90700", "Hello"],
      ["its end still there", "f248cdc9c90700 0000ffff", "Hello"],
      ["a last block, and its end still there", "f348cdc9c9070000 0000ffff", "Hello"],
      ["a last block and nothing behind it", "f348cdc9c90700", "Hello"],
      ["two last blocks", "f348cdc9c90700 f348cdc9c90700", "HelloHello"],
      ["a last block that its end makes whole", "f248cdc9c90700 0000ffff 01", "Hello"],
      ["empty stored blocks", "000000ffff 000000ffff 00", ""],
      ["nothing", "", ""],
      ["one byte 00", "00", ""],
      ["nothing but its end", "000000ffff", ""],
    ])("takes a payload of %s", async (_, digits, said) => {
      const inflater = newInflater(way);
      const next = said.endsWith("Hello") ? "f200110000" : "f248cdc9c90700";
      const payload = hex(digits);
      expect(difference(await inflate(inflater, [payload]), encodeUtf8(said))).toBe(-1);
      // And goes on, with the window.
      expect(difference(await inflate(inflater, [hex(next)]), hello)).toBe(-1);
      inflater.reset();
      const bytes = Array.from(payload, (byte) => Uint8Array.of(byte));
      expect(
        difference(await inflate(inflater, [...bytes, new Uint8Array(0)]), encodeUtf8(said)),
      ).toBe(-1);
      expect(difference(await inflate(inflater, [hex(next)]), hello)).toBe(-1);
      inflater.close();
    });

    it("forgets the window when it is reset", async () => {
      const inflater = newInflater(way);
      await inflate(inflater, [hex("f248cdc9c90700")]);
      inflater.reset();
      await expect(inflate(inflater, [hex("f200110000")])).rejects.toMatchObject({
        code: "INVALID_DEFLATE",
      });
      inflater.close();
    });

    it("gives the same at every cut into two and three", async () => {
      const message = encodeUtf8("Hello, hello, hello, and Hello again: what a fine day it is!");
      const payloads = [
        ...(await zlibDeflate([message], { level: 9 })),
        ...(await zlibDeflate([message], { level: 0 })),
        concat([hex("f348cdc9c90700"), ...(await zlibDeflate([message])), tail]),
      ];
      const inflater = newInflater(way);
      for (const payload of payloads) {
        const whole = await inflate(inflater, [payload]);
        for (let first = 0; first <= payload.length; first++) {
          for (let second = first; second <= payload.length; second++) {
            inflater.reset();
            const pieces = [
              payload.slice(0, first),
              payload.slice(first, second),
              payload.slice(second),
            ];
            expect(toHex(await inflate(inflater, pieces))).toBe(toHex(whole));
          }
        }
      }
      inflater.close();
    });

    it("gives the same wherever a large payload is cut", async () => {
      const message = jsonOf(200_000);
      const [payload] = await zlibDeflate([message]);
      const random = seededRandom(3);
      const inflater = newInflater(way);
      for (let round = 0; round < 20; round++) {
        const at = Math.floor(random() * payload!.length);
        const pieces = [payload!.slice(0, at), payload!.slice(at)];
        expect((await inflate(inflater, pieces)).length).toBe(message.length);
        inflater.reset();
        expect(difference(await inflate(inflater, pieces), message)).toBe(-1);
      }
      inflater.close();
    });

    it.each(Object.keys(kinds))("agrees with zlib on data %s", async (kind) => {
      const make = kinds[kind]!;
      for (let level = 0; level <= 9; level += 3) {
        for (const windowBits of allBits.slice(1)) {
          const messages = [0, 1, 17, 128, 1_000, 5_000, 40_000].map((size) => make(size, size));
          const memLevel = 1 + ((level + windowBits) % 9);
          const payloads = await zlibDeflate(messages, { level, windowBits, memLevel });
          const inflater = newInflater(way, windowBits);
          for (const [i, payload] of payloads.entries()) {
            expect(difference(await inflate(inflater, [payload]), messages[i]!)).toBe(-1);
          }
          inflater.close();
        }
      }
    });

    it.each(Object.keys(kinds))("agrees with zlib on a mebibyte of data %s", async (kind) => {
      const messages = [kinds[kind]!(1024 ** 2, 1), kinds[kind]!(1_000, 1)];
      for (const windowBits of [9, 12, 15]) {
        const payloads = await zlibDeflate(messages, { windowBits, level: 3 });
        const inflater = newInflater(way, windowBits);
        expect(difference(await inflate(inflater, [payloads[0]!]), messages[0]!)).toBe(-1);
        expect(difference(await inflate(inflater, [payloads[1]!]), messages[1]!)).toBe(-1);
        inflater.close();
      }
    });

    it("reads 1 000 messages of one stream of zlib's", async () => {
      const messages = Array.from({ length: 1_000 }, (_, i) => jsonOf((i * 7) % 500, i));
      const payloads = await zlibDeflate(messages);
      const inflater = newInflater(way);
      for (const [i, payload] of payloads.entries()) {
        expect(difference(await inflate(inflater, [payload]), messages[i]!)).toBe(-1);
      }
      inflater.close();
    });
  });

  it("reads what it has written, with every window", async () => {
    for (const windowBits of allBits) {
      const deflater = newDeflater(way, { windowBits });
      const inflater = newInflater(way, windowBits);
      for (let i = 0; i < 30; i++) {
        const message = jsonOf(i * 100, i % 3);
        expect(
          difference(await inflate(inflater, [await deflate(deflater, [message])]), message),
        ).toBe(-1);
      }
      deflater.close();
      inflater.close();
    }
  });
});
