import { describe, expect, it } from "vitest";
import { concat, encodeUtf8 } from "../../src/bytes.ts";
import { ProtocolError } from "../../src/errors.ts";
import type { RecvExtension } from "../../src/extension/extension.ts";
import { StateClientSide, StateExtended, StateServerSide } from "../../src/frame/check.ts";
import { BufferedStream } from "../../src/io/buffered.ts";
import type { ByteReader } from "../../src/io/byte-stream.ts";
import { readAll } from "../../src/io/full.ts";
import {
  newClientSideReader,
  newServerSideReader,
  nextReader,
  Reader,
  type ReaderOptions,
} from "../../src/stream/reader.ts";
import { cuts } from "../support/cuts.ts";
import { binary, continuation, counted, frame, hex, ping, text, toHex } from "../support/frames.ts";
import {
  openSessions,
  ShiftExtension,
  type ShiftOptions,
  shifted,
} from "../support/shift-extension.ts";
import { failure, microtasks, paces, plain, TestStream } from "../support/streams.ts";
import { headerLine } from "../support/trace.ts";

const masked = { masked: true };
const more = { fin: false };

/** A client's Reader over frames that lie in a buffer. */
function buffered(frames: readonly Uint8Array[], options?: ReaderOptions): Reader {
  return newClientSideReader(new BufferedStream(new TestStream([concat(frames)])), options);
}

/** Writes down what onIntermediate and onContinuation get, and reads so many bytes of it. */
function watch(lines: string[], size = Infinity): ReaderOptions {
  const handler =
    (name: string) => async (header: Parameters<typeof headerLine>[0], payload: ByteReader) => {
      lines.push(`${name} ${headerLine(header)}`);
      const into = new Uint8Array(Math.min(size, 200));
      lines.push(toHex(into, 0, (await payload.read(into)) ?? 0));
    };
  return { onIntermediate: handler("inside"), onContinuation: handler("fragment") };
}

/** Reads all messages and writes them down. */
async function traceOf(source: ByteReader, options?: ReaderOptions): Promise<string[]> {
  const reader = new Reader(source, StateServerSide, options);
  const lines: string[] = [];
  for (let header; (header = await reader.nextFrame());) {
    lines.push(headerLine(header), toHex(await readAll(reader)));
  }
  return lines;
}

const wire = concat([
  text("Hello", masked),
  ping("", masked),
  binary(counted(3), { ...masked, ...more }),
  continuation("", { ...masked, ...more }),
  ping("in", masked),
  continuation(counted(130), masked),
  binary("", masked),
]);

describe.each(paces)("Reader over a stream that answers %s", (_, later) => {
  const lines = [
    "text fin rsv 0 mask 37fa213d length 5",
    "48656c6c6f",
    "ping fin rsv 0 mask 37fa213d length 0",
    "",
    "binary more rsv 0 mask 37fa213d length 3",
    toHex(concat([counted(3), counted(130)])),
    "binary fin rsv 0 mask 37fa213d length 0",
    "",
  ];

  it("gives messages without their fragments' borders at all cuts", async () => {
    for (const pieces of cuts(wire)) {
      expect(await traceOf(new TestStream(pieces, { later }))).toEqual(lines);
      const stream = new BufferedStream(new TestStream(pieces, { later }), { size: 16 });
      expect(await traceOf(stream, { checkUtf8: true })).toEqual(lines);
    }
  });

  it("reads nothing beyond the message", async () => {
    const stream = new TestStream([binary("ab", more), continuation("c"), text("next")], { later });
    const { reader } = (await nextReader(stream, StateClientSide))!;
    expect(await readAll(reader)).toEqual(hex("61 62 63"));
    expect(stream.left).toEqual(text("next"));
  });

  it("calls handlers for fragments and for control frames inside a message", async () => {
    const seen: string[] = [];
    const stream = new TestStream([wire], { later });
    expect(await traceOf(stream, watch(seen, 2))).toEqual([
      ...lines.slice(0, 5),
      // The two bytes that the handler has read are its own.
      toHex(concat([counted(3), counted(130).slice(2)])),
      ...lines.slice(6),
    ]);
    expect(seen).toEqual([
      "fragment continuation more rsv 0 mask 37fa213d length 0",
      "",
      "inside ping fin rsv 0 mask 37fa213d length 2",
      "696e",
      "fragment continuation fin rsv 0 mask 37fa213d length 130",
      "0001",
    ]);
  });

  it("throws if the stream ends inside a message", async () => {
    const message = concat([binary("ab", more), ping("p"), continuation("c")]);
    for (let end = 1; end < message.length; end++) {
      const inner = (): TestStream => new TestStream([message.slice(0, end)], { later });
      for (const source of [inner(), new BufferedStream(inner())]) {
        const reader = newClientSideReader(source);
        const read = async (): Promise<unknown> => (await reader.nextFrame()) && readAll(reader);
        expect(await failure(read)).toMatchObject({ code: "UNEXPECTED_END" });
      }
    }
  });

  it("gives undefined at the end of the stream", async () => {
    const reader = newClientSideReader(new TestStream([], { later }));
    expect(await reader.nextFrame()).toBeUndefined();
    expect(await nextReader(new TestStream([], { later }), StateClientSide)).toBeUndefined();
  });
});

