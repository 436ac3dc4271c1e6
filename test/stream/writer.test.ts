import { describe, expect, it } from "vitest";
import { concat } from "../../src/bytes.ts";
import type { SendExtension, Transform } from "../../src/extension/extension.ts";
import { type State, StateClientSide, StateServerSide } from "../../src/frame/check.ts";
import { FrameDecoder } from "../../src/frame/decoder.ts";
import { OpBinary, OpContinuation, OpText } from "../../src/frame/opcode.ts";
import type { ByteWriter } from "../../src/io/byte-stream.ts";
import { DefaultWriteBuffer, Writer, type WriterOptions } from "../../src/stream/writer.ts";
import { binary, continuation, counted, hex, text, toHex } from "../support/frames.ts";
import { resizable } from "../support/byte-memories.ts";
import {
  failure,
  HeldWriter,
  microtasks,
  paces,
  plain,
  TestStream,
  throws,
} from "../support/streams.ts";
import {
  openSessions,
  ShiftExtension,
  type ShiftOptions,
  shifted,
} from "../support/shift-extension.ts";
import { FrameTrace } from "../support/trace.ts";

const more = { fin: false };

/** A server's Writer of binary, and the stream that it writes to. */
function server(options?: WriterOptions): { writer: Writer; stream: TestStream } {
  const stream = new TestStream();
  return { writer: new Writer(stream, StateServerSide, OpBinary, options), stream };
}

/** Frames in lines, whatever their masks. */
function linesOf(...wires: readonly Uint8Array[]): string[] {
  const trace = new FrameTrace();
  new FrameDecoder(trace).feed(concat(wires));
  return trace.lines.map((line) => line.replace(/mask [0-9a-f]{8}/, "masked"));
}

/** Lets all writes leave. */
async function releaseAll(stream: HeldWriter): Promise<void> {
  while (stream.held > 0) await stream.release();
}

describe("Writer.write()", () => {
  it("sends data that does not fit into an empty buffer as one fragment, as gobwas's hello world", async () => {
    const { writer, stream } = server({ size: 4 });
    writer.resetOp(OpText);
    expect(plain(writer.write(new TextEncoder().encode("hello world")))).toBe(11);
    expect(toHex(stream.written)).toBe("010b68656c6c6f20776f726c64");
    expect(plain(writer.flush())).toBeUndefined();
    expect(toHex(stream.written, 13)).toBe("8000");
  });

  it("sends nothing before more comes than fits, so that an exactly full buffer is one frame", async () => {
    const { writer, stream } = server({ size: 4 });
    writer.resetOp(OpText);
    await writer.write(hex("61 62"));
    await writer.write(hex("63 64"));
    expect([stream.writes, writer.buffered, writer.available]).toEqual([[], 4, 0]);
    await writer.flush();
    expect(stream.writes).toEqual([hex("81 04 61 62 63 64")]);
  });

  it("fills the buffer first, then sends what is left as one fragment, or gathers it", async () => {
    const { writer, stream } = server({ size: 4 });
    await writer.write(hex("01"));
    await writer.write(counted(10));
    await writer.write(hex("02"));
    await writer.write(hex("03 04 05 06"));
    await writer.flush();
    expect(stream.writes).toEqual([
      binary(hex("01 00 01 02"), more),
      continuation(hex("03 04 05 06 07 08 09"), more),
      continuation(hex("02 03 04 05"), more),
      continuation(hex("06")),
    ]);
  });

  it("begins a message even with an empty array", async () => {
    const { writer, stream } = server();
    await writer.write(new Uint8Array(0));
    expect(stream.writes).toEqual([]);
    await writer.flush();
    await writer.flush();
    expect(stream.writes).toEqual([binary()]);
  });

  it("leaves the given bytes as they are", async () => {
    for (const size of [1, 300]) {
      const bytes = counted(200);
      const writer = new Writer(new TestStream(), StateClientSide, OpBinary, { size });
      await writer.write(bytes);
      await writer.flush();
      expect(bytes).toEqual(counted(200));
    }
  });

  it.each([StateServerSide, StateClientSide])("writes a frame at once: side %i", async (state) => {
    for (const size of [1, 125, 126, 65_535, 65_536]) {
      const stream = new TestStream();
      const writer = new Writer(stream, state, OpBinary, { size });
      expect(writer.size).toBe(size);
      for (let message = 0; message < 2; message++) {
        await writer.write(counted(size));
        await writer.flush();
      }
      expect(stream.writes).toHaveLength(2);
      const masked = state === StateClientSide;
      expect(linesOf(stream.written)).toEqual(
        linesOf(binary(counted(size), { masked }), binary(counted(size), { masked })),
      );
    }
  });

  it("masks each frame of a client with a key of its own", async () => {
    const stream = new TestStream();
    const writer = new Writer(stream, StateClientSide, OpBinary, { size: 1 });
    for (let i = 0; i < 3; i++) await writer.write(counted(1));
    await writer.flush();
    const keys = stream.writes.map((wire) => toHex(wire, 2, 6));
    expect(new Set(keys).size).toBe(3);
  });
});

