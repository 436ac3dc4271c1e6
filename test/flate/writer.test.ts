import { describe, expect, it } from "vitest";
import { zlibEngine } from "../../adapters/zlib/engine.ts";
import { concat, encodeUtf8 } from "../../src/bytes.ts";
import { MessageState } from "../../src/flate/message.ts";
import { FlateReader } from "../../src/flate/reader.ts";
import { FlateWriter, type FlateWriterOptions } from "../../src/flate/writer.ts";
import { StateClientSide, StateExtended, StateServerSide } from "../../src/frame/check.ts";
import { OpText } from "../../src/frame/opcode.ts";
import type { ByteWriter } from "../../src/io/byte-stream.ts";
import { BytesReader, readAll } from "../../src/io/full.ts";
import { Reader } from "../../src/stream/reader.ts";
import { Writer } from "../../src/stream/writer.ts";
import { cuts } from "../support/cuts.ts";
import { zlibInflate } from "../support/flate.ts";
import { counted, frame, hex, toHex } from "../support/frames.ts";
import {
  failure,
  HeldWriter,
  microtasks,
  paces,
  plain,
  TestStream,
  throws,
} from "../support/streams.ts";
import { StoreEngine, type StoreOptions } from "./store-engine.ts";

const hello = encodeUtf8("Hello");
/** RFC 7692, 7.2.3.3: "Hello" stored. */
const stored = hex("00 05 00 fa ff 48 65 6c 6c 6f 00");
const noBytes = new Uint8Array(0);
const broken = new Error("broken");

const slices: StoreOptions[] = [{}, { slice: 1 }, { slice: 3 }];

function newWriter(
  dest: ByteWriter,
  store: StoreOptions = {},
  options: Partial<FlateWriterOptions> = {},
): { readonly writer: FlateWriter; readonly engine: StoreEngine } {
  const engine = new StoreEngine(store);
  return { writer: new FlateWriter(dest, { engine, ...options }), engine };
}

/** A stream one of whose writes fails, at once or later: the first one, or that after so many. */
function failing(isLater: boolean, after = 0): ByteWriter {
  let left = after;
  return {
    write(from) {
      if (left-- !== 0) return from.length;
      if (isLater) return Promise.reject(broken);
      throw broken;
    },
  };
}

describe("FlateWriter over zlib", () => {
  it("writes RFC 7692's examples of two messages, with and without the window (7.2.3.2)", async () => {
    const stream = new TestStream();
    const writer = new FlateWriter(stream, { engine: zlibEngine() });
    const flushed: string[] = [];
    const send = async (): Promise<void> => {
      stream.writes.length = 0;
      await writer.write(hello);
      await writer.end();
      flushed.push(toHex(stream.written));
    };
    await send();
    await send();
    writer.reset(stream);
    await send();
    expect(flushed).toEqual(["f248cdc9c90700", "f200110000", "f248cdc9c90700"]);
    await writer.close();
  });
});

describe.each(paces)("FlateWriter to a stream that answers %s", (_, later) => {
  it.each(slices)("compresses messages, however they are cut, %o", async (store) => {
    for (const pieces of cuts(counted(9))) {
      const stream = new TestStream([], { later, most: 4 });
      const { writer } = newWriter(stream, store);
      for (const piece of pieces) expect(await writer.write(piece)).toBe(piece.length);
      await writer.flush();
      expect(toHex(stream.written)).toBe("000700f8ff0001020304050600" + "0200fdff070800");
      await writer.end();
      await writer.write(hello);
      await writer.flush();
      expect(stream.written.slice(-stored.length)).toEqual(stored);
    }
  });

  it.each(slices)("does calls that are not awaited in their order, %o", async (store) => {
    const stream = new TestStream([], { later });
    const { writer, engine } = newWriter(stream, store);
    const counts = [writer.write(hello.slice(0, 2)), writer.write(hello.slice(2)), writer.end()];
    const next = [writer.write(noBytes), writer.flush(), writer.close()];
    expect(await Promise.all([...counts, ...next])).toEqual([
      2,
      3,
      undefined,
      0,
      undefined,
      undefined,
    ]);
    expect(stream.written).toEqual(concat([stored, Uint8Array.of(0)]));
    expect(engine.open).toBe(0);
  });

  it("ends the message and frees the compressor when it is closed", async () => {
    const stream = new TestStream([], { later });
    const { writer, engine } = newWriter(stream, { slice: 2 });
    for (let round = 0; round < 2; round++) {
      await writer.write(hello);
      await writer.close();
      await writer.close();
    }
    expect(stream.written).toEqual(concat([stored, stored]));
    expect(engine.lines).toEqual(["deflater 15 6 8", "close 1", "deflater 15 6 8", "close 2"]);
    expect(stream.closes).toBe(0);
  });
});

