import { describe, expect, it } from "vitest";
import { concat } from "../../src/bytes.ts";
import { StateClientSide, StateServerSide } from "../../src/frame/check.ts";
import { newBinaryFrame } from "../../src/frame/frame.ts";
import { type Header, newHeader } from "../../src/frame/header.ts";
import { OpPing, OpText } from "../../src/frame/opcode.ts";
import { BufferedStream } from "../../src/io/buffered.ts";
import type { ByteReader } from "../../src/io/byte-stream.ts";
import {
  encodeFrame,
  readFrame,
  readHeader,
  readHeaderBuffer,
  writeFrame,
  writeHeader,
  writeHeaderBuffer,
  writeWhole,
} from "../../src/stream/frame-io.ts";
import { cuts } from "../support/cuts.ts";
import { binary, counted, exampleMask, hex, maskKeyOf, text, toHex } from "../support/frames.ts";
import { failure, paces, plain, TestStream } from "../support/streams.ts";
import { headerLine } from "../support/trace.ts";

const masked = { masked: true };
const next = hex("81 00");

/** Headers of every form, as bytes and as a line. */
const headers: readonly (readonly [wire: string, line: string])[] = [
  ["81 05", "text fin rsv 0 mask none length 5"],
  ["f2 85 37 fa 21 3d", "binary fin rsv 7 mask 37fa213d length 5"],
  ["00 7e 01 00", "continuation more rsv 0 mask none length 256"],
  ["82 fe 00 05 37 fa 21 3d", "binary fin rsv 0 mask 37fa213d length 5"],
  ["82 7f 00 1f ff ff ff ff ff ff", "binary fin rsv 0 mask none length 9007199254740991"],
  ["82 ff 00 00 00 00 00 00 00 00 37 fa 21 3d", "binary fin rsv 0 mask 37fa213d length 0"],
];

/** The ways to read a header. */
const readers: readonly (readonly [
  name: string,
  read: (stream: ByteReader, header?: Header) => ReturnType<typeof readHeader>,
])[] = [
  ["readHeader()", readHeader],
  ["readHeaderBuffer()", (stream, header) => readHeaderBuffer(stream, new Uint8Array(14), header)],
];

describe.each(readers)("%s", (_, read) => {
  describe.each(paces)("of a stream that answers %s", (_, later) => {
    it.each(headers)("reads %s at all cuts, and not a byte more", async (wire, line) => {
      for (const pieces of cuts(hex(wire))) {
        const stream = new TestStream([...pieces, next], { later });
        expect(headerLine((await read(stream))!)).toBe(line);
        expect(stream.left).toEqual(next);
      }
    });

    it.each(headers)("reads %s from a buffer, whatever it holds", async (wire, line) => {
      for (const pieces of cuts(concat([hex(wire), next]))) {
        const stream = new BufferedStream(new TestStream(pieces, { later }), { size: 16 });
        expect(headerLine((await read(stream))!)).toBe(line);
        expect(headerLine((await read(stream))!)).toBe("text fin rsv 0 mask none length 0");
        expect(await read(stream)).toBeUndefined();
      }
    });

    it("throws if the stream ends inside", async () => {
      for (const [wire] of headers) {
        const whole = hex(wire);
        for (let end = 1; end < whole.length; end++) {
          const inner = (): TestStream => new TestStream([whole.slice(0, end)], { later });
          for (const stream of [inner(), new BufferedStream(inner())]) {
            expect(await failure(() => read(stream))).toMatchObject({ code: "UNEXPECTED_END" });
          }
        }
      }
    });

    it.each([
      ["82 7f 80 00 00 00 00 00 00 00", "LENGTH_SIGN_BIT"],
      ["82 ff 00 20 00 00 00 00 00 00 37 fa 21 3d", "LENGTH_TOO_LARGE"],
      ["89 7e 00 05", "LENGTH_NOT_MINIMAL"],
      ["8a fe 00 7d 37 fa 21 3d", "LENGTH_NOT_MINIMAL"],
      ["88 7f 00 00 00 00 00 00 00 02", "LENGTH_NOT_MINIMAL"],
    ])("refuses %s", async (wire, code) => {
      const inner = (): TestStream => new TestStream([hex(wire)], { later });
      for (const stream of [inner(), new BufferedStream(inner())]) {
        expect(await failure(() => read(stream))).toMatchObject({ code });
      }
    });
  });

  it("fills the header that it is given", async () => {
    for (const stream of [new TestStream([next]), new BufferedStream(new TestStream([next]))]) {
      const header = newHeader();
      expect(plain(read(stream, header))).toBe(header);
      expect(header.opcode).toBe(OpText);
    }
  });
});

