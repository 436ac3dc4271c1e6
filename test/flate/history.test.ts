import fc from "fast-check";
import { afterEach, describe, expect, it, vi } from "vitest";
import { History, storedHeaderSize } from "../../src/flate/history.ts";
import { counted, toHex } from "../support/frames.ts";

afterEach(() => {
  vi.unstubAllGlobals();
});

describe("History", () => {
  it("keeps the last bytes of all that was added, in whatever pieces", () => {
    const pieces = fc.array(fc.uint8Array({ maxLength: 700 }), { maxLength: 30 });
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 600 }), pieces, (most, added) => {
        const history = new History(most);
        let whole: number[] = [];
        for (const piece of added) {
          const padded = Uint8Array.of(1, 2, ...piece, 3);
          history.add(padded, 2, 2 + piece.length);
          whole = [...whole, ...piece].slice(-most);
          expect(history.size).toBe(whole.length);
          expect(history.bytes()).toEqual(Uint8Array.from(whole));
        }
      }),
      { seed: 7692, numRuns: 300 },
    );
  });

  it("takes memory as bytes come, at most twice what it holds and the window's size", () => {
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
    const history = new History(1000);
    const source = counted(300);
    sizes.length = 0;
    for (const size of [0, 10, 246, 10, 300, 300, 300]) history.add(source, 0, size);
    expect(sizes).toEqual([256, 532, 1000]);
  });

  it("begins anew once it was cleared", () => {
    const history = new History(8);
    history.add(counted(20), 0, 20);
    history.clear();
    expect([history.size, history.bytes().length]).toEqual([0, 0]);
    history.add(counted(3), 0, 3);
    expect(history.bytes()).toEqual(counted(3));
  });
});

describe("History.writeBlock()", () => {
  /** The block of so many bytes. */
  function blockOf(bytes: Uint8Array, most = 65_535): Uint8Array {
    const history = new History(most);
    history.add(bytes, 0, bytes.length);
    const block = new Uint8Array(storedHeaderSize + history.size).fill(0xee);
    expect(history.writeBlock(block)).toBe(block.length);
    return block;
  }

  it("writes RFC 7692's example of a message without compression", () => {
    expect(toHex(blockOf(new TextEncoder().encode("Hello")))).toBe("000500faff48656c6c6f");
  });

  it.each([0, 1, 255, 256, 65_535])("writes a length of %i and its complement", (length) => {
    const block = new DataView(blockOf(new Uint8Array(length)).buffer);
    expect([block.getUint16(1, true), block.getUint16(3, true)]).toEqual([length, 65_535 - length]);
  });

  it("writes the bytes in their order, even if the oldest are not first in memory", () => {
    const history = new History(5);
    for (const text of ["abcd", "efg"]) history.add(new TextEncoder().encode(text), 0, text.length);
    const block = new Uint8Array(storedHeaderSize + 5);
    history.writeBlock(block);
    expect(toHex(block)).toBe("000500faff6364656667");
  });
});
