import { describe, expect, it } from "vitest";
import { concat } from "../../src/bytes.ts";
import { TransportError } from "../../src/errors.ts";
import type { ByteWriter } from "../../src/io/byte-stream.ts";
import {
  BytesReader,
  readAll,
  readBytes,
  readExactly,
  readFull,
  writeAll,
} from "../../src/io/full.ts";
import { cutAt, cuts } from "../support/cuts.ts";
import { counted, toHex } from "../support/frames.ts";
import { failure, HeldWriter, paces, plain, TestStream } from "../support/streams.ts";

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

  it.each([0, null])("gives 0 where the stream ends before the first byte: %s", async (end) => {
    expect(await readFull(new TestStream([], { later, end }), new Uint8Array(3))).toBe(0);
  });

  it.each([0, null])("throws where the stream ends in between: %s", async (end) => {
    const stream = new TestStream(cutAt(bytes, [1, 3]), { later, end });
    const error = await failure(() => readFull(stream, new Uint8Array(11)));
    expect(error).toBeInstanceOf(TransportError);
    expect(error).toMatchObject({ code: "UNEXPECTED_END" });
  });
});

describe("readFull()", () => {
  it("costs no promise where the stream answers at once", () => {
    const stream = new TestStream(cutAt(bytes, [2, 4]));
    expect(plain(readFull(stream, new Uint8Array(5)))).toBe(5);
  });

  it("asks for nothing where there is no room", () => {
    const stream = new TestStream([bytes]);
    expect([readFull(stream, new Uint8Array(0)), stream.asked]).toEqual([0, []]);
  });
});