describe.each(paces)("Writer to a stream that answers %s", (_, later) => {
  it.each([1, 3, Infinity])("writes the same, %d bytes at a time", async (most) => {
    const stream = new TestStream([], { later, most });
    const writer = new Writer(stream, StateServerSide, OpBinary, { size: 4 });
    const all = [
      writer.write(counted(3)),
      writer.write(counted(9)),
      writer.flushFragment(),
      writer.writeThrough(counted(7)),
      writer.flush(),
      writer.write(counted(2)),
      writer.flush(),
    ];
    expect(await Promise.all(all)).toEqual([3, 9, undefined, 7, undefined, 2, undefined]);
    expect(stream.written).toEqual(
      concat([
        binary(hex("00 01 02 00"), more),
        continuation(counted(9).slice(1), more),
        continuation(counted(7), more),
        continuation(),
        binary(counted(2)),
      ]),
    );
  });

  it("sends a large fragment in one write", async () => {
    const stream = new TestStream([], { later });
    const writer = new Writer(stream, StateServerSide, OpBinary);
    const payload = counted(70_000);
    expect(await writer.write(payload)).toBe(70_000);
    await writer.flush();
    expect(stream.writes.map((bytes) => bytes.length)).toEqual([70_010, 2]);
    expect(linesOf(stream.written)).toEqual(linesOf(binary(payload, more), continuation()));
  });
});

describe("Writer to a stream that answers later once", () => {
  it("makes no promise when that is done", async () => {
    const stream = new TestStream([], { later: (call) => call === 0 });
    const writer = new Writer(stream, StateServerSide, OpBinary, { size: 1 });
    await writer.write(counted(2));
    expect([plain(writer.write(counted(2))), plain(writer.flush())]).toEqual([2, undefined]);
  });
});

describe("Writer with calls that are not awaited", () => {
  it("has one write under way, even when a call comes while another has waited", async () => {
    const stream = new HeldWriter();
    const writer = new Writer(stream, StateServerSide, OpBinary, { size: 1 });
    void writer.write(counted(2));
    void writer.write(counted(3));
    await stream.release();
    void writer.write(counted(4));
    void writer.flush();
    expect(stream.held).toBe(1);
    await releaseAll(stream);
    expect(stream.written).toEqual([
      binary(counted(2), more),
      continuation(counted(3), more),
      continuation(counted(4), more),
      continuation(),
    ]);
  });
});

describe("Writer.writeThrough()", () => {
  it("refuses a buffer that is not empty, and harms nothing", async () => {
    const { writer, stream } = server();
    await writer.write(hex("01"));
    expect(() => writer.writeThrough(hex("02"))).toThrow(TypeError);
    await writer.flush();
    expect(stream.writes).toEqual([binary(hex("01"))]);
  });

  it("does not harm later calls if it is refused later", async () => {
    const stream = new HeldWriter();
    const writer = new Writer(stream, StateServerSide, OpBinary, { size: 2 });
    void writer.write(counted(3));
    const refused = [writer.write(hex("07")), writer.writeThrough(hex("08")), writer.flush()];
    const outcomes = Promise.allSettled(refused);
    await releaseAll(stream);
    expect((await outcomes).map(({ status }) => status)).toEqual([
      "fulfilled",
      "rejected",
      "fulfilled",
    ]);
    expect(stream.written).toEqual([binary(counted(3), more), continuation(hex("07"))]);
  });
});

describe("Writer.flushFragment()", () => {
  it("sends what is gathered, and nothing if nothing is gathered", async () => {
    const { writer, stream } = server();
    await writer.flushFragment();
    await writer.write(hex("01"));
    await writer.flushFragment();
    await writer.flushFragment();
    await writer.write(new Uint8Array(0));
    await writer.flushFragment();
    await writer.flush();
    expect(stream.writes).toEqual([binary(hex("01"), more), continuation()]);
  });
});

