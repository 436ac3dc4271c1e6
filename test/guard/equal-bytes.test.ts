import { Buffer } from "node:buffer";
import { describe, expect, it } from "vitest";

/* What test/support/equal-bytes.ts makes of bytes, since all other tests rely on it. */

const bytes = Uint8Array.of(1, 2, 3);

const others: readonly (readonly [what: string, value: unknown])[] = [
  ["another byte", Uint8Array.of(1, 2, 4)],
  ["fewer bytes", Uint8Array.of(1, 2)],
  ["more bytes", Uint8Array.of(1, 2, 3, 0)],
  ["none", new Uint8Array()],
  ["a Buffer of the same", Buffer.from(bytes)],
  ["an Int8Array of the same", Int8Array.from(bytes)],
  ["an array of the same", [1, 2, 3]],
  ["its ArrayBuffer", bytes.buffer],
  ["text of the same", "\x01\x02\x03"],
  ["nothing", undefined],
];

describe("expect()", () => {
  it("treats bytes as equal wherever they lie", () => {
    const elsewhere = Uint8Array.of(0, 1, 2, 3, 4).subarray(1, 4);
    expect(elsewhere).toEqual(bytes);
    expect(elsewhere).toStrictEqual(bytes);
    expect([{ data: elsewhere }]).toEqual([{ data: bytes }]);
  });

  it.each(others)("treats bytes as different from %s", (_, other) => {
    expect(other).not.toEqual(bytes);
    expect(bytes).not.toEqual(other);
    expect(bytes).not.toStrictEqual(other);
    expect([{ data: bytes }]).not.toEqual([{ data: other }]);
  });

  it("compares mebibytes without a key for each of their bytes", () => {
    const many = new Uint8Array(4 * 1024 ** 2).fill(7);
    const same = many.slice();
    expect(same).toEqual(many);
    same[same.length - 1] = 8;
    expect(same).not.toEqual(many);
  });
});
