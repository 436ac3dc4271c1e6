import { describe, expect, it } from "vitest";
import { concat, encodeUtf8 } from "../../src/bytes.ts";
import { ClosedError, ProtocolError, TransportError } from "../../src/errors.ts";
import { type State, StateClientSide, StateServerSide } from "../../src/frame/check.ts";
import {
  isControl,
  OpClose,
  OpContinuation,
  OpPing,
  OpPong,
  OpText,
} from "../../src/frame/opcode.ts";
import { ControlHandler, controlFrameHandler, ControlWriter } from "../../src/stream/control.ts";
import { readHeader } from "../../src/stream/frame-io.ts";
import { newHeader } from "../../src/frame/header.ts";
import { decodeUtf8 } from "../../src/frame/utf8.ts";
import type { ByteReader, ByteWriter } from "../../src/io/byte-stream.ts";
import { readAll } from "../../src/io/full.ts";
import { Reader } from "../../src/stream/reader.ts";
import { close, continuation, counted, hex, ping, pong, text, toHex } from "../support/frames.ts";
import { failure, HeldWriter, plain, TestStream } from "../support/streams.ts";

const masked = { masked: true };

/** A client's frame, unmasked, with the key that it came with. */
function unmask(wire: Uint8Array): { header: string; payload: string } {
  const payload = wire.slice(6).map((byte, at) => byte ^ wire[2 + (at % 4)]!);
  return { header: toHex(wire, 0, 2), payload: toHex(payload) };
}

describe("ControlWriter", () => {
  it("gathers a payload, and sends it as one frame", () => {
    const stream = new TestStream();
    const writer = new ControlWriter(stream, StateServerSide, OpPing);
    const counts = [writer.write(encodeUtf8("He")), writer.write(encodeUtf8("llo"))];
    expect([counts, writer.buffered, stream.writes]).toEqual([[2, 3], 5, []]);
    expect(plain(writer.flush())).toBeUndefined();
    expect([stream.writes, writer.buffered]).toEqual([[ping("Hello")], 0]);
  });

  it("sends a frame without a payload, and begins a new one each time", async () => {
    const stream = new TestStream();
    const writer = new ControlWriter(stream, StateServerSide, OpPong);
    await writer.flush();
    writer.write(hex("07"));
    await writer.flush();
    expect(stream.writes).toEqual([pong(), pong(hex("07"))]);
  });

  it("masks a client's frame", async () => {
    const stream = new TestStream();
    const writer = new ControlWriter(stream, StateClientSide, OpPing);
    writer.write(hex("01 02"));
    await writer.flush();
    expect(unmask(stream.written)).toEqual({ header: "8982", payload: "0102" });
  });

  it("counts the sum of its writes, and refuses what does not fit", async () => {
    const stream = new TestStream();
    const writer = new ControlWriter(stream, StateServerSide, OpPing);
    writer.write(counted(100));
    expect(() => writer.write(counted(26))).toThrow(RangeError);
    writer.write(counted(25));
    expect(() => writer.write(counted(1))).toThrow(RangeError);
    await writer.flush();
    expect([stream.written.length, stream.written[1]]).toEqual([127, 125]);
  });

  it.each([
    [5, StateServerSide, 3],
    [200, StateServerSide, 125],
    [9, StateClientSide, 3],
  ])(
    "gathers behind the header in a buffer of %i bytes: side %i, up to %i",
    async (size, state, limit) => {
      const buffer = new Uint8Array(size);
      const writer = new ControlWriter(new TestStream(), state, OpPing, buffer);
      writer.write(new Uint8Array(limit).fill(7));
      expect(() => writer.write(counted(1))).toThrow(RangeError);
      expect(buffer.filter((byte) => byte === 7)).toHaveLength(limit);
    },
  );

  it("refuses a buffer without room for a header and a byte", () => {
    for (const [size, state] of [
      [2, StateServerSide],
      [6, StateClientSide],
    ] as const) {
      const buffer = new Uint8Array(size);
      expect(() => new ControlWriter(new TestStream(), state, OpPing, buffer)).toThrow(RangeError);
    }
  });

  it("may be written to while a frame is under way", async () => {
    const stream = new HeldWriter();
    const writer = new ControlWriter(stream, StateServerSide, OpPing);
    writer.write(hex("01"));
    void writer.flush();
    writer.write(hex("02"));
    void writer.flush();
    await stream.release();
    await stream.release();
    expect(stream.written).toEqual([ping(hex("01")), ping(hex("02"))]);
  });
});

interface Answering {
  readonly state?: State;
  readonly hasSentClose?: boolean;
}

