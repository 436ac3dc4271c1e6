import { describe, expect, it } from "vitest";
import { deflaterMemory, endOf, inflaterMemory } from "../../adapters/zlib-format.ts";
import { Growing } from "../../src/extension/growing.ts";
import { hex, toHex } from "../support/frames.ts";

function filled(digits: string): Growing {
  const into = new Growing();
  into.add(hex(digits), 0, digits.length / 2);
  return into;
}

describe("endOf()", () => {
  it("takes off the four bytes that the receiver puts on again", () => {
    const into = filled("f248cdc9c907000000ffff");
    endOf(into, true);
    expect(toHex(into.take())).toBe("f248cdc9c90700");
  });

  it("adds the beginning of an empty block where nothing was flushed", () => {
    const into = filled("0000ffff");
    endOf(into, false);
    expect(toHex(into.take())).toBe("0000ffff00");
  });

  it.each(["", "00ffff", "0000ff00", "0100ffff", "0001ffff", "000000ff"])(
    "says so where a flush has not come: %j",
    (digits) => {
      expect(() => {
        endOf(filled(digits), true);
      }).toThrow("not flushed");
    },
  );
});

describe("what zlib takes", () => {
  it("doubles with each bit of a window, and with each level of memory", () => {
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
