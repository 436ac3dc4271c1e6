import { describe, expect, it } from "vitest";
import { zlibEngine } from "../../adapters/zlib/engine.ts";
import { concat, encodeUtf8 } from "../../src/bytes.ts";
import { type Deferred, newDeferred } from "../../src/deferred.ts";
import { Helper } from "../../src/flate/helpers.ts";
import { MessageState } from "../../src/flate/message.ts";
import { FlateReader, type FlateReaderOptions } from "../../src/flate/reader.ts";
import { StateClientSide, StateExtended } from "../../src/frame/check.ts";
import type { ByteReader } from "../../src/io/byte-stream.ts";
import { BytesReader, readAll } from "../../src/io/full.ts";
import { Reader } from "../../src/stream/reader.ts";
import { cuts } from "../support/cuts.ts";
import { continuation, frame, hex, ping, text, toHex } from "../support/frames.ts";
import { ways } from "../support/flate.ts";
import { failure, microtasks, paces, plain, TestStream, throws } from "../support/streams.ts";
import { StoreEngine, type StoreOptions } from "./store-engine.ts";

const hello = encodeUtf8("Hello");
/** RFC 7692, 7.2.3.3: "Hello" stored. */
const stored = hex("00 05 00 fa ff 48 65 6c 6c 6f 00");
/** "Hello" in two blocks, one of them empty. */
const twice = hex("00 02 00 fd ff 48 65 00 00 00 ff ff 00 03 00 fc ff 6c 6c 6f 00");
const broken = new Error("broken");
const meanwhile = expect.objectContaining({ name: "TypeError" });

const slices: StoreOptions[] = [{}, { slice: 1 }, { slice: 3 }];

function newReader(
  source: ByteReader,
  store: StoreOptions = {},
  options: Partial<FlateReaderOptions> = {},
): { readonly reader: FlateReader; readonly engine: StoreEngine } {
  const engine = new StoreEngine(store);
  return { reader: new FlateReader(source, { engine, ...options }), engine };
}

/** Reads a message in small pieces. */
async function readBy(reader: ByteReader, size: number): Promise<Uint8Array> {
  const pieces: Uint8Array[] = [];
  for (;;) {
    const into = new Uint8Array(size);
    const count = await reader.read(into);
    if (count === 0) return concat(pieces);
    pieces.push(into.slice(0, count!));
  }
}

/** A source of messages as a Reader is one: each ends by a 0. */
function messages(...payloads: readonly Uint8Array[]): ByteReader {
  const sources = payloads.map((payload) => new BytesReader(payload));
  return {
    read(into) {
      const count = sources[0]?.read(into) ?? 0;
      if (count === 0) sources.shift();
      return count;
    },
  };
}

/** A source that gives what the test says, when it says so. */
class HeldReader implements ByteReader {
  readonly reads: { readonly into: Uint8Array; readonly deferred: Deferred<number> }[] = [];

  read(into: Uint8Array): Promise<number> {
    const deferred = newDeferred<number>();
    this.reads.push({ into, deferred });
    return deferred.promise;
  }

  async give(bytes: Uint8Array): Promise<void> {
    const { into, deferred } = this.reads.shift()!;
    into.set(bytes);
    deferred.resolve(bytes.length);
    await microtasks();
  }
}

describe("FlateReader over zlib", () => {
  it("reads RFC 7692's examples, the second one by the window of the first (7.2.3.2)", async () => {
    const reader = new FlateReader(
      messages(hex("f2 48 cd c9 c9 07 00"), hex("f2 00 11 00 00"), hex("f2 00 11 00 00")),
      { engine: zlibEngine() },
    );
    for (let round = 0; round < 3; round++) expect(await readAll(reader)).toEqual(hello);
    reader.reset(new BytesReader(hex("f2 00 11 00 00")));
    expect(await failure(() => readAll(reader))).toMatchObject({ code: "INVALID_DEFLATE" });
    reader.reset(new BytesReader(hex("f2 48 cd c9 c9 07 00")));
    expect(await readAll(reader)).toEqual(hello);
    reader.close();
  });

  it.each(ways)("reads large messages, the %s way", async (way) => {
    const message = new Uint8Array(1024 ** 2).fill(7);
    const engine = zlibEngine({ way });
    const payload = await new Helper({ engine }).compress(message);
    const read = await readAll(new FlateReader(new BytesReader(payload), { engine }));
    expect([read.length, read.every((byte) => byte === 7)]).toEqual([message.length, true]);
  });

  it("gives a bomb piece by piece, and stops at its limit", async () => {
    const engine = zlibEngine({ sliceSize: 1024 });
    const bomb = await new Helper({ engine }).compress(new Uint8Array(300_000));
    const reader = new FlateReader(new BytesReader(bomb), { engine, maxMessageSize: 200_000 });
    const into = new Uint8Array(400_000);
    let size = 0;
    const error = await failure(async () => {
      for (;;) {
        const count = await reader.read(into);
        expect(count).toBeGreaterThan(0);
        expect(count).toBeLessThan(150_000);
        size += count;
      }
    });
    expect(error).toMatchObject({ code: "MESSAGE_TOO_BIG", limit: 200_000 });
    expect(size).toBeGreaterThan(50_000);
  });
});

