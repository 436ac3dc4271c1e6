import { describe, expect, it } from "vitest";
import {
  compressFrame,
  decompressFrame,
  FlateReader,
  FlateWriter,
  Helper,
  PermessageDeflate,
} from "../../../adapters/zlib/index.ts";
import { encodeUtf8 } from "../../../src/bytes.ts";
import { BoundedBuffer } from "../../../src/extension/bounded-buffer.ts";
import type { Engine } from "../../../src/flate/engine.ts";
import * as flate from "../../../src/flate/index.ts";
import { StateServerSide } from "../../../src/frame/check.ts";
import { newTextFrame } from "../../../src/frame/frame.ts";
import { readAll } from "../../../src/io/full.ts";
import { hex, toHex } from "../../support/frames.ts";

/** "Hello" (RFC 7692, 7.2.3.1). */
const hello = "f248cdc9c90700";
const text = encodeUtf8("Hello");

/** Bytes to read, and an end. */
function sourceOf(bytes: Uint8Array): { read(into: Uint8Array): number } {
  let at = 0;
  return {
    read(into) {
      const piece = bytes.subarray(at, at + into.length);
      into.set(piece);
      at += piece.length;
      return piece.length;
    },
  };
}

describe("what framewire/zlib has of framewire/flate", () => {
  it("does the same, with the runtime's zlib", async () => {
    const helper = new Helper();
    expect(helper).toBeInstanceOf(flate.Helper);
    const compressed = await helper.compress(text);
    expect(toHex(compressed)).toBe(hello);

    const out = new BoundedBuffer();
    const writer = new FlateWriter({
      write(from) {
        out.add(from, 0, from.length);
        return from.length;
      },
    });
    expect(writer).toBeInstanceOf(flate.FlateWriter);
    await writer.write(text);
    await writer.close();
    expect(toHex(out.take())).toBe(hello);

    const reader = new FlateReader(sourceOf(compressed));
    expect(reader).toBeInstanceOf(flate.FlateReader);
    expect(await readAll(reader)).toEqual(text);
    reader.close();
    helper.close();

    const extension = new PermessageDeflate();
    expect(extension).toBeInstanceOf(flate.PermessageDeflate);
    const session = extension.open({ name: "permessage-deflate", parameters: [] }, StateServerSide);
    expect(session?.send).toBeDefined();
    session?.close?.();
  });

  it("takes options, and an engine of the caller's in place of zlib", () => {
    const engine: Engine = {
      newDeflater() {
        throw new Error("mine");
      },
      newInflater() {
        throw new Error("mine");
      },
    };
    expect(() => new Helper({ engine }).compress(text)).toThrow("mine");
    expect(() => new FlateReader(sourceOf(text), { engine }).read(new Uint8Array(1))).toThrow(
      "mine",
    );
    const dest = { write: (from: Uint8Array) => from.length };
    expect(() => new FlateWriter(dest, { engine }).write(text)).toThrow("mine");
    expect(() => new PermessageDeflate({ engine, level: 10 })).toThrow(RangeError);
    expect(() => new Helper({ windowBits: 16 })).toThrow(RangeError);
    expect(new PermessageDeflate({ serverMaxWindowBits: 9 }).offers[0]?.parameters).toContainEqual([
      "server_max_window_bits",
      "9",
    ]);
  });
});

describe("compressFrame(), decompressFrame()", () => {
  it("give back what went in, with no window between messages", async () => {
    for (let round = 0; round < 2; round++) {
      const frame = await compressFrame(newTextFrame(text));
      expect(toHex(frame.payload)).toBe(hello);
      expect(frame.header).toMatchObject({ rsv: 4, length: 7 });
      const back = await decompressFrame(frame);
      expect(back.payload).toEqual(text);
      expect(back.header).toMatchObject({ rsv: 0, length: 5 });
    }
  });

  it("write the payload to the caller's buffer", async () => {
    const into = new BoundedBuffer();
    const frame = await compressFrame(newTextFrame(text), into);
    expect(toHex(into.bytes.subarray(0, into.size))).toBe(hello);
    into.clear();
    await decompressFrame({ ...frame, payload: hex(hello) }, into);
    expect(into.bytes.subarray(0, into.size)).toEqual(text);
  });

  it("go on after an invalid frame", async () => {
    const { header } = await compressFrame(newTextFrame(text));
    const wrong = { header: { ...header, length: 1 }, payload: Uint8Array.of(0xff) };
    expect(() => decompressFrame(wrong)).toThrow(
      expect.objectContaining({ code: "INVALID_DEFLATE" }),
    );
    const frame = await compressFrame(newTextFrame(text));
    expect((await decompressFrame(frame)).payload).toEqual(text);
  });
});