describe("Writer.flush()", () => {
  it("does nothing if no message has begun", async () => {
    const { writer, stream } = server();
    await writer.flush();
    expect(stream.writes).toEqual([]);
  });
});

describe("Writer.grow()", () => {
  it.each([StateServerSide, StateClientSide])("keeps what is gathered: side %i", async (state) => {
    for (const size of [0, 3, 4, 200, 70_000]) {
      const stream = new TestStream();
      const writer = new Writer(stream, state, OpBinary, { size: 5 });
      await writer.write(counted(2));
      writer.grow(size);
      expect(writer.available).toBeGreaterThanOrEqual(size);
      expect(writer.size).toBe(size <= 3 ? 5 : Math.max(10, 2 + size));
      await writer.write(counted(size));
      await writer.flush();
      const masked = state === StateClientSide;
      expect(stream.writes).toHaveLength(1);
      expect(linesOf(stream.written)).toEqual(
        linesOf(binary(concat([counted(2), counted(size)]), { masked })),
      );
    }
  });
});

describe("Writer.disableFlush()", () => {
  it("makes one frame of each message", async () => {
    const { writer, stream } = server({ size: 2 });
    writer.disableFlush();
    for (const size of [1, 5, 300]) {
      for (let at = 0; at < size; at += 3) await writer.write(counted(Math.min(3, size - at)));
      expect(stream.writes).toEqual([]);
      await writer.flush();
      expect(stream.writes.splice(0)).toHaveLength(1);
    }
  });

  it("is ended by reset()", async () => {
    const { writer, stream } = server({ size: 2 });
    writer.disableFlush();
    writer.reset(stream, StateServerSide, OpBinary);
    await writer.write(counted(3));
    expect(stream.writes).toHaveLength(1);
  });
});

describe("a buffer that has grown by disableFlush()", () => {
  it("is dropped after a message of more than 64 KiB, and kept after a smaller one", async () => {
    const { writer, stream } = server({ size: 10 });
    writer.disableFlush();
    for (const [length, size] of [
      [40_000, 40_000],
      [70_000, 10],
      [5, 10],
    ] as const) {
      await writer.write(counted(length));
      await writer.flush();
      expect(writer.size).toBe(size);
      expect(linesOf(stream.written)).toEqual(linesOf(binary(counted(length))));
      stream.writes.length = 0;
    }
  });

  it("is never smaller than grow() has made it, nor than it was given", async () => {
    const { writer } = server({ size: 100_000 });
    writer.disableFlush();
    await writer.write(counted(150_000));
    await writer.flush();
    expect(writer.size).toBe(100_000);
    writer.grow(180_000);
    await writer.write(counted(300_000));
    await writer.flush();
    expect(writer.size).toBe(200_000);
  });

  it("does not change what a slow stream was lent", async () => {
    const stream = new HeldWriter();
    const writer = new Writer(stream, StateServerSide, OpBinary, { size: 10 });
    writer.disableFlush();
    void writer.write(counted(70_000));
    void writer.flush();
    void writer.write(counted(7));
    void writer.flush();
    await stream.release();
    await stream.release();
    expect(linesOf(concat(stream.written))).toEqual(
      linesOf(binary(counted(70_000)), binary(counted(7))),
    );
  });
});

describe("Writer.isInMessage", () => {
  it("says whether something was written since the last flush(), whatever waits", async () => {
    const stream = new HeldWriter();
    const writer = new Writer(stream, StateServerSide, OpBinary, { size: 1 });
    const seen = [writer.isInMessage];
    const acts: (() => unknown)[] = [
      () => writer.write(counted(0)),
      () => writer.flush(),
      () => writer.writeThrough(counted(3)),
      () => writer.flushFragment(),
      () => {
        writer.resetOp(OpText);
      },
      () => writer.write(counted(3)),
      () => {
        writer.reset(stream, StateServerSide, OpBinary);
      },
    ];
    for (const act of acts) {
      void act();
      seen.push(writer.isInMessage);
    }
    expect(seen).toEqual([false, true, false, true, true, false, true, false]);
  });
});