describe.each(paces)("FlateReader of a stream that answers %s", (_, later) => {
  it.each(slices)("reads a message, however it is cut, %o", async (store) => {
    for (const pieces of cuts(twice)) {
      for (const [size, end] of [
        [1, 0],
        [3, null],
        [99, 0],
      ] as const) {
        const { reader } = newReader(new TestStream(pieces, { later, end }), store);
        expect(await readBy(reader, size)).toEqual(hello);
      }
    }
  });

  it("reads an empty payload as an empty message, and asks for no decompressor", async () => {
    const { reader, engine } = newReader(new TestStream([], { later }));
    expect(await readAll(reader)).toEqual(new Uint8Array(0));
    expect(engine.lines).toEqual([]);
  });

  it("skips any number of pieces without output", async () => {
    const { reader } = newReader(
      new TestStream(Array.from({ length: 20_000 }, () => hex("00 00 00 ff ff")).concat(stored), {
        later,
      }),
    );
    expect(await readAll(reader)).toEqual(hello);
  });

  it.each(slices)(
    "refuses a message beyond its limit, counted message by message, %o",
    async (store) => {
      const options = { maxMessageSize: 5 };
      const { reader } = newReader(new TestStream([twice], { later }), store, options);
      for (let round = 0; round < 3; round++) {
        expect(await readBy(reader, 2)).toEqual(hello);
        reader.reset(new TestStream([twice], { later }));
      }
      const long = hex("00 06 00 f9 ff 48 65 6c 6c 6f 21 00");
      reader.reset(new TestStream([long], { later }));
      expect(await failure(() => readAll(reader))).toMatchObject({
        code: "MESSAGE_TOO_BIG",
        limit: 5,
        actual: 6,
      });
    },
  );

  it("keeps an error, frees the decompressor, and begins anew by reset()", async () => {
    const { reader, engine } = newReader(new TestStream([hex("07")], { later }));
    const into = new Uint8Array(9);
    expect(reader.error).toBeUndefined();
    const error = await failure(() => reader.read(into));
    expect(error).toMatchObject({ code: "INVALID_DEFLATE", status: 1007 });
    expect([reader.error, engine.open]).toEqual([error, 0]);
    expect(await failure(() => reader.read(into))).toBe(error);
    reader.close();
    expect(await failure(() => reader.read(into))).toBe(error);
    reader.reset(new TestStream([stored], { later }));
    expect(reader.error).toBeUndefined();
    expect(await readAll(reader)).toEqual(hello);
  });

  it("keeps an error that is undefined", async () => {
    const source = new TestStream([hex("07")], { later });
    source.read = () => Promise.reject(undefined as unknown as Error);
    const { reader } = newReader(source);
    for (let reads = 0; reads < 2; reads++) {
      expect(await throws(() => reader.read(new Uint8Array(9)))).toBe(true);
    }
  });

  it("refuses a message that ends inside a block", async () => {
    for (let end = 1; end < stored.length; end++) {
      if (end === 1) continue;
      const { reader } = newReader(new TestStream([stored.slice(0, end)], { later }));
      expect(await failure(() => readAll(reader))).toMatchObject({ code: "INVALID_DEFLATE" });
    }
  });
});

