import { describe, expect, it } from "vitest";
import { ProtocolError } from "../../src/errors.ts";
import {
  decodeHeader,
  encodeHeader,
  type Header,
  headerSize,
  maskKeyBytes,
  MaxControlFramePayloadSize,
  MaxHeaderSize,
  MinHeaderSize,
  newHeader,
  readMaskKey,
  rsv,
  rsv1,
  rsv2,
  rsv3,
  rsvBits,
  writeMaskKey,
} from "../../src/frame/header.ts";
import { exampleMask, frame, hex, maskKeyOf, toHex, wrongKeys } from "../support/frames.ts";
import { expectRangeNeeded, expectRangesChecked } from "../support/ranges.ts";

function header(parts: Partial<Header> = {}): Header {
  return { ...newHeader(), ...parts };
}

const exampleKey = maskKeyOf(exampleMask);

/** The headers of RFC 6455, 5.7. */
const examples: [what: string, wire: string, expected: Header][] = [
  ["an unmasked text", "81 05", header({ opcode: 1, length: 5 })],
  [
    "a masked text",
    "81 85 37 fa 21 3d",
    header({ opcode: 1, length: 5, masked: true, maskKey: exampleKey }),
  ],
  ["a first fragment", "01 03", header({ opcode: 1, fin: false, length: 3 })],
  ["a last fragment", "80 02", header({ opcode: 0, length: 2 })],
  ["a ping", "89 05", header({ opcode: 9, length: 5 })],
  [
    "a masked pong",
    "8a 85 37 fa 21 3d",
    header({ opcode: 10, length: 5, masked: true, maskKey: exampleKey }),
  ],
  ["256 bytes of binary", "82 7e 01 00", header({ opcode: 2, length: 256 })],
  ["64 KiB of binary", "82 7f 00 00 00 00 00 01 00 00", header({ opcode: 2, length: 65536 })],
];

/** Every border of the three forms of a length. */
const lengths: [length: number, wire: string][] = [
  [0, "80 00"],
  [1, "80 01"],
  [125, "80 7d"],
  [126, "80 7e 00 7e"],
  [127, "80 7e 00 7f"],
  [255, "80 7e 00 ff"],
  [256, "80 7e 01 00"],
  [65535, "80 7e ff ff"],
  [65536, "80 7f 00 00 00 00 00 01 00 00"],
  [2 ** 31 - 1, "80 7f 00 00 00 00 7f ff ff ff"],
  [2 ** 31, "80 7f 00 00 00 00 80 00 00 00"],
  [2 ** 32 - 1, "80 7f 00 00 00 00 ff ff ff ff"],
  [2 ** 32, "80 7f 00 00 00 01 00 00 00 00"],
  [2 ** 32 + 1, "80 7f 00 00 00 01 00 00 00 01"],
  [2 ** 53 - 2, "80 7f 00 1f ff ff ff ff ff fe"],
  [2 ** 53 - 1, "80 7f 00 1f ff ff ff ff ff ff"],
];

function decode(wire: Uint8Array, start = 0, end = wire.length): { header: Header; size: number } {
  const decoded = newHeader();
  return { size: decodeHeader(decoded, wire, start, end), header: decoded };
}

function encode(given: Header): Uint8Array {
  const bytes = new Uint8Array(MaxHeaderSize);
  return bytes.slice(0, encodeHeader(given, bytes));
}

describe("the sizes", () => {
  it("are those of RFC 6455, 5.2 and 5.5", () => {
    expect([MinHeaderSize, MaxHeaderSize, MaxControlFramePayloadSize]).toEqual([2, 14, 125]);
  });
});

describe("newHeader()", () => {
  it("makes the header of an empty, final, unmasked frame", () => {
    const empty = { fin: true, rsv: 0, opcode: 0, masked: false, maskKey: 0, length: 0 };
    expect(newHeader()).toEqual(empty);
    expect(newHeader(9, 4)).toEqual({ ...empty, opcode: 9, length: 4 });
  });
});

describe("rsv() and rsvBits()", () => {
  it.each<[bits: number, flags: [rsv1: boolean, rsv2: boolean, rsv3: boolean]]>([
    [0, [false, false, false]],
    [1, [false, false, true]],
    [2, [false, true, false]],
    [3, [false, true, true]],
    [4, [true, false, false]],
    [5, [true, false, true]],
    [6, [true, true, false]],
    [7, [true, true, true]],
  ])("pack and unpack %i", (bits, flags) => {
    expect(rsv(...flags)).toBe(bits);
    expect(rsvBits(bits)).toEqual(flags);
    const given = header({ rsv: bits });
    expect([rsv1(given), rsv2(given), rsv3(given)]).toEqual(flags);
  });
});

