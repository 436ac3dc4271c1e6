import { describe, expect, it } from "vitest";
import { bufferText } from "../../../adapters/buffer-text.ts";
import { deliverOwn } from "../../../adapters/node/own-chunk.ts";
import { webText } from "../../../src/frame/text-codec.ts";
import {
  asBinaryType,
  buffersMade,
  bytesOf,
  checkingCodec,
  newBuffer,
  sizeOf,
  toBuffer,
} from "../../../adapters/ws/data.ts";

describe("bytesOf()", () => {
  const bytes = new Uint8Array([1, 2, 3]);

  it.each([
    ["bytes", bytes, [1, 2, 3]],
    ["a view", new DataView(bytes.buffer, 1, 1), [2]],
    ["an ArrayBuffer", bytes.buffer, [1, 2, 3]],
    ["a number, as text", 12, [49, 50]],
    ["text", "ä", [0xc3, 0xa4]],
    ["what Buffer.from takes", [7, 8], [7, 8]],
  ])("gives the bytes of %s", (_, data, expected) => {
    expect([...bytesOf(data)]).toEqual(expected);
  });

  it("does not copy bytes", () => {
    expect(bytesOf(bytes)).toBe(bytes);
    expect(bytesOf(bytes.buffer).buffer).toBe(bytes.buffer);
    expect(toBuffer(bytes).buffer).toBe(bytes.buffer);
  });

  it("throws what Buffer.from throws", () => {
    expect(() => bytesOf({})).toThrow(TypeError);
  });
});

describe("sizeOf()", () => {
  it.each([
    [undefined, 0],
    [null, 0],
    ["", 0],
    ["ä", 2],
    [new Uint8Array(5), 5],
    [new Blob(["abc"]), 3],
    [12, 2],
  ])("counts the bytes of %o: %i", (data, size) => {
    expect(sizeOf(data)).toBe(size);
  });
});

describe("asBinaryType()", () => {
  it("gives an ArrayBuffer of the message alone", () => {
    const whole = new Uint8Array([1, 2, 3]);
    expect(asBinaryType("arraybuffer", whole)).toBe(whole.buffer);
    const part = asBinaryType("arraybuffer", whole.subarray(1)) as ArrayBuffer;
    expect([...new Uint8Array(part)]).toEqual([2, 3]);
  });

  it("keeps a Buffer as it is", () => {
    const buffer = Buffer.from("a");
    expect(asBinaryType("nodebuffer", buffer)).toBe(buffer);
  });
});

describe("newBuffer()", () => {
  const source = new Uint8Array([1, 2, 3, 4]);

  it("copies what is lent", () => {
    const buffer = newBuffer(source, 1, 3, false);
    expect(buffer).toEqual(Buffer.from([2, 3]));
    expect(buffer.buffer).not.toBe(source.buffer);
  });

  it("makes a view on bytes that are its own", () => {
    const buffer = newBuffer(source, 1, 3, true);
    expect(buffer).toEqual(Buffer.from([2, 3]));
    expect(buffer.buffer).toBe(source.buffer);
  });
});

/** Calls a task while a chunk with memory of its own is delivered. */
function during(chunk: Uint8Array, task: () => void): void {
  deliverOwn({ onData: task, onDrain() {}, onEnd() {}, onClose() {} }, chunk);
}

describe("newBuffer() of a chunk with memory of its own", () => {
  it("makes a view, and counts it", () => {
    const chunk = new Uint8Array([1, 2, 3, 4]).subarray(1);
    const before = buffersMade();
    during(chunk, () => {
      const buffer = newBuffer(chunk, 1, 3, false);
      expect(Buffer.isBuffer(buffer)).toBe(true);
      expect(buffer).toEqual(Buffer.from([3, 4]));
      expect(buffer.buffer).toBe(chunk.buffer);
    });
    expect(newBuffer(chunk, 1, 3, false).buffer).not.toBe(chunk.buffer);
    expect(buffersMade()).toBe(before + 2);
  });
});

describe("checkingCodec()", () => {
  const codec = checkingCodec(bufferText());
  const chunk = new Uint8Array(Buffer.from("one ä two \xff".replace("\xff", "")));
  chunk[chunk.length - 1] = 0xff;

  it("checks as the other does", () => {
    const isValid = (): boolean[] =>
      [chunk.length - 1, chunk.length].map((end) => codec.isUtf8!(chunk, 0, end));
    expect(isValid()).toEqual([true, false]);
    during(chunk, () => {
      expect(isValid()).toEqual([true, false]);
    });
  });

  it("has what was checked given out once, and never another text", () => {
    during(chunk, () => {
      expect(codec.isUtf8!(chunk, 0, 3)).toBe(true);
      expect(String(newBuffer(chunk, 4, 7, false))).toBe(String(Buffer.from(chunk.slice(4, 7))));
      expect(codec.isUtf8!(chunk, 0, 3)).toBe(true);
      const first = newBuffer(chunk, 0, 3, false);
      const second = newBuffer(chunk, 0, 3, false);
      expect([String(first), String(second)]).toEqual(["one", "one"]);
      expect(second).not.toBe(first);
      expect(codec.isUtf8!(chunk, 0, 3)).toBe(true);
      expect(String(newBuffer(chunk, 0, 2, false))).toBe("on");
    });
  });

  it("gives no text of a chunk out for a message of another one", () => {
    const other = new Uint8Array(Buffer.from("two"));
    during(chunk, () => {
      expect(codec.isUtf8!(chunk, 0, 3)).toBe(true);
    });
    during(other, () => {
      expect(String(newBuffer(other, 0, 3, false))).toBe("two");
    });
  });

  it("is the other itself where that has no check", () => {
    expect(checkingCodec(webText)).toBe(webText);
  });
});