describe("Writer.readFrom()", () => {
  it("begins a message if the reader gives nothing, as gobwas does", async () => {
    const { writer, stream } = server();
    expect(await writer.readFrom(new TestStream())).toBe(0);
    await writer.flush();
    expect(toHex(stream.written)).toBe("8200");
  });

  it.each([0, 1, 512, 513, 5000])("adds all %i bytes of a reader", async (length) => {
    for (const [, later] of paces) {
      const { writer, stream } = server({ size: 512 });
      const reader = new TestStream([counted(length).slice(0, 300), counted(length).slice(300)], {
        later,
        end: null,
      });
      expect(await writer.readFrom(reader)).toBe(length);
      await writer.flush();
      const payloads = linesOf(stream.written).filter((line) => /^[0-9a-f]+$/.test(line));
      expect(payloads.join("")).toBe(toHex(counted(length)));
    }
  });

  it("reads pieces of 512 bytes to 64 KiB", async () => {
    const asked: number[] = [];
    for (const size of [1, 1000, 100_000]) {
      const reader = new TestStream();
      await server({ size }).writer.readFrom(reader);
      asked.push(...reader.asked);
    }
    expect(asked).toEqual([512, 1000, 65_536]);
  });
});

describe("Writer.setExtensions()", () => {
  it("asks each about every header, in order, until it is set anew or reset", async () => {
    const seen: number[] = [];
    const extension = (bit: number) => ({
      setBits(header: { rsv: number }) {
        seen.push(header.rsv);
        header.rsv |= bit;
      },
    });
    const { writer, stream } = server({ size: 1, extensions: [extension(4), extension(1)] });
    await writer.write(counted(2));
    await writer.flush();
    writer.setExtensions(extension(2));
    await writer.write(counted(1));
    await writer.flush();
    writer.reset(stream, StateServerSide, OpBinary);
    await writer.write(counted(1));
    await writer.flush();
    expect(stream.writes.map((bytes) => toHex(bytes, 0, 1))).toEqual(["52", "d0", "a2", "82"]);
    expect(seen).toEqual([0, 4, 0, 4, 0]);
  });
});

describe("Writer.setExtensions() inside a message", () => {
  const marking: SendExtension = {
    setBits(header) {
      if (header.opcode !== OpContinuation) header.rsv = 4;
    },
  };

  it("takes effect with the next one", async () => {
    const { writer, stream } = server({ size: 1 });
    await writer.write(counted(1));
    writer.setExtensions(marking);
    await writer.write(counted(1));
    await writer.flush();
    await writer.write(counted(1));
    writer.setExtensions();
    await writer.write(counted(1));
    await writer.flush();
    await writer.write(counted(1));
    await writer.flush();
    const first = stream.writes.map((bytes) => toHex(bytes, 0, 1));
    expect(first).toEqual(["02", "80", "42", "80", "82"]);
  });

  it("takes its turn after calls that are not awaited", async () => {
    const stream = new HeldWriter();
    const writer = new Writer(stream, StateServerSide, OpBinary, { size: 1 });
    void writer.write(counted(2));
    void writer.flush();
    void writer.write(counted(2));
    writer.setExtensions(marking);
    void writer.flush();
    void writer.write(counted(2));
    void writer.flush();
    for (let frames = 0; frames < 6; frames++) await stream.release();
    const first = stream.written.map((bytes) => toHex(bytes, 0, 1));
    expect(first).toEqual(["02", "80", "02", "80", "42", "80"]);
  });

  it("keeps the payloads of messages apart: through an extension that changes payloads", async () => {
    const { writer, stream } = shiftWriter();
    await writer.write(counted(2));
    writer.setExtensions();
    await writer.write(counted(2));
    await writer.flush();
    const whole = shifted(concat([counted(2), counted(2)]), 1);
    expect(linesOf(stream.written)).toEqual(linesOf(text(whole, { rsv: 2 })));
  });
});

describe("Writer with a stream that fails by undefined", () => {
  it("throws that in all later calls", async () => {
    const nothing = undefined as unknown as Error;
    const stream: ByteWriter = { write: () => Promise.reject(nothing) };
    const writer = new Writer(stream, StateServerSide, OpBinary, { size: 1 });
    for (const act of [() => writer.write(counted(9)), () => writer.flush()]) {
      expect(await throws(act)).toBe(true);
    }
  });
});

