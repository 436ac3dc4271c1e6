import { describe, expect, it } from "vitest";
import { LimitError } from "../../src/errors.ts";
import { BoundedBuffer } from "../../src/extension/bounded-buffer.ts";
import { counted } from "../support/frames.ts";
import { expectRangeNeeded } from "../support/ranges.ts";

describe("BoundedBuffer", () => {
  it("keeps what is added, however it grows", () => {
    const growing = new BoundedBuffer();
    const whole = counted(10_000);
    for (let at = 0; at < whole.length; at += 7) {
      growing.add(whole, at, Math.min(at + 7, whole.length));
    }
    expect(growing.size).toBe(whole.length);
    expect(growing.take()).toEqual(whole);
  });

  it("fills the given buffer, as long as it is large enough", () => {
    const buffer = new Uint8Array(8);
    const growing = new BoundedBuffer(Infinity, buffer);
    growing.add(counted(8), 0, 8);
    expect(growing.bytes).toBe(buffer);
    growing.add(counted(1), 0, 1);
    expect(growing.bytes).not.toBe(buffer);
    expect(growing.bytes.subarray(0, growing.size)).toEqual(Uint8Array.of(...counted(8), 0));
  });

  it("makes room for at least as much as is asked for, and doubles", () => {
    const growing = new BoundedBuffer();
    expect(growing.room(1)).toBe(1024);
    expect(growing.room(5000)).toBe(5000);
    growing.commit(5000);
    expect(growing.room(1)).toBe(5000);
  });

  it("needs no memory for no bytes", () => {
    const growing = new BoundedBuffer();
    growing.add(counted(4), 2, 2);
    expect(growing.bytes.length).toBe(0);
    expect(growing.take().length).toBe(0);
  });

  it("throws as soon as its limit is passed, and not before", () => {
    const growing = new BoundedBuffer(10);
    growing.add(counted(10), 0, 10);
    expect(growing.left).toBe(0);
    let thrown: unknown;
    try {
      growing.add(counted(3), 0, 3);
    } catch (error) {
      thrown = error;
    }
    expect(thrown).toBeInstanceOf(LimitError);
    expect(thrown).toMatchObject({ code: "MESSAGE_TOO_BIG", limit: 10, actual: 13 });
  });

  it("has no bytes left if its limit was exceeded before", () => {
    const growing = new BoundedBuffer();
    growing.add(counted(100), 0, 100);
    growing.limit = 10;
    expect([growing.left, new BoundedBuffer(-5).left]).toEqual([0, 0]);
    expect(() => {
      growing.add(counted(1), 0, 1);
    }).toThrow(LimitError);
  });

  it("counts cleared bytes towards its limit, until it is reset", () => {
    const growing = new BoundedBuffer(10);
    growing.add(counted(6), 0, 6);
    growing.clear();
    expect([growing.size, growing.left]).toEqual([0, 4]);
    expect(() => {
      growing.add(counted(5), 0, 5);
    }).toThrow("11 > 10");
    growing.reset(5);
    growing.add(counted(5), 0, 5);
    expect([growing.size, growing.left]).toEqual([5, 0]);
  });

  it("gives a copy of the right size, and keeps its buffer no longer", () => {
    const half = new BoundedBuffer(Infinity, new Uint8Array(4));
    half.add(counted(2), 0, 2);
    const taken = half.take();
    expect([taken.length, taken.buffer.byteLength]).toEqual([2, 2]);
    expect([half.size, half.bytes.length]).toEqual([0, 0]);
  });
});

describe("BoundedBuffer.take() of a buffer that was lent", () => {
  it("gives a copy, even if the buffer is full", () => {
    const buffer = new Uint8Array(4);
    const full = new BoundedBuffer(Infinity, buffer);
    full.add(counted(4), 0, 4);
    const taken = full.take();
    expect(taken).not.toBe(buffer);
    expect(taken).toEqual(counted(4));
    expect(full.bytes).not.toBe(buffer);
  });

  it("gives a new array each time, even if nothing is filled", () => {
    const growing = new BoundedBuffer(Infinity, new Uint8Array(4));
    const empty = [growing.take(), growing.take(), new BoundedBuffer().take()];
    expect(new Set(empty.map((bytes) => bytes.buffer)).size).toBe(3);
    expect(empty.map((bytes) => bytes.length)).toEqual([0, 0, 0]);
  });
});

describe("a BoundedBuffer of plain JavaScript", () => {
  it("refuses a range without its ends", () => {
    const growing = new BoundedBuffer(8);
    expectRangeNeeded((bytes, start, end) => {
      growing.add(bytes, start, end);
    });
    expect(growing.size).toBe(0);
  });

  it.each([NaN, undefined, null, "1", "many"])(
    "is refused if its limit is %s, which would be no limit",
    (limit) => {
      const wrong = limit as never;
      if (limit !== undefined) expect(() => new BoundedBuffer(wrong)).toThrow(RangeError);
      const growing = new BoundedBuffer(5);
      expect(() => {
        growing.reset(wrong);
      }).toThrow(RangeError);
      expect(growing.limit).toBe(5);
    },
  );

  it.each(["Hello", [1, 2], null, {}, new DataView(new ArrayBuffer(8))])(
    "refuses %o in place of bytes",
    (bytes) => {
      const wrong = bytes as never;
      expect(() => new BoundedBuffer(8, wrong)).toThrow(TypeError);
      const growing = new BoundedBuffer(8);
      expect(() => {
        growing.add(wrong, 0, 2);
      }).toThrow(TypeError);
      expect(growing.size).toBe(0);
    },
  );

  it.each([
    [0, 7],
    [0, Infinity],
    [NaN, 4],
    [0, NaN],
    [-1, 4],
    [3, 2],
  ])("refuses a range outside its source: %s to %s", (start, end) => {
    const growing = new BoundedBuffer(8);
    expect(() => {
      growing.add(new Uint8Array(4), start, end);
    }).toThrow(RangeError);
    expect(growing.size).toBe(0);
  });

  it("accepts nothing if its limit was set to NaN", () => {
    const growing = new BoundedBuffer();
    growing.limit = NaN;
    expect(() => {
      growing.add(counted(1), 0, 1);
    }).toThrow();
  });
});
