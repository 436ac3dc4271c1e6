import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { concat, encodeUtf8 } from "../../src/bytes.ts";
import { ProtocolError } from "../../src/errors.ts";
import { StateClientSide, StateServerSide } from "../../src/frame/check.ts";
import { isControl, OpBinary, OpPing, OpText } from "../../src/frame/opcode.ts";
import { BufferedStream } from "../../src/io/buffered.ts";
import type { ByteReader } from "../../src/io/byte-stream.ts";
import { readAll } from "../../src/io/full.ts";
import { ControlWriter } from "../../src/stream/control.ts";
import { CipherReader, CipherWriter, Utf8Reader } from "../../src/stream/filter.ts";
import { readFrame, readHeader, writeFrame, writeHeader } from "../../src/stream/frame-io.ts";
import { Reader } from "../../src/stream/reader.ts";
import { Writer } from "../../src/stream/writer.ts";
import { anyCharacter } from "../support/any-character.ts";
import { cutAt } from "../support/cuts.ts";
import { counted, frame, hex, maskKeyOf, naiveMask, ping, toHex } from "../support/frames.ts";
import { TestStream } from "../support/streams.ts";

const parameters = { seed: 6455, numRuns: 300 };

const positions = fc.array(fc.nat(), { maxLength: 12 });
const paces = fc
  .array(fc.boolean(), { minLength: 1, maxLength: 5 })
  .map((pattern) => (call: number) => pattern[call % pattern.length]!);
/** How bytes come: raw or through a buffer of some size, in pieces, each at once or later. */
const ways = fc.record({
  cuts: positions,
  later: paces,
  size: fc.option(fc.integer({ min: 16, max: 300 })),
});
/** How bytes are taken: so many at the most, each time at once or later. */
const takers = fc.record({
  later: paces,
  most: fc.oneof(fc.constant(Infinity), fc.integer({ min: 1, max: 50 })),
});

function cutBytes(bytes: Uint8Array, cuts: readonly number[]): Uint8Array[] {
  const at = cuts.map((cut) => cut % (bytes.length + 1)).sort((a, b) => a - b);
  return cutAt(bytes, at);
}

type Way = typeof ways extends fc.Arbitrary<infer Value> ? Value : never;

function sourceOf(bytes: Uint8Array, { cuts, later, size }: Way): ByteReader {
  const stream = new TestStream(cutBytes(bytes, cuts), { later });
  return size === null ? stream : new BufferedStream(stream, { size });
}

const key = fc.tuple(...[0, 1, 2, 3].map(() => fc.nat(255)));
const borders = [125, 126, 65_535, 65_536, 2 ** 31, 2 ** 32, 2 ** 53 - 1];
const headers = fc
  .record({
    fin: fc.boolean(),
    rsv: fc.nat(7),
    opcode: fc.nat(15),
    masked: fc.boolean(),
    maskKey: fc.integer(),
    length: fc.oneof(fc.maxSafeNat(), fc.nat(200), fc.constantFrom(...borders)),
  })
  .map((header) => ({ ...header, maskKey: header.masked ? header.maskKey : 0 }));
const payloads = fc.oneof(
  fc.uint8Array({ maxLength: 200 }),
  fc.constantFrom(125, 126, 127, 5000).map(counted),
);

describe("readHeader() and writeHeader()", () => {
  it("are each other's inverse, over every stream", async () => {
    const lists = fc.array(headers, { maxLength: 5 });
    await fc.assert(
      fc.asyncProperty(lists, ways, takers, async (list, way, taker) => {
        const dest = new TestStream([], taker);
        for (const header of list) await writeHeader(dest, header);
        const source = sourceOf(dest.written, way);
        for (const header of list) expect(await readHeader(source)).toEqual(header);
        expect(await readHeader(source)).toBeUndefined();
      }),
      parameters,
    );
  });
});

describe("readFrame() and writeFrame()", () => {
  it("are each other's inverse, over every stream", async () => {
    const frames = fc
      .tuple(headers, payloads)
      .map(([header, payload]) => ({ header: { ...header, length: payload.length }, payload }));
    await fc.assert(
      fc.asyncProperty(
        fc.array(frames, { maxLength: 4 }),
        ways,
        takers,
        fc.nat(300),
        async (list, way, taker, room) => {
          const dest = new TestStream([], taker);
          for (const each of list) await writeFrame(dest, each);
          const source = sourceOf(dest.written, way);
          for (const { header, payload } of list) {
            const read = (await readFrame(source, { buffer: new Uint8Array(room) }))!;
            expect([read.header, toHex(read.payload)]).toEqual([header, toHex(payload)]);
          }
          expect(await readFrame(source)).toBeUndefined();
        },
      ),
      parameters,
    );
  });
});

