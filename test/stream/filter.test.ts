import { describe, expect, it } from "vitest";
import { encodeUtf8 } from "../../src/bytes.ts";
import type { Awaitable } from "../../src/io/byte-stream.ts";
import { readAll } from "../../src/io/full.ts";
import { writeAll } from "../../src/io/write-all.ts";
import { CipherReader, CipherWriter, Utf8Reader } from "../../src/stream/filter.ts";
import { cutAt, cuts } from "../support/cuts.ts";
import { counted, exampleMask, hex, maskKeyOf, naiveMask } from "../support/frames.ts";
import { failure, paces, plain, TestStream } from "../support/streams.ts";

const key = maskKeyOf(exampleMask);
const bytes = counted(23);
const masked = naiveMask(bytes, exampleMask);

describe.each(paces)("CipherReader over a stream that answers %s", (_, later) => {
  it("unmasks what it reads, wherever it is cut", async () => {
    for (const pieces of cuts(masked)) {
      expect(await readAll(new CipherReader(new TestStream(pieces, { later }), key))).toEqual(
        bytes,
      );
    }
  });

  it.each([0, null])("gives 0 at the end: %s", async (end) => {
    const reader = new CipherReader(new TestStream([], { later, end }), key);
    expect(await reader.read(new Uint8Array(4))).toBe(0);
  });
});

describe("CipherReader", () => {
  it.each([
    [
      "now",
      (error: Error) => {
        throw error;
      },
    ],
    ["later", (error: Error) => Promise.reject(error)],
  ])("throws its source's error again, until it is reset: %s", async (_, read) => {
    const error = new Error("no");
    let calls = 0;
    const source = { read: (): Awaitable<number> => (++calls === 1 ? read(error) : 1) };
    const reader = new CipherReader(source, key);
    for (let times = 0; times < 2; times++) {
      expect(await failure(() => reader.read(new Uint8Array(1)))).toBe(error);
    }
    expect([calls, reader.error]).toEqual([1, error]);
    reader.reset(source, key);
    expect([await reader.read(new Uint8Array(1)), reader.error]).toEqual([1, undefined]);
  });

  it("does not change what lies after the bytes read", () => {
    const into = new Uint8Array(6).fill(1);
    expect(plain(new CipherReader(new TestStream([masked.slice(0, 2)]), key).read(into))).toBe(2);
    expect([...into]).toEqual([0, 1, 1, 1, 1, 1]);
  });

  it("begins anew after reset()", async () => {
    const reader = new CipherReader(new TestStream([masked]), 0);
    await reader.read(new Uint8Array(3));
    reader.reset(new TestStream([masked]), key);
    expect(await readAll(reader)).toEqual(bytes);
  });
});

describe.each(paces)("CipherWriter to a stream that answers %s", (_, later) => {
  it.each([1, 5, Infinity])(
    "masks what it writes, wherever it is cut, %d bytes at a time",
    async (most) => {
      for (const pieces of cuts(bytes)) {
        const stream = new TestStream([], { later, most });
        const writer = new CipherWriter(stream, key);
        for (const piece of pieces) expect(await writer.write(piece)).toBe(piece.length);
        expect(stream.written).toEqual(masked);
      }
    },
  );
});

describe("CipherWriter", () => {
  it("writes each call as a whole, whoever else writes", async () => {
    const stream = new TestStream([], { later: () => true, most: 4 });
    const writer = new CipherWriter(stream, key);
    await Promise.all([writeAll(writer, bytes.slice(0, 9)), writeAll(writer, bytes.slice(9))]);
    expect(stream.written).toEqual(masked);
  });

  it("leaves the given bytes as they are, and makes no promise", () => {
    const given = bytes.slice();
    expect(plain(new CipherWriter(new TestStream(), key).write(given))).toBe(23);
    expect(given).toEqual(bytes);
  });

  it("begins anew after reset()", async () => {
    const writer = new CipherWriter(new TestStream(), 0);
    await writer.write(bytes.slice(0, 3));
    const stream = new TestStream();
    writer.reset(stream, key);
    await writer.write(bytes);
    expect(stream.written).toEqual(masked);
  });
});

describe.each(paces)("Utf8Reader over a stream that answers %s", (_, later) => {
  it("gives valid text as it is, wherever it is cut", async () => {
    const text = encodeUtf8("h\u00E9 \u20AC \u{1F600}!");
    for (const pieces of cuts(text)) {
      const reader = new Utf8Reader(new TestStream(pieces, { later }));
      expect(await readAll(reader)).toEqual(text);
      expect(reader.isValid).toBe(true);
    }
  });

  it.each([
    [0, 1],
    [1, 0],
    [2, 0],
  ])(
    "throws at the first bad byte, and says where the last whole character before it ends: cut at %i",
    async (cut, accepted) => {
      const wire = hex("41 e2 82 41 42");
      const reader = new Utf8Reader(new TestStream(cutAt(wire, [cut]), { later }));
      if (cut > 0) await reader.read(new Uint8Array(9));
      const error = await failure(() => reader.read(new Uint8Array(9)));
      expect(error).toMatchObject({ name: "ProtocolError", code: "INVALID_UTF8", status: 1007 });
      expect(reader.accepted).toBe(accepted);
    },
  );

  it("throws its error again, until it is reset", async () => {
    const reader = new Utf8Reader(new TestStream([hex("ff"), hex("41")], { later }));
    expect(reader.error).toBeUndefined();
    const error = await failure(() => reader.read(new Uint8Array(1)));
    expect(error).toMatchObject({ code: "INVALID_UTF8" });
    expect(await failure(() => reader.read(new Uint8Array(1)))).toBe(error);
    expect(reader.error).toBe(error);
    reader.reset(new TestStream([hex("41")], { later }));
    expect([await reader.read(new Uint8Array(1)), reader.error]).toEqual([1, undefined]);
  });

  it.each([0, null])("is not valid inside a character, even at the end: %s", async (end) => {
    const reader = new Utf8Reader(new TestStream([hex("41 e2 82")], { later, end }));
    const seen: unknown[] = [];
    for (const size of [1, 9, 9]) {
      seen.push([await reader.read(new Uint8Array(size)), reader.accepted, reader.isValid]);
    }
    expect(seen).toEqual([
      [1, 1, true],
      [2, 0, false],
      [0, 0, false],
    ]);
  });
});

describe("a filter that is given no bytes to read into", () => {
  it.each([
    ["CipherReader", (source: TestStream) => new CipherReader(source, 0)],
    ["Utf8Reader", (source: TestStream) => new Utf8Reader(source)],
  ])("refuses only that call: %s", async (_, make) => {
    const reader = make(new TestStream([hex("41")]));
    expect(await failure(() => reader.read("abc" as never))).toEqual(
      new TypeError("into must be a Uint8Array: String"),
    );
    expect([reader.error, await reader.read(new Uint8Array(9))]).toEqual([undefined, 1]);
  });
});

describe("Utf8Reader.reset()", () => {
  it("begins anew, after an error too", async () => {
    const reader = new Utf8Reader(new TestStream([hex("41 42 e2 ff")]));
    expect(await failure(() => reader.read(new Uint8Array(9)))).toMatchObject({ status: 1007 });
    reader.reset(new TestStream([hex("43")]));
    expect([reader.accepted, reader.isValid]).toEqual([0, true]);
    expect(await readAll(reader)).toEqual(hex("43"));
  });
});
