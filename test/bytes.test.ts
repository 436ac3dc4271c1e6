import { afterEach, describe, expect, it, vi } from "vitest";
import {
  concat,
  copy,
  copyOf,
  encodeUtf8,
  encodeUtf8Into,
  equalsIgnoreCase,
  isAscii,
  latin1,
  noBytes,
  readUint16,
  readUint32,
  spells,
  writeLatin1,
  writeUint16,
  writeUint32,
} from "../src/bytes.ts";
import { counted } from "./support/frames.ts";

describe("noBytes", () => {
  it("is empty", () => {
    expect(noBytes).toEqual(new Uint8Array(0));
  });
});

describe("copy()", () => {
  it.each([0, 1, 63, 64, 65, 300])("copies %i bytes, and none beside them", (length) => {
    const source = counted(length + 4);
    const target = new Uint8Array(length + 6).fill(0xee);
    copy(target, 3, source, 2, 2 + length);
    expect([...target]).toEqual([
      ...[0xee, 0xee, 0xee],
      ...source.subarray(2, 2 + length),
      ...[0xee, 0xee, 0xee],
    ]);
  });

  it.each([64, 300])("copies a whole array of %i bytes", (length) => {
    const target = new Uint8Array(length + 2).fill(0xee);
    copy(target, 1, counted(length), 0, length);
    expect([...target]).toEqual([0xee, ...counted(length), 0xee]);
  });
});

describe("copy() of more than 2 KiB", () => {
  const page = 4096;

  afterEach(() => {
    vi.restoreAllMocks();
  });

  /** Copies so that the target lies `distance` bytes behind the source, counted within a page; gives what it took. */
  function copyAt(distance: number, size: number): { copied: Uint8Array; pieces: number[] } {
    const from = 100;
    const to = from + distance + page;
    const target = new Uint8Array(to + size + 1);
    const set = vi.spyOn(Uint8Array.prototype, "set");
    copy(target, to, counted(from + size), from, from + size);
    const pieces = set.mock.calls.map(([source]) => source.length);
    set.mockRestore();
    expect(target[to - 1]).toBe(0);
    expect(target[to + size]).toBe(0);
    return { copied: target.subarray(to, to + size), pieces };
  }

  it.each([1, 14, 31])("goes by small pieces where its target lies %i bytes behind", (distance) => {
    const { copied, pieces } = copyAt(distance, 5000);
    expect(copied).toEqual(counted(5100).subarray(100));
    expect(pieces).toEqual([2048, 2048, 904]);
  });

  it.each([-31, -14, 0, 32, 2000])("goes at once where it lies %i bytes behind", (distance) => {
    const { copied, pieces } = copyAt(distance, 5000);
    expect(copied).toEqual(counted(5100).subarray(100));
    expect(pieces).toEqual([5000]);
  });

  it("counts from where views begin", () => {
    const set = vi.spyOn(Uint8Array.prototype, "set");
    copy(new Uint8Array(5000), 0, new Uint8Array(5020).subarray(20), 0, 5000);
    expect(set).toHaveBeenCalledTimes(1);
    copy(new Uint8Array(5020).subarray(20), 0, new Uint8Array(5000), 0, 5000);
    expect(set).toHaveBeenCalledTimes(4);
  });

  it("goes at once up to 2 KiB, however near", () => {
    expect(copyAt(1, 2048).pieces).toEqual([2048]);
    expect(copyAt(1, 2049).pieces).toEqual([2048, 1]);
  });

  it("goes at once from 512 KiB on", () => {
    expect(copyAt(14, 512 * 1024 - 1).pieces).toHaveLength(256);
    expect(copyAt(14, 512 * 1024).pieces).toEqual([512 * 1024]);
  });

  it.each([1, 14, 31])("moves bytes by %i within their array", (distance) => {
    const bytes = counted(5000 + distance);
    copy(bytes, distance, bytes, 0, 5000);
    expect(bytes.subarray(distance)).toEqual(counted(5000));
  });
});