describe("FlateWriter.write()", () => {
  it("makes no promise, nor do flush() and close(), if the stream is fast", () => {
    const stream = new TestStream();
    const { writer } = newWriter(stream);
    expect(plain(writer.write(hello))).toBe(5);
    expect(plain(writer.flush())).toBeUndefined();
    expect(plain(writer.close())).toBeUndefined();
    expect(stream.written).toEqual(stored);
  });

  it("makes no promise again once a slow write is done", async () => {
    let isFirst = true;
    const { writer } = newWriter({
      write({ length }) {
        const answer = isFirst ? Promise.resolve(length) : length;
        isFirst = false;
        return answer;
      },
    });
    expect(await writer.write(counted(7))).toBe(7);
    expect(plain(writer.write(counted(7)))).toBe(7);
  });

  it("passes on nothing while the compressor holds it back", () => {
    const stream = new TestStream();
    plain(newWriter(stream).writer.write(hello));
    expect(stream.writes).toEqual([]);
  });

  it("waits for the stream before it goes on compressing", async () => {
    const stream = new HeldWriter();
    const { writer } = newWriter(stream);
    const written = [writer.write(counted(7)), writer.write(counted(14)), writer.flush()];
    await microtasks();
    expect(stream.held).toBe(1);
    for (let round = 0; round < 3; round++) await stream.release();
    expect(await Promise.all(written)).toEqual([7, 14, undefined]);
    expect(stream.written.map(({ length }) => length)).toEqual([12, 24, 1]);
    expect(toHex(stream.written[0]!)).toBe("000700f8ff00010203040506");
  });
});

/** Reads one message through zlib. */
async function inflated(wire: Uint8Array): Promise<Uint8Array> {
  const reader = new FlateReader(new BytesReader(wire), { engine: zlibEngine() });
  return readAll(reader);
}

describe.each(slices)("FlateWriter.flush() in the middle of a message, %o", (store) => {
  it("passes on what was written, and leaves the message open, as gobwas's Flush does", async () => {
    for (const engine of [zlibEngine({ sliceSize: 8 }), new StoreEngine(store)]) {
      const stream = new TestStream();
      const writer = new FlateWriter(stream, { engine });
      let whole: Uint8Array = noBytes;
      for (let round = 0; round < 3; round++) {
        const piece = counted(30).subarray(round * 10, round * 10 + 10);
        await writer.write(piece);
        await writer.flush();
        await writer.flush();
        whole = concat([whole, piece]);
        // At each flush it is a whole message.
        expect(await inflated(stream.written)).toEqual(whole);
      }
      await writer.close();
      expect(await inflated(stream.written)).toEqual(whole);
    }
  });

  it("continues a Writer's message until it is flushed, and then begins another one", async () => {
    const stream = new TestStream();
    const state = new MessageState();
    state.setCompressed(true);
    const writer = new Writer(stream, StateServerSide, OpText, { extensions: [state] });
    const flate = new FlateWriter(writer, { engine: zlibEngine() });
    for (let message = 0; message < 3; message++) {
      for (const piece of [hello.subarray(0, 2), noBytes, hello.subarray(2)]) {
        await flate.write(piece);
        await flate.flush();
        await writer.flushFragment();
      }
      await writer.flush();
    }
    const received = new MessageState();
    const reader = new Reader(new BytesReader(stream.written), StateClientSide | StateExtended, {
      extensions: [received],
    });
    const inflating = new FlateReader(reader, { engine: zlibEngine() });
    const seen: string[] = [];
    while ((await reader.nextFrame()) !== undefined) {
      seen.push(new TextDecoder().decode(await readAll(inflating)));
    }
    expect(seen).toEqual(["Hello", "Hello", "Hello"]);
  });

  it("takes its turn even if calls are not awaited", async () => {
    const stream = new TestStream([], { later: () => true, most: 3 });
    const { writer } = newWriter(stream, store);
    const acts = [writer.write(hello), writer.flush(), writer.write(hello), writer.flush()];
    await Promise.all(acts);
    expect(await inflated(stream.written)).toEqual(concat([hello, hello]));
  });
});

describe("FlateWriter.end()", () => {
  it("begins another message with the window of earlier ones, after flush() or by itself", async () => {
    const stream = new TestStream();
    const writer = new FlateWriter(stream, { engine: zlibEngine() });
    const messages: string[] = [];
    for (const flushes of [false, true, false]) {
      stream.writes.length = 0;
      await writer.write(hello);
      if (flushes) await writer.flush();
      await writer.end();
      await writer.end();
      messages.push(toHex(stream.written));
    }
    expect(messages.slice(0, 2)).toEqual(["f248cdc9c90700", "f200110000"]);
    expect(toHex(zlibInflate(messages.map(hex)))).toBe(toHex(concat([hello, hello, hello])));
    await writer.close();
  });
});

