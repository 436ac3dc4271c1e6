import { constants, deflateRawSync, inflateRawSync } from "node:zlib";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { zlibEngine } from "../../adapters/zlib/engine.ts";
import { concat } from "../../src/bytes.ts";
import { LimitError, ProtocolError } from "../../src/errors.ts";
import { BoundedBuffer } from "../../src/extension/bounded-buffer.ts";
import type { Context, Engine } from "../../src/flate/engine.ts";
import { Helper } from "../../src/flate/helpers.ts";
import { MessageState } from "../../src/flate/message.ts";
import { acceptOffer, checkAnswer, flateSides, Negotiator } from "../../src/flate/negotiate.ts";
import {
  ExtensionName,
  type Parameters,
  parametersOption,
  parseAnswer,
  parseOffer,
} from "../../src/flate/parameters.ts";
import { FlateReader } from "../../src/flate/reader.ts";
import { FlateWriter } from "../../src/flate/writer.ts";
import {
  type State,
  StateClientSide,
  StateExtended,
  StateServerSide,
} from "../../src/frame/check.ts";
import { newBinaryFrame } from "../../src/frame/frame.ts";
import { OpBinary } from "../../src/frame/opcode.ts";
import { newOption, parseOptions, selectOptions, writeOptions } from "../../src/http/option.ts";
import { Reader } from "../../src/stream/reader.ts";
import { Writer } from "../../src/stream/writer.ts";
import { StoreEngine } from "../flate/store-engine.ts";
import { cutAt } from "../support/cuts.ts";
import { difference, zlibInflate as zlibInflateAll } from "../support/flate.ts";
import { hex } from "../support/frames.ts";
import { referenceInflate } from "../support/reference-inflate.ts";
import { TestStream } from "../support/streams.ts";

const parameters = { seed: 7692, numRuns: 300 };

const bits = fc.integer({ min: 8, max: 15 });
const answers: fc.Arbitrary<Parameters> = fc.record({
  serverNoContextTakeover: fc.boolean(),
  clientNoContextTakeover: fc.boolean(),
  serverMaxWindowBits: fc.oneof(fc.constant(0), bits),
  clientMaxWindowBits: fc.oneof(fc.constant(0), bits),
});
const offers: fc.Arbitrary<Parameters> = fc
  .tuple(answers, fc.boolean())
  .map(([offer, isAny]) => (isAny ? { ...offer, clientMaxWindowBits: 1 } : offer));

/** What anybody might write behind the extension's name. */
const names = fc.constantFrom(
  "server_no_context_takeover",
  "client_no_context_takeover",
  "server_max_window_bits",
  "client_max_window_bits",
  "constructor",
  "__proto__",
  "x",
);
const values = fc.oneof(
  fc.constant(undefined),
  fc.integer({ min: 6, max: 17 }).map(String),
  fc.constantFrom("", "08", "+9", "9.0", "1e1", "true"),
);
const pairs = fc.array(
  fc
    .tuple(names, values)
    .map(([name, value]) => (value === undefined ? ([name] as const) : ([name, value] as const))),
  { maxLength: 4 },
);

describe("parameters of permessage-deflate", () => {
  it("are read as they were written", () => {
    fc.assert(
      fc.property(offers, answers, (offer, answer) => {
        const [offered] = parseOptions(writeOptions([parametersOption(offer)]))!;
        const [answered] = selectOptions(writeOptions([parametersOption(answer)]))!;
        expect([parseOffer(offered!), parseAnswer(answered!)]).toEqual([offer, answer]);
      }),
      parameters,
    );
  });

  it("are read the same way again if they are valid, and never throw", () => {
    fc.assert(
      fc.property(pairs, (list) => {
        const offer = newOption(ExtensionName, list);
        const parsed = parseOffer(offer);
        const isDistinct = new Set(list.map(([name]) => name)).size === list.length;
        if (parsed === undefined) return;
        expect(isDistinct).toBe(true);
        expect(parametersOption(parsed).parameters.toSorted()).toEqual(list.toSorted());
        // An answer is an offer that names every window.
        expect(parseAnswer(offer)).toEqual(parsed.clientMaxWindowBits === 1 ? undefined : parsed);
      }),
      { ...parameters, numRuns: 3000 },
    );
  });
});

