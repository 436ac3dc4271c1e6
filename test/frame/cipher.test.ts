import { afterEach, describe, expect, it, vi } from "vitest";
import { cipher, cipherInto, RangeCipher } from "../../src/frame/cipher.ts";
import { seededBytes } from "../support/cuts.ts";
import {
  counted,
  exampleMask,
  hex,
  maskKeyOf,
  naiveMask,
  toHex,
  wrongKeys,
} from "../support/frames.ts";
import { expectRangesChecked } from "../support/ranges.ts";

const exampleKey = maskKeyOf(exampleMask);
// Bytes 0x00 and 0x80 and above: where a sign or a zero may get lost.
const keys: readonly (readonly number[])[] = [
  exampleMask,
  [0xff, 0x00, 0x80, 0x7f],
  [0x01, 0x02, 0x03, 0xfe],
];

afterEach(() => {
  vi.unstubAllGlobals();
});

/** A view of `size` bytes that begins `alignment` bytes into its buffer. */
function viewAt(alignment: number, size: number): Uint8Array {
  return new Uint8Array(new ArrayBuffer(alignment + size), alignment, size);
}

function isSame(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(a, b) === 0;
}

/** Masks `length` bytes from index 3 of a view on; says whether it did as the naive twin does, and nothing beside it. */
function agrees(
  length: number,
  alignment: number,
  offset: number,
  key: readonly number[],
): boolean {
  const source = seededBytes(length + 6);
  const bytes = viewAt(alignment, length + 6);
  bytes.set(source);
  cipher(bytes, maskKeyOf(key), offset, 3, 3 + length);
  const expected = source.slice();
  expected.set(naiveMask(source.subarray(3, 3 + length), key, offset), 3);
  return isSame(bytes, expected);
}

describe("cipher()", () => {
  it("masks the example of RFC 6455, 5.7, and unmasks it", () => {
    const bytes = new TextEncoder().encode("Hello");
    cipher(bytes, exampleKey);
    expect(bytes).toEqual(hex("7f 9f 4d 51 58"));
    cipher(bytes, exampleKey);
    expect(toHex(bytes)).toBe("48656c6c6f");
  });

  it("masks 0 to 300 bytes at every alignment and offset", () => {
    const wrong: string[] = [];
    for (let length = 0; length <= 300; length++) {
      for (let place = 0; place < 16; place++) {
        const [alignment, offset] = [place % 4, place >> 2];
        if (!agrees(length, alignment, offset, exampleMask)) {
          wrong.push(`${length} bytes, alignment ${alignment}, offset ${offset}`);
        }
      }
    }
    expect(wrong).toEqual([]);
  });

  it.each([255, 256, 257, 258, 259, 1024, 4097, 65_539])(
    "masks %i bytes with any key",
    (length) => {
      for (const key of keys) {
        for (let alignment = 0; alignment < 8; alignment++) {
          expect(agrees(length, alignment, 7 - alignment, key)).toBe(true);
        }
      }
    },
  );

  it("masks a few bytes far into an array", () => {
    for (let start = 996; start < 1000; start++) {
      for (let length = 0; length < 4; length++) {
        const bytes = seededBytes(1010);
        cipher(bytes, exampleKey, 0, start, start + length);
        const expected = seededBytes(1010);
        expected.set(naiveMask(expected.subarray(start, start + length), exampleMask), start);
        expect(isSame(bytes, expected)).toBe(true);
      }
    }
  });

  it.each([0, 1, 2, 3, 4, 255, 2 ** 31 + 1, 2 ** 32 + 2, 2 ** 53 - 1021])(
    "turns the key for an offset of %d",
    (offset) => {
      for (const length of [5, 300]) expect(agrees(length, 0, offset, exampleMask)).toBe(true);
    },
  );

  it("masks a payload piece by piece as it does whole", () => {
    const source = seededBytes(700);
    const expected = naiveMask(source, exampleMask);
    for (let cut = 0; cut <= source.length; cut++) {
      const bytes = source.slice();
      cipher(bytes, exampleKey, 0, 0, cut);
      cipher(bytes, exampleKey, cut, cut);
      if (!isSame(bytes, expected)) expect.fail(`cut at ${cut}`);
    }
    expect(expected).not.toEqual(source);
  });

  it("uses no words on a big-endian machine", async () => {
    vi.resetModules();
    vi.stubGlobal(
      "Uint16Array",
      class {
        readonly buffer = Uint8Array.of(0, 1).buffer;
      },
    );
    vi.stubGlobal("Int32Array", undefined);
    const bigEndian = await import("../../src/frame/cipher.ts");
    const bytes = seededBytes(300);
    bigEndian.cipher(bytes, exampleKey, 1);
    expect(() => {
      cipher(seededBytes(300), exampleKey);
    }).toThrow(TypeError);
    expect(isSame(bytes, naiveMask(seededBytes(300), exampleMask, 1))).toBe(true);
  });

  it("changes nothing with a key of 0", () => {
    const bytes = seededBytes(300);
    cipher(bytes, 0, 1);
    expect(bytes).toEqual(seededBytes(300));
  });
});

