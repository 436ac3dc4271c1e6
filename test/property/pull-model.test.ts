import { createRequire } from "node:module";
import process from "node:process";
import { describe, expect, it } from "vitest";
import { zlibEngine } from "../../adapters/zlib/engine.ts";
import { concat } from "../../src/bytes.ts";
import { Endpoint } from "../../src/endpoint/endpoint.ts";
import { MessageState } from "../../src/flate/message.ts";
import { PermessageDeflate } from "../../src/flate/permessage-deflate.ts";
import { FlateReader } from "../../src/flate/reader.ts";
import { FlateWriter } from "../../src/flate/writer.ts";
import {
  type State,
  StateClientSide,
  StateExtended,
  StateServerSide,
} from "../../src/frame/check.ts";
import { isControl, OpBinary, OpText } from "../../src/frame/opcode.ts";
import { BufferedStream } from "../../src/io/buffered.ts";
import type { Awaitable, ByteReader, ByteStream } from "../../src/io/byte-stream.ts";
import { BytesReader, readAll } from "../../src/io/full.ts";
import { ControlHandler, controlFrameHandler } from "../../src/stream/control.ts";
import { readHeader } from "../../src/stream/frame-io.ts";
import { Reader } from "../../src/stream/reader.ts";
import { Writer } from "../../src/stream/writer.ts";
import { seededRandom } from "../support/cuts.ts";
import { ping, toHex } from "../support/frames.ts";
import { failure, plain } from "../support/streams.ts";
import { silentEvents } from "../support/trace.ts";
import { macrotask } from "../support/turns.ts";

/*
 * The pull ring by chance: a Writer, a FlateWriter and a ControlHandler write to a stream that takes any part of what it is
 * given, at once or later, and that may fail in the middle. What was written is what a Reader reads, what an Endpoint and ws's
 * Receiver make of the same bytes; and what an Endpoint and ws's Sender send, a Reader reads.
 *
 * Here a few hundred seeds, the same on each run. FUZZ_SECONDS goes on for so long, from FUZZ_SEED on. A seed that fails is
 * told: FUZZ_SEED=n FUZZ_SECONDS=1 plays it first.
 */

const seconds = Number(process.env["FUZZ_SECONDS"] ?? 0);
const firstSeed = Number(process.env["FUZZ_SEED"] ?? 1);
const runs = 300;

const require = createRequire(import.meta.url);
type Listener = (data: Uint8Array, isBinary: boolean) => void;
interface WsReceiver {
  on(event: string, listener: Listener): void;
  write(bytes: Uint8Array): void;
}
interface WsExtension {
  accept(offers: readonly object[]): unknown;
}
const ws = {
  Receiver: require("../../node_modules/ws/lib/receiver.js") as new (options: object) => WsReceiver,
  Sender: require("../../node_modules/ws/lib/sender.js") as new (
    socket: object,
    extensions: object,
  ) => { send(data: Uint8Array, options: object, done: () => void): void },
  Deflate: require("../../node_modules/ws/lib/permessage-deflate.js") as new (
    options: object,
    isServer: boolean,
    maxPayload?: number,
  ) => WsExtension,
};

const engine = zlibEngine();
const extension = new PermessageDeflate({ engine, threshold: 0 });
const agreed = { name: "permessage-deflate", parameters: [] };

/** A message in one line. */
function lineOf(opcode: number, payload: Uint8Array): string {
  return `${opcode} ${toHex(payload)}`;
}

type Random = () => number;

const below = (random: Random, most: number): number => Math.floor(random() * most);

/** A stream by chance: gives and takes any part, at once, later, or in a turn of its own; its writes fail from `failAt` on. */
class ChanceStream implements ByteStream {
  readonly taken: Uint8Array[] = [];
  readonly #random: Random;
  readonly #source: Uint8Array;
  #at = 0;
  #left: number;

  constructor(random: Random, source: Uint8Array = new Uint8Array(0), failAt = Infinity) {
    this.#random = random;
    this.#source = source;
    this.#left = failAt;
  }

  get written(): Uint8Array {
    return concat(this.taken);
  }

