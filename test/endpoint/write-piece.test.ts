import { describe, expect, it } from "vitest";
import { concat, encodeUtf8 } from "../../src/bytes.ts";
import { sharedFrom } from "../../src/endpoint/gathered-bytes.ts";
import { borrowBuffer, largestGathered, returnBuffer } from "../../src/endpoint/pool.ts";
import { WriteBuffer } from "../../src/endpoint/write-buffer.ts";
import { joined, type Piece } from "../../src/endpoint/write-piece.ts";
import { OpBinary } from "../../src/frame/opcode.ts";
import { seededRandom } from "../support/cuts.ts";
import { binary, counted, ping, text } from "../support/frames.ts";
import { drain } from "../support/sent.ts";

function share(output: WriteBuffer, frame: Uint8Array): void {
  const headerSize = frame[1]! < 126 ? 2 : frame[1] === 126 ? 4 : 10;
  output.addShared(frame, OpBinary, frame.length - headerSize);
}

/** A frame of so many bytes that many share. */
function frameOf(size: number): Uint8Array {
  const frame = binary(counted(size - 4));
  expect(frame).toHaveLength(size);
  return frame;
}

describe("joined()", () => {
  it("copies pieces together, moves their marks, and gives the pool its buffers back", () => {
    const lines: string[] = [];
    const mark = (name: string, end: number) => ({
      end,
      listener: { onTaken: () => void lines.push(name), onLost() {} },
    });
    const pooled = borrowBuffer(10);
    pooled.set([1, 2, 3, 4]);
    const pieces: Piece[] = [
      { buffer: pooled, start: 1, end: 4, isPooled: true, marks: [mark("a", 2), mark("b", 4)] },
      { buffer: counted(3), start: 0, end: 3, isPooled: false, marks: undefined },
      { buffer: counted(9), start: 7, end: 9, isPooled: false, marks: [mark("c", 9)] },
    ];
    const piece = joined(pieces);
    expect([...piece.buffer.subarray(piece.start, piece.end)]).toEqual([2, 3, 4, 0, 1, 2, 7, 8]);
    expect([piece.isPooled, piece.buffer.length]).toEqual([true, largestGathered]);
    expect(piece.marks!.map(({ end }) => end)).toEqual([1, 3, 8]);
    expect(borrowBuffer(10)).toBe(pooled);
    returnBuffer(pooled);
  });
});

describe("A frame that many share", () => {
  it("waits without a copy from 2 KiB on, even between others, and leaves with them", () => {
    const output = new WriteBuffer(false);
    const shared = frameOf(sharedFrom);
    output.addText("under way");
    output.take();
    output.addText("a");
    share(output, shared);
    output.addText("b");
    share(output, shared);
    // Nobody may change it. Who does it all the same shows that it was not copied.
    shared[100] = 0xff;
    output.giveBack();
    const writes = drain(output);
    expect(writes).toEqual([text("a"), concat([shared, text("b"), shared])]);
    expect(writes[1]!.filter((byte) => byte === 0xff).length).toBeGreaterThanOrEqual(2);
  });

  it("is copied below 2 KiB, so that what waits is one write", () => {
    const output = new WriteBuffer(false);
    const shared = frameOf(sharedFrom - 1);
    output.addText("a");
    share(output, shared);
    const copy = shared.slice();
    shared[100] = 0xff;
    expect(drain(output)).toEqual([concat([text("a"), copy])]);
  });

  it("stays after the response that opens the connection, and lets pings overtake it", () => {
    const output = new WriteBuffer(false);
    const shared = frameOf(4096);
    const response = encodeUtf8("HTTP/1.1 101\r\n\r\n");
    output.addRaw(response);
    share(output, shared);
    output.addPing(encodeUtf8("one"));
    output.addText("behind");
    output.addPing(encodeUtf8("two"));
    share(output, shared);
    expect(concat(drain(output))).toEqual(
      concat([response, ping("one"), ping("two"), shared, text("behind"), shared]),
    );
  });

  it("is not overtaken by a message behind a ping", () => {
    const output = new WriteBuffer(false);
    const shared = frameOf(40_000);
    share(output, shared);
    output.addPing(encodeUtf8("one"));
    output.addText("a".repeat(30_000));
    const first = output.take()!.slice();
    output.addPing(encodeUtf8("two"));
    output.giveBack();
    expect(first).toEqual(ping("one"));
    expect(concat(drain(output))).toEqual(concat([ping("two"), shared, text("a".repeat(30_000))]));
  });

  it("fills writes of 64 KiB with others, and is a write by itself if it is larger", () => {
    const output = new WriteBuffer(false);
    const shared = frameOf(20_000);
    const large = binary(counted(70_000));
    for (let i = 0; i < 4; i++) share(output, shared);
    share(output, large);
    output.addText("last");
    const writes = drain(output);
    expect(writes.map(({ length }) => length)).toEqual([60_000, 20_000, large.length, 6]);
  });

  it("is dropped with everything else", () => {
    const output = new WriteBuffer(false);
    share(output, frameOf(4096));
    share(output, frameOf(4096));
    output.clear();
    expect([output.unsent, output.take()]).toEqual([0, undefined]);
  });
});

