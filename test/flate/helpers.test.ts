import { describe, expect, it } from "vitest";
import { zlibEngine } from "../../adapters/zlib/engine.ts";
import { concat, encodeUtf8 } from "../../src/bytes.ts";
import { BoundedBuffer } from "../../src/extension/bounded-buffer.ts";
import { Helper, type HelperOptions } from "../../src/flate/helpers.ts";
import {
  type Frame,
  maskFrame,
  newBinaryFrame,
  newFrame,
  newPingFrame,
  newTextFrame,
} from "../../src/frame/frame.ts";
import { OpContinuation, OpText } from "../../src/frame/opcode.ts";
import { ways } from "../support/flate.ts";
import { counted, hex, toHex } from "../support/frames.ts";
import { failure, plain } from "../support/streams.ts";
import { StoreEngine, type StoreOptions } from "./store-engine.ts";

const hello = encodeUtf8("Hello");
/** RFC 7692, 7.2.3.3: "Hello" stored. */
const stored = hex("00 05 00 fa ff 48 65 6c 6c 6f 00");

const kinds: [name: string, options: StoreOptions][] = [
  ["at once", {}],
  ["in slices", { slice: 3 }],
];

function newHelper(
  store: StoreOptions = {},
  options: Partial<HelperOptions> = {},
): { readonly helper: Helper; readonly engine: StoreEngine } {
  const engine = new StoreEngine(store);
  return { helper: new Helper({ engine, ...options }), engine };
}

/** A frame of a compressed message. */
function compressed(payload: Uint8Array, fin = true): Frame {
  const frame = newFrame(OpText, fin, payload);
  return { ...frame, header: { ...frame.header, rsv: 4 } };
}

describe("Helper over zlib", () => {
  it("compresses RFC 7692's example to its seven bytes, each time anew (7.2.3.1)", async () => {
    const helper = new Helper({ engine: zlibEngine() });
    for (let round = 0; round < 2; round++) {
      expect(toHex(plain(helper.compress(hello)))).toBe("f248cdc9c90700");
      expect(plain(helper.decompress(hex("f2 48 cd c9 c9 07 00")))).toEqual(hello);
    }
    helper.close();
  });

  it.each([
    ["in two blocks (7.2.3.5)", "f2 48 05 00 00 00 ff ff ca c9 c9 07 00"],
    ["with a last block (7.2.3.4)", "f3 48 cd c9 c9 07 00 00"],
    ["with its end left on", "f2 48 cd c9 c9 07 00 00 00 ff ff"],
    ["as gobwas writes it", "f2 48 cd c9 c9 07 00 00 00 ff ff 01"],
  ])("decompresses a message %s", (_, payload) => {
    const helper = new Helper({ engine: zlibEngine() });
    expect(plain(helper.decompress(hex(payload)))).toEqual(hello);
    helper.close();
  });

  it("processes large data in slices, and keeps no window between messages", async () => {
    const helper = new Helper({ engine: zlibEngine({ sliceSize: 1000 }), windowBits: 10 });
    const message = counted(10_000);
    const payload = await helper.compress(message);
    expect(payload.length).toBeLessThan(message.length / 2);
    expect(await helper.decompress(payload)).toEqual(message);
    expect(await failure(() => helper.decompress(hex("f2 00 11 00 00")))).toMatchObject({
      code: "INVALID_DEFLATE",
    });
    helper.close();
  });

  it.each(ways)("refuses a buffer that is past its limit already, the %s way", async (way) => {
    const helper = new Helper({ engine: zlibEngine({ way }) });
    const into = new BoundedBuffer();
    into.add(counted(100), 0, 100);
    into.limit = 10;
    const payload = hex("f2 48 cd c9 c9 07 00");
    expect(await failure(() => helper.decompressTo(into, payload))).toMatchObject({
      code: "MESSAGE_TOO_BIG",
      limit: 10,
    });
    helper.close();
  });

  it("refuses a bomb as soon as it passes the limit", async () => {
    const helper = new Helper({ engine: zlibEngine() });
    const bomb = await helper.compress(new Uint8Array(16 * 1024 ** 2 + 1));
    expect(bomb.length).toBeLessThan(20_000);
    expect(await failure(() => helper.decompress(bomb))).toMatchObject({
      code: "MESSAGE_TOO_BIG",
      limit: 16 * 1024 ** 2,
    });
    helper.close();
  });
});