describe("Reader.nextFrame()", () => {
  it("makes no promise if the frame lies in the buffer, nor does read()", () => {
    const reader = buffered([text("Hel", more), continuation("lo"), ping("p")], {
      checkUtf8: true,
    });
    const into = new Uint8Array(9);
    expect(plain(reader.nextFrame())!.length).toBe(3);
    const counts = [0, 1, 2].map(() => plain(reader.read(into)));
    expect([counts, plain(reader.nextFrame())!.length]).toEqual([[3, 2, 0], 1]);
  });

  it("gives each fragment's header if it is called frame by frame", async () => {
    const reader = buffered([text("a", more), ping("p"), continuation("b")]);
    const lines: string[] = [];
    for (let header; (header = await reader.nextFrame());) {
      lines.push(headerLine(header), toHex(await readAll(reader.payload)));
    }
    expect(lines.filter((_, index) => index % 2 === 1)).toEqual(["61", "", "62"]);
  });

  it("refuses to skip unread bytes", async () => {
    const reader = buffered([text("ab"), text("c")]);
    await reader.nextFrame();
    await reader.read(new Uint8Array(1));
    expect(() => reader.nextFrame()).toThrow(TypeError);
    await reader.read(new Uint8Array(1));
    expect((await reader.nextFrame())!.length).toBe(1);
  });

  it.each<[code: string, frames: Uint8Array[]]>([
    ["OPCODE_RESERVED", [frame(3)]],
    ["CONTROL_TOO_LONG", [ping("", { length: 126 })]],
    ["CONTROL_NOT_FINAL", [ping("", more)]],
    ["RSV_NOT_ZERO", [text("", { rsv: 4 })]],
    ["MASK_UNEXPECTED", [text("", masked)]],
    ["CONTINUATION_UNEXPECTED", [continuation()]],
    ["CONTINUATION_EXPECTED", [text("", more), text()]],
  ])("refuses what the rules forbid: %s", async (code, frames) => {
    const read = async (reader: Reader): Promise<unknown> =>
      (await reader.nextFrame()) && readAll(reader);
    const error = await failure(() => read(buffered(frames)));
    expect(error).toBeInstanceOf(ProtocolError);
    expect(error).toMatchObject({ code });
    const unchecked = await failure(() => read(buffered(frames, { skipHeaderCheck: true })));
    expect((unchecked as { code?: string } | undefined)?.code).not.toBe(code);
  });

  it("requires masks from clients", async () => {
    const reader = newServerSideReader(new TestStream([text()]));
    expect(await failure(() => reader.nextFrame())).toMatchObject({ code: "MASK_REQUIRED" });
  });

  it("refuses a frame above maxFrameSize, and accepts one of that size", async () => {
    const reader = buffered([binary("abc"), binary("abcd")], { maxFrameSize: 3 });
    await reader.nextFrame();
    await reader.discard();
    const error = await failure(() => reader.nextFrame());
    expect(error).toMatchObject({ code: "FRAME_TOO_BIG", limit: 3, actual: 4 });
  });

  it("refuses a message above maxMessageSize at the fragment that exceeds it", async () => {
    const frames = [text("abc"), text("ab", more), ping("12345"), continuation("c", more)];
    const reader = buffered([...frames, continuation("d")], { maxMessageSize: 3 });
    await reader.nextFrame();
    await reader.discard();
    await reader.nextFrame();
    const into = new Uint8Array(9);
    expect([await reader.read(into), await reader.read(into)]).toEqual([2, 1]);
    const error = await failure(() => reader.read(into));
    expect(error).toMatchObject({ code: "MESSAGE_TOO_BIG", limit: 3, actual: 4 });
  });
});

