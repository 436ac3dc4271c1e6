import { describe, expect, it } from "vitest";
import { dictionariesWork } from "../../adapters/zlib.ts";
import { OneShotDeflater, OneShotInflater } from "../../adapters/zlib-one-shot.ts";
import { concat } from "../../src/bytes.ts";
import { Growing } from "../../src/extension/growing.ts";
import { counted, hex } from "../support/frames.ts";
import { runtime } from "../support/runtime.ts";

describe("dictionariesWork()", () => {
  it("knows that Deno's one-shot calls take none", () => {
    expect(dictionariesWork()).toBe(runtime !== "deno");
  });
});

describe("OneShotDeflater", () => {
  const settings = { windowBits: 10, level: 6, memLevel: 8 };

  it.each([true, false])("refers to messages before where dictionaries work: %s", (works) => {
    const deflater = new OneShotDeflater(settings, 1000, works && dictionariesWork());
    const sizes = [0, 1].map(() => {
      const into = new Growing();
      deflater.deflate(counted(200), 0, 200, true, into);
      return into.size;
    });
    expect(sizes[1]! < sizes[0]!).toBe(works && dictionariesWork());
    expect(deflater.memory).toBe(works && dictionariesWork() ? 1024 : 0);
    deflater.rest();
    const into = new Growing();
    deflater.deflate(counted(200), 0, 200, true, into);
    expect(into.size).toBe(sizes[0]);
    deflater.close();
  });
});

describe("OneShotInflater", () => {
  it("takes a thousand last blocks in a message, and no more", () => {
    const inflater = new OneShotInflater({ windowBits: 9 });
    const blocks = (count: number): Uint8Array =>
      concat([...Array<Uint8Array>(count).fill(hex("0300")), hex("00")]);
    expect(inflater.inflate(blocks(1024), 0, 2049, true, new Growing())).toBe(true);
    expect(() => inflater.inflate(blocks(1025), 0, 2051, true, new Growing())).toThrow(
      expect.objectContaining({ code: "INVALID_DEFLATE" }),
    );
    inflater.rest();
    inflater.close();
  });
});