  read(into: Uint8Array): Awaitable<number> {
    const most = Math.min(into.length, this.#source.length - this.#at);
    const count = most === 0 ? 0 : 1 + below(this.#random, most);
    return this.#answer(() => {
      into.set(this.#source.subarray(this.#at, this.#at + count));
      this.#at += count;
      return count;
    });
  }

  write(from: Uint8Array): Awaitable<number> {
    const most = this.#random() < 0.5 ? from.length : 1 + below(this.#random, from.length);
    return this.#answer(() => {
      if (this.#left <= 0) throw broken;
      const count = Math.min(most, this.#left);
      this.#left -= count;
      this.taken.push(Uint8Array.from(from.subarray(0, count)));
      return count;
    });
  }

  close(): void {}

  #answer(act: () => number): Awaitable<number> {
    const way = this.#random();
    if (way < 0.5) return act();
    if (way < 0.9) return Promise.resolve().then(act);
    return macrotask().then(act);
  }
}

const broken = new Error("broken");

/** ASCII, so that it is text wherever it is cut. */
function payloadOf(random: Random): Uint8Array {
  const length = below(random, random() < 0.1 ? 5000 : 200);
  const spread = 1 + below(random, 90);
  return Uint8Array.from({ length }, () => 32 + below(random, spread));
}

type Compression = "none" | "extension" | "by hand";

/**
 * Writes messages, by calls that are awaited only now and then; gives the lines of those that were written.
 *
 * @param second Where the stream has failed, one more message goes here, by the same writers, which are reset.
 */
async function writeAllOf(
  stream: ByteStream,
  side: State,
  compression: Compression,
  random: Random,
  second?: ByteStream,
): Promise<string[]> {
  const message = new MessageState();
  const [session, another] = [extension.open(agreed, side)!, extension.open(agreed, side)!];
  const extensions =
    compression === "none" ? [] : compression === "by hand" ? [message] : [session.send!];
  const dest = new BufferedStream(stream);
  const writer = new Writer(dest, side, OpText, { size: 1 + below(random, 300), extensions });
  const flate = new FlateWriter(writer, { engine });
  const pings = new BytesReader(concat(Array.from({ length: 64 }, () => ping("p"))));
  const control = new ControlHandler({ src: pings, dst: stream, state: side });
  const lines: string[] = [];
  const pending: unknown[] = [];
  // What fails is told by the call that awaits; nobody else is to be reported.
  const later = (done: unknown): void => {
    pending.push(done);
    if (done instanceof Promise) done.catch(() => {});
  };
  const maybe = async (): Promise<void> => {
    if (random() < 0.3) await Promise.all(pending.splice(0));
  };
  try {
    for (let count = below(random, 6); count >= 0; count--) {
      const opcode = random() < 0.5 ? OpText : OpBinary;
      const isByHand = compression === "by hand" && random() < 0.7;
      // Both look at what is next on the wire: what was begun before them has to be there.
      await Promise.all(pending.splice(0));
      writer.resetOp(opcode);
      message.setCompressed(isByHand);
      if (isByHand && random() < 0.3) flate.reset(writer);
      const to = isByHand ? flate : writer;
      const parts: Uint8Array[] = [];
      for (let pieces = below(random, 4); pieces >= 0; pieces--) {
        const piece = payloadOf(random);
        parts.push(piece);
        if (random() < 0.2) await to.readFrom(new ChanceStream(random, piece));
        else later(to.write(piece));
        if (random() < 0.3) later(to === flate ? flate.flush() : writer.flushFragment());
        if (random() < 0.2 && pings.left > 0) later(control.handle(plain(readHeader(pings))!));
        await maybe();
      }
      if (isByHand) await flate.flush();
      later(writer.flush());
      lines.push(lineOf(opcode, concat(parts)));
      await maybe();
    }
    await Promise.all(pending);
    return lines;
  } catch (error) {
    if (second === undefined) throw error;
    await Promise.allSettled(pending.splice(0));
    writer.reset(second, side, OpBinary);
    flate.reset(writer);
    // A Writer that is reset has no extension; the first session has the window of the stream that failed.
    if (compression === "extension") writer.setExtensions(another.send!);
    if (compression === "by hand") writer.setExtensions(message);
    message.setCompressed(compression === "by hand");
    const to = compression === "by hand" ? flate : writer;
    const parts = [payloadOf(random), payloadOf(random)];
    for (const part of parts) later(to.write(part));
    later(to.flush());
    if (to === flate) later(writer.flush());
    await Promise.all(pending);
    return [lineOf(OpBinary, concat(parts))];
  } finally {
    await Promise.allSettled(pending);
    flate.close();
    session.close?.();
    another.close?.();
  }
}