describe.each(paces)("readExactly() from a stream that answers %s", (_, later) => {
  it("fills the array", async () => {
    const into = new Uint8Array(10);
    await readExactly(new TestStream(cutAt(bytes, [4]), { later }), into);
    expect(toHex(into)).toBe(toHex(bytes));
  });

  it.each([0, 4])("throws where the stream ends after %i bytes", async (length) => {
    const stream = new TestStream([bytes.slice(0, length)], { later });
    const error = await failure(() => readExactly(stream, new Uint8Array(5)));
    expect(error).toMatchObject({ code: "UNEXPECTED_END" });
  });

  it("reads nothing into an empty array, also at the end", async () => {
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

  it("takes as much as the limit", async () => {
    const stream = new TestStream(cutAt(bytes, [3]));
    expect(await readAll(stream, { maxSize: 10 })).toEqual(bytes);
  });

  it.each([NaN, "9"])("refuses a limit that would be none: %s", async (maxSize) => {
    const error = await failure(() => readAll(new TestStream(), { maxSize: maxSize as never }));
    expect((error as Error).message).toMatch(/^maxSize must be /);
  });

  it("refuses more than the limit", async () => {
    const stream = new TestStream(cutAt(bytes, [3]));
    const error = await failure(() => readAll(stream, { maxSize: 9 }));
    expect(error).toMatchObject({ code: "MESSAGE_TOO_BIG", limit: 9, actual: 10 });
  });

  it("stops at 16 MiB where no limit is given", async () => {
    const endless = { read: (into: Uint8Array) => into.length };
    expect(await failure(() => readAll(endless))).toMatchObject({ limit: 16 * 1024 ** 2 });
  });

  it("asks for 1 MiB at a time at the most", async () => {
    const stream = new TestStream([counted(5_000_000)]);
    await readAll(stream);
    expect(Math.max(...stream.asked)).toBe(1024 ** 2);
  });
});

describe.each(paces)("writeAll() to a stream that answers %s", (_, later) => {
  it.each([1, 3, 10, Infinity])("writes all, %d bytes at a time", async (most) => {
    const stream = new TestStream([], { later, most });
    await writeAll(stream, bytes);
    expect(stream.written).toEqual(bytes);
    expect(stream.writes).toHaveLength(Math.ceil(10 / most) || 1);
  });

  it("writes nothing where there is nothing", async () => {
    const stream = new TestStream([], { later });
    await writeAll(stream, new Uint8Array(0));
    expect(stream.writes).toEqual([]);
  });
});

describe("writeAll()", () => {
  it("costs no promise where the stream answers at once", () => {
    expect(plain(writeAll(new TestStream([], { most: 3 }), bytes))).toBeUndefined();
  });

  it.each<[what: string, write: ByteWriter["write"]]>([
    ["now", () => 0],
    ["later", () => Promise.resolve(0)],
    ["NaN", () => NaN],
  ])("gives up a stream that takes nothing: %s", async (_, write) => {
    const error = await failure(() => writeAll({ write }, bytes));
    expect(error).toMatchObject({ code: "FAILED" });
  });

  it("throws what the stream throws", async () => {
    const error = new Error("no");
    const throwing = {
      write() {
        throw error;
      },
    };
    expect(await failure(() => writeAll(throwing, bytes))).toBe(error);
    expect(await failure(() => writeAll({ write: () => Promise.reject(error) }, bytes))).toBe(
      error,
    );
  });
});

/** What waits for a stream: each unit is bytes of its own number. */
const units = [20, 1, 300, 7, 50].map((length, at) => new Uint8Array(length).fill(at + 1));

describe.each(paces)("writes that nobody awaits, to a stream that answers %s", (_, later) => {
  it.each([1, 3, 10, Infinity])(
    "are whole and in their order, %d bytes at a time",
    async (most) => {
      const stream = new TestStream([], { later, most });
      const done = units.map((unit) => writeAll(stream, unit));
      await Promise.all(done);
      expect(stream.written).toEqual(concat(units));
      // The stream is free again: at once where it answers at once.
      if (!later(0)) expect(plain(writeAll(new TestStream([], { most }), bytes))).toBeUndefined();
    },
  );
});

describe("a write behind others", () => {
  it("is looked at when its turn comes, and costs no promise once the stream is free", async () => {
    const stream = new TestStream([], { later: (call) => call === 0 });
    const second = bytes.slice();
    const done = [writeAll(stream, bytes), writeAll(stream, second)];
    expect(stream.writes).toEqual([]);
    second.fill(9);
    await done[1];
    expect(stream.written).toEqual(concat([bytes, second]));
    expect(plain(writeAll(stream, bytes))).toBeUndefined();
  });

  it("throws the same where the one before has failed half done, as does all to come", async () => {
    const error = new Error("no");
    for (const later of [true, false]) {
      const taken: number[] = [];
      const stream: ByteWriter = {
        write(from) {
          const isFirst = taken.push(from.length) === 1;
          const fail = (): never => {
            throw error;
          };
          const act = isFirst ? () => 4 : fail;
          return later ? Promise.resolve().then(act) : act();
        },
      };
      const failures = units.map((unit) => failure(() => writeAll(stream, unit)));
      expect(await Promise.all(failures)).toEqual(units.map(() => error));
      expect(await failure(() => writeAll(stream, bytes))).toBe(error);
      // Half a unit is on the wire: what followed would be taken for its rest.
      expect(taken).toEqual([20, 16]);
    }
  });

  it("tries for itself where the one before has failed with nothing taken", async () => {
    const error = new Error("no");
    const stream = new HeldWriter();
    const [first, second, third] = units.map((unit) => failure(() => writeAll(stream, unit)));
    await stream.fail(error);
    await stream.release();
    await stream.fail(error);
    expect(await Promise.all([first, second, third])).toEqual([error, undefined, error]);
    expect(stream.written).toEqual([units[1]]);
  });

  it("fails by what its stream throws at once, and keeps nobody waiting", async () => {
    const error = new Error("no");
    let calls = 0;
    const stream: ByteWriter = {
      write(from) {
        if (++calls === 2) throw error;
        return Promise.resolve(from.length);
      },
    };
    const failures = units.slice(0, 3).map((unit) => failure(() => writeAll(stream, unit)));
    expect(await Promise.all(failures)).toEqual([undefined, error, undefined]);
  });

  it("waits for nothing where the stream says that it writes whole", async () => {
    class Whole extends HeldWriter {
      readonly writesWhole = true;
    }
    const stream = new Whole();
    const done = units.map((unit) => writeAll(stream, unit));
    expect(stream.held).toBe(units.length);
    while (stream.held > 0) await stream.release();
    await Promise.all(done);
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
