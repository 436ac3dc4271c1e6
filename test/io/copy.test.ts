import { describe, expect, it } from "vitest";
import { zlibEngine } from "../../adapters/zlib/engine.ts";
import { concat } from "../../src/bytes.ts";
import { Helper } from "../../src/flate/helpers.ts";
import { FlateReader } from "../../src/flate/reader.ts";
import { compileFrame, newBinaryFrame } from "../../src/frame/frame.ts";
import { copy } from "../../src/io/copy.ts";
import { BytesReader } from "../../src/io/full.ts";
import { StateClientSide, StateServerSide } from "../../src/frame/check.ts";
import { OpBinary } from "../../src/frame/opcode.ts";
import { Reader } from "../../src/stream/reader.ts";
import { Writer } from "../../src/stream/writer.ts";
import { cutAt } from "../support/cuts.ts";
import { counted, toHex } from "../support/frames.ts";
import { failure, paces, TestStream } from "../support/streams.ts";

describe.each(paces)("copy() over streams that answer %s", (_, later) => {
  it.each([0, 1, 100_000])("copies %i bytes, however they come and are taken", async (length) => {
    const bytes = counted(length);
    const source = new TestStream(cutAt(bytes, [0, length >> 1]), { later, end: null });
    const dest = new TestStream([], { later, most: 999 });
    expect(await copy(source, dest)).toBe(length);
    expect(dest.written).toEqual(bytes);
  });

  it("throws what either throws, after it has written what came before", async () => {
    const error = new Error("no");
    const fail = (): never => {
      throw error;
    };
    const dest = new TestStream([], { later });
    let calls = 0;
    const source = { read: () => (calls++ === 0 ? 3 : fail()) };
    expect(await failure(() => copy(source, dest))).toBe(error);
    expect(dest.written).toHaveLength(3);
    expect(await failure(() => copy(new BytesReader(counted(3)), { write: fail }))).toBe(error);
  });
});

describe("copy()", () => {
  it("uses readFrom() of a writer, which begins an empty message", async () => {
    const dest = new TestStream();
    const writer = new Writer(dest, StateServerSide, OpBinary);
    expect(await copy(new BytesReader(counted(0)), writer)).toBe(0);
    await writer.flush();
    expect(await copy(new BytesReader(counted(2)), writer)).toBe(2);
    await writer.flush();
    expect(toHex(dest.written)).toBe("8200" + "82020001");
  });

  it("copies one message of a Reader, and of a FlateReader", async () => {
    const helper = new Helper({ engine: zlibEngine() });
    const frames = [
      newBinaryFrame(counted(3)),
      newBinaryFrame(await helper.compress(counted(9000))),
    ];
    const wire = concat(
      [...frames, newBinaryFrame(counted(2))].map((frame) => compileFrame(frame)),
    );
    const reader = new Reader(new BytesReader(wire), StateClientSide);
    const inflated = new FlateReader(reader, { engine: zlibEngine() });
    const dest = new TestStream();
    for (const source of [reader, inflated, reader]) {
      await reader.nextFrame();
      await copy(source, dest);
    }
    expect(dest.written).toEqual(concat([counted(3), counted(9000), counted(2)]));
  });
});