describe("Reader.read()", () => {
  it("refuses to begin without a frame", () => {
    expect(() => buffered([text("a")]).read(new Uint8Array(1))).toThrow(TypeError);
  });

  it("gives 0 at the end of the message, and from there on, and if there is no room", async () => {
    const reader = buffered([text("a"), text("b")]);
    await reader.nextFrame();
    const counts = [0, 1, 1, 1].map((size) => reader.read(new Uint8Array(size)));
    expect(counts).toEqual([0, 1, 0, 0]);
  });

  it("does not begin the next fragment if there is no room", async () => {
    const reader = buffered([text("a", more)]);
    await reader.nextFrame();
    expect([await reader.read(new Uint8Array(1)), reader.read(new Uint8Array(0))]).toEqual([1, 0]);
  });

  it("needs no more turns after many pings than after few", async () => {
    const pings = Array.from({ length: 1000 }, () => ping());
    let release!: () => void;
    const stream = new TestStream([concat([text("", more), ...pings])]);
    const read = stream.read.bind(stream);
    stream.read = (into) => {
      if (stream.left.length > 0) return read(into);
      return new Promise((resolve) => {
        release = () => {
          into.set(continuation("x"));
          resolve(3);
        };
      });
    };
    const reader = newClientSideReader(new BufferedStream(stream));
    await reader.nextFrame();
    let count: number | undefined;
    const pending = Promise.resolve(reader.read(new Uint8Array(1))).then((read) => (count = read));
    await microtasks(20_000);
    release();
    await microtasks(30);
    expect(count).toBe(1);
    await pending;
  });
});

describe("Reader.payload", () => {
  it("reads no further than the frame", async () => {
    const reader = buffered([text("ab", more), continuation("c")]);
    await reader.nextFrame();
    expect(await readAll(reader.payload)).toEqual(hex("61 62"));
    expect(await readAll(reader)).toEqual(hex("63"));
  });
});

