import { describe, expect, it } from "vitest";
import { encodeUtf8 } from "../../src/bytes.ts";
import { StateClientSide, StateServerSide } from "../../src/frame/check.ts";
import { newCloseFrameBody } from "../../src/frame/close.ts";
import { newCloseFrame } from "../../src/frame/frame.ts";
import { newHeader } from "../../src/frame/header.ts";
import { OpClose } from "../../src/frame/opcode.ts";
import { BufferedStream } from "../../src/io/buffered.ts";
import type { ByteWriter } from "../../src/io/byte-stream.ts";
import { BytesReader } from "../../src/io/full.ts";
import { ControlHandler, controlFrameHandler, ControlWriter } from "../../src/stream/control.ts";
import { writeFrame, writeHeader } from "../../src/stream/frame-io.ts";
import { handleControlMessage, writeMessage } from "../../src/stream/helpers.ts";
import { setCloseSent, wasCloseSent } from "../../src/stream/sent-close.ts";
import { failure, TestStream } from "../support/streams.ts";

describe("a close frame that was sent", () => {
  it("is remembered for the stream, and for every buffer over it", () => {
    const stream = new TestStream();
    const buffered = new BufferedStream(new BufferedStream(stream));
    expect([wasCloseSent(stream), wasCloseSent(buffered)]).toEqual([false, false]);
    setCloseSent(buffered, true);
    expect([wasCloseSent(stream), wasCloseSent(buffered)]).toEqual([true, true]);
    setCloseSent(stream, false);
    expect(wasCloseSent(buffered)).toBe(false);
  });

  const body = newCloseFrameBody(1000, "");
  const handlerOf = (dst: ByteWriter): ControlHandler =>
    new ControlHandler({ src: new BytesReader(body), dst, state: StateServerSide });

  it.each<[what: string, send: (dest: ByteWriter) => unknown]>([
    ["writeMessage()", (dest) => writeMessage(dest, StateServerSide, OpClose, body)],
    ["a client's writeMessage()", (dest) => writeMessage(dest, StateClientSide, OpClose, body)],
    ["writeFrame()", (dest) => writeFrame(dest, newCloseFrame(body))],
    ["ControlWriter", (dest) => new ControlWriter(dest, StateServerSide, OpClose).flush()],
    ["writeHeader()", (dest) => writeHeader(dest, newHeader(OpClose))],
    ["ControlHandler", (dest) => handlerOf(dest).handle(newHeader(OpClose, body.length))],
    [
      "controlFrameHandler()",
      (dest) =>
        controlFrameHandler(dest, StateServerSide)(
          newHeader(OpClose, body.length),
          new BytesReader(body),
        ),
    ],
    [
      "handleControlMessage()",
      (dest) => handleControlMessage(dest, StateServerSide, { opcode: OpClose, payload: body }),
    ],
  ])("prevents a second one, whoever sent it: %s", async (_, send) => {
    const stream = new TestStream();
    await failure(() => send(stream));
    const { length } = stream.writes;
    expect(length).toBe(1);
    const control = controlFrameHandler(new BufferedStream(stream), StateServerSide);
    const closed = await failure(() =>
      control(newHeader(OpClose, body.length), new BytesReader(body)),
    );
    expect(closed).toMatchObject({ name: "ClosedError", status: 1000 });
    const handler = handlerOf(stream);
    expect(handler.hasSentClose).toBe(true);
    await failure(() => handler.handle(newHeader(OpClose, body.length)));
    expect(stream.writes).toHaveLength(length);
  });

  it("does not count if it cannot be encoded, and the peer's is still answered", async () => {
    const stream = new TestStream();
    const frame = { header: newHeader(OpClose, 5), payload: body };
    expect(await failure(() => writeFrame(stream, frame))).toBeInstanceOf(RangeError);
    expect([wasCloseSent(stream), stream.writes]).toEqual([false, []]);
  });

  it.each<[what: string, send: (dest: ByteWriter) => unknown]>([
    ["writeMessage()", (dest) => writeMessage(dest, StateServerSide, OpClose, body)],
    ["a client's writeMessage()", (dest) => writeMessage(dest, StateClientSide, OpClose, body)],
    ["writeFrame()", (dest) => writeFrame(dest, newCloseFrame(body))],
    ["writeHeader()", (dest) => writeHeader(dest, newHeader(OpClose, body.length))],
    ["ControlWriter", (dest) => new ControlWriter(dest, StateServerSide, OpClose).flush()],
  ])("does not count if the stream fails, now or later: %s", async (_, send) => {
    const error = new Error("no");
    for (const write of [
      () => {
        throw error;
      },
      () => Promise.reject(error),
    ]) {
      const stream: ByteWriter = { write };
      const sent = failure(() => send(stream));
      expect(await sent).toBe(error);
      expect(wasCloseSent(stream)).toBe(false);
    }
  });

  it("still counts if a second one fails", async () => {
    const stream = new TestStream();
    await writeMessage(stream, StateServerSide, OpClose, body);
    stream.write = () => Promise.reject(new Error("no"));
    await failure(() => writeMessage(stream, StateServerSide, OpClose, body));
    expect(wasCloseSent(stream)).toBe(true);
  });

  it("does not count for another stream", async () => {
    await writeMessage(new TestStream(), StateServerSide, OpClose, encodeUtf8(""));
    expect(wasCloseSent(new TestStream())).toBe(false);
  });
});

describe("close frames that are under way together", () => {
  it("count as one that was sent as long as one of them has not failed", async () => {
    const error = new Error("no");
    const written: Uint8Array[] = [];
    let calls = 0;
    const stream: ByteWriter = {
      write(from) {
        if (++calls === 1) return Promise.reject(error);
        written.push(from);
        return Promise.resolve(from.length);
      },
    };
    const body = newCloseFrameBody(1000, "");
    const [first, second] = [0, 1].map(() =>
      failure(() => writeFrame(stream, newCloseFrame(body))),
    );
    expect(wasCloseSent(stream)).toBe(true);
    expect([await first, await second, wasCloseSent(stream)]).toEqual([error, undefined, true]);
    const handler = new ControlHandler({
      src: new BytesReader(body),
      dst: stream,
      state: StateServerSide,
    });
    await failure(() => handler.handle(newHeader(OpClose, body.length)));
    expect(written).toHaveLength(1);
  });
});