/** Plays so many random steps; after each, `unsent` is what was added and has not left. */
function play(seed: number): void {
  const random = seededRandom(seed);
  const below = (limit: number): number => Math.floor(random() * limit);
  const frames = [sharedFrom - 1, sharedFrom, 5000, 40_000].map(frameOf);
  frames.push(binary(counted(28)), binary(counted(300_000)));
  const output = new WriteBuffer(false);
  const wanted: Uint8Array[] = [];
  const sent: Uint8Array[] = [];
  const told: number[] = [];
  let pings = 0;
  let marks = 0;
  let added = 0;
  let left = 0;
  let lent: Uint8Array | undefined;
  const steps: (() => void)[] = [
    () => {
      const frame = frames[below(frames.length)]!;
      share(output, frame);
      wanted.push(frame);
      added += frame.length;
    },
    () => {
      const letters = "a".repeat(below(200));
      output.addText(letters);
      wanted.push(text(letters));
      added += text(letters).length;
    },
    () => {
      output.addPing(encodeUtf8(`${pings++ % 10}`));
      added += 3;
    },
    () => {
      const number = marks++;
      const bytes = concat(wanted).length;
      output.whenTaken({
        onTaken() {
          told.push(number);
          // All data that was added before the mark has left.
          expect(dataOf(concat(sent)).length).toBeGreaterThanOrEqual(bytes);
        },
        onLost: () => expect.fail("nothing is lost"),
      });
    },
    () => {
      if (lent !== undefined) return;
      lent = output.take();
    },
    () => {
      if (lent === undefined) return;
      sent.push(lent.slice());
      left += lent.length;
      lent = undefined;
      output.giveBack();
    },
  ];
  for (let step = 0; step < 60; step++) {
    steps[below(steps.length)]!();
    expect(output.unsent).toBe(added - left);
  }
  if (lent !== undefined) {
    sent.push(lent.slice());
    output.giveBack();
  }
  for (let bytes = output.take(); bytes !== undefined; bytes = output.take()) {
    sent.push(bytes.slice());
    output.giveBack();
  }
  expect(output.unsent).toBe(0);
  expect(Buffer.compare(dataOf(concat(sent)), concat(wanted))).toBe(0);
  expect(told).toEqual(Array.from({ length: marks }, (_, i) => i));
}

/** The bytes of all frames but pings, which are of one byte each. */
function dataOf(bytes: Uint8Array): Uint8Array {
  const data: Uint8Array[] = [];
  for (let at = 0; at < bytes.length;) {
    const length7 = bytes[at + 1]!;
    const view = new DataView(bytes.buffer, bytes.byteOffset + at);
    const length =
      length7 < 126 ? length7 : length7 === 126 ? view.getUint16(2) : view.getUint32(6);
    const end = at + (length7 < 126 ? 2 : length7 === 126 ? 4 : 10) + length;
    if (bytes[at] !== 0x89) data.push(bytes.subarray(at, end));
    at = end;
  }
  return concat(data);
}

describe("WriteBuffer with frames that many share", () => {
  it("loses no frame and no mark, keeps the order, and counts to the byte, whatever comes when", () => {
    for (let seed = 1; seed <= 30; seed++) play(seed);
  });
});
