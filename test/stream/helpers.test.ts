import { describe, expect, it } from "vitest";
import { concat } from "../../src/bytes.ts";
import { ClosedError, LimitError, ProtocolError, TransportError } from "../../src/errors.ts";
import { StateClientSide, StateServerSide } from "../../src/frame/check.ts";
import { newCloseFrameBody } from "../../src/frame/close.ts";
import { FrameDecoder } from "../../src/frame/decoder.ts";
import { OpBinary, OpClose, OpPing, OpPong, OpText } from "../../src/frame/opcode.ts";
import { BufferedStream } from "../../src/io/buffered.ts";
import {
  handleClientControlMessage,
  handleControlMessage,
  handleServerControlMessage,
  type Message,
  readClientBinary,
  readClientData,
  readClientMessage,
  readClientText,
  readData,
  readMessage,
  readServerBinary,
  readServerData,
  readServerMessage,
  readServerText,
  writeClientBinary,
  writeClientMessage,
  writeClientText,
  writeMessage,
  writeServerBinary,
  writeServerMessage,
  writeServerText,
} from "../../src/stream/helpers.ts";
import { cuts } from "../support/cuts.ts";
import { binary, close, continuation, counted, hex, ping, pong, text } from "../support/frames.ts";
import { failure, paces, plain, TestStream, type TestStreamOptions } from "../support/streams.ts";
import { FrameTrace } from "../support/trace.ts";

const masked = { masked: true };
const more = { fin: false };
const moreMasked = { fin: false, masked: true };

function stream(frames: readonly Uint8Array[], options?: TestStreamOptions): TestStream {
  return new TestStream(frames, options);
}

/** A message in one line. */
function lineOf({ opcode, payload }: Message): string {
  return `${opcode} ${new TextDecoder().decode(payload)}`;
}

/** Frames in lines, whatever their masks. */
function linesOf(...wires: readonly Uint8Array[]): string[] {
  const trace = new FrameTrace();
  new FrameDecoder(trace).feed(concat(wires));
  return trace.lines.map((line) => line.replace(/mask [0-9a-f]{8}/, "masked"));
}

describe.each(paces)("readMessage() from a stream that answers %s", (_, later) => {
  const frames = [
    text("Hel", moreMasked),
    ping("1", masked),
    continuation("", moreMasked),
    pong("2", masked),
    continuation("lo", masked),
  ];

  it("gives the control frames inside a message before it, and reads no more", async () => {
    for (const pieces of cuts(concat(frames))) {
      const source = stream([...pieces, text("next")], { later });
      const messages = await readMessage(source, StateServerSide);
      expect(messages.map(lineOf)).toEqual(["9 1", "10 2", "1 Hello"]);
      expect(source.left).toEqual(text("next"));
    }
  });

  it("accepts 1024 control frames inside a message, and no more", async () => {
    const pings = (count: number): Uint8Array => concat(Array(count).fill(ping("", masked)));
    const message = (count: number): TestStream =>
      stream([text("a", moreMasked), pings(count), continuation("b", masked)], { later });
    expect(await readMessage(message(1024), StateServerSide)).toHaveLength(1025);
    expect(await failure(() => readMessage(message(1025), StateServerSide))).toMatchObject({
      code: "TOO_MANY_FRAGMENTS",
      limit: 1024,
      actual: 1025,
    });
  });

  it("gives a control frame that comes first by itself", async () => {
    const source = stream([close(1000, ""), text("a")], { later });
    expect((await readMessage(source, StateClientSide)).map(({ opcode }) => opcode)).toEqual([8]);
    expect((await readMessage(source, StateClientSide)).map(lineOf)).toEqual(["1 a"]);
    expect(await readMessage(source, StateClientSide)).toEqual([]);
  });
});

