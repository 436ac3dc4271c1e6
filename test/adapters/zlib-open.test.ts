import { constants, createDeflateRaw, createInflateRaw, deflateRawSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { openStreamsWork } from "../../adapters/zlib.ts";
import { OpenDeflater, OpenInflater, OpenStream, type Zlib } from "../../adapters/zlib-open.ts";
import { concat, encodeUtf8 } from "../../src/bytes.ts";
import { Growing } from "../../src/extension/growing.ts";
import { deflate, newDeflater, ways } from "../support/flate.ts";
import { counted, hex } from "../support/frames.ts";

const real: Zlib = { createDeflateRaw, createInflateRaw };

/** A stream whose synchronous call does what is given. */
function broken(writeSync: () => void): object {
  const state = new Uint32Array(2);
  const handle = { onerror: () => {}, writeSync, reset() {} };
  return { _handle: handle, _writeState: state, on() {}, close() {} };
}

describe("openStreamsWork()", () => {
  it("is true of this runtime's zlib", () => {
    expect(openStreamsWork()).toBe(true);
    expect(openStreamsWork(real)).toBe(true);
  });

  it.each<[what: string, zlib: Zlib]>([
    ["has no handle", { ...real, createDeflateRaw: () => ({ on() {}, close() {} }) }],
    [
      "throws",
      {
        ...real,
        createInflateRaw: () =>
          broken(() => {
            throw new Error("no such call");
          }),
      },
    ],
    [
      "does nothing",
      {
        createDeflateRaw: () => {
          const stream = broken(() => {}) as { _writeState: Uint32Array };
          stream._writeState[0] = 1;
          return stream;
        },
        createInflateRaw,
      },
    ],
    [
      "keeps no window",
      {
        ...real,
        createDeflateRaw(options) {
          const stream = createDeflateRaw(options) as unknown as {
            _handle: { writeSync(...values: unknown[]): void; reset(): void };
          };
          const { _handle: handle } = stream;
          const write = handle.writeSync.bind(handle);
          handle.writeSync = (...values) => {
            handle.reset();
            write(...values);
          };
          return stream;
        },
      },
    ],
    [
      "takes everything",
      {
        ...real,
        createInflateRaw(options) {
          const stream = createInflateRaw(options) as unknown as {
            _handle: { writeSync(flush: number, bytes: Uint8Array, ...more: unknown[]): void };
            _writeState: Uint32Array;
          };
          const { _handle: handle, _writeState: state } = stream;
          const write = handle.writeSync.bind(handle);
          let isWrong = false;
          handle.writeSync = (flush, bytes, ...more) => {
            isWrong ||= bytes[0] === 0xff;
            if (isWrong) state.set([64, flush === constants.Z_BLOCK ? 1 : 0]);
            else write(flush, bytes, ...more);
          };
          return stream;
        },
      },
    ],
  ])("is false where it %s", (_, zlib) => {
    expect(openStreamsWork(zlib)).toBe(false);
  });
});

describe("OpenStream", () => {
  it("tells what zlib says of wrong data, and throws nothing", () => {
    const stream = new OpenStream(createInflateRaw());
    expect(stream.error).toBeUndefined();
    stream.write(2, hex("ff"), 0, 1, new Uint8Array(64), 0, 64);
    expect(stream.error).toBe("invalid block type");
    stream.close();
  });
});

describe("OpenDeflater", () => {
  it("says so where zlib fails", () => {
    const zlib = {
      ...real,
      createDeflateRaw() {
        const stream = broken(() => {
          (stream as { _handle: { onerror(message: string): void } })._handle.onerror("broken");
        });
        return stream;
      },
    };
    const deflater = new OpenDeflater({ windowBits: 15, level: 6, memLevel: 8 }, 1000, zlib);
    expect(() => deflater.deflate(counted(4), 0, 4, true, new Growing())).toThrow("broken");
  });
});

describe.each(ways)("the size of what is compressed the %s way", (way) => {
  it.each([128, 4096, 65_536, 1024 ** 2])(
    "is zlib's own at the same level: %i bytes",
    async (size) => {
      const item = (i: number): object => ({
        id: i * 7919,
        name: `item ${i % 97}`,
        price: (i * i) % 991,
      });
      const items = Array.from({ length: Math.ceil(size / 20) }, (_, i) => item(i));
      const message = encodeUtf8(JSON.stringify(items).slice(0, size));
      for (const level of [1, 2, 6, 9]) {
        const settings = { windowBits: 13, memLevel: 6, level };
        const own = deflateRawSync(message, { ...settings, finishFlush: constants.Z_SYNC_FLUSH });
        const deflater = newDeflater(way, settings);
        const { length } = await deflate(deflater, [message]);
        // Slices of the one-shot way end each with a flush; where there are none it is the same to the byte.
        expect(length / (own.length - 4)).toBeLessThan(size > 128 * 1024 ? 1.03 : 1.000001);
        deflater.close();
      }
    },
  );
});

describe("OpenInflater", () => {
  /** Empty last blocks, each of which ends zlib's stream. */
  const lastBlocks = (count: number): Uint8Array =>
    concat([...Array<Uint8Array>(count).fill(hex("0300")), hex("00")]);

  it("goes on behind a thousand last blocks in a message, and no more", () => {
    const inflater = new OpenInflater({ windowBits: 9 }, Infinity);
    const into = new Growing();
    for (let round = 0; round < 2; round++) {
      expect(inflater.inflate(lastBlocks(1024), 0, 2049, true, into)).toBe(true);
    }
    expect(() => inflater.inflate(lastBlocks(1025), 0, 2051, true, into)).toThrow(
      expect.objectContaining({ code: "INVALID_DEFLATE", cause: "more than 1024 last blocks" }),
    );
    inflater.close();
  });
});
