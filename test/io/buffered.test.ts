import { describe, expect, it } from "vitest";
import { concat } from "../../src/bytes.ts";
import { BufferedStream } from "../../src/io/buffered.ts";
import { readAll } from "../../src/io/full.ts";
import { writeAll } from "../../src/io/write-all.ts";
import { cutAt, cuts } from "../support/cuts.ts";
import { counted, toHex } from "../support/frames.ts";
import { failure, paces, plain, TestStream } from "../support/streams.ts";

const bytes = counted(40);

/** The bytes at hand. */
function atHand({ bytes, start, end }: BufferedStream): string {
  return toHex(bytes, start, end);
}

/** One that hands its buffer on. */
class Heir extends BufferedStream {
  constructor(other: BufferedStream) {
    super(other.inner);
    this.takeOver(other);
  }
}

describe.each(paces)("BufferedStream over a stream that answers %s", (_, later) => {
  it("gives the bytes of the stream behind, whatever sizes come and are asked for", async () => {
    for (const size of [1, 3, 16, 17, 40, 100]) {
      for (const pieces of cuts(bytes)) {
        const stream = new BufferedStream(new TestStream(pieces, { later }), { size: 16 });
        const parts: Uint8Array[] = [];
        const into = new Uint8Array(size);
        for (let count; (count = await stream.read(into)) > 0;) parts.push(into.slice(0, count));
        expect(concat(parts)).toEqual(bytes);
      }
    }
  });

  it.each([0, null])("gives 0 at the end: %s", async (end) => {
    const stream = new BufferedStream(new TestStream([], { later, end }));
    const counts = [await stream.fill(), await stream.read(bytes), await stream.read(bytes)];
    expect(counts).toEqual([0, 0, 0]);
    expect(await stream.read(new Uint8Array(5000))).toBe(0);
  });

  it("fills behind the bytes at hand, which move to the start", async () => {
    const inner = new TestStream(cutAt(bytes, [10, 14, 34]), { later });
    const stream = new BufferedStream(inner, { size: 16 });
    expect(await stream.fill()).toBe(10);
    stream.consume(3);
    expect([stream.start, stream.end, stream.buffered]).toEqual([3, 10, 7]);
    expect(await stream.fill()).toBe(4);
    expect([stream.start, atHand(stream)]).toEqual([0, toHex(bytes, 3, 14)]);
    expect(await stream.fill()).toBe(5);
    expect(atHand(stream)).toBe(toHex(bytes, 3, 19));
    expect(inner.asked).toEqual([16, 9, 5]);
  });
});

describe("BufferedStream.read()", () => {
  it("makes no promise while bytes are at hand", async () => {
    const stream = new BufferedStream(new TestStream([bytes], { later: () => true }));
    await stream.read(new Uint8Array(1));
    expect(plain(stream.read(new Uint8Array(30)))).toBe(30);
    expect(plain(stream.read(new Uint8Array(30)))).toBe(9);
  });

  it("gives what is at hand before it asks for more", () => {
    const inner = new TestStream([bytes]);
    const stream = new BufferedStream(inner, { size: 16 });
    const counts = [4, 20, 20].map((size) => plain(stream.read(new Uint8Array(size))));
    expect([counts, inner.asked]).toEqual([
      [4, 12, 20],
      [16, 20],
    ]);
  });

  it("skips the buffer if the caller's array is as large", () => {
    const stream = new BufferedStream(new TestStream([bytes]), { size: 16 });
    expect(plain(stream.read(new Uint8Array(16)))).toBe(16);
    expect([stream.end, toHex(stream.bytes)]).toEqual([0, "00".repeat(16)]);
  });

  it("reads nothing if there is no room", () => {
    const inner = new TestStream([bytes]);
    expect([new BufferedStream(inner).read(new Uint8Array(0)), inner.asked]).toEqual([0, []]);
  });
});

describe("BufferedStream.fill()", () => {
  it("refuses a full buffer", async () => {
    const stream = new BufferedStream(new TestStream([bytes]), { size: 16 });
    await stream.fill();
    expect(() => stream.fill()).toThrow(RangeError);
    stream.consume(1);
    expect(stream.fill()).toBe(1);
  });
});