/** One call of a Writer. */
type Step =
  | { readonly act: "write" | "writeThrough"; readonly bytes: Uint8Array }
  | { readonly act: "readFrom"; readonly bytes: Uint8Array; readonly way: Way }
  | { readonly act: "grow"; readonly size: number }
  | { readonly act: "flushFragment" | "disableFlush" | "wait" | "ping" };

const someBytes = fc.oneof(
  { weight: 9, arbitrary: fc.uint8Array({ maxLength: 40 }) },
  { weight: 3, arbitrary: fc.constantFrom(125, 126, 127, 600).map(counted) },
  { weight: 1, arbitrary: fc.constantFrom(65_535, 65_536, 65_537).map(counted) },
);
const steps: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 12,
    arbitrary: fc.record({ act: fc.constant("write" as const), bytes: someBytes }),
  },
  {
    weight: 3,
    arbitrary: fc.record({ act: fc.constant("writeThrough" as const), bytes: someBytes }),
  },
  {
    weight: 3,
    arbitrary: fc.record({ act: fc.constant("readFrom" as const), bytes: someBytes, way: ways }),
  },
  { weight: 2, arbitrary: fc.record({ act: fc.constant("grow" as const), size: fc.nat(300) }) },
  { weight: 8, arbitrary: fc.record({ act: fc.constantFrom("flushFragment", "wait", "ping") }) },
  { weight: 1, arbitrary: fc.record({ act: fc.constant("disableFlush" as const) }) },
);
const messages = fc.array(fc.array(steps, { maxLength: 8 }), { maxLength: 4 });
const sizes = fc.oneof(
  fc.integer({ min: 1, max: 20 }),
  fc.integer({ min: 1, max: 300 }),
  fc.constantFrom(125, 126, 65_535, 65_536),
);

/** Writes messages by calls that are awaited only where a step says so; gives what a reader has to find. */
async function writeMessages(
  dest: TestStream,
  state: number,
  size: number,
  list: readonly (readonly Step[])[],
): Promise<string[]> {
  const writer = new Writer(dest, state, OpText, { size });
  const control = new ControlWriter(dest, state, OpPing);
  const expected: string[] = [];
  let pending: unknown[] = [];
  const wait = async (): Promise<void> => {
    await Promise.all(pending);
    pending = [];
  };
  for (const [index, message] of list.entries()) {
    const opcode = index % 2 === 0 ? OpText : OpBinary;
    writer.resetOp(opcode);
    const parts: Uint8Array[] = [];
    let hasBegun = false;
    for (const step of message) {
      if ("bytes" in step) parts.push(step.bytes);
      if (step.act === "write") pending.push(writer.write(step.bytes));
      else if (step.act === "grow") writer.grow(step.size);
      else if (step.act === "disableFlush") writer.disableFlush();
      else if (step.act === "flushFragment") pending.push(writer.flushFragment());
      else if (step.act === "writeThrough") {
        pending.push(writer.flushFragment(), writer.writeThrough(step.bytes));
      } else {
        await wait();
        if (step.act === "readFrom") {
          expect(await writer.readFrom(sourceOf(step.bytes, step.way))).toBe(step.bytes.length);
        } else if (step.act === "ping") {
          control.write(Uint8Array.of(expected.length));
          await control.flush();
          expected.push(`ping ${toHex(Uint8Array.of(expected.length))}`);
        }
      }
      hasBegun ||= "bytes" in step;
    }
    pending.push(writer.flush());
    if (hasBegun) expected.push(`${opcode} ${toHex(concat(parts))}`);
  }
  await wait();
  return expected;
}

/** Reads all messages, with arrays of the sizes given in turns. */
async function readMessages(
  source: ByteReader,
  state: number,
  rooms: readonly number[],
): Promise<string[]> {
  const seen: string[] = [];
  const note = async (payload: ByteReader): Promise<void> => {
    seen.push(`ping ${toHex(await readAll(payload))}`);
  };
  const reader = new Reader(source, state, {
    onIntermediate: (_, payload) => note(payload),
  });
  for (let header; (header = await reader.nextFrame());) {
    const { opcode } = header;
    if (isControl(opcode)) {
      await note(reader.payload);
      continue;
    }
    const parts: Uint8Array[] = [];
    for (let turn = 0; ; turn++) {
      const into = new Uint8Array(rooms[turn % rooms.length]!);
      const count = await reader.read(into);
      if (count === 0) break;
      parts.push(into.slice(0, count));
    }
    seen.push(`${opcode} ${toHex(concat(parts))}`);
  }
  return seen;
}

/** Messages and pings apart: a ping inside a message is noted before the message. */
function sorted(lines: readonly string[]): string[][] {
  const isPing = (line: string): boolean => line.startsWith("ping");
  return [lines.filter(isPing), lines.filter((line) => !isPing(line))];
}