describe("FlateWriter.readFrom()", () => {
  it.each([0, 1, 40_000])("adds all %i bytes of a reader, and begins a message", async (length) => {
    const stream = new TestStream();
    const writer = new FlateWriter(stream, { engine: zlibEngine() });
    const source = new TestStream([counted(length)], { end: null });
    expect(await writer.readFrom(source)).toBe(length);
    await writer.flush();
    expect(stream.written.length).toBeGreaterThan(0);
    expect(await inflated(stream.written)).toEqual(counted(length));
  });
});

describe("FlateWriter.flush()", () => {
  it("waits for earlier calls that wait", async () => {
    const stream = new HeldWriter();
    const { writer } = newWriter(stream);
    const block = hex("00 07 00 f8 ff 00 01 02 03 04 05 06");
    const first = [writer.write(counted(7)), writer.write(counted(7))];
    await stream.release();
    const last = [writer.write(hello), writer.flush()];
    for (let round = 0; round < 2; round++) await stream.release();
    expect(await Promise.all([...first, ...last])).toEqual([7, 7, 5, undefined]);
    expect(stream.written).toEqual([block, block, stored]);
  });

  it("does nothing if no message has begun", async () => {
    const stream = new TestStream();
    const { writer, engine } = newWriter(stream);
    await writer.flush();
    await writer.close();
    expect([stream.writes, engine.lines]).toEqual([[], []]);
    await writer.write(hello);
    await writer.flush();
    await writer.flush();
    expect(stream.written).toEqual(stored);
  });

  it("ends an empty message with a byte 00 if one was begun (RFC 7692, 7.2.3.6)", async () => {
    const stream = new TestStream();
    const { writer } = newWriter(stream);
    await writer.write(noBytes);
    await writer.flush();
    expect(stream.written).toEqual(Uint8Array.of(0));
  });
});

describe.each([
  ["at once", false],
  ["later", true],
])("FlateWriter to a stream that fails %s", (_, isLater) => {
  it("keeps an error that is undefined", async () => {
    const nothing = undefined as unknown as Error;
    const { writer } = newWriter({
      write() {
        if (isLater) return Promise.reject(nothing);
        throw nothing;
      },
    });
    await writer.write(hello);
    for (const act of [() => writer.flush(), () => writer.write(hello), () => writer.flush()]) {
      expect(await throws(act)).toBe(true);
    }
  });

  it("keeps the error, frees the compressor, and begins anew by reset()", async () => {
    const { writer, engine } = newWriter(failing(isLater));
    await writer.write(hello);
    expect(writer.error).toBeUndefined();
    expect(await failure(() => writer.flush())).toBe(broken);
    expect([writer.error, engine.open]).toEqual([broken, 0]);
    for (const act of [() => writer.write(hello), () => writer.flush(), () => writer.close()]) {
      expect(await failure(act)).toBe(broken);
    }
    const stream = new TestStream();
    writer.reset(stream);
    expect(writer.error).toBeUndefined();
    await writer.write(hello);
    await writer.close();
    expect([stream.written, engine.open]).toEqual([stored, 0]);
  });

  it("throws the error to calls that wait", async () => {
    const { writer } = newWriter(failing(isLater, 1), { slice: 4 });
    const calls = [writer.write(counted(20)), writer.write(counted(20)), writer.close()];
    expect(await Promise.all(calls.map((call) => failure(() => call)))).toEqual([
      undefined,
      broken,
      broken,
    ]);
  });

  it("throws at the next call, and only there, if the failed call was not awaited", async () => {
    const { writer } = newWriter(failing(isLater), { slice: 4 });
    void writer.write(counted(20));
    await microtasks();
    expect(await failure(() => writer.write(hello))).toBe(broken);
  });
});

describe("FlateWriter.close()", () => {
  it("frees the compressor once the stream has taken all", async () => {
    const stream = new HeldWriter();
    const { writer, engine } = newWriter(stream);
    await writer.write(hello);
    const closed = writer.close();
    expect(engine.open).toBe(1);
    await stream.release();
    await closed;
    expect([engine.open, stream.written]).toEqual([0, [stored]]);
  });
});

const wasReset = new TypeError("The writer was reset: what it had not written was dropped");