describe("readHeader()", () => {
  it("makes no promise if the buffer has the header", async () => {
    const stream = new BufferedStream(new TestStream([hex("81 05")], { later: () => true }));
    await stream.fill();
    stream.read = () => {
      throw new Error("It was copied");
    };
    expect(plain(readHeader(stream))!.length).toBe(5);
  });
});

describe("readHeaderBuffer() and writeHeaderBuffer()", () => {
  it("refuse a buffer of less than 14 bytes", async () => {
    const stream = new TestStream([next]);
    const small = new Uint8Array(13);
    expect(() => readHeaderBuffer(stream, small)).toThrow(RangeError);
    expect(() => writeHeaderBuffer(stream, newHeader(), small)).toThrow(RangeError);
    expect([stream.left, stream.writes]).toEqual([next, []]);
  });

  it("do not change what lies after 14 bytes", async () => {
    const buffer = new Uint8Array(20).fill(0xdb);
    await readHeaderBuffer(new TestStream([hex(headers[5]![0])]), buffer);
    expect(toHex(buffer, 14)).toBe("dbdbdbdbdbdb");
  });
});

describe("writeHeader()", () => {
  it.each(headers)("writes in one write what %s reads", async (wire, line) => {
    const header = plain(readHeader(new TestStream([hex(wire)])))!;
    const stream = new TestStream();
    expect(plain(writeHeader(stream, header))).toBeUndefined();
    expect(stream.writes).toHaveLength(1);
    expect(headerLine(plain(readHeader(new TestStream(stream.writes)))!)).toBe(line);
  });

  it("refuses a length above 2^53 - 1", () => {
    const stream = new TestStream();
    expect(() => writeHeader(stream, newHeader(OpText, 2 ** 53))).toThrow(RangeError);
    expect(stream.writes).toEqual([]);
  });
});

describe.each(paces)("readFrame() from a stream that answers %s", (_, later) => {
  it.each([0, 1, 125, 126, 300])("reads %i payload bytes, and not one more", async (length) => {
    for (const shape of [{}, masked]) {
      const wire = binary(counted(length), shape);
      for (const pieces of [[wire], [wire.slice(0, 9), wire.slice(9)]]) {
        const stream = new TestStream([...pieces, next], { later });
        const { header, payload } = (await readFrame(stream))!;
        expect(toHex(payload)).toBe(toHex(wire, wire.length - length));
        expect([header.length, payload.length, stream.left]).toEqual([length, length, next]);
      }
    }
  });

  it("gives undefined if the stream ends before a frame", async () => {
    expect(await readFrame(new TestStream([], { later }))).toBeUndefined();
  });

  it("throws if the stream ends inside the frame", async () => {
    const wire = binary("abc", masked);
    for (let end = 1; end < wire.length; end++) {
      const stream = new TestStream([wire.slice(0, end)], { later });
      expect(await failure(() => readFrame(stream))).toMatchObject({ code: "UNEXPECTED_END" });
    }
  });
});

