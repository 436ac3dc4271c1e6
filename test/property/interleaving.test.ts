import { describe, expect, it } from "vitest";
import { zlibEngine } from "../../adapters/zlib/engine.ts";
import { concat } from "../../src/bytes.ts";
import { Helper } from "../../src/flate/helpers.ts";
import { StateClientSide, StateExtended, StateServerSide } from "../../src/frame/check.ts";
import { newBinaryFrame, newPongFrame } from "../../src/frame/frame.ts";
import { cipher } from "../../src/frame/cipher.ts";
import { OpBinary, OpPing, OpText } from "../../src/frame/opcode.ts";
import { BufferedStream } from "../../src/io/buffered.ts";
import type { Awaitable, ByteStream } from "../../src/io/byte-stream.ts";
import { BytesReader } from "../../src/io/full.ts";
import { ControlHandler, ControlWriter } from "../../src/stream/control.ts";
import { readFrame, readHeader, writeFrame } from "../../src/stream/frame-io.ts";
import { writeMessage } from "../../src/stream/helpers.ts";
import { Writer } from "../../src/stream/writer.ts";
import { seededRandom } from "../support/cuts.ts";
import { ping } from "../support/frames.ts";
import { plain } from "../support/streams.ts";

/*
 * All that writes frames, side by side and not awaited, to streams that take a part of what they are given: each frame is
 * whole on the wire, and none is lost.
 */

/** Takes any part of a write, at once or later, as chance has it. What it is lent it looks at when it is done. */
class ChanceStream implements ByteStream {
  readonly taken: Uint8Array[] = [];
  readonly #random: () => number;
  readonly #most: number;

  constructor(seed: number) {
    this.#random = seededRandom(seed);
    this.#most = 1 + Math.floor(this.#random() ** 3 * 5000);
  }

  read(): number {
    return 0;
  }

  write(from: Uint8Array): Awaitable<number> {
    const count = Math.min(from.length, 1 + Math.floor(this.#random() * this.#most));
    const take = (): number => {
      this.taken.push(from.slice(0, count));
      return count;
    };
    const way = this.#random();
    if (way < 0.4) return take();
    if (way < 0.8) return Promise.resolve().then(take);
    return new Promise((resolve) => {
      setImmediate(() => {
        resolve(take());
      });
    });
  }

  close(): void {}
}

const helper = new Helper({ engine: zlibEngine() });

/** What each frame is filled with tells whose it is. */
const byWriter = 1;
const byMessage = 2;
const byFrame = 3;
const byControl = 4;
const byPong = 5;

function filled(length: number, byte: number): Uint8Array {
  return new Uint8Array(length).fill(byte);
}

/** Writes by all that there is, some of it through a stream with a buffer; gives how many frames are to come at the least. */
async function writeAtOnce(conn: ByteStream, state: number, random: () => number): Promise<number> {
  const stream = new BufferedStream(conn);
  const either = (): ByteStream => (random() < 0.5 ? conn : stream);
  const writer = new Writer(either(), state, OpBinary, { size: 1 + Math.floor(random() * 300) });
  const control = new ControlWriter(either(), state, OpPing);
  const pings = filled(3000, 0).map((_, at) => at % 5);
  const frame = ping(filled(4, byPong));
  const src = new BytesReader(concat(Array.from(pings, () => frame)));
  const handler = new ControlHandler({ src, dst: either(), state });
  const done: unknown[] = [];
  let frames = 0;
  for (let round = 0; round < 12; round++) {
    const length = Math.floor(random() ** 2 * 3000);
    const acts: (() => unknown)[] = [
      () => {
        done.push(writer.write(filled(length, byWriter)));
        return writer.flush();
      },
      () => writeMessage(either(), state, OpText, filled(length, byMessage)),
      () => writeFrame(either(), newBinaryFrame(filled(length, byFrame))),
      () => writeFrame(either(), newPongFrame(filled(length % 126, byPong))),
      () => {
        control.write(filled(length % 126, byControl));
        return control.flush();
      },
      () => handler.handle(plain(readHeader(src))!),
      async () => {
        const compressed = helper.compressFrame(newBinaryFrame(filled(length, byFrame)));
        await writeFrame(either(), await compressed);
      },
    ];
    const act = acts[Math.floor(random() * acts.length)]!;
    frames++;
    done.push(act());
    if (random() < 0.2) await Promise.all(done.splice(0));
  }
  await Promise.all(done);
  return frames;
}

/** Reads frames to the end: each payload is of one byte, or compressed. */
async function checkFrames(wire: Uint8Array): Promise<number> {
  const reader = new BytesReader(wire);
  let frames = 0;
  for (let frame; (frame = await readFrame(reader)) !== undefined; frames++) {
    const { header, payload } = frame;
    if (header.masked) cipher(payload, header.maskKey);
    const body = header.rsv === 4 ? await helper.decompress(payload) : payload;
    expect(body.every((byte) => byte === body[0])).toBe(true);
    expect(body[0] ?? byWriter).toBeLessThanOrEqual(byPong);
  }
  return frames;
}

describe("frames of several writers, side by side, to a stream that takes parts", () => {
  it.each([
    ["server", StateServerSide],
    ["client", StateClientSide | StateExtended],
  ])("are whole: a %s", async (_, state) => {
    for (let seed = 1; seed <= 100; seed++) {
      const stream = new ChanceStream(seed);
      const frames = await writeAtOnce(stream, state, seededRandom(-seed));
      const found = await checkFrames(concat(stream.taken)).catch((error: unknown) => {
        throw new Error(`seed ${seed}`, { cause: error });
      });
      expect(found, `seed ${seed}`).toBeGreaterThanOrEqual(frames);
    }
  });

  it("are whole if a Writer sends 16 MiB beside a ControlHandler", async () => {
    const stream = new ChanceStream(20);
    stream.write = (from) => {
      const part = from.slice(0, 1_000_000);
      return Promise.resolve().then(() => {
        stream.taken.push(part);
        return part.length;
      });
    };
    const writer = new Writer(stream, StateServerSide, OpBinary);
    const src = new BytesReader(concat([ping("a"), ping("b")]));
    const handler = new ControlHandler({ src, dst: stream, state: StateServerSide });
    const done = [writer.write(filled(16 * 1024 ** 2, byWriter)), writer.flush()];
    for (let pings = 0; pings < 2; pings++) await handler.handle((await readHeader(src))!);
    await Promise.all(done);
    const reader = new BytesReader(concat(stream.taken));
    const seen: string[] = [];
    for (let frame; (frame = await readFrame(reader)) !== undefined;) {
      const { header, payload } = frame;
      const isOurs = payload.every((byte) => byte === byWriter);
      seen.push(`${header.opcode} ${isOurs ? "" : "not "}ours ${header.length}`);
    }
    expect(seen.sort()).toEqual(["0 ours 0", "10 not ours 1", "10 not ours 1", "2 ours 16777216"]);
  });
});