describe("readMessage()", () => {
  it("counts messages against its limit, and no control frames", async () => {
    const options = { maxMessageSize: 10 };
    const alone = stream([ping(counted(20)), text("0123456789")]);
    expect(await readMessage(alone, StateClientSide, options)).toHaveLength(1);
    expect(await readMessage(alone, StateClientSide, options)).toHaveLength(1);
    const inside = stream([text("a", more), ping(counted(125)), continuation("b")]);
    expect(await readMessage(inside, StateClientSide, options)).toHaveLength(2);
  });

  it("refuses more than maxMessageSize before it gathers it", async () => {
    const source = stream([text("abc", more), hex("80 04"), counted(4)]);
    const error = await failure(() => readMessage(source, StateClientSide, { maxMessageSize: 6 }));
    expect(error).toBeInstanceOf(LimitError);
    expect(error).toMatchObject({ code: "MESSAGE_TOO_BIG", limit: 6, actual: 7 });
    expect(source.left).toEqual(counted(4));
  });

  it("refuses more than 16 MiB by default", async () => {
    const source = stream([binary("", { length: 16 * 1024 ** 2 + 1 })]);
    const error = await failure(() => readMessage(source, StateClientSide));
    expect(error).toMatchObject({ code: "MESSAGE_TOO_BIG", limit: 16 * 1024 ** 2 });
  });

  it("takes no memory for a length that is only declared", async () => {
    const source = stream([binary(counted(9000), { length: 2 ** 40 })]);
    const error = await failure(() =>
      readMessage(source, StateClientSide, { maxMessageSize: Infinity }),
    );
    expect(error).toMatchObject({ code: "UNEXPECTED_END" });
    expect(Math.max(...source.asked)).toBeLessThanOrEqual(16_384);
  });

  it("refuses text that is not UTF-8", async () => {
    const error = await failure(() => readMessage(stream([text(hex("ff"))]), StateClientSide));
    expect(error).toMatchObject({ code: "INVALID_UTF8" });
  });

  it.each<[name: string, read: typeof readClientMessage, shape: { masked?: boolean }]>([
    ["readClientMessage()", readClientMessage, masked],
    ["readServerMessage()", readServerMessage, {}],
  ])("has a form for each side: %s", async (_, read, shape) => {
    expect((await read(stream([text("a", shape)]))).map(lineOf)).toEqual(["1 a"]);
    const other = stream([text("a", { masked: shape.masked !== true })]);
    expect(await failure(() => read(other))).toBeInstanceOf(ProtocolError);
    const long = stream([text("abc", shape)]);
    expect(await failure(() => read(long, { maxMessageSize: 2 }))).toMatchObject({ limit: 2 });
  });
});

