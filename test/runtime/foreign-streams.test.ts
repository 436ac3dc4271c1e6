import { runInNewContext } from "node:vm";
import { describe, expect, it } from "vitest";
import { zlibEngine } from "../../adapters/zlib/engine.ts";
import { concat } from "../../src/bytes.ts";
import { FlateReader, FlateWriter, Helper } from "../../src/flate/index.ts";
import * as frame from "../../src/frame/index.ts";
import { DebugUpgrader, Upgrader } from "../../src/handshake/index.ts";
import * as stream from "../../src/stream/index.ts";
import { requestFor } from "../handshake/streams.ts";
import { counted } from "../support/frames.ts";
import { runtime } from "../support/runtime.ts";

/*
 * A stream is the user's own code: what it answers later may be a promise of another realm, or a thenable of a library of its
 * own. `await` takes each of them, and so does every call that reads or writes.
 */

const laters: readonly (readonly [what: string, later: (count: number | null) => unknown])[] = [
  ["a promise of another realm", (count) => runInNewContext("Promise.resolve(count)", { count })],
  ["a thenable", (count) => ({ then: (done: (count: unknown) => void) => done(count) })],
];

/** Gives and takes up to seven bytes at a time, each time later. */
class ForeignStream implements stream.ByteStream {
  readonly #later: (count: number | null) => unknown;
  readonly #bytes: stream.BytesReader;
  readonly #taken: Uint8Array[] = [];

  constructor(later: (count: number | null) => unknown, bytes: Uint8Array = new Uint8Array()) {
    this.#later = later;
    this.#bytes = new stream.BytesReader(bytes);
  }