describe("copyOf()", () => {
  it.each([0, 1, 31, 32, 33, 300])("gives %i bytes in memory of their own", (length) => {
    const source = counted(length + 4);
    const copied = copyOf(source, 2, 2 + length);
    expect([...copied]).toEqual([...source.subarray(2, 2 + length)]);
    expect(copied.buffer).not.toBe(source.buffer);
    expect(copied.buffer.byteLength).toBe(length);
  });

  it.each([0, 1, 31, 32, 33, 300])(
    "gives %i bytes of a Buffer, whose slice() is a view, as plain ones of their own",
    (length) => {
      const source = Buffer.from(counted(length + 4));
      const copied = copyOf(source, 2, 2 + length);
      source.fill(0xee);
      expect(copied).toEqual(counted(length + 4).subarray(2, 2 + length));
      expect(copied.constructor).toBe(Uint8Array);
      expect(copied.buffer.byteLength).toBe(length);
    },
  );
});

describe("concat()", () => {
  it("joins parts in their order", () => {
    const parts = [Uint8Array.of(1, 2), noBytes, Uint8Array.of(3)];
    expect(concat(parts)).toEqual(Uint8Array.of(1, 2, 3));
  });

  it("gives a new array, also of a single part", () => {
    const part = Uint8Array.of(1);
    expect(concat([part]).buffer).not.toBe(part.buffer);
  });

  it("gives an empty array of no parts", () => {
    expect(concat([])).toEqual(new Uint8Array(0));
  });
});

describe("readUint16() and writeUint16()", () => {
  it.each([0, 1, 0xff, 0x100, 0x7fff, 0x8000, 0xabcd, 0xffff])(
    "agree with DataView on %i",
    (value) => {
      const bytes = new Uint8Array(5).fill(0xee);
      writeUint16(bytes, 1, value);
      expect(new DataView(bytes.buffer).getUint16(1)).toBe(value);
      expect(readUint16(bytes, 1)).toBe(value);
      expect([bytes[0], bytes[3], bytes[4]]).toEqual([0xee, 0xee, 0xee]);
    },
  );
});

describe("readUint32() and writeUint32()", () => {
  it.each([0, 1, 0xffff, 0x10000, 0x12345678, 2 ** 31 - 1, 2 ** 31, 2 ** 32 - 1])(
    "agree with DataView on %i",
    (value) => {
      const bytes = new Uint8Array(7).fill(0xee);
      writeUint32(bytes, 2, value);
      expect(new DataView(bytes.buffer).getUint32(2)).toBe(value);
      expect(readUint32(bytes, 2)).toBe(value);
      expect([bytes[0], bytes[1], bytes[6]]).toEqual([0xee, 0xee, 0xee]);
    },
  );

  it("write the low 32 bits of a number beyond them", () => {
    const bytes = new Uint8Array(4);
    writeUint32(bytes, 0, 2 ** 53 - 1);
    expect(readUint32(bytes, 0)).toBe(2 ** 32 - 1);
    writeUint32(bytes, 0, (2 ** 53 - 1) / 2 ** 32);
    expect(readUint32(bytes, 0)).toBe(2 ** 21 - 1);
  });
});

describe("isAscii()", () => {
  it("accepts 0x00 to 0x7F, and an empty range", () => {
    const ascii = Uint8Array.from({ length: 128 }, (_, byte) => byte);
    expect(isAscii(ascii, 0, 128)).toBe(true);
    expect(isAscii(Uint8Array.of(0xff), 0, 0)).toBe(true);
  });

  it.each([0, 1, 2, 3])("refuses a byte of 0x80 at index %i", (index) => {
    const bytes = new Uint8Array(4);
    bytes[index] = 0x80;
    expect(isAscii(bytes, 0, 4)).toBe(false);
  });

  it("looks at nothing outside the range", () => {
    expect(isAscii(Uint8Array.of(0x80, 0x41, 0x80), 1, 2)).toBe(true);
  });
});

