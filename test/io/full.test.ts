import { describe, expect, it } from "vitest";
import { TransportError } from "../../src/errors.ts";
import { BytesReader, readAll, readBytes, readExactly, readFull } from "../../src/io/full.ts";
import { resizable } from "../support/byte-memories.ts";
import { cutAt, cuts } from "../support/cuts.ts";
import { counted, toHex } from "../support/frames.ts";
import { failure, paces, plain, TestStream } from "../support/streams.ts";

const bytes = counted(10);

describe.each(paces)("readFull() from a stream that answers %s", (_, later) => {
  it("fills the array from pieces of every size, and leaves the rest", async () => {
    for (const pieces of cuts(bytes)) {
      const stream = new TestStream(pieces, { later });
      const into = new Uint8Array(7);
      expect(await readFull(stream, into)).toBe(7);
      expect([toHex(into), toHex(stream.left)]).toEqual(["00010203040506", "070809"]);
    }
  });

  it.each([0, null])("gives 0 if the stream ends before the first byte: %s", async (end) => {
    expect(await readFull(new TestStream([], { later, end }), new Uint8Array(3))).toBe(0);
  });

  it.each([0, null])("throws if the stream ends in between: %s", async (end) => {
    const stream = new TestStream(cutAt(bytes, [1, 3]), { later, end });
    const error = await failure(() => readFull(stream, new Uint8Array(11)));
    expect(error).toBeInstanceOf(TransportError);
    expect(error).toMatchObject({ code: "UNEXPECTED_END" });
  });
});

describe("readFull()", () => {
  it("makes no promise if the stream answers at once", () => {
    const stream = new TestStream(cutAt(bytes, [2, 4]));
    expect(plain(readFull(stream, new Uint8Array(5)))).toBe(5);
  });

  it("reads nothing if there is no room", () => {
    const stream = new TestStream([bytes]);
    expect([readFull(stream, new Uint8Array(0)), stream.asked]).toEqual([0, []]);
  });
});

describe("an array that shrinks while a read waits", () => {
  it("fails the read that fills it, and not the process", async () => {
    const buffer = resizable(8);
    const into = new Uint8Array(buffer);
    const stream = new TestStream(cutAt(bytes, [2]), { later: () => true });
    const read = failure(() => readFull(stream, into));
    buffer.resize(4);
    expect(await read).toMatchObject({
      name: "TypeError",
      message: "into was detached or shrunk while it was lent: 4 of 8 bytes are left",
    });
  });
});

describe.each(paces)("readExactly() from a stream that answers %s", (_, later) => {
  it("fills the array", async () => {
    const into = new Uint8Array(10);
    await readExactly(new TestStream(cutAt(bytes, [4]), { later }), into);
    expect(toHex(into)).toBe(toHex(bytes));
  });

  it.each([0, 4])("throws if the stream ends after %i bytes", async (length) => {
    const stream = new TestStream([bytes.slice(0, length)], { later });
    const error = await failure(() => readExactly(stream, new Uint8Array(5)));
    expect(error).toMatchObject({ code: "UNEXPECTED_END" });
  });

  it("reads nothing into an empty array, even at the end", async () => {
    expect(await readExactly(new TestStream([], { later }), new Uint8Array(0))).toBeUndefined();
  });
});

describe("readBytes()", () => {
  it.each([0, 1, 65_535, 65_536, 65_537, 200_000])("reads %i bytes, no more", async (length) => {
    const stream = new TestStream([counted(length), bytes]);
    expect(toHex(await readBytes(stream, length))).toBe(toHex(counted(length)));
    expect(stream.left).toEqual(bytes);
  });

  it.each([NaN, -1, 1.5, Infinity, "5", null, undefined])(
    "refuses a length of %s, and reads nothing",
    async (length) => {
      const stream = new TestStream([bytes]);
      const error = await failure(() => readBytes(stream, length as never));
      expect((error as Error).message).toMatch(/^length must be /);
      expect(stream.asked).toEqual([]);
    },
  );

  it("asks for no more than twice what has come, whatever length is declared", async () => {
    const stream = new TestStream([counted(100_000)]);
    const error = await failure(() => readBytes(stream, 2 ** 40));
    expect(error).toMatchObject({ code: "UNEXPECTED_END" });
    expect(stream.asked).toEqual([65_536, 65_536, 31_072]);
  });
});

describe("readAll()", () => {
  it.each([0, 1, 4096, 4097, 30_000, 3_000_000])("reads %i bytes to the end", async (length) => {
    const stream = new TestStream([counted(length)], { end: null });
    const all = await readAll(stream);
    expect(all.length).toBe(length);
    expect(all.findIndex((byte, at) => byte !== at % 251)).toBe(-1);
  });

  it("reads as much as the limit", async () => {
    const stream = new TestStream(cutAt(bytes, [3]));
    expect(await readAll(stream, { maxSize: 10 })).toEqual(bytes);
  });

  it.each([NaN, "9"])("refuses an invalid limit: %s", async (maxSize) => {
    const error = await failure(() => readAll(new TestStream(), { maxSize: maxSize as never }));
    expect((error as Error).message).toMatch(/^maxSize must be /);
  });

  it("refuses more than the limit", async () => {
    const stream = new TestStream(cutAt(bytes, [3]));
    const error = await failure(() => readAll(stream, { maxSize: 9 }));
    expect(error).toMatchObject({ code: "MESSAGE_TOO_BIG", limit: 9, actual: 10 });
  });

  it("stops at 16 MiB by default", async () => {
    const endless = { read: (into: Uint8Array) => into.length };
    expect(await failure(() => readAll(endless))).toMatchObject({ limit: 16 * 1024 ** 2 });
  });

  it("reads at most 1 MiB at a time", async () => {
    const stream = new TestStream([counted(5_000_000)]);
    await readAll(stream);
    expect(Math.max(...stream.asked)).toBe(1024 ** 2);
  });
});

describe("BytesReader", () => {
  it("gives its bytes, then 0", () => {
    const reader = new BytesReader(bytes);
    const into = new Uint8Array(6);
    const counts = [0, 1, 2].map(() => [reader.read(into), reader.left, toHex(into)]);
    expect(counts).toEqual([
      [6, 4, "000102030405"],
      [4, 0, "060708090405"],
      [0, 0, "060708090405"],
    ]);
  });
});

describe("an array that changes while a read waits", () => {
  it("is refused at the call if it is detached already", async () => {
    const into = new Uint8Array(3);
    structuredClone(into.buffer, { transfer: [into.buffer] });
    const stream = new TestStream([bytes]);
    expect(await failure(() => readFull(stream, into))).toBeInstanceOf(TypeError);
    expect(stream.asked).toEqual([]);
  });

  it("is filled up to its length at the call if it grows", async () => {
    const buffer = resizable(4);
    const into = new Uint8Array(buffer);
    const read = readExactly(new TestStream(cutAt(bytes, [2]), { later: () => true }), into);
    buffer.resize(8);
    await read;
    expect([...into]).toEqual([0, 1, 2, 3, 0, 0, 0, 0]);
  });
});
