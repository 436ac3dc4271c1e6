import { deflateRawSync, inflateRaw, inflateRawSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { dictionariesWork, oneShotWorks, type OneShotZlib } from "../../../adapters/zlib/engine.ts";
import { OneShotDeflater, OneShotInflater } from "../../../adapters/zlib/one-shot.ts";
import { concat } from "../../../src/bytes.ts";
import { BoundedBuffer } from "../../../src/extension/bounded-buffer.ts";
import { counted, hex } from "../../support/frames.ts";
import { runtime } from "../../support/runtime.ts";

describe("dictionariesWork()", () => {
  it("says no on Deno, whose one-shot calls take no dictionary", () => {
    expect(dictionariesWork()).toBe(runtime !== "deno");
  });
});

describe("oneShotWorks()", () => {
  const real = { deflateRawSync, inflateRaw, inflateRawSync } as unknown as OneShotZlib;

  /** A zlib that leaves out one of the options, as Deno did until 2.4. */
  const without = (option: "info" | "maxOutputLength"): OneShotZlib => ({
    ...real,
    inflateRawSync: (bytes, options) =>
      real.inflateRawSync(bytes, { ...options, [option]: undefined }),
  });

  it("is true of this runtime's calls", () => {
    expect([oneShotWorks(), oneShotWorks(), oneShotWorks(real)]).toEqual([true, true, true]);
  });

  it.each<[what: string, zlib: OneShotZlib]>([
    ["do not tell how far they came", without("info")],
    ["know no limit", without("maxOutputLength")],
    ["are not there", {} as OneShotZlib],
  ])("is false if they %s", (_, zlib) => {
    expect(oneShotWorks(zlib)).toBe(false);
  });
});

describe("OneShotDeflater", () => {
  const settings = { windowBits: 10, level: 6, memLevel: 8 };

  it.each([true, false])("refers to earlier messages if dictionaries work: %s", (works) => {
    const deflater = new OneShotDeflater(settings, 1000, works && dictionariesWork());
    const sizes = [0, 1].map(() => {
      const into = new BoundedBuffer();
      deflater.deflate(counted(200), 0, 200, true, into);
      return into.size;
    });
    expect(sizes[1]! < sizes[0]!).toBe(works && dictionariesWork());
    expect(deflater.memory).toBe(works && dictionariesWork() ? 1024 : 0);
    deflater.rest();
    const into = new BoundedBuffer();
    deflater.deflate(counted(200), 0, 200, true, into);
    expect(into.size).toBe(sizes[0]);
    deflater.close();
  });
});

describe("OneShotInflater", () => {
  const blocks = (count: number, digits: string): Uint8Array =>
    concat([...Array<Uint8Array>(count).fill(hex(digits)), hex("00")]);

  it("accepts any number of empty last blocks", () => {
    const inflater = new OneShotInflater({ windowBits: 9 });
    const into = new BoundedBuffer();
    for (const digits of ["0300", "010000ffff", "0300000000ffff"]) {
      const payload = blocks(5_000, digits);
      expect(inflater.inflate(payload, 0, payload.length, true, into)).toBe(true);
    }
    expect(inflater.inflate(hex("f348cdc9c907000300010000ffff"), 0, 14, true, into)).toBe(true);
    expect(new TextDecoder().decode(into.take())).toBe("Hello");
    inflater.close();
  });

  it("accepts a thousand last blocks in a message, and no more", () => {
    const inflater = new OneShotInflater({ windowBits: 9 });
    const payload = blocks(1024, "4b0400");
    expect(inflater.inflate(payload, 0, payload.length, true, new BoundedBuffer())).toBe(true);
    expect(() =>
      inflater.inflate(blocks(1025, "4b0400"), 0, payload.length + 3, true, new BoundedBuffer()),
    ).toThrow(expect.objectContaining({ code: "INVALID_DEFLATE" }));
    inflater.rest();
    inflater.close();
  });
});