describe.each(paces)("readData() from a stream that answers %s", (_, later) => {
  it("answers pings before and inside a message, and gives the message", async () => {
    const frames = [
      ping("1", masked),
      pong("2", masked),
      binary("Hel", moreMasked),
      ping("3", masked),
      continuation("lo", masked),
    ];
    const source = stream([concat(frames), text("next")], { later });
    expect(lineOf(await readData(source, StateServerSide))).toBe("2 Hello");
    expect(source.writes).toEqual([pong("1"), pong("3")]);
    expect(source.left).toEqual(text("next"));
  });

  it("goes on where it stopped if it reads through a buffer", async () => {
    const wire = concat([text("a"), ping("p"), text("b", more), continuation("c"), binary("d")]);
    for (const pieces of cuts(wire)) {
      const source = new BufferedStream(stream(pieces, { later }), { size: 16 });
      const lines: string[] = [];
      for (let i = 0; i < 3; i++) lines.push(lineOf(await readData(source, StateClientSide)));
      expect(lines).toEqual(["1 a", "1 bc", "2 d"]);
    }
  });

  it("drops messages of the kind that is not wanted, and answers their pings", async () => {
    const frames = [text("a", more), ping("1"), continuation("b"), text("c"), binary("d")];
    const source = stream(frames, { later });
    expect(lineOf(await readData(source, StateClientSide, OpBinary))).toBe("2 d");
    expect(linesOf(source.written)).toEqual(linesOf(pong("1", masked)));
  });

  it("answers a close frame, also inside a message, and throws what it says", async () => {
    for (const before of [[], [text("a", moreMasked)]]) {
      const source = stream([...before, close(1001, "bye", masked)], { later });
      const error = await failure(() => readData(source, StateServerSide));
      expect(error).toBeInstanceOf(ClosedError);
      expect(error).toMatchObject({ status: 1001, reason: "bye", clean: true, initiator: "peer" });
      expect(source.writes).toEqual([close(1001, "bye")]);
    }
  });

  it.each<[what: string, frames: Uint8Array[], status: number, code: string]>([
    ["a rule", [text("a", moreMasked), text("b", masked)], 1002, "CONTINUATION_EXPECTED"],
    ["no mask", [text("a")], 1002, "MASK_REQUIRED"],
    ["bad text", [text(hex("ff"), masked)], 1007, "INVALID_UTF8"],
    ["a bad close", [close(1005, "", masked)], 1002, "STATUS_APPLICATION_LEVEL"],
    ["a bad reason", [hex("88 83 00 00 00 00 03 e8 ff")], 1007, "INVALID_UTF8"],
    ["2^53", [binary("", { ...masked, length: 2 ** 53 })], 1009, "LENGTH_TOO_LARGE"],
    ["a limit", [binary("", { ...masked, length: 2 ** 30 })], 1009, "MESSAGE_TOO_BIG"],
  ])("answers an error with one close frame: %s", async (_, frames, status, code) => {
    const source = stream(frames, { later });
    const error = await failure(() => readData(source, StateServerSide));
    expect(error).toMatchObject({ code, status });
    expect(source.writes).toEqual([close(status, (error as Error).message)]);
  });

  it("throws at an end without a close frame, and answers nothing", async () => {
    const source = stream([ping()], { later });
    const error = await failure(() => readData(source, StateClientSide));
    expect(error).toBeInstanceOf(ClosedError);
    expect(error).toMatchObject({ status: 1006, clean: false, initiator: "transport" });
    expect(linesOf(source.written)).toEqual(linesOf(pong("", masked)));
  });

  it("throws if the stream ends inside a message, and answers nothing", async () => {
    const source = stream([text("a", more)], { later });
    const error = await failure(() => readData(source, StateClientSide));
    expect(error).toBeInstanceOf(TransportError);
    expect([error, source.writes]).toMatchObject([{ code: "UNEXPECTED_END" }, []]);
  });
});

describe("readData()", () => {
  it("throws what is wrong even if it cannot be answered", async () => {
    const source = stream([text("a")]);
    source.write = () => {
      throw new TransportError("RESET");
    };
    const error = await failure(() => readData(source, StateServerSide));
    expect(error).toMatchObject({ code: "MASK_REQUIRED" });
  });

  it.each<[name: string, read: typeof readClientData, frames: Uint8Array[], expected: unknown]>([
    [
      "readClientData()",
      readClientData,
      [text("a", masked)],
      { opcode: OpText, payload: hex("61") },
    ],
    ["readServerData()", readServerData, [binary("a")], { opcode: OpBinary, payload: hex("61") }],
  ])("has a form for each side: %s", async (_, read, frames, expected) => {
    expect(await read(stream(frames))).toEqual(expected);
    expect(await failure(() => read(stream(frames), { maxMessageSize: 0 }))).toMatchObject({
      limit: 0,
    });
  });

  it("has a form for each kind of message", async () => {
    const frames = [binary("\u20AC"), text("\u20AC"), binary("b")];
    const client = stream(frames);
    expect([await readServerText(client), await readServerBinary(client)]).toEqual([
      "\u20AC",
      hex("62"),
    ]);
    const server = stream([text("\uFEFFa", masked), binary("b", masked), text("c", masked)]);
    const options = { maxMessageSize: 4 };
    expect(await readClientBinary(server, options)).toEqual(hex("62"));
    expect(await readClientText(server, options)).toBe("c");
    const long = stream([text("12345", masked)]);
    expect(await failure(() => readClientText(long, options))).toMatchObject({ limit: 4 });
    expect(await readServerText(stream([text("\uFEFFa")]))).toBe("\uFEFFa");
  });
});