/** Reads messages by a Reader, over a stream by chance. */
async function readBack(
  wire: Uint8Array,
  side: State,
  compression: Compression,
  random: Random,
): Promise<string[]> {
  const state = compression === "none" ? side : side | StateExtended;
  const message = new MessageState();
  const session = extension.open(agreed, side)!;
  const extensions =
    compression === "none" ? [] : compression === "by hand" ? [message] : [session.recv!];
  const chance = new ChanceStream(random, wire);
  const source: ByteReader = random() < 0.5 ? chance : new BufferedStream(chance, { size: 64 });
  const control = controlFrameHandler(new ChanceStream(random), side);
  const reader = new Reader(source, state, {
    extensions,
    checkUtf8: compression !== "by hand",
    onIntermediate: control,
  });
  const flate = new FlateReader(reader, { engine });
  const lines: string[] = [];
  try {
    for (let header; (header = await reader.nextFrame()) !== undefined;) {
      const { opcode } = header;
      if (isControl(opcode)) await control(header, reader);
      else lines.push(lineOf(opcode, await readAll(message.isCompressed ? flate : reader)));
    }
    return lines;
  } finally {
    flate.close();
    session.close?.();
  }
}

/** What an Endpoint makes of the same bytes. */
async function byEndpoint(wire: Uint8Array, side: State, isExtended: boolean): Promise<string[]> {
  const lines: string[] = [];
  const name = side === StateServerSide ? "server" : "client";
  let at = 0;
  const feed = (): void => {
    at = endpoint.receive(wire, at);
  };
  const endpoint = new Endpoint(
    name,
    {
      onText: (data) => lines.push(lineOf(OpText, new TextEncoder().encode(data))),
      onBinary: (bytes, start, end) => lines.push(lineOf(OpBinary, bytes.subarray(start, end))),
      onPing() {},
      onPong() {},
      onFail: (error) => lines.push(String(error)),
      onResume: feed,
      onOutput() {},
    },
    { extensions: isExtended ? [extension.open(agreed, side)!] : [] },
  );
  feed();
  while (at < wire.length) {
    await macrotask();
    if (!endpoint.isBusy) feed();
  }
  endpoint.fail(undefined, 0, "local");
  return lines;
}

function wsExtensions(isServer: boolean): Record<string, WsExtension> {
  const deflate = new ws.Deflate({ threshold: 0 }, isServer);
  deflate.accept([{}]);
  return { "permessage-deflate": deflate };
}

/** What ws's Receiver makes of the same bytes. */
async function byWs(
  wire: Uint8Array,
  side: State,
  isExtended: boolean,
  count: number,
): Promise<string[]> {
  const lines: string[] = [];
  const isServer = side === StateServerSide;
  const receiver = new ws.Receiver({
    isServer,
    extensions: isExtended ? wsExtensions(isServer) : {},
  });
  receiver.on("message", (data, isBinary) => lines.push(lineOf(isBinary ? 2 : 1, data)));
  receiver.on("error", (error) => lines.push(String(error)));
  receiver.write(Buffer.from(wire));
  for (let turns = 0; turns < 1000 && lines.length < count; turns++) await macrotask();
  return lines;
}

/** What an Endpoint sends. */
async function sendByEndpoint(
  payloads: readonly Uint8Array[],
  side: State,
  isExtended: boolean,
): Promise<Uint8Array> {
  const sent: Uint8Array[] = [];
  const endpoint = new Endpoint(side === StateServerSide ? "server" : "client", silentEvents, {
    extensions: isExtended ? [extension.open(agreed, side)!] : [],
  });
  for (const payload of payloads) endpoint.sendBinary(payload.slice());
  while (!endpoint.isFree) await macrotask();
  for (let bytes; (bytes = endpoint.output.take()) !== undefined;) {
    sent.push(Uint8Array.from(bytes));
    endpoint.output.giveBack();
  }
  endpoint.fail(undefined, 0, "local");
  return concat(sent);
}