describe("decodeHeader()", () => {
  it.each(examples)("decodes %s: %s", (_, wire, expected) => {
    expect(decode(hex(wire))).toEqual({ size: hex(wire).length, header: expected });
  });

  it.each(lengths)("decodes a length of %d: %s", (length, wire) => {
    expect(decode(hex(wire))).toEqual({ size: hex(wire).length, header: header({ length }) });
  });

  it("decodes every combination of FIN, RSV bits and opcode", () => {
    for (let first = 0; first < 256; first++) {
      const expected = { fin: first >= 128, rsv: (first >> 4) % 8, opcode: first % 16 };
      expect(decode(Uint8Array.of(first, 0)).header).toEqual(header(expected));
    }
  });

  it.each([
    ["0 in two bytes", "80 7e 00 00", 0],
    ["125 in two bytes", "80 7e 00 7d", 125],
    ["0 in eight bytes", "80 7f 00 00 00 00 00 00 00 00", 0],
    ["65535 in eight bytes", "80 7f 00 00 00 00 00 00 ff ff", 65535],
  ])("accepts a length that is not minimally encoded: %s", (_, wire, length) => {
    const { size, header: decoded } = decode(hex(wire));
    expect([size, decoded.length]).toEqual([hex(wire).length, length]);
    expect(size).toBeGreaterThan(headerSize(decoded));
  });

  it.each([
    ["2^53", "80 7f 00 20 00 00 00 00 00 00", "LENGTH_TOO_LARGE", 1009],
    ["2^53 + 1", "80 7f 00 20 00 00 00 00 00 01", "LENGTH_TOO_LARGE", 1009],
    ["2^63 - 1", "80 7f 7f ff ff ff ff ff ff ff", "LENGTH_TOO_LARGE", 1009],
    ["2^63", "80 7f 80 00 00 00 00 00 00 00", "LENGTH_SIGN_BIT", 1002],
    ["2^64 - 1", "80 7f ff ff ff ff ff ff ff ff", "LENGTH_SIGN_BIT", 1002],
  ])("refuses a length above 2^53 - 1: %s", (_, wire, code, status) => {
    const decoded = header({ opcode: 7, length: 7 });
    const act = (): number => decodeHeader(decoded, hex(wire), 0, 10);
    expect(act).toThrow(ProtocolError);
    expect(act).toThrow(expect.objectContaining({ code, status }));
    expect(decoded).toEqual(header({ opcode: 7, length: 7 }));
  });

  it("reads nothing, and leaves the header as it is, until all of it has come", () => {
    for (const length of [5, 300, 70_000]) {
      for (const masked of [false, true]) {
        const wire = frame(1, "", { length, masked });
        const decoded = header({ opcode: 7, length: 7 });
        for (let end = 0; end < wire.length; end++) {
          expect(decodeHeader(decoded, wire, 0, end)).toBe(0);
        }
        expect(decoded).toEqual(header({ opcode: 7, length: 7 }));
        expect(decodeHeader(decoded, wire, 0, wire.length)).toBe(wire.length);
      }
    }
  });

  it("refuses a range outside its bytes", () => {
    expectRangesChecked((bytes, start, end) => decodeHeader(newHeader(), bytes, start, end));
    expectRangeNeeded((bytes, start, end) => decodeHeader(newHeader(), bytes, start, end));
  });

  it("starts at any index", () => {
    for (const [, wire, expected] of examples) {
      const bytes = hex(`ff ff ff ${wire} ff`);
      expect(decode(bytes, 3)).toEqual({ size: hex(wire).length, header: expected });
    }
  });

  it("forgets the key of the frame before", () => {
    const decoded = header({ masked: true, maskKey: exampleKey });
    decodeHeader(decoded, hex("81 05"), 0, 2);
    expect(decoded).toEqual(header({ opcode: 1, length: 5 }));
  });
});