describe("Reader with checkUtf8", () => {
  const checkUtf8 = { checkUtf8: true };

  it.each<[what: string, frames: Uint8Array[], good: number]>([
    ["a bad byte", [text(hex("41 ff 41"))], 0],
    ["a bad byte in a frame that has not come to its end", [text(hex("41 c0"), { length: 9 })], 0],
    ["a bad byte in a later fragment", [text("ab", more), continuation(hex("80"))], 2],
    ["a character that is not complete", [text(hex("41 e2 82"))], 3],
    ["one in fragments", [text(hex("e2"), more), ping("!"), continuation(hex("82"))], 2],
  ])("refuses %s", async (_, frames, good) => {
    const reader = buffered(frames, checkUtf8);
    await reader.nextFrame();
    let count = 0;
    const into = new Uint8Array(9);
    const error = await failure(async () => {
      for (let read; (read = await reader.read(into)) > 0;) count += read;
    });
    expect([error, count]).toMatchObject([{ code: "INVALID_UTF8", status: 1007 }, good]);
  });

  it("accepts characters across fragments, with control frames in between", async () => {
    const frames = [text(hex("e2"), more), ping(hex("ff")), continuation(hex("82 ac")), text("a")];
    const seen: string[] = [];
    const reader = buffered(frames, { ...checkUtf8, ...watch(seen) });
    await reader.nextFrame();
    const end = await readAll(reader);
    expect([seen.slice(0, 2), end.length]).toEqual([
      ["inside ping fin rsv 0 mask none length 1", "ff"],
      1,
    ]);
    await reader.nextFrame();
    expect(await readAll(reader)).toEqual(hex("61"));
  });

  it("begins anew with each message, even after one that was not read to its end", async () => {
    const reader = buffered([text(hex("e2")), text("a")], checkUtf8);
    await reader.nextFrame();
    await readAll(reader.payload);
    await reader.nextFrame();
    expect(await readAll(reader)).toEqual(hex("61"));
  });

  it("does not check binary messages, control frames, or discarded text", async () => {
    const bad = hex("ff");
    const frames = [binary(bad), ping(bad), text(bad), text(hex("e2"), more), continuation(bad)];
    const reader = buffered([...frames, text("a")], checkUtf8);
    const lengths: number[] = [];
    for (let i = 0; i < 2; i++) {
      await reader.nextFrame();
      lengths.push((await readAll(reader)).length);
    }
    await reader.nextFrame();
    await reader.discard();
    await reader.nextFrame();
    await reader.read(new Uint8Array(1));
    await reader.discard();
    expect([lengths, await reader.read(new Uint8Array(1))]).toEqual([[1, 1], 0]);
    await reader.nextFrame();
    expect(await readAll(reader)).toEqual(hex("61"));
  });
});

describe.each(paces)("Reader.discard() over a stream that answers %s", (_, later) => {
  it("drops the rest of the message, and nothing after it", async () => {
    const frames = [
      binary(counted(5000), more),
      ping("p"),
      continuation(counted(9000), more),
      continuation(counted(70)),
      text("next"),
    ];
    for (const first of [0, 1, 4000]) {
      const inner = (): TestStream => new TestStream(frames, { later });
      for (const source of [inner(), new BufferedStream(inner())]) {
        const seen: string[] = [];
        const reader = newClientSideReader(source, watch(seen));
        await reader.nextFrame();
        await reader.read(new Uint8Array(first));
        await reader.discard();
        expect(seen[0]).toBe("inside ping fin rsv 0 mask none length 1");
        await reader.nextFrame();
        expect(await readAll(reader)).toEqual(hex("6e657874"));
      }
    }
  });

  it("throws if the stream ends before the message does", async () => {
    for (const frames of [[text("ab", { length: 3 })], [text("ab", more)]]) {
      const reader = newClientSideReader(new TestStream(frames, { later }));
      await reader.nextFrame();
      expect(await failure(() => reader.discard())).toMatchObject({ code: "UNEXPECTED_END" });
    }
  });

  it("does nothing if nothing was begun", async () => {
    const stream = new TestStream([text()], { later });
    await newClientSideReader(stream).discard();
    expect(stream.asked).toEqual([]);
  });
});

describe("Reader with extensions", () => {
  it("asks each about every header, the last one first, and clears reserved bits", async () => {
    const seen: string[] = [];
    const extension = (bit: number): RecvExtension => ({
      unsetBits(header) {
        seen.push(`${bit} of ${header.rsv}`);
        header.rsv &= ~bit;
      },
    });
    const source = new TestStream([text("a", { rsv: 6, fin: false }), continuation("b")]);
    const reader = new Reader(source, StateClientSide | StateExtended, {
      extensions: [extension(4), extension(2)],
    });
    expect((await reader.nextFrame())!.rsv).toBe(0);
    await readAll(reader);
    expect(seen).toEqual(["2 of 6", "4 of 4", "2 of 0", "4 of 0"]);
  });

  it("throws what an extension throws", async () => {
    const error = new ProtocolError("RSV_NOT_ZERO");
    const refuse = {
      unsetBits() {
        throw error;
      },
    };
    expect(await failure(() => buffered([text()], { extensions: [refuse] }).nextFrame())).toBe(
      error,
    );
  });
});