describe("FlateReader.read()", () => {
  it.each(slices)("reads messages one after the other, with one window, %o", async (store) => {
    const payloads = [stored, Uint8Array.of(0), twice];
    const { reader, engine } = newReader(messages(...payloads), store);
    for (const expected of [hello, new Uint8Array(0), hello]) {
      expect(await readBy(reader, 4)).toEqual(expected);
    }
    for (let round = 0; round < 2; round++) expect(await readAll(reader)).toHaveLength(0);
    expect(engine.lines).toEqual(["inflater 15"]);
  });

  it("makes no promise if its source makes none", () => {
    const { reader } = newReader(new BytesReader(stored));
    const into = new Uint8Array(9);
    expect(plain(reader.read(into))).toBe(5);
    expect(into.subarray(0, 5)).toEqual(hello);
    into.fill(9);
    expect([plain(reader.read(into)), ...into]).toEqual([0, 9, 9, 9, 9, 9, 9, 9, 9, 9]);
  });

  it("gives 0 if there is no room, and reads nothing", () => {
    const source = new TestStream([stored]);
    const { reader } = newReader(source);
    expect([plain(reader.read(new Uint8Array(0))), source.asked]).toEqual([0, []]);
  });

  it("gives the output of a slice before it goes on", async () => {
    const payload = hex("00 02 00 fd ff 48 65 00 03 00 fc ff 6c 6c 6f 00");
    const { reader } = newReader(new BytesReader(payload), { slice: 7 }, { maxMessageSize: 2 });
    const into = new Uint8Array(9);
    expect(plain(reader.read(into))).toBe(2);
    expect(await failure(() => reader.read(into))).toMatchObject({ code: "MESSAGE_TOO_BIG" });
  });

  it.each([true, false])("keeps an error of its source, later or not: %s", async (isLater) => {
    const failing: ByteReader = {
      read() {
        if (isLater) return Promise.reject(broken);
        throw broken;
      },
    };
    const { reader } = newReader(failing);
    for (let round = 0; round < 2; round++) {
      expect(await failure(() => reader.read(new Uint8Array(9)))).toBe(broken);
    }
    expect(reader.error).toBe(broken);
    reader.reset(new BytesReader(stored));
    expect(await readAll(reader)).toEqual(hello);
  });
});

describe("FlateReader.reset()", () => {
  it("drops what was not read, and begins with an empty window", async () => {
    const { reader, engine } = newReader(new BytesReader(stored));
    await reader.read(new Uint8Array(2));
    reader.reset(new BytesReader(twice));
    expect(await readAll(reader)).toEqual(hello);
    expect(engine.lines).toEqual(["inflater 15", "reset 1"]);
  });

  it("drops slices that nobody waits for", async () => {
    const { reader, engine } = newReader(new BytesReader(twice), { slice: 6 });
    expect(await reader.read(new Uint8Array(1))).toBe(1);
    reader.reset(new BytesReader(stored));
    expect(await readAll(reader)).toEqual(hello);
    reader.reset(new BytesReader(stored));
    expect(engine.lines).toEqual(["inflater 15", "reset 1", "reset 1"]);
  });

  it("keeps its input buffer if no read waits for it", async () => {
    const buffers = new Set<ArrayBufferLike>();
    const noted = (): ByteReader => {
      const source = new BytesReader(stored);
      return {
        read(into) {
          buffers.add(into.buffer);
          return source.read(into);
        },
      };
    };
    const { reader } = newReader(noted());
    for (let round = 0; round < 3; round++) {
      expect(await readAll(reader)).toEqual(hello);
      reader.reset(noted());
    }
    expect(buffers.size).toBe(1);
  });

  it("fails a read that waits for its source, and does not use its buffer again", async () => {
    const old = new HeldReader();
    const { reader, engine } = newReader(old);
    const failed = failure(() => reader.read(new Uint8Array(9)));
    const source = new HeldReader();
    reader.reset(source);
    const into = new Uint8Array(9);
    const count = reader.read(into);
    expect(source.reads[0]!.into.buffer).not.toBe(old.reads[0]!.into.buffer);
    await old.give(hex("07 07 07"));
    expect(await failed).toEqual(meanwhile);
    await source.give(stored);
    expect([await count, toHex(into, 0, 5), reader.error]).toEqual([5, toHex(hello), undefined]);
    expect(engine.lines).toEqual(["inflater 15"]);
  });

  it("fails a read that waits for a slice, whose decompressor is freed when it wakes", async () => {
    const { reader, engine } = newReader(new BytesReader(twice), { slice: 4 });
    const failed = failure(() => reader.read(new Uint8Array(9)));
    reader.reset(new BytesReader(Uint8Array.of(0)));
    expect(plain(reader.read(new Uint8Array(9)))).toBe(0);
    reader.reset(new BytesReader(stored));
    const read = readAll(reader);
    expect(await failed).toEqual(meanwhile);
    expect(await read).toEqual(hello);
    expect(reader.error).toBeUndefined();
    expect(engine.lines).toEqual(["inflater 15", "inflater 15", "reset 2", "close 1"]);
    reader.reset(new BytesReader(stored));
    expect(engine.lines.slice(4)).toEqual(["reset 2"]);
  });
});

