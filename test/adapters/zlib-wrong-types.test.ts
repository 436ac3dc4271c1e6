import { describe, expect, it } from "vitest";
import { zlibEngine } from "../../adapters/zlib/engine.ts";
import { BoundedBuffer } from "../../src/extension/bounded-buffer.ts";
import { FlateWriter, Helper } from "../../src/flate/index.ts";
import { newDeflater, newInflater, ways } from "../support/flate.ts";
import { StoreEngine } from "../flate/store-engine.ts";

/** What plain JavaScript may give in the place of bytes. */
const others: readonly (readonly [name: string, value: unknown])[] = [
  ["String", "Hello"],
  ["Array", [72, 101, 108, 108, 111]],
  ["ArrayBuffer", new ArrayBuffer(5)],
  ["DataView", new DataView(new ArrayBuffer(5))],
  ["Uint16Array", new Uint16Array(5)],
  ["Uint8ClampedArray", new Uint8ClampedArray(5)],
  ["Object", { length: 5 }],
  ["Null", null],
  ["Undefined", undefined],
];

const refusal = (kind: string, argument = "bytes"): string =>
  `${argument} must be a Uint8Array: ${kind}`;

describe.each(others)("%s in the place of bytes", (name, value) => {
  const wrong = value as Uint8Array;
  const error = new TypeError(refusal(name));

  it.each(ways)("is refused by an engine of the %s way, which then goes on", (way) => {
    for (const isLast of [false, true]) {
      const deflater = newDeflater(way);
      const inflater = newInflater(way);
      expect(() => deflater.deflate(wrong, 0, 5, isLast, new BoundedBuffer())).toThrow(error);
      expect(() => inflater.inflate(wrong, 0, 5, isLast, new BoundedBuffer())).toThrow(error);
      const [there, back] = [new BoundedBuffer(), new BoundedBuffer()];
      deflater.deflate(Uint8Array.of(1, 2, 3), 0, 3, true, there);
      inflater.inflate(there.bytes, 0, there.size, true, back);
      expect([...back.take()]).toEqual([1, 2, 3]);
      deflater.close();
      inflater.close();
    }
  });

  it.each([
    ["zlib", () => zlibEngine()],
    ["another engine", () => new StoreEngine()],
  ])("is refused by a Helper and a FlateWriter over %s, which then go on", async (_, engineOf) => {
    const helper = new Helper({ engine: engineOf() });
    expect(() => helper.compress(wrong)).toThrow(refusal(name, "payload"));
    expect(() => helper.decompress(wrong)).toThrow(refusal(name, "payload"));
    const payload = await helper.compress(Uint8Array.of(1, 2, 3));
    expect([...(await helper.decompress(payload))]).toEqual([1, 2, 3]);
    helper.close();
    const written: number[] = [];
    const dest = {
      write(from: Uint8Array): number {
        written.push(...from);
        return from.length;
      },
    };
    const writer = new FlateWriter(dest, { engine: engineOf() });
    expect(() => writer.write(wrong)).toThrow(refusal(name, "from"));
    expect(writer.error).toBeUndefined();
    await writer.write(Uint8Array.of(1, 2, 3));
    await writer.flush();
    await writer.close();
    expect(written).toEqual([...payload]);
  });
});