/** A client's Reader behind an extension that shifts bytes by one and marks messages with RSV2. */
function shiftReader(
  frames: readonly Uint8Array[],
  shift: ShiftOptions = {},
  options: ReaderOptions = {},
  pieces: readonly Uint8Array[] = [concat(frames)],
): Reader {
  const [session] = openSessions(new ShiftExtension({ isAuto: true, ...shift }));
  const extensions = [session!.recv!];
  return new Reader(new TestStream(pieces), StateClientSide | StateExtended, {
    extensions,
    ...options,
  });
}

const up = (payload: string): Uint8Array => shifted(encodeUtf8(payload), 1);

const textOf = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);

describe("Reader behind an extension that changes payloads", () => {
  const marked = { rsv: 2 };
  const begun = { rsv: 2, fin: false };
  const frames = [
    text(up("Hello €"), marked),
    ping("alone"),
    text("as it is"),
    text(up("Hel"), begun),
    ping("inside"),
    continuation(up("lo"), more),
    continuation(""),
    binary("", marked),
    binary(shifted(counted(9000), 1), marked),
  ];
  const messages = ["Hello €", "alone", "as it is", "Hello", "", textOf(counted(9000))];

  it.each([
    ["at once", {}],
    ["in slices", { slice: 5 }],
  ])("gives what it makes of each message, %s, wherever the stream is cut", async (_, shift) => {
    const wire = concat(frames);
    for (const pieces of [[wire], [...wire].map((byte) => Uint8Array.of(byte))]) {
      const reader = shiftReader(frames, shift, { checkUtf8: true }, pieces);
      const seen: string[] = [];
      while ((await reader.nextFrame()) !== undefined) seen.push(textOf(await readAll(reader)));
      expect(seen).toEqual(messages);
    }
  });

  it("gives the output in pieces of any size, and is at the end once all of it was read", async () => {
    const reader = shiftReader([text(up("Hello"), begun), continuation(up("!")), text("next")]);
    await reader.nextFrame();
    const into = new Uint8Array(4);
    const counts = [await reader.read(into), await reader.read(into), await reader.read(into)];
    expect(counts).toEqual([4, 1, 1]);
    expect((await reader.nextFrame())!.length).toBe(4);
    expect(textOf(await readAll(reader))).toBe("next");
  });

  it("begins no frame while something of the message is left", async () => {
    const reader = shiftReader([text(up("Hello"), marked), text("next")]);
    await reader.nextFrame();
    await reader.read(new Uint8Array(4));
    expect(await failure(() => reader.nextFrame())).toBeInstanceOf(TypeError);
    await reader.discard();
    expect((await reader.nextFrame())!.length).toBe(4);
  });

  it.each([0, 2])(
    "drops a message of which %i bytes were read, through the extension",
    async (count) => {
      const seen: number[] = [];
      const [session] = openSessions(new ShiftExtension());
      const recv = session!.recv!;
      const counting: RecvExtension = {
        unsetBits: (header) => {
          recv.unsetBits(header);
        },
        beginMessage() {
          const transform = recv.beginMessage!()!;
          return {
            write(bytes, start, end, isLast, into) {
              seen.push(end - start);
              return transform.write(bytes, start, end, isLast, into);
            },
            goOn: (into) => transform.goOn(into),
            whenReady: (task) => {
              transform.whenReady(task);
            },
          };
        },
      };
      const wire = concat([text(up("Hello"), begun), continuation(up("you")), text("x", marked)]);
      const reader = new Reader(new TestStream([wire]), StateClientSide | StateExtended, {
        extensions: [counting],
      });
      await reader.nextFrame();
      if (count > 0) await reader.read(new Uint8Array(count));
      await reader.discard();
      expect(seen).toEqual([5, 3]);
      expect((await reader.nextFrame())!.length).toBe(1);
    },
  );

  it("checks the text that the extension has made, not the one on the wire", async () => {
    const bad = shifted(Uint8Array.of(0x41, 0xff), 1);
    const cut = shifted(Uint8Array.of(0x41, 0xe2), 1);
    for (const payload of [bad, cut]) {
      const reader = shiftReader([text(payload, marked)], {}, { checkUtf8: true });
      await reader.nextFrame();
      expect(await failure(() => readAll(reader))).toMatchObject({ code: "INVALID_UTF8" });
    }
  });

  it("counts what the extension makes of a message against its limit", async () => {
    const twice = [binary(shifted(counted(8), 1), marked), binary(counted(9), marked)];
    const reader = shiftReader(twice, {}, { maxMessageSize: 8 });
    await reader.nextFrame();
    expect(await readAll(reader)).toEqual(counted(8));
    expect(await failure(() => reader.nextFrame())).toMatchObject({ code: "MESSAGE_TOO_BIG" });
    const grow: RecvExtension = {
      unsetBits() {},
      beginMessage: () => ({
        write(_bytes, _start, _end, _isLast, into) {
          into.add(counted(9), 0, 9);
          return true;
        },
        goOn: () => true,
        whenReady() {},
      }),
    };
    const grown = new Reader(new TestStream([binary("a")]), StateClientSide, {
      extensions: [grow],
      maxMessageSize: 8,
    });
    await grown.nextFrame();
    expect(await failure(() => readAll(grown))).toMatchObject({
      code: "MESSAGE_TOO_BIG",
      actual: 9,
    });
  });

  it("refuses a reserved bit that no extension knows", async () => {
    const reader = shiftReader([text("a", { rsv: 4 })]);
    expect(await failure(() => reader.nextFrame())).toMatchObject({ code: "RSV_NOT_ZERO" });
  });
});