describe("Writer with a stream that fails", () => {
  const error = new Error("no");
  const now: ByteWriter = {
    write() {
      throw error;
    },
  };

  it.each<[name: string, stream: ByteWriter]>([
    ["now", now],
    ["later", { write: () => Promise.reject(error) }],
    [
      "with its second write",
      { write: (from) => (from.length < 20 ? from.length : now.write(from)) },
    ],
  ])("throws the same until it is reset: %s", async (_, stream) => {
    const writer = new Writer(stream, StateServerSide, OpBinary, { size: 1 });
    expect(await failure(() => writer.write(counted(70_000)))).toBe(error);
    for (const act of ["flush", "flushFragment"] as const) {
      expect(await failure(() => writer[act]())).toBe(error);
    }
    for (const act of ["write", "writeThrough"] as const) {
      expect(await failure(() => writer[act](counted(1)))).toBe(error);
    }
    expect(await failure(() => writer.readFrom(new TestStream([counted(1)])))).toBe(error);
    writer.resetOp(OpText);
    expect(await failure(() => writer.flush())).toBe(error);
    const good = new TestStream();
    writer.reset(good, StateServerSide, OpText);
    await writer.write(hex("61"));
    await writer.flush();
    expect(good.writes).toEqual([text("a")]);
  });

  it("fails the calls that wait, and sends nothing of them", async () => {
    const stream = new HeldWriter();
    const writer = new Writer(stream, StateServerSide, OpBinary, { size: 1 });
    const calls = [writer.write(counted(3)), writer.write(counted(2)), writer.flush()];
    writer.resetOp(OpText);
    const outcomes = Promise.all(calls.map((call) => failure(() => call)));
    await stream.fail(error);
    expect(await outcomes).toEqual([error, error, error]);
    expect([stream.held, await failure(() => writer.flush())]).toEqual([0, error]);
  });

  it("reports nothing as unhandled, and throws at the next call", async () => {
    const stream = new HeldWriter();
    const writer = new Writer(stream, StateServerSide, OpBinary, { size: 1 });
    void writer.write(counted(3));
    void writer.writeThrough(counted(3));
    void writer.flush();
    await stream.fail(error);
    expect(await failure(() => writer.flush())).toBe(error);
  });
});

describe("Writer.resetOp()", () => {
  it("begins a new message with another opcode, unsent bytes dropped", async () => {
    const { writer, stream } = server({ size: 2 });
    await writer.write(counted(1));
    writer.resetOp(OpText);
    await writer.flush();
    await writer.write(hex("61 62"));
    await writer.flush();
    expect(stream.writes).toEqual([text("ab")]);
  });

  it("takes its turn after calls that are not awaited", async () => {
    const stream = new HeldWriter();
    const writer = new Writer(stream, StateServerSide, OpBinary, { size: 2 });
    void writer.write(counted(3));
    void writer.flush();
    writer.resetOp(OpText);
    void writer.write(hex("61"));
    void writer.flush();
    await releaseAll(stream);
    expect(stream.written).toEqual([binary(counted(3), more), continuation(), text("a")]);
  });
});

describe("Writer.grow()", () => {
  it.each([NaN, -1, 0.5, Infinity, "8" as never])(
    "refuses an invalid number of bytes: %s",
    (size) => {
      const { writer } = server({ size: 8 });
      expect(() => {
        writer.grow(size);
      }).toThrow(/^size must be /);
      expect(writer.size).toBe(8);
    },
  );
});

const wasReset = new TypeError("The writer was reset: what it had not written was dropped");