/** Handles one frame; tells what was answered, what was thrown, and what was left unread. */
async function handle(wire: Uint8Array, { state = StateServerSide, hasSentClose }: Answering = {}) {
  const src = new TestStream([wire, hex("89 00")]);
  const dst = new TestStream();
  const handler = new ControlHandler({ src, dst, state });
  if (hasSentClose !== undefined) handler.hasSentClose = hasSentClose;
  const header = plain(readHeader(src))!;
  const error = await failure(() => handler.handle(header));
  return { answers: dst.writes, error, left: toHex(src.left), hasSent: handler.hasSentClose };
}

describe("ControlHandler.handle()", () => {
  it("answers a client's ping with a pong of the same payload", async () => {
    expect(await handle(ping("Hello", masked))).toEqual({
      answers: [pong("Hello")],
      error: undefined,
      left: "8900",
      hasSent: false,
    });
  });

  it("answers a server's ping, also an empty one, with a masked pong", async () => {
    const { answers } = await handle(ping("Hello"), { state: StateClientSide });
    expect(unmask(answers[0]!)).toEqual({ header: "8a85", payload: "48656c6c6f" });
    const empty = await handle(ping(), { state: StateClientSide });
    expect(empty.answers.map((wire) => [toHex(wire, 0, 2), wire.length])).toEqual([["8a80", 6]]);
  });

  it("answers no ping after the close frame", async () => {
    const { answers, left } = await handle(ping("Hello", masked), { hasSentClose: true });
    expect([answers, left]).toEqual([[], "8900"]);
  });

  it("drops a pong", async () => {
    const { answers, error, left } = await handle(pong("Hello", masked));
    expect([answers, error, left]).toEqual([[], undefined, "8900"]);
  });

  it("answers a close frame with its status code and reason, then throws", async () => {
    const { answers, error, hasSent } = await handle(close(1001, "bye", masked));
    expect([answers, hasSent]).toEqual([[close(1001, "bye")], true]);
    expect(error).toBeInstanceOf(ClosedError);
    expect(error).toMatchObject({ status: 1001, reason: "bye", clean: true, initiator: "peer" });
  });

  it("answers the longest reason whole", async () => {
    const { answers } = await handle(close(1000, `${"\u00E9".repeat(61)}x`, masked));
    expect(answers).toEqual([close(1000, `${"\u00E9".repeat(61)}x`)]);
  });

  it("answers an empty close frame with an empty one: 1005", async () => {
    const { answers, error } = await handle(close(0, "", masked));
    expect(answers).toEqual([close()]);
    expect(error).toMatchObject({ name: "ClosedError", status: 1005, reason: "", clean: true });
  });

  it("throws what the peer said even if it cannot be answered", async () => {
    const broken = { write: () => Promise.reject(new Error("gone")) };
    const src = new TestStream([close(4001, "bye", masked)]);
    const handler = new ControlHandler({ src, dst: broken, state: StateServerSide });
    const header = plain(readHeader(src))!;
    const error = await failure(() => handler.handle(header));
    expect(error).toMatchObject({ name: "ClosedError", status: 4001, reason: "bye" });
  });

  it("sends no second close frame", async () => {
    const { answers, error } = await handle(close(1000, "", masked), { hasSentClose: true });
    expect([answers, (error as ClosedError).status]).toEqual([[], 1000]);
    const bad = await handle(close(1005, "", masked), { hasSentClose: true });
    expect([bad.answers, (bad.error as ProtocolError).status]).toEqual([[], 1002]);
  });

  it.each<[what: string, wire: Uint8Array, code: string, status: number]>([
    ["one byte", hex("88 81 00 00 00 00 03"), "CLOSE_BODY_TOO_SHORT", 1002],
    ["status 999", close(999, "", masked), "STATUS_NOT_IN_USE", 1002],
    ["status 1005", close(1005, "", masked), "STATUS_APPLICATION_LEVEL", 1002],
    ["status 1004", close(1004, "", masked), "STATUS_NO_MEANING", 1002],
    ["status 2999", close(2999, "", masked), "STATUS_UNKNOWN", 1002],
    ["status 5000", close(5000, "", masked), "STATUS_NOT_IN_USE", 1002],
    ["status 0", hex("88 82 00 00 00 00 00 00"), "STATUS_NOT_IN_USE", 1002],
    ["a bad reason", hex("88 83 00 00 00 00 03 e8 ff"), "INVALID_UTF8", 1007],
    ["126 bytes", hex("88 fe 00 7e 00 00 00 00"), "CONTROL_TOO_LONG", 1002],
  ])("answers a bad close frame with the error's status: %s", async (_, wire, code, status) => {
    const { answers, error } = await handle(wire);
    expect(error).toBeInstanceOf(ProtocolError);
    expect(error).toMatchObject({ code, status });
    expect(answers).toEqual([close(status, (error as Error).message)]);
  });

  it("takes no memory for a ping of more than 125 bytes", async () => {
    const { answers, error } = await handle(ping("", { ...masked, length: 2 ** 40 }));
    expect([answers, (error as ProtocolError).code]).toEqual([[], "CONTROL_TOO_LONG"]);
  });

  it("refuses a frame that is no control frame", async () => {
    for (const opcode of [OpText, OpContinuation]) {
      const handler = new ControlHandler({
        src: new TestStream(),
        dst: new TestStream(),
        state: StateServerSide,
      });
      expect(await failure(() => handler.handle(newHeader(opcode)))).toBeInstanceOf(TypeError);
    }
  });

  it.each([OpPing, OpPong, OpClose])("throws if the payload ends early: %i", async (opcode) => {
    const dst = new TestStream();
    const src = new TestStream([hex("01")]);
    const handler = new ControlHandler({ src, dst, state: StateServerSide });
    const error = await failure(() => handler.handle(newHeader(opcode, 2)));
    expect(error).toBeInstanceOf(TransportError);
    expect([error, dst.writes]).toMatchObject([{ code: "UNEXPECTED_END" }, []]);
  });
});

