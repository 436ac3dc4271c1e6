import { describe, expect, it } from "vitest";
import {
  behindEmptyBlocks,
  deflaterMemory,
  endOf,
  inflaterMemory,
} from "../../../adapters/zlib/format.ts";
import { BoundedBuffer } from "../../../src/extension/bounded-buffer.ts";
import { hex, toHex } from "../../support/frames.ts";

function filled(digits: string): BoundedBuffer {
  const into = new BoundedBuffer();
  into.add(hex(digits), 0, digits.length / 2);
  return into;
}

describe("endOf()", () => {
  it("removes the four bytes that the receiver appends again", () => {
    const into = filled("f248cdc9c907000000ffff");
    endOf(into, true);
    expect(toHex(into.take())).toBe("f248cdc9c90700");
  });

  it("adds the beginning of an empty block if nothing was flushed", () => {
    const into = filled("0000ffff");
    endOf(into, false);
    expect(toHex(into.take())).toBe("0000ffff00");
  });

  it.each(["", "00ffff", "0000ff00", "0100ffff", "0001ffff", "000000ff"])(
    "throws if the output does not end with a flush: %j",
    (digits) => {
      expect(() => {
        endOf(filled(digits), true);
      }).toThrow("not flushed");
    },
  );
});

describe("behindEmptyBlocks()", () => {
  it.each([
    ["nothing", "", 0],
    ["a fixed last block", "0300", 2],
    ["a fixed last block with other bits behind its end", "03fc", 2],
    ["a stored block", "000000ffff", 5],
    ["a stored last block", "010000ffff", 5],
    ["a stored last block with other bits behind its type", "f90000ffff", 5],
    ["some of each", "0300010000ffff03040300000000ffff", 16],
    ["a fixed block that is not the last", "0200", 0],
    ["a fixed last block with a byte in it", "4b0400", 0],
    ["a fixed last block with bits of a code", "0301", 0],
    ["a fixed last block with other bits of a code", "0302", 0],
    ["a dynamic last block", "0500", 0],
    ["a block of no type", "070000ffff", 0],
    ["a stored block with a byte", "010100feff61", 0],
    ["a stored block whose length is wrong", "010000feff", 0],
    ["a stored block whose length is wrong as well", "010000fffe", 0],
    ["a stored block of 256 bytes", "010001fffe", 0],
    ["a fixed one that is cut off", "030003", 2],
    ["a stored one that is cut off", "0300000000ff", 2],
  ])("skips %s", (_, digits, count) => {
    const bytes = hex(`03${digits}0300`);
    const end = 1 + digits.length / 2;
    expect(behindEmptyBlocks(bytes, 1, end)).toBe(1 + count);
  });
});

describe("what zlib takes", () => {
  it("needs twice the memory with each bit of a window, and with each level of memory", () => {
    const settings = { windowBits: 12, level: 6, memLevel: 5 };
    const small = deflaterMemory(settings);
    expect(deflaterMemory({ ...settings, windowBits: 13 }) - small).toBe(2 ** 14);
    expect(deflaterMemory({ ...settings, memLevel: 6 }) - small).toBe(2 ** 13);
    expect(deflaterMemory({ ...settings, windowBits: 8 })).toBe(
      deflaterMemory({ ...settings, windowBits: 9 }),
    );
    expect(inflaterMemory(13) - inflaterMemory(12)).toBe(2 ** 13);
  });
});