describe("Writer.reset()", () => {
  it.each<[what: string, size: number, payload: number]>([
    ["a fragment", 8, 9],
    ["a large fragment", 8, 70_000],
  ])("finishes a frame that is under way, and drops the rest: %s", async (_, size, length) => {
    const old = new HeldWriter();
    const stream = new HeldWriter();
    const writer = new Writer(old, StateServerSide, OpBinary, { size });
    void writer.write(counted(2));
    const calls = [writer.write(counted(length)), writer.write(counted(3)), writer.flush()];
    const dropped = calls.map((call) => failure(() => call));
    writer.reset(stream, StateClientSide, OpText);
    void writer.write(hex("61 62 63 64"));
    void writer.flush();
    await releaseAll(old);
    await releaseAll(stream);
    // Who waits is told that what he gave went nowhere.
    expect(await Promise.all(dropped)).toEqual(calls.map(() => wasReset));
    expect(old.written).toEqual([binary(hex("00 01 00 01 02 03 04 05"), more)]);
    expect(linesOf(...stream.written)).toEqual(linesOf(text("abcd", { masked: true })));
  });

  it("sends all of a large frame to the stream on which it began", async () => {
    const old = new HeldWriter();
    const writer = new Writer(old, StateServerSide, OpBinary);
    const bytes = counted(70_000);
    void writer.write(bytes);
    const stream = new TestStream();
    writer.reset(stream, StateServerSide, OpText);
    await releaseAll(old);
    expect([old.written.length, stream.writes]).toEqual([1, []]);
    expect(linesOf(...old.written)).toEqual(linesOf(binary(bytes, more)));
  });

  it("does not wait for the stream before", async () => {
    const writer = new Writer(new HeldWriter(), StateServerSide, OpBinary, { size: 1 });
    void writer.write(counted(2));
    const stream = new TestStream();
    writer.reset(stream, StateServerSide, OpText);
    expect(plain(writer.write(hex("61")))).toBe(1);
    expect(plain(writer.flush())).toBeUndefined();
    expect(stream.writes).toEqual([text("a")]);
  });

  it("ignores errors of the stream before", async () => {
    const old = new HeldWriter();
    const writer = new Writer(old, StateServerSide, OpBinary, { size: 1 });
    void writer.write(counted(2));
    const stream = new TestStream();
    writer.reset(stream, StateServerSide, OpText);
    await old.fail(new Error("no"));
    await microtasks();
    await writer.write(hex("61"));
    await writer.flush();
    expect(stream.writes).toEqual([text("a")]);
  });

  it("divides the buffer anew for the other side", async () => {
    const { writer, stream } = server({ size: 130 });
    writer.reset(stream, StateClientSide, OpText);
    expect(writer.size).toBe(126);
    const small = server({ size: 4 }).writer;
    expect(() => {
      small.reset(stream, StateClientSide, OpText);
    }).toThrow(RangeError);
  });
});

describe("Writer", () => {
  const sizeOf = (state: State, options?: WriterOptions): number =>
    new Writer(new TestStream(), state, OpBinary, options).size;

  it("gathers what a buffer of 4096 bytes leaves", () => {
    expect([DefaultWriteBuffer, sizeOf(StateServerSide), sizeOf(StateClientSide)]).toEqual([
      4096, 4092, 4088,
    ]);
  });

  it.each([
    [3, 1],
    [127, 125],
    [128, 124],
    [129, 125],
    [130, 126],
    [65_539, 65_535],
    [65_540, 65_530],
    [65_546, 65_536],
  ])("keeps room for a header in a buffer of %i bytes: %i are left", async (length, size) => {
    const buffer = new Uint8Array(length);
    expect(sizeOf(StateServerSide, { buffer })).toBe(size);
    const { writer, stream } = server({ buffer });
    await writer.write(counted(size));
    await writer.flush();
    expect(linesOf(stream.written)).toEqual(linesOf(binary(counted(size))));
    expect(toHex(buffer, length - size)).toBe(toHex(counted(size)));
    expect(sizeOf(StateClientSide, { buffer: new Uint8Array(length + 4) })).toBe(size);
  });

  it.each<WriterOptions>([{ size: 0 }, { size: NaN }, { size: -1 }, { buffer: new Uint8Array(2) }])(
    "refuses too little room: %o",
    (options) => {
      expect(() => sizeOf(StateServerSide, options)).toThrow(RangeError);
    },
  );
});

/** A server's Writer of text through an extension that shifts bytes by one and marks messages with RSV2. */
function shiftWriter(
  shift: ShiftOptions = {},
  options: WriterOptions = {},
): { writer: Writer; stream: TestStream } {
  const [session] = openSessions(new ShiftExtension({ isAuto: true, ...shift }));
  const stream = new TestStream();
  const extensions = [session!.send!];
  return {
    writer: new Writer(stream, StateServerSide, OpText, { extensions, ...options }),
    stream,
  };
}

const broken = new Error("broken");

function throwing(): never {
  throw broken;
}