describe("negotiation of permessage-deflate", () => {
  it("gives an answer that the client may accept, and that both sides keep to", () => {
    fc.assert(
      fc.property(offers, answers, (offer, want) => {
        const answer = acceptOffer(offer, want);
        expect(checkAnswer(answer, offer)).toBe(true);
        expect(parseAnswer(parametersOption(answer))).toEqual(answer);
        const server = flateSides(answer, StateServerSide);
        const client = flateSides(answer, StateClientSide);
        expect([client.deflate, client.inflate]).toEqual([server.inflate, server.deflate]);
        // Nobody keeps a window that one side does not want.
        expect(server.deflate.windowBits).toBeLessThanOrEqual(offer.serverMaxWindowBits || 15);
        expect(server.deflate.windowBits).toBeLessThanOrEqual(want.serverMaxWindowBits || 15);
        if (offer.serverNoContextTakeover || want.serverNoContextTakeover) {
          expect(server.deflate.takeover).toBe(false);
        }
        if (offer.clientMaxWindowBits !== 0) {
          expect(client.deflate.windowBits).toBeLessThanOrEqual(want.clientMaxWindowBits || 15);
        } else {
          expect(client.deflate.windowBits).toBe(15);
        }
      }),
      { ...parameters, numRuns: 2000 },
    );
  });

  it("refuses an answer that does not grant what was asked for", () => {
    fc.assert(
      fc.property(offers, answers, (offer, answer) => {
        const legal =
          (!offer.serverNoContextTakeover || answer.serverNoContextTakeover) &&
          (offer.serverMaxWindowBits === 0 ||
            (answer.serverMaxWindowBits !== 0 &&
              answer.serverMaxWindowBits <= offer.serverMaxWindowBits)) &&
          (answer.clientMaxWindowBits === 0 ||
            offer.clientMaxWindowBits === 1 ||
            (offer.clientMaxWindowBits !== 0 &&
              answer.clientMaxWindowBits <= offer.clientMaxWindowBits));
        expect(checkAnswer(answer, offer)).toBe(legal);
      }),
      { ...parameters, numRuns: 3000 },
    );
  });

  it("agrees to the first legal one of any offers, once", () => {
    fc.assert(
      fc.property(fc.array(pairs, { maxLength: 5 }), answers, (lists, want) => {
        const negotiator = new Negotiator(want);
        const list = lists.map((each) => newOption(ExtensionName, each));
        const answered = list.map((offer) => negotiator.negotiate(offer));
        const first = list.findIndex((offer) => parseOffer(offer) !== undefined);
        expect(answered.map((answer) => answer !== undefined)).toEqual(
          list.map((_, index) => index === first),
        );
        expect(negotiator.accepted).toEqual(first < 0 ? undefined : parseAnswer(answered[first]!));
      }),
      parameters,
    );
  });
});

const tail = [0, 0, 0xff, 0xff];
const paces = fc
  .array(fc.boolean(), { minLength: 1, maxLength: 5 })
  .map((pattern) => (call: number) => pattern[call % pattern.length]!);
/** Bytes with something to be found in them, and bytes without. */
const messages = fc.oneof(
  fc.uint8Array({ maxLength: 300 }),
  fc.uint8Array({ max: 1, maxLength: 3000 }),
  fc
    .tuple(fc.uint8Array({ maxLength: 50 }), fc.nat(100))
    .map(([piece, times]) => concat(Array.from({ length: times }, () => piece))),
);
const engines: fc.Arbitrary<Engine> = fc.oneof(
  fc.integer({ min: 1, max: 40 }).map((slice) => new StoreEngine({ slice })),
  fc.constant(0).map(() => new StoreEngine()),
  fc.integer({ min: 10, max: 500 }).map((sliceSize) => zlibEngine({ sliceSize })),
);
const positions = fc.array(fc.nat(), { maxLength: 8 });

function cutBytes(bytes: Uint8Array, cuts: readonly number[]): Uint8Array[] {
  const at = cuts.map((cut) => cut % (bytes.length + 1)).sort((a, b) => a - b);
  return cutAt(bytes, at);
}

function zlibInflate(payload: Uint8Array): Uint8Array {
  return new Uint8Array(
    inflateRawSync(Uint8Array.of(...payload, ...tail), { finishFlush: constants.Z_SYNC_FLUSH }),
  );
}