describe.each(kinds)("Helper over an engine that works %s", (name, store) => {
  it("gives back what was compressed", async () => {
    const { helper } = newHelper(store);
    for (const length of [0, 1, 3, 4, 100]) {
      const message = counted(length);
      expect(await helper.decompress(await helper.compress(message))).toEqual(message);
    }
    expect(await helper.compress(hello)).toEqual(stored);
    expect(await helper.compress(new Uint8Array(0))).toEqual(Uint8Array.of(0));
    expect(await helper.decompress(new Uint8Array(0))).toEqual(new Uint8Array(0));
  });

  it("adds to what is in the buffer", async () => {
    const { helper } = newHelper(store);
    const into = new BoundedBuffer();
    for (let round = 0; round < 2; round++) {
      await helper.compressTo(into, hello);
      await helper.decompressTo(into, stored);
    }
    expect(into.take()).toEqual(concat([stored, hello, stored, hello]));
  });

  it("keeps one context of each kind, and begins each message anew", async () => {
    const { helper, engine } = newHelper(store, { windowBits: 10, level: 1, memLevel: 2 });
    for (let round = 0; round < 2; round++) await helper.decompress(await helper.compress(hello));
    expect(engine.lines).toEqual([
      "deflater 10 1 2",
      "reset 1",
      "inflater 15",
      "reset 2",
      "reset 1",
      "reset 2",
    ]);
    helper.close();
    expect(engine.lines.slice(6)).toEqual(["close 1", "close 2"]);
    helper.close();
    expect(await helper.decompress(await helper.compress(hello))).toEqual(hello);
    expect(engine.lines.slice(8)).toEqual(["deflater 10 1 2", "reset 3", "inflater 15", "reset 4"]);
  });

  it("accepts calls that overlap", async () => {
    const { helper, engine } = newHelper(store);
    const messages = [hello, counted(20), counted(7)];
    const payloads = await Promise.all(messages.map((message) => helper.compress(message)));
    const back = await Promise.all(payloads.map((payload) => helper.decompress(payload)));
    expect(back).toEqual(messages);
    expect(engine.open).toBe(2);
  });

  it("refuses data that becomes larger than its limit, and goes on", async () => {
    const { helper, engine } = newHelper(store, { maxMessageSize: 5 });
    expect(await helper.decompress(stored)).toEqual(hello);
    const payload = await helper.compress(counted(6));
    expect(await failure(() => helper.decompress(payload))).toMatchObject({
      name: "LimitError",
      code: "MESSAGE_TOO_BIG",
      limit: 5,
      actual: 6,
    });
    expect(await helper.decompress(stored)).toEqual(hello);
    expect(engine.open).toBe(2);
  });

  it.each([0, Infinity])("sets no limit if it is %s", async (maxMessageSize) => {
    const { helper } = newHelper(store, { maxMessageSize });
    const into = new BoundedBuffer();
    await helper.decompressTo(into, stored);
    expect([into.limit, into.size]).toEqual([Infinity, 5]);
  });

  it.each([
    ["the helper's", 8, 3],
    ["the buffer's", 6, 100],
  ])("keeps to %s limit, and leaves the buffer's as it was", async (_, limit, maxMessageSize) => {
    const { helper } = newHelper(store, { maxMessageSize });
    const into = new BoundedBuffer(limit);
    into.add(hello, 0, 2);
    into.clear();
    into.add(hello, 0, 1);
    expect(await failure(() => helper.decompressTo(into, stored))).toMatchObject({ limit: 6 });
    expect(into.limit).toBe(limit);
    into.reset(limit);
    await helper.decompressTo(into, await helper.compress(hello.subarray(0, 3)));
    expect([into.limit, into.size]).toEqual([limit, 3]);
  });

  it("keeps to the limit of the buffer that it compresses to, and goes on", async () => {
    const { helper, engine } = newHelper(store);
    expect(await failure(() => helper.compressTo(new BoundedBuffer(10), hello))).toMatchObject({
      code: "MESSAGE_TOO_BIG",
    });
    expect(engine.open).toBe(0);
    expect(await helper.compress(hello)).toEqual(stored);
  });

  it.each(["07", "00 01 00 fe", "00 01 00 00 00 48 00", "00 05 00 fa ff 48"])(
    "refuses what is not DEFLATE data, and goes on: %s",
    async (payload) => {
      const { helper, engine } = newHelper(store);
      expect(await failure(() => helper.decompress(hex(payload)))).toMatchObject({
        name: "ProtocolError",
        code: "INVALID_DEFLATE",
        status: 1007,
      });
      expect(engine.open).toBe(0);
      expect(await helper.decompress(stored)).toEqual(hello);
    },
  );

  it("compresses a frame, and leaves the one that it was given", async () => {
    const { helper } = newHelper(store);
    const frame = newTextFrame(hello);
    const { header, payload } = await helper.compressFrame(frame);
    expect(header).toEqual({ ...frame.header, rsv: 4, length: 11 });
    expect(payload).toEqual(stored);
    expect([frame.header.rsv, frame.header.length, frame.payload]).toEqual([0, 5, hello]);
  });

  it("decompresses a frame, and leaves the one that it was given", async () => {
    const { helper } = newHelper(store);
    const frame = compressed(stored);
    const { header, payload } = await helper.decompressFrame(frame);
    expect(header).toEqual({ ...frame.header, rsv: 0, length: 5 });
    expect(payload).toEqual(hello);
    expect([frame.header.rsv, frame.header.length]).toEqual([4, 11]);
  });

  it("writes a frame's payload to the given buffer", async () => {
    const { helper } = newHelper(store);
    const into = new BoundedBuffer(Infinity, new Uint8Array(64));
    into.add(hello, 0, 1);
    const { payload } = await helper.compressFrame(newTextFrame(hello), into);
    const back = await helper.decompressFrame(compressed(payload.slice()), into);
    expect([payload, back.payload]).toEqual([stored, hello]);
    expect([payload.byteOffset, back.payload.byteOffset]).toEqual([1, 12]);
    expect(payload.buffer).toBe(into.bytes.buffer);
    expect(back.payload.buffer).toBe(into.bytes.buffer);
  });

  it(`costs ${name === "at once" ? "no promise" : "a promise"}`, async () => {
    const { helper } = newHelper(store);
    const given = [
      helper.compress(hello),
      helper.decompress(stored),
      helper.compressTo(new BoundedBuffer(), hello),
      helper.decompressTo(new BoundedBuffer(), stored),
      helper.compressFrame(newTextFrame(hello)),
      helper.decompressFrame(compressed(stored)),
    ];
    expect(given.map((each) => each instanceof Promise)).toEqual(
      Array(6).fill(name === "in slices"),
    );
    await Promise.all(given);
  });
});