describe("Writer through an extension that changes payloads", () => {
  const marked = { rsv: 2 };
  const up = (length: number): Uint8Array => shifted(counted(length), 1);

  it.each([
    ["at once", {}],
    ["in slices", { slice: 3 }],
  ])("sends what it makes of each message, %s", async (_, shift) => {
    const { writer, stream } = shiftWriter(shift);
    for (let round = 0; round < 2; round++) {
      await writer.write(counted(10).subarray(0, 4));
      await writer.write(counted(10).subarray(4));
      await writer.flush();
    }
    await writer.write(new Uint8Array(0));
    await writer.flush();
    const whole = text(up(10), marked);
    expect(linesOf(stream.written)).toEqual(linesOf(whole, whole, text("", marked)));
  });

  it("makes no promise if the extension is done at once", () => {
    const { writer, stream } = shiftWriter();
    expect(plain(writer.write(counted(3)))).toBe(3);
    expect(plain(writer.flush())).toBeUndefined();
    expect(linesOf(stream.written)).toEqual(linesOf(text(up(3), marked)));
  });

  it("marks the first fragment alone", async () => {
    const { writer, stream } = shiftWriter({}, { size: 4 });
    await writer.write(counted(3));
    await writer.flushFragment();
    await writer.write(counted(3));
    await writer.flush();
    expect(linesOf(stream.written)).toEqual(
      linesOf(text(up(3), { ...marked, ...more }), continuation(up(3))),
    );
  });

  it("keeps the order of calls that are not awaited", async () => {
    const { writer, stream } = shiftWriter({ slice: 2 });
    void writer.write(counted(7));
    void writer.flush();
    void writer.write(counted(3));
    await writer.flush();
    expect(linesOf(stream.written)).toEqual(linesOf(text(up(7), marked), text(up(3), marked)));
  });

  it("sends output that comes only at the end, even to a slow stream", async () => {
    const gathered: Uint8Array[] = [];
    const gather: SendExtension = {
      setBits() {},
      beginMessage: () => ({
        write(bytes, start, end, isLast, into) {
          gathered.push(bytes.slice(start, end));
          if (isLast) for (const piece of gathered.splice(0)) into.add(piece, 0, piece.length);
          return true;
        },
        goOn: () => true,
        whenReady() {},
      }),
    };
    const stream = new TestStream([], { later: () => true });
    const writer = new Writer(stream, StateServerSide, OpBinary, { size: 4, extensions: [gather] });
    await writer.write(counted(5));
    await writer.write(counted(5));
    expect(stream.writes).toEqual([]);
    await writer.flush();
    const whole = concat([counted(5), counted(5)]);
    expect(linesOf(stream.written)).toEqual(linesOf(binary(whole, more), continuation("")));
  });

  it.each<[what: string, transform: Partial<Transform>]>([
    ["now", { write: throwing }],
    ["later", { write: () => false, goOn: throwing, whenReady: (act) => queueMicrotask(act) }],
  ])(
    "keeps the extension's error, in the middle of a message, until it is reset: %s",
    async (_, bad) => {
      // The second piece fails, and no other does.
      let pieces = 0;
      const good: Transform = {
        write(bytes, start, end, _isLast, into) {
          into.add(bytes, start, end);
          return true;
        },
        goOn: () => true,
        whenReady() {},
      };
      const extension: SendExtension = {
        setBits() {},
        beginMessage: () => ({
          ...good,
          ...bad,
          write: (...args) => (pieces++ === 1 ? { ...good, ...bad } : good).write(...args),
        }),
      };
      const stream = new TestStream();
      const extensions = [extension];
      const writer = new Writer(stream, StateServerSide, OpBinary, { size: 1, extensions });
      await writer.write(counted(3));
      expect(await failure(() => writer.write(counted(3)))).toBe(broken);
      for (const act of [() => writer.write(counted(3)), () => writer.flush()]) {
        expect(await failure(act)).toBe(broken);
      }
      writer.reset(stream, StateServerSide, OpBinary);
      await writer.write(counted(1));
      await writer.flush();
      expect(linesOf(stream.written)).toEqual(
        linesOf(binary(counted(3), more), binary(counted(1))),
      );
    },
  );

  it("refuses writeThrough()", () => {
    const { writer } = shiftWriter();
    expect(() => writer.writeThrough(counted(3))).toThrow("through an extension");
  });

  it("goes without the extension from the next message on, once it is removed", async () => {
    const { writer, stream } = shiftWriter();
    await writer.write(counted(2));
    await writer.flush();
    writer.setExtensions();
    await writer.write(counted(2));
    await writer.flush();
    writer.setExtensions(openSessions(new ShiftExtension())[0]!.send!);
    await writer.write(counted(2));
    writer.reset(stream, StateServerSide, OpText);
    await writer.write(counted(2));
    await writer.flush();
    const bare = text(counted(2));
    expect(linesOf(stream.written)).toEqual(linesOf(text(up(2), marked), bare, bare));
  });
});