describe("cipher() and cipherInto()", () => {
  it("refuse a range outside the bytes", () => {
    expectRangesChecked((bytes, start, end) => {
      cipher(bytes, 1, 0, start, end);
    });
    expectRangesChecked((bytes, start, end) => {
      cipherInto(new Uint8Array(9), 0, bytes, 1, 0, start, end);
    });
  });

  it.each(wrongKeys)("refuse an invalid masking key: %o", (key, error) => {
    const [bytes, target] = [counted(4), new Uint8Array(4)];
    expect(() => {
      cipher(bytes, key as number);
    }).toThrow(error);
    expect(() => {
      cipherInto(target, 0, bytes, key as number);
    }).toThrow(error);
    expect([bytes, target]).toEqual([counted(4), new Uint8Array(4)]);
  });

  it.each([
    [null, TypeError],
    ["1", TypeError],
    [[1], TypeError],
    [NaN, RangeError],
    [Infinity, RangeError],
    [-1, RangeError],
    [0.5, RangeError],
  ])("refuse an invalid offset: %o", (offset, error) => {
    const [bytes, target] = [counted(4), new Uint8Array(4)];
    expect(() => {
      cipher(bytes, 1, offset as number);
    }).toThrow(error);
    expect(() => {
      cipherInto(target, 0, bytes, 1, offset as number);
    }).toThrow(error);
    expect([bytes, target]).toEqual([counted(4), new Uint8Array(4)]);
  });

  it("accept a key as an unsigned number, as the same key", () => {
    for (const length of [5, 300]) {
      const [signed, unsigned] = [seededBytes(length), seededBytes(length)];
      cipher(signed, -2, 1);
      cipher(unsigned, 0xfffffffe, 1);
      expect(unsigned).toEqual(signed);
    }
  });

  it.each([-1, 2, NaN, 0.5, Infinity])("write nothing if there is no room: at %s", (at) => {
    const target = new Uint8Array(5);
    expect(() => {
      cipherInto(target, at, Uint8Array.of(1, 2, 3, 4), 0);
    }).toThrow(RangeError);
    expect(target).toEqual(new Uint8Array(5));
  });
});

describe("cipherInto()", () => {
  it.each([0, 5, 63, 64, 255, 256, 300])(
    "writes %i bytes masked, and leaves the source",
    (length) => {
      for (let offset = 0; offset < 4; offset++) {
        const source = seededBytes(length + 2);
        const target = new Uint8Array(length + 7).fill(0xee);
        cipherInto(target, 5, source, exampleKey, offset, 1, 1 + length);
        const masked = naiveMask(source.subarray(1, 1 + length), exampleMask, offset);
        expect(toHex(target)).toBe(`eeeeeeeeee${toHex(masked)}eeee`);
        expect(source).toEqual(seededBytes(length + 2));
      }
    },
  );

  it("masks the whole source if no range is given", () => {
    const target = new Uint8Array(5);
    cipherInto(target, 0, new TextEncoder().encode("Hello"), exampleKey);
    expect(target).toEqual(hex("7f 9f 4d 51 58"));
  });
});

describe("RangeCipher", () => {
  it("masks ranges of one array, long and short, at every alignment, as the definition has it", () => {
    const lengths = [0, 1, 16, 31, 32, 33, 40, 63, 64, 100, 7, 300, 5];
    for (let alignment = 0; alignment < 4; alignment++) {
      for (let gap = 0; gap < 4; gap++) {
        const size = lengths.reduce((sum, length) => sum + length + gap, 300);
        const source = seededBytes(size);
        const bytes = viewAt(alignment, size);
        bytes.set(source);
        const expected = source.slice();
        const ranges = new RangeCipher();
        let at = gap;
        for (const [i, length] of lengths.entries()) {
          const key = keys[i % keys.length]!;
          ranges.apply(bytes, maskKeyOf(key), i, at, at + length);
          expected.set(naiveMask(source.subarray(at, at + length), key, i), at);
          at += length + gap;
        }
        expect(isSame(bytes, expected), `alignment ${alignment}, gap ${gap}`).toBe(true);
      }
    }
  });

  it("works on the array that it is given, whichever array came before", () => {
    const ranges = new RangeCipher();
    const [one, other] = [new Uint8Array(400), new Uint8Array(400)];
    ranges.apply(one, exampleKey, 0, 0, 100);
    ranges.apply(other, exampleKey, 0, 0, 100);
    ranges.apply(one, exampleKey, 0, 100, 200);
    expect(isSame(one.subarray(0, 200), naiveMask(new Uint8Array(200), exampleMask, 0))).toBe(true);
    expect(isSame(one.subarray(0, 100), other.subarray(0, 100))).toBe(true);
    expect(other.subarray(100).every((byte) => byte === 0)).toBe(true);
  });

  it("makes one view for all ranges of an array, none where little can follow, and another after release", () => {
    let views = 0;
    vi.stubGlobal(
      "Int32Array",
      class extends Int32Array {
        constructor(buffer: ArrayBuffer, offset: number, length: number) {
          super(buffer, offset, length);
          views++;
        }
      },
    );
    const ranges = new RangeCipher();
    const bytes = new Uint8Array(1000);
    for (let at = 0; at < 900; at += 100) ranges.apply(bytes, exampleKey, 0, at, at + 100);
    expect(views).toBe(1);
    ranges.apply(new Uint8Array(100), exampleKey, 0, 0, 100);
    expect(views).toBe(1);
    ranges.release();
    ranges.apply(bytes, exampleKey, 0, 0, 100);
    expect(views).toBe(2);
  });
});
