import { constants, deflateRawSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { OpenDeflater } from "../../../adapters/zlib/open-deflater.ts";
import { concat, encodeUtf8 } from "../../../src/bytes.ts";
import { BoundedBuffer } from "../../../src/extension/bounded-buffer.ts";
import {
  deflate,
  difference,
  jsonOf,
  newDeflater,
  ways,
  zlibInflate,
} from "../../support/flate.ts";
import { counted, toHex } from "../../support/frames.ts";
import { broken, countingZlib, real } from "../../support/zlib-streams.ts";

describe("OpenDeflater", () => {
  it("throws if zlib fails", () => {
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
    expect(() => deflater.deflate(counted(4), 0, 4, true, new BoundedBuffer())).toThrow("broken");
  });
});

describe.each(ways)("the size of what is compressed the %s way", (way) => {
  it.each([128, 4096, 65_536, 1024 ** 2])(
    "is the same as zlib's own at the same level: %i bytes",
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

describe("OpenDeflater at rest in the middle of a message", () => {
  it.each([8, 9, 15])("goes on with an empty window: %i bits", async (windowBits) => {
    const message = jsonOf(5_000);
    const deflater = newDeflater("open", { windowBits });
    const payloads: Uint8Array[] = [];
    for (const cuts of [[1_000], [0, 1_000, 1_000, 4_000], [5_000], []]) {
      const into = new BoundedBuffer();
      let at = 0;
      for (const cut of cuts) {
        deflater.deflate(message, at, cut, false, into);
        at = cut;
        for (let time = 0; time < 2; time++) {
          expect(deflater.canRest).toBe(true);
          deflater.rest();
        }
      }
      deflater.deflate(message, at, message.length, true, into);
      payloads.push(into.take());
    }
    expect(difference(zlibInflate(payloads), concat(payloads.map(() => message)))).toBe(-1);
    deflater.close();
  });

  it("goes on between slices", () => {
    const message = jsonOf(50_000);
    const deflater = newDeflater("open", {}, 10_000);
    const into = new BoundedBuffer();
    let isDone = deflater.deflate(message, 0, message.length, true, into);
    while (!isDone) {
      deflater.rest();
      isDone = deflater.goOn(into);
    }
    expect(difference(zlibInflate([into.take()]), message)).toBe(-1);
    deflater.close();
  });

  it("keeps nothing of a message that was given up", async () => {
    const deflater = newDeflater("open");
    deflater.deflate(encodeUtf8("never sent"), 0, 10, false, new BoundedBuffer());
    deflater.rest();
    deflater.reset();
    expect(toHex(await deflate(deflater, [encodeUtf8("Hello")]))).toBe("f248cdc9c90700");
    deflater.close();
  });

  it("writes nothing more when it is closed", () => {
    const { zlib, counts } = countingZlib();
    const settings = { windowBits: 15, level: 6, memLevel: 8 };
    const deflater = new OpenDeflater(settings, Infinity, zlib);
    deflater.deflate(encodeUtf8("never sent"), 0, 10, false, new BoundedBuffer());
    const { writes } = counts;
    deflater.close();
    expect(counts.writes).toBe(writes);
  });
});
