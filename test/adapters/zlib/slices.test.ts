import { Buffer } from "node:buffer";
import { describe, expect, it } from "vitest";
import { concat } from "../../../src/bytes.ts";
import { LimitError } from "../../../src/errors.ts";
import { BoundedBuffer } from "../../../src/extension/bounded-buffer.ts";
import type { Context } from "../../../src/flate/engine.ts";
import {
  deflate,
  difference,
  finish,
  inflate,
  jsonOf,
  newDeflater,
  newInflater,
  ways,
  zlibDeflate,
  zlibInflate,
} from "../../support/flate.ts";
import { toHex } from "../../support/frames.ts";

const message = jsonOf(50_000);

/** Turns of the event loop, so many that whatever was to come has come. */
async function turns(count = 20): Promise<void> {
  for (let turn = 0; turn < count; turn++) {
    await new Promise((resolve) => setTimeout(resolve, 0));
  }
}

describe.each(ways)("compressing the %s way in slices", (way) => {
  it("gives a receiver the same whatever the size of a slice", async () => {
    for (const sliceSize of [1_000, 4_999, 25_000, 49_999, 50_000, 50_001, Infinity]) {
      for (const windowBits of [8, 15]) {
        const deflater = newDeflater(way, { windowBits }, sliceSize);
        const payloads = [
          await deflate(deflater, [message]),
          await deflate(deflater, [message.slice(0, 20_000), message.slice(20_000)]),
          await deflate(deflater, [message, new Uint8Array(0)]),
        ];
        expect(difference(zlibInflate(payloads), concat([message, message, message]))).toBe(-1);
        deflater.close();
      }
    }
  });

  it("does one slice with each call, and reads no byte of the caller's after the first call", async () => {
    const deflater = newDeflater(way, {}, 10_000);
    const into = new BoundedBuffer();
    // A Buffer's slice() is no copy.
    const bytes = Buffer.from(message);
    expect(deflater.deflate(bytes, 0, bytes.length, true, into)).toBe(false);
    bytes.fill(0);
    const done: boolean[] = [];
    while (done.at(-1) !== true) {
      await new Promise<void>((resolve) => {
        deflater.whenReady(resolve);
      });
      done.push(deflater.goOn(into));
    }
    expect(done).toEqual([false, false, false, true]);
    expect(difference(zlibInflate([into.take()]), message)).toBe(-1);
    deflater.close();
  });

  it("needs no slices up to the size of one", () => {
    const deflater = newDeflater(way, {}, 50_000);
    expect(deflater.deflate(message, 0, message.length, true, new BoundedBuffer())).toBe(true);
    deflater.close();
  });

  it("gives output that can be read while it goes on", async () => {
    const deflater = newDeflater(way, {}, 10_000);
    const into = new BoundedBuffer();
    const parts: Uint8Array[] = [];
    let isDone = deflater.deflate(message, 0, message.length, true, into);
    for (;;) {
      parts.push(into.bytes.slice(0, into.size));
      into.clear();
      if (isDone) break;
      isDone = deflater.goOn(into);
    }
    expect(difference(zlibInflate([concat(parts)]), message)).toBe(-1);
    deflater.close();
  });

  it("stops at the limit", async () => {
    const deflater = newDeflater(way, {}, 1_000);
    await expect(deflate(deflater, [message], new BoundedBuffer(2_000))).rejects.toThrow(
      LimitError,
    );
    deflater.close();
  });
});