describe("Writer and Reader", () => {
  it("give messages back, whatever sizes and chunks they go through", async () => {
    const rooms = fc.array(fc.integer({ min: 1, max: 5000 }), { minLength: 1, maxLength: 4 });
    await fc.assert(
      fc.asyncProperty(
        fc.boolean(),
        sizes,
        messages,
        takers,
        ways,
        rooms,
        async (isServer, size, list, taker, way, sizesOfReads) => {
          const [ours, theirs] = isServer
            ? [StateServerSide, StateClientSide]
            : [StateClientSide, StateServerSide];
          const dest = new TestStream([], { ...taker, most: taker.most * 20 });
          const expected = await writeMessages(dest, ours, size, list);
          const seen = await readMessages(sourceOf(dest.written, way), theirs, sizesOfReads);
          expect(sorted(seen)).toEqual(sorted(expected));
        },
      ),
      parameters,
    );
  });
});

describe("CipherReader and CipherWriter", () => {
  it("agree with the RFC's definition at every offset, alignment and cut", async () => {
    const bytes = fc.uint8Array({ maxLength: 1200 });
    await fc.assert(
      fc.asyncProperty(
        bytes,
        key,
        ways,
        takers,
        fc.nat(7),
        async (payload, mask, way, taker, at) => {
          const masked = toHex(naiveMask(payload, mask));
          const dest = new TestStream([], { ...taker, most: taker.most * 10 });
          const writer = new CipherWriter(dest, maskKeyOf(mask));
          for (const piece of cutBytes(payload, way.cuts)) {
            const aligned = new Uint8Array(at + piece.length);
            aligned.set(piece, at);
            await writer.write(aligned.subarray(at));
          }
          expect(toHex(dest.written)).toBe(masked);

          const reader = new CipherReader(sourceOf(payload, way), maskKeyOf(mask));
          const parts: Uint8Array[] = [];
          for (let turn = 1; ; turn++) {
            const into = new Uint8Array(at + turn * 37).subarray(at);
            const count = await reader.read(into);
            if (count === 0) break;
            parts.push(into.slice(0, count));
          }
          expect(toHex(concat(parts))).toBe(masked);
        },
      ),
      parameters,
    );
  });
});

const fatal = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const texts = fc.string({ unit: anyCharacter, maxLength: 40 }).map(encodeUtf8);
const badBytes = fc.constantFrom(
  ...["80", "a0", "bf", "c0", "c2", "e0", "e2 82", "ed a0 80", "f0 9f", "f4 90", "ff"].map(hex),
);
const byteStrings = fc.oneof(
  texts,
  fc.uint8Array({ maxLength: 12 }),
  fc.tuple(texts, badBytes, texts).map(concat),
  fc.tuple(texts, badBytes).map(concat),
);

function isUtf8(bytes: Uint8Array): boolean {
  try {
    fatal.decode(bytes);
    return true;
  } catch {
    return false;
  }
}

/** Whether `read` comes to its end; an error must be about UTF-8. */
async function passes(read: () => Promise<unknown>): Promise<boolean> {
  try {
    await read();
    return true;
  } catch (error) {
    if (error instanceof ProtocolError && error.code === "INVALID_UTF8") return false;
    throw error;
  }
}

describe("Utf8Reader", () => {
  it("agrees with a fatal TextDecoder under every chunking", async () => {
    await fc.assert(
      fc.asyncProperty(byteStrings, ways, async (bytes, way) => {
        const reader = new Utf8Reader(sourceOf(bytes, way));
        const isGood = await passes(async () => expect(await readAll(reader)).toEqual(bytes));
        expect(isGood && reader.isValid).toBe(isUtf8(bytes));
      }),
      parameters,
    );
  });
});

describe("Reader with checkUtf8", () => {
  it("agrees with a fatal TextDecoder, however text is fragmented, cut and read", async () => {
    await fc.assert(
      fc.asyncProperty(
        byteStrings,
        positions,
        ways,
        fc.integer({ min: 1, max: 30 }),
        async (bytes, cuts, way, room) => {
          const fragments = cutBytes(bytes, cuts);
          const wire = fragments.flatMap((payload, index) => [
            frame(index === 0 ? OpText : 0, payload, { fin: index === fragments.length - 1 }),
            ...(index < fragments.length - 1 ? [ping(hex("ff"))] : []),
          ]);
          const reader = new Reader(sourceOf(concat(wire), way), StateClientSide, {
            checkUtf8: true,
          });
          const isGood = await passes(async () => {
            await reader.nextFrame();
            while ((await reader.read(new Uint8Array(room))) > 0);
          });
          expect(isGood).toBe(isUtf8(bytes));
        },
      ),
      parameters,
    );
  });
});
