import { describe, expect, it } from "vitest";
import { toBytes } from "../../src/connection/data.ts";
import { detached } from "../support/ranges.ts";

describe("toBytes()", () => {
  const bytes = Uint8Array.of(0, 1, 2, 3, 4, 5, 6, 7);

  it("gives bytes without a copy, for any view", () => {
    expect(toBytes(bytes)).toBe(bytes);
    expect(toBytes(bytes.buffer)).toEqual(bytes);
    expect(toBytes(new DataView(bytes.buffer, 2, 3))).toEqual(Uint8Array.of(2, 3, 4));
    const words = toBytes(new Uint16Array(bytes.buffer, 2, 2));
    expect(words).toEqual(Uint8Array.of(2, 3, 4, 5));
    expect(words.buffer).toBe(bytes.buffer);
  });

  it("refuses a detached array", () => {
    const taken = detached();
    expect(() => toBytes(taken)).toThrow(/detached/);
    expect(() => toBytes(taken.buffer as ArrayBuffer)).toThrow(TypeError);
  });

  it.each([[1], [null], [undefined], [[1, 2]], [{ length: 1 }]])("refuses %j", (data) => {
    expect(() => toBytes(data as never)).toThrow(TypeError);
  });
});