/** A stream that gives its pieces, then fails. */
function failing(pieces: readonly Uint8Array[], later: boolean, error: Error): ByteReader {
  const stream = new TestStream(pieces, { later: () => later });
  const fail = (): never => {
    throw error;
  };
  return {
    read(into) {
      if (stream.left.length > 0) return stream.read(into);
      return later ? Promise.resolve().then(fail) : fail();
    },
  };
}

describe.each([
  ["at once", false],
  ["later", true],
])("an error of a Reader over a stream that answers %s", (_, later) => {
  const error = new Error("no");
  const rsv = { rsv: 2 };
  const whole = (frames: readonly Uint8Array[]): ByteReader =>
    new TestStream([concat(frames)], { later: () => later });
  const throwing = (): never => {
    throw error;
  };
  const rejecting = (): Promise<never> => Promise.reject(error);
  const [session] = openSessions(new ShiftExtension({ slice: 3, isAuto: true }));
  const bad: RecvExtension = {
    unsetBits(header) {
      header.rsv = 0;
    },
    beginMessage: () => ({
      write: throwing,
      goOn: () => true,
      whenReady() {},
    }),
  };

  it.each<
    [what: string, source: ByteReader, options: ReaderOptions, act: (reader: Reader) => unknown]
  >([
    ["the stream's, in a header", failing([text("a"), hex("81")], later, error), {}, readOn],
    ["the stream's, in a payload", failing([text("abc").slice(0, 4)], later, error), {}, readOn],
    ["the end inside a header", whole([text("a"), hex("81")]), {}, readOn],
    ["the end inside a payload", whole([text("abc").slice(0, 4)]), {}, readOn],
    ["a bad header", whole([text("a"), continuation("b"), text("c")]), {}, readOn],
    ["a bad header in a message", whole([text("a", more), text("b"), text("c")]), {}, readOn],
    [
      "a message too big",
      whole([binary("ab", more), continuation("c"), binary("d")]),
      { maxMessageSize: 2 },
      readOn,
    ],
    ["a frame too big", whole([binary("abc"), binary("d")]), { maxFrameSize: 2 }, readOn],
    ["text that is bad", whole([text(hex("ff")), text("d")]), { checkUtf8: true }, readOn],
    ["text that is cut off", whole([text(hex("e2")), text("d")]), { checkUtf8: true }, readOn],
    ["an extension's", whole([binary("abc", rsv), binary("d")]), { extensions: [bad] }, readOn],
    [
      "text that an extension makes",
      whole([text(shifted(hex("61 62 63 ff"), 1), rsv), text("d")]),
      { extensions: [session!.recv!], checkUtf8: true },
      readOn,
    ],
    [
      "text that an extension cuts off",
      whole([text(shifted(hex("61 62 63 e2"), 1), rsv), text("d")]),
      { extensions: [session!.recv!], checkUtf8: true },
      readOn,
    ],
    ...[throwing, rejecting].flatMap((handler) =>
      ["onIntermediate", "onContinuation"].map(
        (name): [string, ByteReader, ReaderOptions, (reader: Reader) => unknown] => [
          `${name}'s`,
          whole([text("a", more), ping(), continuation("b"), text("c")]),
          { [name]: handler },
          readOn,
        ],
      ),
    ),
    ["discard()'s", whole([text("a", more), text("b"), text("c")]), {}, discard],
    ["discard()'s, in a payload", whole([text("abc").slice(0, 4)]), {}, discard],
    ["a frame's payload", whole([text("abc").slice(0, 4)]), {}, readPayload],
  ])("is thrown by all later calls: %s", async (_what, source, options, act) => {
    const state =
      options.extensions === undefined ? StateClientSide : StateClientSide | StateExtended;
    const reader = new Reader(source, state, options);
    expect(reader.error).toBeUndefined();
    const first = await failure(() => act(reader));
    expect(first).toBeInstanceOf(Error);
    expect(reader.error).toBe(first);
    for (const next of [
      () => reader.nextFrame(),
      () => reader.read(new Uint8Array(1)),
      () => reader.payload.read(new Uint8Array(1)),
      () => reader.discard(),
    ]) {
      expect(await failure(next)).toBe(first);
    }
  });

  async function readOn(reader: Reader): Promise<void> {
    while ((await reader.nextFrame()) !== undefined) await readAll(reader);
  }

  async function discard(reader: Reader): Promise<void> {
    await reader.nextFrame();
    await reader.discard();
  }

  async function readPayload(reader: Reader): Promise<void> {
    await reader.nextFrame();
    await readAll(reader.payload);
  }
});