describe("FlateReader.close()", () => {
  it("frees the decompressor, and makes a new one when needed", async () => {
    const source = new TestStream([stored]);
    const { reader, engine } = newReader(source);
    reader.close();
    expect(await reader.read(new Uint8Array(9))).toBe(5);
    reader.close();
    reader.close();
    expect([engine.open, source.closes]).toEqual([0, 0]);
    expect([await reader.read(new Uint8Array(9)), engine.open]).toEqual([0, 0]);
    reader.reset(new BytesReader(stored));
    expect(await readAll(reader)).toEqual(hello);
    expect(engine.open).toBe(1);
  });

  it.each<[string, StoreOptions]>([
    ["its source", {}],
    ["a slice", { slice: 1 }],
  ])("fails a read that waits for %s", async (_, store) => {
    const source = new HeldReader();
    const { reader, engine } = newReader(source, store);
    const failed = failure(() => reader.read(new Uint8Array(9)));
    if (store.slice === undefined) {
      reader.close();
      await source.give(stored);
    } else {
      const { into, deferred } = source.reads.shift()!;
      into.set(stored);
      deferred.resolve(stored.length);
      while (engine.lines.length === 0) await microtasks(1);
      reader.close();
    }
    expect(await failed).toEqual(meanwhile);
    expect([engine.open, reader.error]).toEqual([0, undefined]);
  });
});

describe("FlateReader behind a Reader", () => {
  it("reads compressed messages, and leaves the others to the Reader", async () => {
    const state = new MessageState();
    const wire = concat([
      frame(1, stored.slice(0, 4), { rsv: 4, fin: false }),
      ping("p"),
      continuation(stored.slice(4)),
      text("plain"),
      frame(1, twice, { rsv: 4 }),
    ]);
    const reader = new Reader(new BytesReader(wire), StateClientSide | StateExtended, {
      extensions: [state],
    });
    const flate = newReader(reader).reader;
    const messages: [boolean, string][] = [];
    while (await reader.nextFrame()) {
      const bytes = await readAll(state.isCompressed ? flate : reader);
      messages.push([state.isCompressed, new TextDecoder().decode(bytes)]);
    }
    expect(messages).toEqual([
      [true, "Hello"],
      [false, "plain"],
      [true, "Hello"],
    ]);
  });
});

describe("new FlateReader()", () => {
  it("makes a decompressor with its options, at its first use", async () => {
    const { reader, engine } = newReader(new BytesReader(stored), {}, { windowBits: 8 });
    expect(engine.lines).toEqual([]);
    await readAll(reader);
    expect(engine.lines).toEqual(["inflater 8"]);
  });

  it.each([0, Infinity])("sets no limit if it is %s", async (maxMessageSize) => {
    const { reader } = newReader(new BytesReader(stored), {}, { maxMessageSize });
    expect(await readAll(reader)).toEqual(hello);
  });

  it("stops at 16 MiB by default", async () => {
    const block = new Uint8Array(5 + 65_535);
    block.set(hex("00 ff ff 00 00"));
    const source: ByteReader = new TestStream(Array.from({ length: 257 }, () => block));
    const { reader } = newReader(source);
    const read = (): Promise<unknown> => readAll(reader, { maxSize: Infinity });
    expect(await failure(read)).toMatchObject({
      code: "MESSAGE_TOO_BIG",
      limit: 16 * 1024 ** 2,
    });
  });

  it.each([
    ["windowBits", 7],
    ["windowBits", 16],
    ["maxMessageSize", -1],
    ["maxMessageSize", 0.5],
  ])("refuses a %s of %s", (name, value) => {
    const make = (): unknown => newReader(new BytesReader(stored), {}, { [name]: value });
    expect(make).toThrow(RangeError);
    expect(make).toThrow(`${name} must be a whole number`);
  });
});