describe("controlFrameHandler()", () => {
  it("accepts a payload that is unmasked already", async () => {
    const dst = new TestStream();
    const handler = controlFrameHandler(dst, StateServerSide);
    const header = { ...newHeader(OpPing, 2), masked: true, maskKey: 1234 };
    await handler(header, new TestStream([hex("01 02")]));
    expect(dst.writes).toEqual([pong(hex("01 02"))]);
  });

  it("throws the status of a close frame", async () => {
    const dst = new TestStream();
    const handler = controlFrameHandler(dst, StateServerSide);
    const error = await failure(() => handler(newHeader(OpClose), new TestStream()));
    expect([error, dst.writes]).toMatchObject([{ status: 1005 }, [close()]]);
  });

  it.each<[what: string, sourceOf: (reader: Reader) => ByteReader]>([
    ["the Reader", (reader) => reader],
    ["its payload", (reader) => reader.payload],
  ])(
    "answers control frames inside a message and between messages, by one function, called with %s",
    async (_, sourceOf) => {
      const wire = [ping("1"), text("a", { fin: false }), ping("2"), continuation("b"), ping()];
      const stream = new TestStream([concat([...wire, text("c"), close(1000, "bye")])]);
      const control = controlFrameHandler(stream, StateServerSide);
      const reader = new Reader(stream, StateClientSide, { onIntermediate: control });
      const texts: string[] = [];
      const error = await failure(async () => {
        for (let header; (header = await reader.nextFrame()) !== undefined;) {
          if (isControl(header.opcode)) await control(header, sourceOf(reader));
          else texts.push(decodeUtf8(await readAll(reader))!);
        }
      });
      expect(error).toMatchObject({ name: "ClosedError", status: 1000, reason: "bye" });
      expect(texts).toEqual(["ab", "c"]);
      expect(stream.writes).toEqual([pong("1"), pong("2"), pong(), close(1000, "bye")]);
    },
  );
});

describe("a ControlWriter that is called from within its stream's own write", () => {
  it.each([false, true])("does not change what the stream was lent: later %s", async (isLater) => {
    const written: Uint8Array[] = [];
    let within: Promise<unknown> | undefined;
    const stream: ByteWriter = {
      write(from) {
        if (within === undefined) {
          writer.write(encodeUtf8("zz"));
          within = failure(() => writer.flush());
        }
        const take = (): number => {
          written.push(Uint8Array.from(from));
          return from.length;
        };
        return isLater ? Promise.resolve().then(take) : take();
      },
    };
    const writer = new ControlWriter(stream, StateServerSide, OpPing);
    writer.write(encodeUtf8("AAAA"));
    await writer.flush();
    expect(await within).toBeUndefined();
    expect(toHex(concat(written))).toBe("8904" + "41414141" + "8902" + "7a7a");
  });

  it("has its buffer again if the stream throws", async () => {
    const stream = new TestStream();
    const error = new Error("no");
    const write = stream.write.bind(stream);
    stream.write = () => {
      throw error;
    };
    const writer = new ControlWriter(stream, StateServerSide, OpPing);
    expect(await failure(() => writer.flush())).toBe(error);
    stream.write = write;
    writer.write(encodeUtf8("a"));
    await writer.flush();
    expect(toHex(stream.written)).toBe("890161");
  });
});