describe("writeMessage()", () => {
  it("writes one final frame of a text or of bytes, without a promise", () => {
    const dest = stream([]);
    expect(plain(writeMessage(dest, StateServerSide, OpText, "\u20AC"))).toBeUndefined();
    expect(plain(writeMessage(dest, StateServerSide, OpPing, counted(3)))).toBeUndefined();
    expect(dest.writes).toEqual([text("\u20AC"), ping(counted(3))]);
  });

  it("writes a close frame whose reason is cut at a character", async () => {
    const dest = stream([]);
    const body = newCloseFrameBody(1000, "\u20AC".repeat(50));
    await writeMessage(dest, StateServerSide, OpClose, body);
    expect(dest.writes).toEqual([close(1000, "\u20AC".repeat(41))]);
  });

  it("masks a copy of a client's payload", async () => {
    const dest = stream([]);
    const payload = counted(9);
    await writeMessage(dest, StateClientSide, OpBinary, payload);
    expect(payload).toEqual(counted(9));
    expect(linesOf(dest.written)).toEqual(linesOf(binary(counted(9), masked)));
    expect(dest.written.slice(6)).not.toEqual(counted(9));
  });

  it("has a form for each side and kind", async () => {
    const dest = stream([]);
    await writeServerMessage(dest, OpPong, "a");
    await writeServerText(dest, "b");
    await writeServerBinary(dest, hex("63"));
    await writeClientMessage(dest, OpPong, "a");
    await writeClientText(dest, hex("62"));
    await writeClientBinary(dest, hex("63"));
    expect(linesOf(dest.written)).toEqual(
      linesOf(
        ...[pong("a"), text("b"), binary("c")],
        ...[pong("a", masked), text("b", masked), binary("c", masked)],
      ),
    );
  });

  it.each([0x8, 0x9, 0xa])(
    "refuses more than 125 bytes in a control frame: opcode %i",
    (opcode) => {
      const stream = new TestStream();
      expect(() => writeMessage(stream, StateServerSide, opcode, counted(126))).toThrow(
        new RangeError("length must be from 0 to 125: 126"),
      );
      expect(stream.writes).toEqual([]);
    },
  );
});

describe("handleControlMessage()", () => {
  it("answers a ping with a pong, and a pong with nothing", async () => {
    const dest = stream([]);
    await handleControlMessage(dest, StateServerSide, { opcode: OpPing, payload: counted(2) });
    await handleControlMessage(dest, StateServerSide, { opcode: OpPong, payload: counted(2) });
    expect(dest.writes).toEqual([pong(counted(2))]);
  });

  it.each<[name: string, handle: typeof handleClientControlMessage, shape: { masked?: boolean }]>([
    ["handleClientControlMessage()", handleClientControlMessage, {}],
    ["handleServerControlMessage()", handleServerControlMessage, masked],
  ])("has a form for each side: %s", async (_, handle, shape) => {
    const dest = stream([]);
    const payload = concat([hex("03 e8"), hex("62 79 65")]);
    const error = await failure(() => handle(dest, { opcode: OpClose, payload }));
    expect(error).toMatchObject({ name: "ClosedError", status: 1000, reason: "bye" });
    expect(linesOf(dest.written)).toEqual(linesOf(close(1000, "bye", shape)));
  });

  it("refuses a message", async () => {
    const message = { opcode: OpText, payload: counted(1) };
    const error = await failure(() => handleControlMessage(stream([]), StateServerSide, message));
    expect(error).toBeInstanceOf(TypeError);
  });
});