describe("Helper.compressFrame()", () => {
  const { helper, engine } = newHelper();

  it.each([
    ["a fragment", newFrame(OpText, false, hello), TypeError, "Fragmented messages"],
    ["a masked frame", maskFrame(newTextFrame(hello)), TypeError, "unmask it first"],
  ])("refuses %s", (_, frame, type, message) => {
    expect(() => helper.compressFrame(frame)).toThrow(type);
    expect(() => helper.compressFrame(frame)).toThrow(message);
  });

  it.each([
    ["a control frame", newPingFrame(hello)],
    ["a continuation", newFrame(OpContinuation, true, hello)],
    ["what is compressed", compressed(stored)],
  ])("refuses %s by RSV1_UNEXPECTED", (_, frame) => {
    expect(() => helper.compressFrame(frame)).toThrow(
      expect.objectContaining({ code: "RSV1_UNEXPECTED" }),
    );
  });

  it("asks the engine for nothing if it refuses", () => {
    expect(engine.lines).toEqual([]);
  });
});

describe("Helper.decompressFrame()", () => {
  const { helper } = newHelper();

  it.each([
    ["text", newTextFrame(hello)],
    ["binary, masked", maskFrame(newBinaryFrame(hello))],
    ["a ping", newPingFrame(hello)],
  ])("gives back an uncompressed frame as it is: %s", (_, frame) => {
    expect(plain(helper.decompressFrame(frame))).toBe(frame);
  });

  it.each([
    ["a fragment", compressed(stored, false), "Fragmented messages"],
    ["a masked frame", maskFrame(compressed(stored)), "unmask it first"],
  ])("refuses %s", (_, frame, message) => {
    expect(() => helper.decompressFrame(frame)).toThrow(TypeError);
    expect(() => helper.decompressFrame(frame)).toThrow(message);
  });

  it.each([
    ["a control frame", newPingFrame(hello)],
    ["a continuation", newFrame(OpContinuation, true, hello)],
  ])("refuses RSV1 on %s", (_, { header, payload }) => {
    expect(() => helper.decompressFrame({ header: { ...header, rsv: 4 }, payload })).toThrow(
      expect.objectContaining({ code: "RSV1_UNEXPECTED" }),
    );
  });
});

describe("new Helper()", () => {
  it.each([
    ["windowBits", 7],
    ["windowBits", 16],
    ["level", -1],
    ["level", 10],
    ["memLevel", 0],
    ["memLevel", 9.5],
    ["maxMessageSize", -1],
    ["maxMessageSize", NaN],
  ])("refuses a %s of %s", (name, value) => {
    const make = (): unknown => newHelper({}, { [name]: value });
    expect(make).toThrow(RangeError);
    expect(make).toThrow(`${name} must be a whole number`);
  });
});

describe("a BoundedBuffer whose buffer is no bytes", () => {
  it.each(["x".repeat(5000), [1, 2], { length: 5000 }, new DataView(new ArrayBuffer(5000))])(
    "is refused before zlib gets it, which would end the process: %s",
    (buffer) => {
      const helper = new Helper({ engine: zlibEngine() });
      for (const call of ["compressTo", "decompressTo"] as const) {
        const into = new BoundedBuffer();
        into.bytes = buffer as never;
        expect(() => helper[call](into, new Uint8Array(9))).toThrow(
          /^into.bytes must be a Uint8Array: /,
        );
      }
    },
  );
});
