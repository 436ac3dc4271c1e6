import { describe, expect, it } from "vitest";
import { zlibEngine } from "../../adapters/zlib/engine.ts";
import { FlateWriter } from "../../src/flate/index.ts";
import * as frame from "../../src/frame/index.ts";
import * as stream from "../../src/stream/index.ts";
import { runtime } from "../support/runtime.ts";
import { macrotask } from "../support/turns.ts";

/*
 * Writes that nobody awaits, to a stream that fails: the next call tells, and the end of the connection. A rejection that nobody
 * handles would end the process on Node and Deno, and fails this run.
 */

const { OpClose, OpPing, OpText, StateServerSide } = frame;
const bytes = new Uint8Array(5);
const error = new Error("the peer is gone");

/** Fails each write, a turn later. */
class Failing implements stream.ByteStream {
  readonly writesWhole: boolean;
  constructor(writesWhole: boolean) {
    this.writesWhole = writesWhole;
  }
  read(): number {
    return 0;
  }
  async write(): Promise<number> {
    await macrotask();
    throw error;
  }
  close(): void {}
}

const streams: readonly (readonly [what: string, make: () => stream.ByteStream])[] = [
  ["of the user's", () => new Failing(false)],
  ["that writes whole", () => new Failing(true)],
  ["behind a BufferedStream", () => new stream.BufferedStream(new Failing(false))],
  ["that writes whole, behind one", () => new stream.BufferedStream(new Failing(true))],
];

const calls: Readonly<Record<string, (dest: stream.ByteStream) => unknown>> = {
  "writeAll()": (dest) => stream.writeAll(dest, bytes),
  "BufferedStream.write()": (dest) => new stream.BufferedStream(dest).write(bytes),
  "CipherWriter.write()": (dest) => new stream.CipherWriter(dest, 1).write(bytes),
  "writeMessage()": (dest) => stream.writeMessage(dest, StateServerSide, OpText, bytes),
  "writeMessage() of a close frame": (dest) =>
    stream.writeMessage(dest, StateServerSide, OpClose, frame.newCloseFrameBody(1000, "")),
  "writeFrame()": (dest) => stream.writeFrame(dest, frame.newPingFrame(bytes)),
  "writeFrame() of a close frame": (dest) =>
    stream.writeFrame(dest, frame.newCloseFrame(frame.newCloseFrameBody(1000, ""))),
  "writeHeader() of a close frame": (dest) => stream.writeHeader(dest, frame.newHeader(OpClose)),
  "ControlWriter.flush()": (dest) =>
    new stream.ControlWriter(dest, StateServerSide, OpPing).flush(),
  "ControlWriter.flush() of a close frame": (dest) =>
    new stream.ControlWriter(dest, StateServerSide, OpClose).flush(),
  "Writer.write() and flush()": (dest) => {
    const writer = new stream.Writer(dest, StateServerSide, OpText, { size: 2 });
    void writer.write(bytes);
    return writer.flush();
  },
  "FlateWriter.write() and flush()": (dest) => {
    const writer = new FlateWriter(dest, { engine: zlibEngine() });
    void writer.write(bytes);
    return writer.flush();
  },
};

describe.each(streams)(`on ${runtime}, a failing stream %s`, (_, make) => {
  it.each(Object.keys(calls))("is no unhandled rejection of %s", async (name) => {
    const done = calls[name]!(make());
    expect(done).toBeInstanceOf(Promise);
    // Three turns: the stream fails in the first one, and who would report it does so behind it.
    for (let turn = 0; turn < 3; turn++) await macrotask();
    await expect(done).rejects.toBe(error);
  });
});
