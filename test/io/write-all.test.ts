import { describe, expect, it } from "vitest";
import { concat } from "../../src/bytes.ts";
import type { ByteWriter } from "../../src/io/byte-stream.ts";
import { writeAll } from "../../src/io/write-all.ts";
import { resizable } from "../support/byte-memories.ts";
import { counted } from "../support/frames.ts";
import { failure, HeldWriter, paces, plain, TestStream } from "../support/streams.ts";

const bytes = counted(10);

describe.each(paces)("writeAll() to a stream that answers %s", (_, later) => {
  it.each([1, 3, 10, Infinity])("writes all, %d bytes at a time", async (most) => {
    const stream = new TestStream([], { later, most });
    await writeAll(stream, bytes);
    expect(stream.written).toEqual(bytes);
    expect(stream.writes).toHaveLength(Math.ceil(10 / most) || 1);
  });

  it("writes nothing if there is nothing", async () => {
    const stream = new TestStream([], { later });
    await writeAll(stream, new Uint8Array(0));
    expect(stream.writes).toEqual([]);
  });
});

describe("writeAll()", () => {
  it("makes no promise if the stream answers at once", () => {
    expect(plain(writeAll(new TestStream([], { most: 3 }), bytes))).toBeUndefined();
  });

  it.each<[what: string, write: ByteWriter["write"]]>([
    ["now", () => 0],
    ["later", () => Promise.resolve(0)],
    ["NaN", () => NaN],
    ["more than there is", () => 11],
    ["a part of a byte", () => 0.5],
    ["a text", () => "10" as never],
    ["nothing said", () => undefined as never],
  ])("rejects a stream that takes nothing, or does not count: %s", async (_, write) => {
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
  it("is checked when its turn comes, and makes no promise once the stream is free", async () => {
    const stream = new TestStream([], { later: (call) => call === 0 });
    const second = bytes.slice();
    const done = [writeAll(stream, bytes), writeAll(stream, second)];
    expect(stream.writes).toEqual([]);
    second.fill(9);
    await done[1];
    expect(stream.written).toEqual(concat([bytes, second]));
    expect(plain(writeAll(stream, bytes))).toBeUndefined();
  });

  it("throws the same if the one before has failed half done, as do all later ones", async () => {
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

  it("is tried by itself if the one before has failed with nothing taken", async () => {
    const error = new Error("no");
    const stream = new HeldWriter();
    const [first, second, third] = units.map((unit) => failure(() => writeAll(stream, unit)));
    await stream.fail(error);
    await stream.release();
    await stream.fail(error);
    expect(await Promise.all([first, second, third])).toEqual([error, undefined, error]);
    expect(stream.written).toEqual([units[1]]);
  });

  it("fails if its stream throws at once, and keeps no later write waiting", async () => {
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

  it("does not wait if the stream says that it writes whole", async () => {
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

describe("a write that is begun while the stream's own write is on the stack", () => {
  /** Takes `most` bytes at a time; its first call writes the second and third unit to itself before it takes anything. */
  class Nesting implements ByteWriter {
    readonly taken: number[] = [];
    readonly done: Promise<unknown>[] = [];
    readonly most: number;
    readonly isLater: boolean;
    constructor(most: number, isLater: boolean) {
      this.most = most;
      this.isLater = isLater;
    }
    write(from: Uint8Array): number | Promise<number> {
      const isFirst = this.done.length === 0;
      if (isFirst) {
        this.done.push(Promise.resolve());
        this.done.push(
          ...[units[1]!, units[2]!].map((unit) => failure(() => writeAll(this, unit))),
        );
      }
      const count = Math.min(from.length, this.most);
      const take = (): number => {
        this.taken.push(...from.subarray(0, count));
        return count;
      };
      return this.isLater ? Promise.resolve().then(take) : take();
    }
  }

  it.each([
    [1, false],
    [7, false],
    [Infinity, false],
    [1, true],
    [7, true],
    [Infinity, true],
  ])("goes after it, whole: %d bytes at a time, later: %s", async (most, isLater) => {
    const stream = new Nesting(most, isLater);
    const outer = writeAll(stream, units[0]!);
    const behind = writeAll(stream, units[3]!);
    await Promise.all([outer, behind]);
    expect(await Promise.all(stream.done)).toEqual([undefined, undefined, undefined]);
    expect(stream.taken).toEqual([...concat([units[0]!, units[1]!, units[2]!, units[3]!])]);
    // The stream is free again, and nothing is kept of it.
    await Promise.resolve();
    if (!isLater) expect(plain(writeAll(stream, bytes))).toBeUndefined();
  });

  it("throws the same if the one around it fails half done", async () => {
    const error = new Error("no");
    let inner: Promise<unknown> | undefined;
    const stream: ByteWriter = {
      write() {
        if (inner !== undefined) throw error;
        inner = failure(() => writeAll(stream, bytes));
        return 4;
      },
    };
    expect(await failure(() => writeAll(stream, bytes))).toBe(error);
    expect(await inner).toBe(error);
  });

  it("is tried by itself if the one around it fails with nothing taken", async () => {
    const error = new Error("no");
    let inner: Promise<unknown> | undefined;
    const stream: ByteWriter = {
      write(from) {
        if (inner !== undefined) return from.length;
        inner = failure(() => writeAll(stream, bytes));
        throw error;
      },
    };
    expect(await failure(() => writeAll(stream, bytes))).toBe(error);
    expect(await inner).toBeUndefined();
  });

  it("goes to another stream at once", () => {
    const other = new TestStream();
    const stream: ByteWriter = {
      write(from) {
        expect(plain(writeAll(other, from))).toBeUndefined();
        return from.length;
      },
    };
    expect(plain(writeAll(stream, bytes))).toBeUndefined();
    expect(other.written).toEqual(bytes);
  });
});

describe("bytes that shrink while a write waits", () => {
  it.each([0, 3])("make it fail if %i of them have been taken", async (taken) => {
    const buffer = resizable(8);
    const from = new Uint8Array(buffer);
    const stream = new HeldWriter();
    // Either it waits behind another write, or the stream has taken a part.
    const first = taken === 0 ? failure(() => writeAll(stream, bytes)) : undefined;
    const part: ByteWriter = { write: () => Promise.resolve(taken) };
    const write = failure(() => writeAll(taken === 0 ? stream : part, from));
    buffer.resize(4);
    if (taken === 0) await stream.release();
    await first;
    expect(await write).toMatchObject({
      name: "TypeError",
      message: "from was detached or shrunk while it was lent: 4 of 8 bytes are left",
    });
    if (taken === 0) {
      const next = writeAll(stream, bytes);
      await stream.release();
      expect(await next).toBeUndefined();
    } else expect(await failure(() => writeAll(part, bytes))).toBe(await write);
  });
});

describe("a detached array", () => {
  it("is refused at the call, and not treated as empty", async () => {
    const from = new Uint8Array(3);
    structuredClone(from.buffer, { transfer: [from.buffer] });
    const stream = new TestStream();
    expect(await failure(() => writeAll(stream, from))).toBeInstanceOf(TypeError);
    expect(stream.writes).toEqual([]);
  });
});