describe("FlateWriter.reset()", () => {
  it("begins with an empty window, and drops what was not passed on", async () => {
    const stream = new TestStream();
    const { writer, engine } = newWriter(new TestStream());
    await writer.write(counted(3));
    writer.reset(stream);
    await writer.flush();
    expect(stream.writes).toEqual([]);
    await writer.write(hello);
    await writer.flush();
    expect(stream.written).toEqual(stored);
    expect(engine.lines).toEqual(["deflater 15 6 8", "reset 1"]);
  });

  it("keeps its buffer if nothing is under way", async () => {
    const buffers = new Set<ArrayBufferLike>();
    const stream: ByteWriter = {
      write(from) {
        buffers.add(from.buffer);
        return from.length;
      },
    };
    const { writer } = newWriter(stream);
    for (let round = 0; round < 3; round++) {
      await writer.write(counted(7));
      writer.reset(stream);
    }
    expect(buffers.size).toBe(1);
  });

  it("does not change what the old stream was lent, and drops calls that wait", async () => {
    const old = new HeldWriter();
    const { writer, engine } = newWriter(old);
    const calls = [writer.write(counted(7)), writer.write(counted(7)), writer.close()];
    const dropped = calls.slice(1).map((call) => failure(() => call));
    const stream = new TestStream();
    writer.reset(stream);
    await writer.write(encodeUtf8("0123456789"));
    await old.release();
    expect(await calls[0]).toBe(7);
    expect(await Promise.all(dropped)).toEqual([wasReset, wasReset]);
    expect(old.written.map((bytes) => toHex(bytes))).toEqual(["000700f8ff00010203040506"]);
    await writer.flush();
    expect(toHex(stream.written)).toBe("000700f8ff30313233343536" + "000300fcff37383900");
    expect(engine.lines).toEqual(["deflater 15 6 8", "reset 1"]);
  });

  it("does not stop a compressor at work, which is freed when it is done", async () => {
    const old = new TestStream();
    const { writer, engine } = newWriter(old, { slice: 7 });
    const dropped = failure(() => writer.write(counted(21)));
    const stream = new TestStream();
    writer.reset(stream);
    await writer.write(hello);
    await writer.flush();
    expect([await dropped, old.writes]).toEqual([wasReset, []]);
    expect(stream.written).toEqual(stored);
    expect(engine.lines).toEqual(["deflater 15 6 8", "deflater 15 6 8", "close 1"]);
    for (let round = 0; round < 2; round++) writer.reset(stream);
    await writer.write(counted(21));
    writer.reset(stream);
    expect(engine.lines.slice(3)).toEqual(["reset 2", "reset 2", "reset 2"]);
  });

  it("may be called twice while a compressor is at work", async () => {
    const { writer, engine } = newWriter(new TestStream(), { slice: 2 });
    const dropped = failure(() => writer.write(hello));
    for (let round = 0; round < 2; round++) {
      writer.reset(new TestStream());
      await writer.write(Uint8Array.of(1));
    }
    expect(await dropped).toEqual(wasReset);
    await writer.close();
    expect([engine.open, engine.lines.length]).toEqual([0, 5]);
  });

  it("is not undone by a close() or an error from before", async () => {
    const old = new HeldWriter();
    const { writer, engine } = newWriter(old);
    await writer.write(hello);
    const closed = writer.close();
    const stream = new TestStream();
    writer.reset(stream);
    await old.release();
    await closed;
    await writer.write(hello);
    expect(engine.lines).toEqual(["deflater 15 6 8", "reset 1"]);
    const failed = new HeldWriter();
    writer.reset(failed);
    await writer.write(hello);
    const flushed = failure(() => writer.flush());
    writer.reset(stream);
    await failed.fail(broken);
    expect([await flushed, writer.error]).toEqual([broken, undefined]);
    await writer.write(hello);
    await writer.close();
    expect([stream.written, engine.open]).toEqual([stored, 0]);
  });
});

describe("FlateWriter in front of a Writer", () => {
  it("makes compressed frames, with MessageState for their bit", async () => {
    const stream = new TestStream();
    const state = new MessageState();
    const writer = new Writer(stream, StateServerSide, OpText, { extensions: [state], size: 8 });
    const flate = newWriter(writer).writer;
    state.setCompressed(true);
    await flate.write(hello);
    await flate.flush();
    await writer.flush();
    expect(stream.written).toEqual(concat([frame(1, stored, { rsv: 4, fin: false }), frame(0)]));
  });
});

describe("new FlateWriter()", () => {
  it("makes a compressor with its options, at its first use", async () => {
    const { writer, engine } = newWriter(
      new TestStream(),
      {},
      { windowBits: 8, level: 0, memLevel: 1 },
    );
    expect(engine.lines).toEqual([]);
    await writer.write(hello);
    expect(engine.lines).toEqual(["deflater 8 0 1"]);
  });

  it.each([
    ["windowBits", 7],
    ["windowBits", 16],
    ["level", 9.5],
    ["level", 10],
    ["memLevel", 0],
    ["memLevel", NaN],
  ])("refuses a %s of %s", (name, value) => {
    const make = (): unknown => newWriter(new TestStream(), {}, { [name]: value });
    expect(make).toThrow(RangeError);
    expect(make).toThrow(`${name} must be a whole number`);
  });
});
