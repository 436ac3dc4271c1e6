import { describe, expect, it } from "vitest";
import { borrowBuffer, largestGathered, returnBuffer } from "../../src/endpoint/pool.ts";

describe("borrowBuffer()", () => {
  it.each([
    [0, 1024],
    [1024, 1024],
    [1025, 4096],
    [4096, 4096],
    [4097, 16_448],
    [16_384 + 14 + 31, 16_448],
    [16_449, 65_600],
    [65_536 + 14 + 31, 65_600],
    [65_601, 262_208],
    [1_048_576 + 14 + 31, 1_048_640],
    [1_048_641, 1_048_641],
  ])("lends for %i bytes a buffer of %i", (size, length) => {
    expect(borrowBuffer(size).length).toBe(length);
  });

  it("lends one buffer to one borrower at a time", () => {
    const first = borrowBuffer(100);
    expect(borrowBuffer(100)).not.toBe(first);
  });
});

describe("largestGathered", () => {
  it("holds a frame of 64 KiB", () => {
    expect(largestGathered).toBe(65_536 + 64);
  });
});

describe("returnBuffer()", () => {
  it.each([1024, 4096, 16_400, 65_552, 262_160, 1_048_592])(
    "keeps a buffer of %i bytes for the next",
    (size) => {
      const buffer = borrowBuffer(size);
      returnBuffer(buffer);
      expect(borrowBuffer(size - 1)).toBe(buffer);
    },
  );

  it.each([100, 16_384, 1_048_593])("keeps no buffer of %i bytes", (size) => {
    const buffer = new Uint8Array(size);
    returnBuffer(buffer);
    expect(borrowBuffer(size) === buffer).toBe(false);
  });

  it("keeps 64 buffers of one size and no more", () => {
    const buffers = new Set(Array.from({ length: 70 }, () => borrowBuffer(4096)));
    expect(buffers.size).toBe(70);
    for (const buffer of buffers) returnBuffer(buffer);
    const again = Array.from({ length: 70 }, () => borrowBuffer(4096));
    expect(again.filter((buffer) => buffers.has(buffer)).length).toBe(64);
  });

  it("keeps 4 MiB of the largest ones", () => {
    const buffers = new Set(Array.from({ length: 6 }, () => borrowBuffer(1_000_000)));
    for (const buffer of buffers) returnBuffer(buffer);
    const again = Array.from({ length: 6 }, () => borrowBuffer(1_000_000));
    expect(again.filter((buffer) => buffers.has(buffer)).length).toBe(4);
  });
});