describe("Helper", () => {
  it("writes what zlib reads, and reads what zlib writes", async () => {
    await fc.assert(
      fc.asyncProperty(messages, engines, bits, async (message, engine, windowBits) => {
        const helper = new Helper({ engine, windowBits });
        const { header, payload } = await helper.compressFrame(newBinaryFrame(message));
        expect([header.rsv, header.length]).toEqual([4, payload.length]);
        expect(zlibInflate(payload)).toEqual(message);
        const back = await helper.decompressFrame({ header, payload });
        expect([back.header.rsv, back.payload]).toEqual([0, message]);
        // Nothing of what went before is referred to.
        expect(await helper.compress(message)).toEqual(payload);
        helper.close();
      }),
      parameters,
    );
    const helper = new Helper({ engine: zlibEngine() });
    await fc.assert(
      fc.asyncProperty(messages, bits, async (message, windowBits) => {
        const whole = deflateRawSync(message, {
          windowBits: Math.max(windowBits, 9),
          finishFlush: constants.Z_SYNC_FLUSH,
        });
        for (const payload of [whole, whole.subarray(0, -4), deflateRawSync(message)]) {
          expect(await helper.decompress(payload)).toEqual(message);
        }
      }),
      parameters,
    );
    helper.close();
  });

  it("throws nothing but its own errors, whatever it is given", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.oneof(
          fc.uint8Array({ maxLength: 100 }),
          fc.tuple(messages, fc.nat(), fc.nat(255)).map(([message, at, byte]) => {
            const payload = Uint8Array.from(deflateRawSync(message));
            payload[at % payload.length] = byte;
            return payload;
          }),
        ),
        engines,
        fc.nat(500),
        async (payload, engine, maxMessageSize) => {
          const helper = new Helper({ engine, maxMessageSize: maxMessageSize + 1 });
          try {
            const { length } = await helper.decompress(payload);
            expect(length).toBeLessThanOrEqual(maxMessageSize + 1);
          } catch (error) {
            const isOwn = error instanceof ProtocolError || error instanceof LimitError;
            if (!isOwn) throw error;
          }
          helper.close();
        },
      ),
      { ...parameters, numRuns: 1000 },
    );
  });
});

/** Blocks that a peer may put into a message, each of which ends between bytes. */
const blocks: fc.Arbitrary<Uint8Array> = fc.oneof(
  fc.constantFrom("0300", "03fc", "010000ffff", "000000ffff", "4b0400", "010100feff61").map(hex),
  fc
    .record({
      text: fc.uint8Array({ maxLength: 400 }),
      level: fc.integer({ min: 0, max: 9 }),
      isLast: fc.boolean(),
    })
    .map(({ text, level, isLast }) => {
      const bytes = concat([text, text]);
      const finishFlush = isLast ? constants.Z_FINISH : constants.Z_SYNC_FLUSH;
      return new Uint8Array(deflateRawSync(bytes, { level, finishFlush }));
    }),
);

describe("a context that rests wherever it can", () => {
  const restless = fc.array(fc.record({ at: fc.nat(), rests: fc.boolean() }), { maxLength: 12 });
  const way = fc.constantFrom("open" as const, "one-shot" as const);

  /** Takes a message through in pieces; what `take` gives says whether it is done. */
  function inPieces(
    length: number,
    cuts: readonly { readonly at: number; readonly rests: boolean }[],
    context: Context,
    take: (start: number, end: number, isLast: boolean) => boolean,
  ): void {
    const sorted = cuts.map(({ at, rests }) => ({ at: at % (length + 1), rests }));
    sorted.sort((one, other) => one.at - other.at);
    let start = 0;
    for (const { at, rests } of sorted) {
      expect(take(start, at, false)).toBe(true);
      if (rests && context.canRest === true) context.rest();
      start = at;
    }
    expect(take(start, length, true)).toBe(true);
    if (cuts.length % 2 === 0) context.rest();
  }

  it("decompresses as a plain twin does, whatever blocks there are", () => {
    const message = fc.record({ parts: fc.array(blocks, { maxLength: 6 }), cuts: restless });
    fc.assert(
      fc.property(fc.array(message, { maxLength: 4 }), way, bits, (all, how, windowBits) => {
        const inflater = zlibEngine({ way: how }).newInflater({ windowBits });
        for (const { parts, cuts } of all) {
          // With a beginning that any message may have, so that none is cut off.
          const payload = concat([...parts, hex("00")]);
          const into = new BoundedBuffer();
          inPieces(payload.length, cuts, inflater, (start, end, isLast) =>
            inflater.inflate(payload, start, end, isLast, into),
          );
          expect(into.take()).toEqual(referenceInflate(payload).bytes);
        }
        inflater.close();
      }),
      parameters,
    );
  });

  it("compresses so that zlib and a rested decompressor can read it", () => {
    const message = fc.record({ text: fc.uint8Array({ maxLength: 900 }), cuts: restless });
    fc.assert(
      fc.property(fc.array(message, { maxLength: 5 }), way, bits, (all, how, windowBits) => {
        const engine = zlibEngine({ way: how });
        const deflater = engine.newDeflater({ windowBits, level: 6, memLevel: 5 });
        const inflater = engine.newInflater({ windowBits });
        const payloads: Uint8Array[] = [];
        for (const { text, cuts } of all) {
          const bytes = concat([text, text, text]);
          const [there, back] = [new BoundedBuffer(), new BoundedBuffer()];
          inPieces(bytes.length, cuts, deflater, (start, end, isLast) =>
            deflater.deflate(bytes, start, end, isLast, there),
          );
          payloads.push(there.take());
          const payload = payloads.at(-1)!;
          inPieces(payload.length, cuts.toReversed(), inflater, (start, end, isLast) =>
            inflater.inflate(payload, start, end, isLast, back),
          );
          expect(back.take()).toEqual(bytes);
        }
        const whole = concat(all.flatMap(({ text }) => [text, text, text]));
        expect(difference(zlibInflateAll(payloads), whole)).toBe(-1);
        deflater.close();
        inflater.close();
      }),
      parameters,
    );
  });
});