/** What ws's Sender sends. */
async function sendByWs(
  payloads: readonly Uint8Array[],
  side: State,
  isExtended: boolean,
): Promise<Uint8Array> {
  const sent: Uint8Array[] = [];
  let left = payloads.length;
  const isServer = side === StateServerSide;
  const socket = {
    cork() {},
    uncork() {},
    write(bytes: Uint8Array, done?: () => void) {
      sent.push(Uint8Array.from(bytes));
      done?.();
    },
  };
  const sender = new ws.Sender(socket, isExtended ? wsExtensions(isServer) : {});
  const options = { binary: true, fin: true, mask: !isServer, compress: isExtended };
  for (const payload of payloads) sender.send(Buffer.from(payload), options, () => left--);
  while (left > 0) await macrotask();
  return concat(sent);
}

const sides = [StateServerSide, StateClientSide] as const;
const compressions: readonly Compression[] = ["none", "extension", "by hand"];

/** Plays one seed. */
async function play(seed: number): Promise<void> {
  const random = seededRandom(seed);
  const ours = sides[below(random, 2)]!;
  const theirs = ours === StateServerSide ? StateClientSide : StateServerSide;
  const compression = compressions[below(random, 3)]!;
  const isExtended = compression !== "none";
  const stream = new ChanceStream(random);
  const lines = await writeAllOf(stream, ours, compression, random);
  const wire = stream.written;
  expect(await readBack(wire, theirs, compression, random)).toEqual(lines);
  expect(await byEndpoint(wire.slice(), theirs, isExtended)).toEqual(lines);
  expect(await byWs(wire, theirs, isExtended, lines.length)).toEqual(lines);
  // The same, to a stream that fails: what is whole on the wire is as it was written, and the rest is an error.
  const failing = new ChanceStream(random, undefined, below(random, wire.length + 1));
  const error = await failure(() => writeAllOf(failing, ours, compression, random));
  if (error !== undefined) expect(error).toBe(broken);
  const rest = await failure(() => readBack(failing.written, theirs, compression, random));
  if (rest !== undefined) expect(rest).toMatchObject({ code: "UNEXPECTED_END" });
  // And once more, with writers that go on with another stream behind the failure.
  const anew = new ChanceStream(random);
  const broke = new ChanceStream(random, undefined, below(random, wire.length >> 1));
  const after = await writeAllOf(broke, ours, compression, random, anew);
  if (anew.taken.length > 0) {
    expect(await readBack(anew.written, theirs, compression, random)).toEqual(after);
  }
}

describe("the pull ring by chance", () => {
  it(
    "gives what was written, as an Endpoint and ws's Receiver do",
    async () => {
      const end = performance.now() + seconds * 1000;
      for (let i = 0; seconds > 0 ? performance.now() < end : i < runs; i++) {
        await play(firstSeed + i).catch((error: unknown) => {
          throw new Error(`FUZZ_SEED=${firstSeed + i}`, { cause: error });
        });
      }
    },
    seconds * 1000 + 60_000,
  );

  it("reads what an Endpoint and ws's Sender send", async () => {
    for (let i = 0; i < runs / 3; i++) {
      const random = seededRandom(firstSeed + i);
      const ours = sides[i & 1]!;
      const theirs = ours === StateServerSide ? StateClientSide : StateServerSide;
      const compression = i & 2 ? "extension" : "none";
      const payloads = Array.from({ length: 4 }, () => payloadOf(random));
      const lines = payloads.map((payload) => lineOf(OpBinary, payload));
      for (const send of [sendByEndpoint, sendByWs]) {
        const wire = await send(payloads, ours, compression === "extension");
        const read = await readBack(wire, theirs, compression, random);
        expect(read, `FUZZ_SEED=${firstSeed + i}`).toEqual(lines);
      }
    }
  });
});