describe.each(ways)("decompressing the %s way in slices", (way) => {
  it("gives the same whatever the size of a slice", async () => {
    const payloads = await zlibDeflate([message, message]);
    for (const sliceSize of [1, 100, 1_000, 6_250, Infinity]) {
      const inflater = newInflater(way, 15, sliceSize);
      for (const payload of payloads) {
        const pieces = [payload.slice(0, 1_000), payload.slice(1_000), new Uint8Array(0)];
        expect(difference(await inflate(inflater, pieces), message)).toBe(-1);
      }
      inflater.close();
    }
  });

  it("reads no byte of the caller's after the first call", async () => {
    const large = new Uint8Array(4 * 1024 ** 2).fill(7);
    const payload = Buffer.from((await zlibDeflate([large]))[0]!);
    const inflater = newInflater(way);
    const into = new BoundedBuffer();
    const isDone = inflater.inflate(payload, 0, payload.length, true, into);
    expect(isDone).toBe(false);
    payload.fill(0);
    await finish(inflater, isDone, into);
    expect(difference(into.take(), large)).toBe(-1);
    inflater.close();
  });

  it("finds an error in a later slice", async () => {
    const large = new Uint8Array(4 * 1024 ** 2).fill(7);
    const [payload] = await zlibDeflate([large]);
    for (const wrong of [payload!.subarray(0, -3), concat([payload!, Uint8Array.of(0xff)])]) {
      const inflater = newInflater(way);
      await expect(inflate(inflater, [wrong])).rejects.toMatchObject({ code: "INVALID_DEFLATE" });
      inflater.close();
    }
  });
});

describe.each(ways)("a context of the %s way that is closed or reset inside a message", (way) => {
  const large = new Uint8Array(8 * 1024 ** 2).fill(7);

  /** A context that is in the middle of a large message, and has been told whom to call. */
  async function pending(kind: string, task: () => void): Promise<Context> {
    const into = new BoundedBuffer();
    const payload = (await zlibDeflate([large]))[0]!;
    const deflater = newDeflater(way);
    const inflater = newInflater(way);
    const isDone =
      kind === "compressor"
        ? deflater.deflate(large, 0, large.length, true, into)
        : inflater.inflate(payload, 0, payload.length, true, into);
    expect(isDone).toBe(false);
    const context = kind === "compressor" ? deflater : inflater;
    context.whenReady(task);
    (kind === "compressor" ? inflater : deflater).close();
    return context;
  }

  it.each(["compressor", "decompressor"])("calls no task afterwards: a %s", async (kind) => {
    for (const end of ["close", "reset"] as const) {
      let calls = 0;
      const context = await pending(kind, () => calls++);
      context[end]();
      await turns();
      expect(calls).toBe(0);
      context.close();
      context.close();
    }
  });

  it("goes on with the next message after a reset", async () => {
    const inflater = newInflater(way);
    const payload = (await zlibDeflate([large]))[0]!;
    expect(inflater.inflate(payload, 0, payload.length, true, new BoundedBuffer())).toBe(false);
    inflater.reset();
    const [next] = await zlibDeflate([message]);
    expect(difference(await inflate(inflater, [next!]), message)).toBe(-1);
    expect(inflater.inflate(next!, 0, 10, false, new BoundedBuffer())).toBe(true);
    inflater.reset();
    expect(difference(await inflate(inflater, [next!]), message)).toBe(-1);
    inflater.close();

    const deflater = newDeflater(way, {}, 10_000);
    expect(deflater.deflate(message, 0, message.length, true, new BoundedBuffer())).toBe(false);
    deflater.reset();
    const hello = Uint8Array.of(0x48, 0x65, 0x6c, 0x6c, 0x6f);
    expect(toHex(await deflate(deflater, [hello]))).toBe("f248cdc9c90700");
    deflater.deflate(hello, 0, 5, false, new BoundedBuffer());
    deflater.reset();
    expect(toHex(await deflate(deflater, [new Uint8Array(0)]))).toBe("00");
    deflater.close();
  });

  it.each(["compressor", "decompressor"])(
    "calls the task once, in a later turn: a %s",
    async (kind) => {
      let calls = 0;
      const context = await pending(kind, () => calls++);
      expect(calls).toBe(0);
      while (calls === 0) await turns(1);
      await turns();
      expect(calls).toBe(1);
      // What is ready already calls later, too.
      context.whenReady(() => calls++);
      expect(calls).toBe(1);
      await turns();
      expect(calls).toBe(2);
      context.close();
    },
  );
});