describe("FlateWriter and FlateReader", () => {
  it("give back every message, over Writer and Reader, at every pace", async () => {
    const sent = fc.record({ message: messages, cuts: positions, isCompressed: fc.boolean() });
    const ways = fc.record({
      later: paces,
      most: fc.oneof(fc.constant(Infinity), fc.integer({ min: 1, max: 50 })),
      size: fc.integer({ min: 1, max: 200 }),
      cuts: positions,
      room: fc.integer({ min: 1, max: 300 }),
      resets: fc.boolean(),
      awaits: fc.boolean(),
    });
    const list = fc.array(sent, { minLength: 1, maxLength: 4 });
    await fc.assert(
      fc.asyncProperty(list, ways, engines, async (all, way, engine) => {
        const wire = await writeMessages(all, way, engine);
        const stream = new TestStream(cutBytes(wire, way.cuts), { later: way.later });
        expect(await readMessages(stream, way.room, engine)).toEqual(
          all.map(({ message, isCompressed }) => [isCompressed, message]),
        );
      }),
      parameters,
    );
  });
});

interface Sent {
  readonly message: Uint8Array;
  readonly cuts: readonly number[];
  readonly isCompressed: boolean;
}

interface Way {
  readonly later: (call: number) => boolean;
  readonly most: number;
  readonly size: number;
  readonly resets: boolean;
  readonly awaits: boolean;
}

const side: State = StateServerSide | StateExtended;

async function writeMessages(
  sent: readonly Sent[],
  { later, most, size, resets, awaits }: Way,
  engine: Engine,
): Promise<Uint8Array> {
  const stream = new TestStream([], { later, most });
  const state = new MessageState();
  const writer = new Writer(stream, side, OpBinary, { extensions: [state], size });
  const flate = new FlateWriter(writer, { engine });
  for (const { message, cuts, isCompressed } of sent) {
    state.setCompressed(isCompressed);
    if (resets) flate.reset(writer);
    const dest = isCompressed ? flate : writer;
    for (const piece of cutBytes(message, cuts)) {
      const written = dest.write(piece);
      if (awaits) await written;
    }
    await dest.flush();
    await writer.flush();
  }
  await flate.close();
  return stream.written;
}

async function readMessages(
  stream: TestStream,
  room: number,
  engine: Engine,
): Promise<[boolean, Uint8Array][]> {
  const state = new MessageState();
  const reader = new Reader(stream, StateClientSide | StateExtended, { extensions: [state] });
  const flate = new FlateReader(reader, { engine });
  const read: [boolean, Uint8Array][] = [];
  while (await reader.nextFrame()) {
    const source = state.isCompressed ? flate : reader;
    const pieces: Uint8Array[] = [];
    for (;;) {
      const into = new Uint8Array(room);
      const count = await source.read(into);
      if (count === 0) break;
      pieces.push(into.subarray(0, count));
    }
    read.push([state.isCompressed, concat(pieces)]);
  }
  flate.close();
  return read;
}
