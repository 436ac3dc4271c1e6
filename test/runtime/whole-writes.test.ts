import { type AddressInfo, connect, createServer } from "node:net";
import { describe, expect, it, onTestFinished } from "vitest";
import { concat } from "../../src/bytes.ts";
import { newDeferred } from "../../src/deferred.ts";
import { StateServerSide } from "../../src/frame/check.ts";
import { newBinaryFrame } from "../../src/frame/frame.ts";
import { OpBinary, OpText } from "../../src/frame/opcode.ts";
import { BufferedStream } from "../../src/io/buffered.ts";
import type { ByteStream } from "../../src/io/byte-stream.ts";
import { BytesReader } from "../../src/io/full.ts";
import { ControlHandler } from "../../src/stream/control.ts";
import { readFrame, readHeader, writeFrame } from "../../src/stream/frame-io.ts";
import { writeMessage } from "../../src/stream/helpers.ts";
import { Writer } from "../../src/stream/writer.ts";
import { adapter } from "../support/adapter.ts";
import { ping } from "../support/frames.ts";
import { runtime } from "../support/runtime.ts";
import { plain } from "../support/streams.ts";

/** Frames that are written side by side to sockets of each runtime, its own and the adapter's: each is whole on the wire. */

const hostname = "127.0.0.1";

/** A server that gives what one client sends, to its end. */
async function collector(): Promise<{ port: number; received: Promise<Uint8Array> }> {
  const received = newDeferred<Uint8Array>();
  const server = createServer((socket) => {
    const chunks: Uint8Array[] = [];
    socket.on("data", (chunk) => chunks.push(chunk));
    socket.on("error", received.reject);
    socket.on("end", () => {
      received.resolve(concat(chunks));
      socket.end();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, hostname, resolve));
  onTestFinished(() => void server.close());
  return { port: (server.address() as AddressInfo).port, received: received.promise };
}

interface BunSocket {
  write(bytes: Uint8Array): number;
  end(): void;
}

interface Globals {
  readonly Deno: { connect(options: object): Promise<ByteStream> };
  readonly Bun: { connect(options: object): Promise<BunSocket> };
}

const globals = globalThis as unknown as Globals;
const read = (): number => 0;

/** A socket of the runtime as a stream that takes as much of a write as the kernel has room for. */
const ownSocket: Record<string, (port: number) => Promise<ByteStream>> = {
  deno: (port) => globals.Deno.connect({ hostname, port }),
  async bun(port) {
    let drained = newDeferred<void>();
    const socket = await globals.Bun.connect({
      hostname,
      port,
      socket: {
        data() {},
        drain() {
          drained.resolve();
          drained = newDeferred<void>();
        },
      },
    });
    async function write(from: Uint8Array): Promise<number> {
      for (;;) {
        const count = socket.write(from);
        if (count !== 0) return count;
        await drained.promise;
      }
    }
    return { read, write, close: () => socket.end() };
  },
  async node(port) {
    const socket = connect(port, hostname);
    await new Promise<void>((resolve) => socket.once("connect", resolve));
    const write = (from: Uint8Array): Promise<number> =>
      new Promise((resolve, reject) => {
        const part = from.subarray(0, 50_000);
        socket.write(part, (error) => (error ? reject(error) : resolve(part.length)));
      });
    return { read, write, close: () => void socket.end() };
  },
};

const ways: readonly (readonly [string, (port: number) => Promise<ByteStream>])[] = [
  ["the runtime's own", ownSocket[runtime]!],
  ["the adapter's", (port) => adapter.connectStream({ hostname, port })],
];

describe("frames side by side on a socket", () => {
  it.each(ways)("are whole: %s", async (_, open) => {
    const { port, received } = await collector();
    const conn = await open(port);
    const stream = new BufferedStream(conn);
    const state = StateServerSide;
    const large = new Uint8Array(16 * 1024 ** 2).fill(1);
    const writer = new Writer(stream, state, OpBinary);
    const src = new BytesReader(concat([ping("a"), ping("b"), ping("c")]));
    const handler = new ControlHandler({ src, dst: conn, state });
    const done: unknown[] = [writer.write(large), writer.flush()];
    for (let round = 0; round < 3; round++) {
      done.push(
        handler.handle(plain(readHeader(src))!),
        writeMessage(conn, state, OpText, large.subarray(0, 700_000)),
        writeMessage(stream, state, OpText, "hi"),
        writeFrame(conn, newBinaryFrame(large.subarray(0, 300_000))),
      );
      await done[2];
    }
    await Promise.all(done);
    await conn.close();
    const reader = new BytesReader(await received);
    const seen: Record<string, number> = {};
    for (let frame; (frame = await readFrame(reader)) !== undefined;) {
      const { header, payload } = frame;
      const isLarge = payload.every((byte) => byte === 1);
      const line = `${header.opcode} ${header.length} ${isLarge ? "of 1" : "else"}`;
      seen[line] = (seen[line] ?? 0) + 1;
    }
    expect(seen).toEqual({
      "2 16777216 of 1": 1,
      "0 0 of 1": 1,
      "10 1 else": 3,
      "1 700000 of 1": 3,
      "1 2 else": 3,
      "2 300000 of 1": 3,
    });
  });
});