  get written(): Uint8Array {
    return concat(this.#taken);
  }

  read(into: Uint8Array): Promise<number | null> {
    return this.#later(this.#bytes.read(into.subarray(0, 7)) || null) as Promise<number | null>;
  }

  write(from: Uint8Array): Promise<number> {
    this.#taken.push(Uint8Array.from(from.subarray(0, 7)));
    return this.#later(Math.min(from.length, 7)) as Promise<number>;
  }

  close(): void {}
}

const bytes = counted(50);
const { OpBinary, OpPing, OpText, StateClientSide, StateServerSide } = frame;
const text = Uint8Array.from("Hello, streams of others", (char) => char.charCodeAt(0));
const message = frame.compileFrame(frame.newBinaryFrame(bytes));
const fragmented = concat([
  frame.compileFrame(frame.newFrame(OpText, false, text)),
  frame.compileFrame(frame.newPingFrame(text)),
  frame.compileFrame(frame.newFrame(frame.OpContinuation, true, text)),
]);

interface Reading {
  readonly call: string;
  readonly wire: Uint8Array;
  read(source: stream.ByteStream): unknown;
  readonly gives: unknown;
}

const compressed = await new Helper({ engine: zlibEngine() }).compress(bytes);
const request = requestFor("/chat");
const upgraded = { protocol: "", extensions: [] };

const readings: readonly Reading[] = [
  {
    call: "readFull()",
    wire: bytes,
    read: async (source) => {
      const into = new Uint8Array(50);
      return [await stream.readFull(source, into), into];
    },
    gives: [50, bytes],
  },
  { call: "readBytes()", wire: bytes, read: (s) => stream.readBytes(s, 50), gives: bytes },
  { call: "readAll()", wire: bytes, read: (source) => stream.readAll(source), gives: bytes },
  {
    call: "copy()",
    wire: bytes,
    read: async (source) => {
      const dest = new ForeignStream(laters[0]![1]);
      return [await stream.copy(source, dest), dest.written];
    },
    gives: [50, bytes],
  },
  {
    call: "BufferedStream.read()",
    wire: bytes,
    read: (source) => stream.readAll(new stream.BufferedStream(source, { size: 16 })),
    gives: bytes,
  },
  {
    call: "BufferedStream.read(), into more than its buffer",
    wire: bytes,
    read: async (source) => {
      const into = new Uint8Array(50);
      await stream.readExactly(new stream.BufferedStream(source, { size: 16 }), into);
      return into;
    },
    gives: bytes,
  },
  {
    call: "readFrame()",
    wire: message,
    read: async (source) => (await stream.readFrame(source))?.payload,
    gives: bytes,
  },
  {
    call: "readFrame(), buffered",
    wire: message,
    read: async (source) => (await stream.readFrame(new stream.BufferedStream(source)))?.payload,
    gives: bytes,
  },
  {
    call: "readMessage()",
    wire: fragmented,
    read: (source) => stream.readMessage(source, StateClientSide),
    gives: [
      { opcode: OpPing, payload: text },
      { opcode: OpText, payload: concat([text, text]) },
    ],
  },
  {
    call: "Reader.discard()",
    wire: concat([fragmented, message]),
    read: async (source) => {
      const reader = new stream.Reader(source, StateClientSide);
      await reader.nextFrame();
      await reader.discard();
      await reader.nextFrame();
      return stream.readAll(reader);
    },
    gives: bytes,
  },
  {
    call: "FlateReader.read()",
    wire: compressed,
    read: (source) => stream.readAll(new FlateReader(source, { engine: zlibEngine() })),
    gives: bytes,
  },
  {
    call: "CipherReader.read()",
    wire: bytes,
    read: (source) => stream.readAll(new stream.CipherReader(source, 0)),
    gives: bytes,
  },
  {
    call: "Utf8Reader.read()",
    wire: text,
    read: (source) => stream.readAll(new stream.Utf8Reader(source)),
    gives: text,
  },
  {
    call: "Upgrader.upgrade()",
    wire: request,
    read: async (source) => pick(await new Upgrader().upgrade(source)),
    gives: upgraded,
  },
  {
    call: "DebugUpgrader.upgrade()",
    wire: request,
    read: async (source) => pick(await new DebugUpgrader({}, {}).upgrade(source)),
    gives: upgraded,
  },
];

function pick({ protocol, extensions }: Awaited<ReturnType<Upgrader["upgrade"]>>): unknown {
  return { protocol, extensions };
}

interface Writing {
  readonly call: string;
  write(dest: stream.ByteStream): unknown;
  readonly wire: Uint8Array;
}

const writings: readonly Writing[] = [
  { call: "writeAll()", write: (dest) => stream.writeAll(dest, bytes), wire: bytes },
  {
    call: "BufferedStream.write()",
    write: (dest) => new stream.BufferedStream(dest).write(bytes),
    wire: bytes,
  },
  {
    call: "CipherWriter.write()",
    write: (dest) => new stream.CipherWriter(dest, 0).write(bytes),
    wire: bytes,
  },
  {
    call: "writeMessage()",
    write: (dest) => stream.writeMessage(dest, StateServerSide, OpBinary, bytes),
    wire: message,
  },
  {
    call: "Writer.write() and flush()",
    write: async (dest) => {
      const writer = new stream.Writer(dest, StateServerSide, OpBinary);
      await writer.write(bytes);
      await writer.flush();
    },
    wire: message,
  },
  {
    call: "FlateWriter.write() and flush()",
    write: async (dest) => {
      const writer = new FlateWriter(dest, { engine: zlibEngine() });
      await writer.write(bytes);
      await writer.flush();
      writer.close();
    },
    wire: compressed,
  },
  {
    call: "ControlWriter.flush()",
    write: async (dest) => {
      const writer = new stream.ControlWriter(dest, StateServerSide, OpPing);
      writer.write(text);
      await writer.flush();
    },
    wire: frame.compileFrame(frame.newPingFrame(text)),
  },
];

describe.each(laters)(`on ${runtime}, a stream that answers with %s`, (_, later) => {
  it.each(readings)("is read by $call", async ({ wire, read, gives }) => {
    expect(await read(new ForeignStream(later, wire))).toEqual(gives);
  });

  it.each(writings)("is written to by $call", async ({ write, wire }) => {
    const dest = new ForeignStream(later);
    await write(dest);
    expect(dest.written).toEqual(wire);
  });

  it("is waited for where it is a handler's answer", async () => {
    const order: string[] = [];
    const reader = new stream.Reader(new stream.BytesReader(fragmented), StateClientSide, {
      onContinuation: () => {
        const seen = later(0) as PromiseLike<number>;
        return {
          then: (done: () => void) => seen.then(() => (order.push("handled"), done())),
        } as unknown as Promise<void>;
      },
    });
    await reader.nextFrame();
    await stream.readAll(reader.payload);
    await reader.nextFrame();
    await reader.nextFrame();
    order.push("header");
    expect(order).toEqual(["handled", "header"]);
  });
});