describe("encodeHeader()", () => {
  it.each(examples)("encodes %s: %s", (_, wire, given) => {
    expect(toHex(encode(given))).toBe(toHex(hex(wire)));
  });

  it.each(lengths)("encodes a length of %d in as few bytes as possible: %s", (length, wire) => {
    expect(toHex(encode(header({ length })))).toBe(toHex(hex(wire)));
  });

  it("encodes every combination of FIN, RSV bits and opcode", () => {
    for (let first = 0; first < 256; first++) {
      const given = { fin: first >= 128, rsv: (first >> 4) % 8, opcode: first % 16 };
      expect([...encode(header(given))]).toEqual([first, 0]);
    }
  });

  it("omits the key if the frame is not masked, and leaves the bytes there as they are", () => {
    const bytes = new Uint8Array(8).fill(0xee);
    expect(encodeHeader(header({ maskKey: exampleKey }), bytes)).toBe(2);
    expect(toHex(bytes)).toBe("8000eeeeeeeeeeee");
  });

  it("writes at any index, and nothing around it", () => {
    const bytes = new Uint8Array(8).fill(0xee);
    const given = header({ opcode: 1, length: 5, masked: true, maskKey: exampleKey });
    expect(encodeHeader(given, bytes, 1)).toBe(6);
    expect(toHex(bytes)).toBe("ee818537fa213dee");
  });

  it.each([-1, 0.5, 2 ** 53, NaN, Infinity])("refuses a length of %d", (length) => {
    const bytes = new Uint8Array(MaxHeaderSize);
    expect(() => encodeHeader(header({ length }), bytes)).toThrow(RangeError);
    expect(bytes).toEqual(new Uint8Array(MaxHeaderSize));
  });

  it.each([NaN, -1, 0.5, Infinity])("refuses to write at %s", (at) => {
    expect(() => encodeHeader(header(), new Uint8Array(4), at)).toThrow(RangeError);
  });

  it("refuses a value that is not bytes", () => {
    for (const wrong of [new DataView(new ArrayBuffer(14)), "..", [0, 0]]) {
      expect(() => encodeHeader(header(), wrong as never)).toThrow(TypeError);
    }
  });

  it.each([
    { opcode: 0x1f },
    { opcode: -1 },
    { opcode: NaN },
    { opcode: 1.5 },
    { rsv: 8 },
    { rsv: NaN },
  ])("refuses %j, which its bits do not hold, before it writes", (parts) => {
    const bytes = new Uint8Array(2);
    expect(() => encodeHeader(header(parts), bytes)).toThrow(RangeError);
    expect(bytes).toEqual(new Uint8Array(2));
  });

  it.each([{ opcode: "1" }, { opcode: undefined }, { rsv: true }, { length: "1" }])(
    "refuses %j, which is no number",
    (parts) => {
      const bytes = new Uint8Array(2);
      expect(() => encodeHeader(header(parts as never), bytes)).toThrow(TypeError);
    },
  );

  it("refuses less room than it needs, before it writes", () => {
    for (const length of [5, 300, 70_000]) {
      for (const masked of [false, true]) {
        const given = header({ length, masked });
        const size = headerSize(given);
        const short = new Uint8Array(size + 1);
        expect(() => encodeHeader(given, short, 2)).toThrow(RangeError);
        expect(short).toEqual(new Uint8Array(size + 1));
        expect(encodeHeader(given, short, 1)).toBe(size);
      }
    }
  });
});

describe("an invalid masking key", () => {
  it.each(wrongKeys)("is refused before anything is written: %o", (key, error) => {
    const bytes = new Uint8Array(14);
    const maskKey = key as number;
    expect(() => encodeHeader(header({ masked: true, maskKey }), bytes)).toThrow(error);
    expect(() => {
      writeMaskKey(bytes, 0, maskKey);
    }).toThrow(error);
    expect(() => maskKeyBytes(maskKey)).toThrow(error);
    expect(bytes).toEqual(new Uint8Array(14));
  });

  it.each([-0x80000000, 0x7fffffff, 0x80000000, 0xffffffff])(
    "is not one of these: %i",
    (maskKey) => {
      const bytes = new Uint8Array(6);
      encodeHeader(header({ masked: true, maskKey }), bytes);
      expect(readMaskKey(bytes, 2)).toBe(maskKey | 0);
    },
  );

  it("is ignored if nothing is masked", () => {
    expect(encodeHeader(header({ maskKey: NaN }), new Uint8Array(2))).toBe(2);
  });
});

describe("headerSize()", () => {
  it.each(lengths)("gives for a length of %d the size that encodeHeader writes", (length) => {
    for (const masked of [false, true]) {
      const given = header({ length, masked, maskKey: masked ? exampleKey : 0 });
      expect(headerSize(given)).toBe(encode(given).length);
    }
  });
});

const keys: [key: number, wire: string][] = [
  [0, "00 00 00 00"],
  [1, "01 00 00 00"],
  [0x04030201, "01 02 03 04"],
  [-1, "ff ff ff ff"],
  [-(2 ** 31), "00 00 00 80"],
  [exampleKey, "37 fa 21 3d"],
];

describe("readMaskKey() and writeMaskKey()", () => {
  it.each([-1, 1, NaN, 0.5, Infinity])("refuse a place without four bytes: at %s", (at) => {
    const bytes = new Uint8Array(4);
    expect(() => readMaskKey(bytes, at)).toThrow(RangeError);
    expect(() => {
      writeMaskKey(bytes, at, 0x01020304);
    }).toThrow(RangeError);
    expect(bytes).toEqual(new Uint8Array(4));
  });

  it("refuse a value that is not bytes", () => {
    expect(() => readMaskKey("Hello" as never, 0)).toThrow(TypeError);
    expect(() => {
      writeMaskKey([0, 0, 0, 0] as never, 0, 1);
    }).toThrow(TypeError);
  });

  it.each(keys)("turn %i into %s and back", (key, wire) => {
    const bytes = new Uint8Array(6).fill(0xee);
    writeMaskKey(bytes, 1, key);
    expect(toHex(bytes)).toBe(`ee${toHex(hex(wire))}ee`);
    expect(readMaskKey(bytes, 1)).toBe(key);
  });
});

describe("maskKeyBytes()", () => {
  it.each(keys)("gives the bytes of %i: %s", (key, wire) => {
    expect(maskKeyBytes(key)).toEqual(hex(wire));
  });
});