describe("an array that changes while a Writer has it", () => {
  const gone = (left: number, size: number): TypeError =>
    new TypeError(
      `from was detached or shrunk while it was lent: ${left} of ${size} bytes are left`,
    );

  it("fails the message if a part of it has left, and all later calls", async () => {
    const stream = new HeldWriter();
    const writer = new Writer(stream, StateServerSide, OpText, { size: 10 });
    void writer.write(counted(5));
    const buffer = resizable(20);
    const write = failure(() => writer.write(new Uint8Array(buffer)));
    buffer.resize(2);
    const behind = failure(() => writer.write(counted(3)));
    await releaseAll(stream);
    expect(await Promise.all([write, behind])).toEqual([gone(2, 20), gone(2, 20)]);
    expect(await failure(() => writer.flush())).toEqual(gone(2, 20));
    expect(stream.written).toHaveLength(1);
  });

  it.each<[what: string, write: (writer: Writer, from: Uint8Array) => unknown]>([
    ["write()", (writer, from) => writer.write(from)],
    ["writeThrough()", (writer, from) => writer.writeThrough(from)],
  ])("fails only that call if it only waits for its turn: %s", async (_, act) => {
    const stream = new HeldWriter();
    const writer = new Writer(stream, StateServerSide, OpBinary, { size: 4 });
    void writer.write(counted(9));
    const buffer = resizable(4);
    const waits = failure(() => act(writer, new Uint8Array(buffer)));
    const behind = writer.write(counted(2));
    const end = writer.flush();
    buffer.resize(0);
    await releaseAll(stream);
    await Promise.all([behind, end]);
    expect(await waits).toEqual(gone(0, 4));
    expect(linesOf(...stream.written)).toEqual(
      linesOf(binary(counted(9), more), continuation(counted(2))),
    );
  });

  it("sends as many bytes as there were at the call if it grows", async () => {
    const stream = new HeldWriter();
    const writer = new Writer(stream, StateServerSide, OpBinary, { size: 4 });
    void writer.write(counted(9));
    const buffer = resizable(3);
    const write = writer.write(new Uint8Array(buffer));
    buffer.resize(8);
    const end = writer.flush();
    await releaseAll(stream);
    expect([await write, await end]).toEqual([3, undefined]);
    expect(linesOf(...stream.written)).toEqual(
      linesOf(binary(counted(9), more), continuation(new Uint8Array(3))),
    );
  });

  it("is refused at the call if it is detached already, and nothing has happened", async () => {
    const { writer, stream } = server();
    const from = new Uint8Array(3);
    structuredClone(from.buffer, { transfer: [from.buffer] });
    expect(await failure(() => writer.write(from))).toBeInstanceOf(TypeError);
    expect(writer.isInMessage).toBe(false);
    await writer.write(hex("61"));
    await writer.flush();
    expect(stream.written).toEqual(binary("a"));
  });
});

describe("a Writer that is called from within its stream's own write", () => {
  it.each([false, true])("does that after the call around it: later %s", async (isLater) => {
    const written: Uint8Array[] = [];
    let within: Promise<unknown>[] | undefined;
    const stream: ByteWriter = {
      write(from) {
        within ??= [failure(() => writer.write(hex("7a 7a"))), failure(() => writer.flush())];
        const take = (): number => {
          written.push(Uint8Array.from(from));
          return from.length;
        };
        return isLater ? Promise.resolve().then(take) : take();
      },
    };
    const writer: Writer = new Writer(stream, StateServerSide, OpText, { size: 4 });
    await writer.write(hex("41 41 41 41 42"));
    await writer.flush();
    expect(await Promise.all(within!)).toEqual([undefined, undefined]);
    expect(toHex(concat(written))).toBe("0105" + "4141414142" + "8002" + "7a7a");
  });

  it("gets the error if the call around it fails", async () => {
    const error = new Error("no");
    let within: Promise<unknown> | undefined;
    const stream: ByteWriter = {
      write() {
        within ??= failure(() => writer.write(hex("7a")));
        throw error;
      },
    };
    const writer: Writer = new Writer(stream, StateServerSide, OpText, { size: 1 });
    expect(await failure(() => writer.write(hex("41 41")))).toBe(error);
    expect(await within).toBe(error);
  });

  it("gets an error if the writer is reset meanwhile", async () => {
    let within: Promise<unknown> | undefined;
    const stream: ByteWriter = {
      write(from) {
        if (within === undefined) {
          within = failure(() => writer.write(hex("7a")));
          writer.reset(new TestStream(), StateServerSide, OpText);
        }
        return from.length;
      },
    };
    const writer: Writer = new Writer(stream, StateServerSide, OpText, { size: 1 });
    void writer.write(hex("41 41"));
    expect(await within).toEqual(wasReset);
  });
});