describe("misuse of a Reader", () => {
  it.each(["maxFrameSize", "maxMessageSize"])("refuses an invalid %s", (name) => {
    for (const limit of [NaN, -1, "6"]) {
      expect(() => new Reader(new TestStream(), StateServerSide, { [name]: limit })).toThrow(
        `${name} must be `,
      );
    }
  });

  it("is not kept as an error: it goes on once it is used correctly", async () => {
    const reader = buffered([text("ab"), text("c")]);
    expect(await failure(() => reader.read(new Uint8Array(1)))).toBeInstanceOf(TypeError);
    await reader.nextFrame();
    expect(await failure(() => reader.nextFrame())).toBeInstanceOf(TypeError);
    expect(textOf(await readAll(reader))).toBe("ab");
    expect(reader.error).toBeUndefined();
  });
});

describe("Reader with a handler that throws", () => {
  it.each(["onIntermediate", "onContinuation"] as const)("throws the same: %s", async (name) => {
    const error = new Error("no");
    const handler = (): never => {
      throw error;
    };
    const frames = [text("a", more), ping(), continuation("b")];
    const reader = buffered(frames, { [name]: handler });
    await reader.nextFrame();
    expect(await failure(() => readAll(reader))).toBe(error);
  });
});

describe("Reader.payload", () => {
  it("refuses a value that is no array, and goes on", async () => {
    const reader = buffered([text("a")]);
    await reader.nextFrame();
    expect(await failure(() => reader.payload.read("abc" as never))).toEqual(
      new TypeError("into must be a Uint8Array: String"),
    );
    expect([reader.error, await readAll(reader.payload)]).toEqual([undefined, hex("61")]);
  });
});