describe("latin1()", () => {
  it.each([0, 1, 7, 8, 9, 16, 255, 256])("reads %i bytes, a character each", (length) => {
    const bytes = Uint8Array.from({ length: length + 2 }, (_, index) => 255 - index);
    const characters = Array.from(bytes.subarray(1, 1 + length), (byte) =>
      String.fromCharCode(byte),
    );
    expect(latin1(bytes, 1, 1 + length)).toBe(characters.join(""));
  });

  it.each([63, 64, 128])("reads %i bytes of ASCII", (length) => {
    const bytes = Uint8Array.from({ length: length + 2 }, (_, index) => index & 0x7f);
    const text = Array.from({ length }, (_, index) => String.fromCharCode((index + 1) & 0x7f));
    expect(latin1(bytes, 1, 1 + length)).toBe(text.join(""));
  });
});

describe("writeLatin1()", () => {
  it("writes a byte a character", () => {
    const bytes = new Uint8Array(5);
    writeLatin1(bytes, 1, "A\u00FF\0");
    expect(bytes).toEqual(Uint8Array.of(0, 0x41, 0xff, 0, 0));
  });

  it("writes the low byte of characters that are not Latin-1", () => {
    const bytes = new Uint8Array(1);
    writeLatin1(bytes, 0, "\u0141");
    expect(bytes[0]).toBe(0x41);
  });
});

describe("equalsIgnoreCase()", () => {
  it.each([
    ["websocket", "websocket", true],
    ["WebSocket", "websocket", true],
    ["AZaz", "azaz", true],
    ["", "", true],
    ["websocke", "websocket", false],
    ["websockets", "websocket", false],
    ["websockeu", "websocket", false],
    ["@[`{", "@[`{", true],
    ["@[", "`{", false],
    ["\u00C1", "\u00E1", false],
  ])("%j and %j: %s", (spelled, text, expected) => {
    const bytes = new Uint8Array(spelled.length + 2);
    writeLatin1(bytes, 1, spelled);
    expect(equalsIgnoreCase(bytes, 1, 1 + spelled.length, text)).toBe(expected);
  });
});

describe("spells()", () => {
  it.each([
    ["GET", "GET", true],
    ["", "", true],
    ["get", "GET", false],
    ["GE", "GET", false],
    ["GETS", "GET", false],
    ["GEU", "GET", false],
    ["caf\u00E9", "caf\u00E9", true],
    ["A", "\u0141", false],
  ])("%j and %j: %s", (spelled, text, expected) => {
    const bytes = new Uint8Array(spelled.length + 2);
    writeLatin1(bytes, 1, spelled);
    expect(spells(bytes, 1, 1 + spelled.length, text)).toBe(expected);
  });
});

const texts: [text: string, bytes: number[]][] = [
  ["", []],
  ["A", [0x41]],
  ["\u007F\u0080", [0x7f, 0xc2, 0x80]],
  ["\u07FF\u0800", [0xdf, 0xbf, 0xe0, 0xa0, 0x80]],
  ["\uFEFF\uFFFF", [0xef, 0xbb, 0xbf, 0xef, 0xbf, 0xbf]],
  ["\u{10000}\u{10FFFF}", [0xf0, 0x90, 0x80, 0x80, 0xf4, 0x8f, 0xbf, 0xbf]],
  ["\uD800", [0xef, 0xbf, 0xbd]],
  ["\uDC00", [0xef, 0xbf, 0xbd]],
  ["\uDC00\uD800", [0xef, 0xbf, 0xbd, 0xef, 0xbf, 0xbd]],
  ["\uD800A", [0xef, 0xbf, 0xbd, 0x41]],
];

describe("encodeUtf8()", () => {
  it.each(texts)("encodes %j", (text, bytes) => {
    expect([...encodeUtf8(text)]).toEqual(bytes);
  });
});

describe("encodeUtf8Into()", () => {
  it.each(texts)("encodes %j at the start and behind it", (text, bytes) => {
    for (const at of [0, 5]) {
      const target = new Uint8Array(at + 3 * text.length + 1).fill(0xee);
      expect(encodeUtf8Into(text, target, at)).toBe(bytes.length);
      expect([...target.subarray(at, at + bytes.length)]).toEqual(bytes);
      expect(target[at - 1] ?? 0xee).toBe(0xee);
    }
  });
});