describe("BufferedStream.consume()", () => {
  it("takes any part of what is at hand", async () => {
    const stream = new BufferedStream(new TestStream([bytes.slice(0, 10)]));
    await stream.fill();
    for (const count of [0, 2, 3, 5]) stream.consume(count);
    expect([stream.start, stream.buffered]).toEqual([10, 0]);
  });

  it.each([-1, 11, NaN, 0.5, "1" as never])(
    "refuses a count of bytes that are not at hand: %s",
    async (count) => {
      const stream = new BufferedStream(new TestStream([bytes.slice(0, 10)]));
      await stream.fill();
      expect(() => {
        stream.consume(count);
      }).toThrow(RangeError);
      expect(stream.buffered).toBe(10);
    },
  );
});

describe("BufferedStream", () => {
  it.each([15, 0, -1, NaN, 16.5, "20" as never])("refuses a buffer of %s bytes", (size) => {
    expect(() => new BufferedStream(new TestStream(), { size })).toThrow(RangeError);
  });

  it("has a buffer of 4096 bytes, or the one that it is lent", async () => {
    const inner = new TestStream([bytes]);
    await new BufferedStream(inner).fill();
    const buffer = new Uint8Array(16);
    expect(() => new BufferedStream(inner, { buffer: buffer.subarray(1) })).toThrow(RangeError);
    const stream = new BufferedStream(new TestStream([bytes]), { buffer, size: 99 });
    await stream.fill();
    expect([inner.asked, stream.bytes === buffer, buffer]).toEqual([
      [4096],
      true,
      bytes.slice(0, 16),
    ]);
  });

  it("writes everything to the stream behind, and closes it", async () => {
    const inner = new TestStream([], { most: 3 });
    const stream = new BufferedStream(inner);
    expect(stream.write(bytes)).toBe(bytes.length);
    await stream.close();
    expect([inner.written, inner.closes, stream.inner]).toEqual([bytes, 1, inner]);
  });

  it("keeps unawaited writes apart, even from writes to the stream behind", async () => {
    const inner = new TestStream([], { most: 3, later: (call) => call % 2 === 0 });
    const stream = new BufferedStream(inner);
    const another = new BufferedStream(inner);
    const units = [20, 7, 1, 30].map((length, at) => new Uint8Array(length).fill(at));
    const done = [
      stream.write(units[0]!),
      another.write(units[1]!),
      writeAll(inner, units[2]!),
      writeAll(stream, units[3]!),
    ];
    expect(await Promise.all(done)).toEqual([20, 7, undefined, undefined]);
    expect(inner.written).toEqual(concat(units));
  });

  it("passes on what the stream behind throws", async () => {
    const error = new Error("no");
    const inner = new TestStream();
    inner.read = () => Promise.reject(error);
    const stream = new BufferedStream(inner);
    expect(await failure(() => stream.fill())).toBe(error);
    expect(await failure(() => stream.read(bytes))).toBe(error);
  });
});

describe("BufferedStream.takeOver()", () => {
  it("goes on with the bytes that another one has at hand", async () => {
    const first = new BufferedStream(new TestStream(cutAt(bytes, [20])), { size: 32 });
    await first.fill();
    first.consume(5);
    const heir = new Heir(first);
    expect([heir.start, heir.end, heir.bytes === first.bytes]).toEqual([5, 20, true]);
    expect(await readAll(heir)).toEqual(bytes.slice(5));
  });
});

describe("an array that changes while a BufferedStream waits", () => {
  it("rejects the read if it goes away, and keeps what has come for the next one", async () => {
    const stream = new BufferedStream(new TestStream([bytes.slice(0, 3)], { later: () => true }));
    const into = new Uint8Array(3);
    const read = failure(async () => stream.read(into));
    structuredClone(into.buffer, { transfer: [into.buffer] });
    expect(await read).toMatchObject({
      name: "TypeError",
      message: "into was detached or shrunk while it was lent: 0 of 3 bytes are left",
    });
    const next = new Uint8Array(3);
    expect([await stream.read(next), next]).toEqual([3, bytes.slice(0, 3)]);
  });

  it("is refused, and not treated as empty, if it is detached already", async () => {
    const into = new Uint8Array(3);
    structuredClone(into.buffer, { transfer: [into.buffer] });
    const inner = new TestStream([bytes.slice(0, 3)]);
    expect(await failure(() => new BufferedStream(inner).read(into))).toBeInstanceOf(TypeError);
    expect(inner.asked).toEqual([]);
  });

  it("counts as many bytes as were lent, whatever the stream behind does with the array", async () => {
    const from = new Uint8Array(5);
    const inner = new TestStream();
    inner.write = (given: Uint8Array) => {
      const { length } = given;
      structuredClone(from.buffer, { transfer: [from.buffer] });
      return Promise.resolve(length);
    };
    expect(await new BufferedStream(inner).write(from)).toBe(5);
  });
});