describe("readFrame()", () => {
  it("leaves the payload masked", async () => {
    const { header, payload } = (await readFrame(new TestStream([text("Hello", masked)])))!;
    expect([headerLine(header), toHex(payload)]).toEqual([
      "text fin rsv 0 mask 37fa213d length 5",
      "7f9f4d5158",
    ]);
  });

  it("reads into the buffer if the payload fits, and otherwise into a new array", async () => {
    const buffer = new Uint8Array(4);
    const payloads: Uint8Array[] = [];
    for (const length of [4, 5]) {
      const stream = new TestStream([binary(counted(length))]);
      payloads.push((await readFrame(stream, { buffer }))!.payload);
    }
    expect(payloads).toEqual([counted(4), counted(5)]);
    expect(payloads.map((payload) => payload.buffer === buffer.buffer)).toEqual([true, false]);
  });

  it("refuses more than maxFrameSize before it reads any of it", async () => {
    const stream = new TestStream([hex("82 04"), counted(4)]);
    const error = await failure(() => readFrame(stream, { maxFrameSize: 3 }));
    expect(error).toMatchObject({ code: "FRAME_TOO_BIG", limit: 3, actual: 4 });
    expect(stream.left).toEqual(counted(4));
    const exact = new TestStream([binary(counted(4))]);
    expect((await readFrame(exact, { maxFrameSize: 4 }))!.payload).toEqual(counted(4));
  });

  it("refuses an invalid limit", async () => {
    const error = await failure(() => readFrame(new TestStream([next]), { maxFrameSize: NaN }));
    expect((error as Error).message).toMatch(/^maxFrameSize must be /);
  });

  it("refuses more than 16 MiB by default", async () => {
    const stream = new TestStream([binary("", { length: 16 * 1024 ** 2 + 1 })]);
    const error = await failure(() => readFrame(stream));
    expect(error).toMatchObject({ code: "FRAME_TOO_BIG", limit: 16 * 1024 ** 2 });
  });

  it("takes no memory for a length that is only declared", async () => {
    const stream = new TestStream([binary(counted(70_000), { length: 2 ** 40 })]);
    const error = await failure(() => readFrame(stream, { maxFrameSize: Infinity }));
    expect(error).toMatchObject({ code: "UNEXPECTED_END" });
    expect(Math.max(...stream.asked)).toBe(65_536);
  });
});

describe.each(paces)("writeFrame() to a stream that answers %s", (_, later) => {
  it.each([
    [0, 1],
    [300, 1],
    [65_535, 1],
    [65_536, 1],
    [1_000_000, 1],
  ])("writes %i payload bytes as they are, in %i write", async (length, writes) => {
    const stream = new TestStream([], { later });
    await writeFrame(stream, newBinaryFrame(counted(length)));
    expect(stream.writes).toHaveLength(writes);
    expect(toHex(stream.written)).toBe(toHex(binary(counted(length))));
  });
});

describe("writeFrame()", () => {
  it.each([0, 65_536])("refuses a header with another length than the payload's %i", (length) => {
    const stream = new TestStream();
    const frame = { header: newHeader(OpText, length + 1), payload: counted(length) };
    expect(() => writeFrame(stream, frame)).toThrow(RangeError);
    expect(stream.writes).toEqual([]);
  });
});

describe("writeWhole()", () => {
  it("writes a server's frame without a mask", () => {
    const stream = new TestStream();
    expect(plain(writeWhole(stream, StateServerSide, OpPing, counted(3)))).toBeUndefined();
    expect(toHex(stream.written)).toBe("8903000102");
  });

  it("masks a copy of a client's payload, each with a key of its own", async () => {
    const stream = new TestStream();
    const payload = counted(40);
    await writeWhole(stream, StateClientSide, OpText, payload);
    await writeWhole(stream, StateClientSide, OpText, payload);
    expect(payload).toEqual(counted(40));
    const keys = stream.writes.map((wire) => [...wire.slice(2, 6)]);
    expect(stream.writes).toEqual(keys.map((key) => text(payload, { ...masked, key })));
    expect(keys[0]).not.toEqual(keys[1]);
  });
});

describe("encodeFrame()", () => {
  it("puts header and payload together, masked if the header says so", () => {
    const payload = counted(5);
    const header = { ...newHeader(OpText, 5), masked: true, maskKey: maskKeyOf(exampleMask) };
    expect(encodeFrame(header, payload)).toEqual(text(payload, masked));
    expect(encodeFrame(newHeader(OpText, 5), payload)).toEqual(text(payload));
    expect(payload).toEqual(counted(5));
  });
});
