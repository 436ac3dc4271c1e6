import { describe, expect, it } from "vitest";
import { encodeUtf8 } from "../../src/bytes.ts";
import { type TextCodec, webText } from "../../src/frame/text-codec.ts";
import { bufferText } from "../../adapters/buffer-text.ts";
import { ProtocolError } from "../../src/errors.ts";
import {
  characterEnd,
  checkUtf8,
  decodeText,
  decodeUtf8,
  isUtf8,
  Utf8Validator,
} from "../../src/frame/utf8.ts";
import { decodeFatal } from "../support/codec-rules.ts";
import { cuts, seededRandom } from "../support/cuts.ts";
import { hex, toHex } from "../support/frames.ts";
import { expectRangesChecked } from "../support/ranges.ts";

function isValid(bytes: Uint8Array): boolean {
  const validator = new Utf8Validator();
  return validator.write(bytes) && validator.isComplete;
}

/** The node of the bytes between two characters. */
const boundary = 1;

/** Nodes of the tree below: the boundary, and one for every proper prefix of a character. */
const nodes = 17_652;

/**
 * Every character's bytes, by what the runtime's encoder makes, as a tree: 256 entries for each node, which say what node a byte
 * leads to: the boundary where it ends a character, 0 where no character goes on so.
 */
function makeTree(): Uint16Array {
  const tree = new Uint16Array((nodes + 1) * 256);
  const encoder = new TextEncoder();
  const bytes = new Uint8Array(4);
  let newest = boundary;
  for (let point = 0; point <= 0x10ffff; point++) {
    if (point >= 0xd800 && point <= 0xdfff) continue;
    const last = encoder.encodeInto(String.fromCodePoint(point), bytes).written - 1;
    let node = boundary;
    for (let index = 0; index < last; index++) {
      const entry = node * 256 + bytes[index]!;
      if (tree[entry] === 0) tree[entry] = ++newest;
      node = tree[entry]!;
    }
    tree[node * 256 + bytes[last]!] = boundary;
  }
  if (newest !== nodes) throw new Error(`The tree has ${newest} nodes`);
  return tree;
}

// A million characters: made for the tests that ask, not for all that load this file.
let tree: Uint16Array | undefined;

/** The node that one byte more leads to, or undefined where no character goes on so. */
function oracle(node: number, byte: number): number | undefined {
  tree ??= makeTree();
  const next = tree[node * 256 + byte]!;
  return next === 0 ? undefined : next;
}

/** The node behind bytes, or undefined where they are not valid. */
function nodeBehind(bytes: readonly number[]): number | undefined {
  let node: number | undefined = boundary;
  for (const byte of bytes) {
    node = oracle(node, byte);
    if (node === undefined) return undefined;
  }
  return node;
}

/** Index of the first byte after which nothing can make the text valid; the length where there is none. */
function firstBadByte(bytes: Uint8Array): number {
  let node: number | undefined = boundary;
  for (let at = 0; at < bytes.length; at++) {
    node = oracle(node, bytes[at]!);
    if (node === undefined) return at;
  }
  return bytes.length;
}

/** Goes through every sequence of up to `depth` bytes, but not beyond one that is bad. */
function compareBelow(parent: number[], node: number, depth: number, wrong: string[]): void {
  const bytes = Uint8Array.from([...parent, 0]);
  const validator = new Utf8Validator();
  for (let byte = 0; byte < 256; byte++) {
    bytes[parent.length] = byte;
    const next = oracle(node, byte);
    validator.reset();
    const isGood = validator.write(bytes);
    if (isGood !== (next !== undefined) || validator.isComplete !== (next === boundary)) {
      wrong.push(toHex(bytes));
    }
    if (next !== undefined && depth > 1) compareBelow([...bytes], next, depth - 1, wrong);
  }
}

/** Bytes on both sides of every border that RFC 3629 draws. */
const borders = hex(
  "00 41 7f 80 8f 90 9f a0 bf c0 c1 c2 df e0 e1 ec ed ee ef f0 f1 f3 f4 f5 f7 f8 fb fc fe ff",
);

const badTexts = [
  ["a continuation byte alone", "80"],
  ["an overlong slash of two bytes", "c0 af"],
  ["an overlong slash of three bytes", "e0 80 af"],
  ["an overlong slash of four bytes", "f0 80 80 af"],
  ["an overlong U+0000", "c0 80"],
  ["U+D800", "ed a0 80"],
  ["U+DFFF", "ed bf bf"],
  ["a pair of surrogates", "ed a0 bd ed b8 80"],
  ["U+110000", "f4 90 80 80"],
  ["five bytes", "f8 88 80 80 80"],
  ["0xFF", "ff"],
  ["a character cut by another", "e2 82 41"],
  ["a character cut by four others, and ended behind them", "e2 82 41 41 41 41 ac"],
  ["a continuation byte in front of three U+0000", "80 00 00 00"],
] as const;

describe("Utf8Validator", () => {
  it("agrees with a fatal TextDecoder on every sequence of one and two bytes", () => {
    const wrong: string[] = [];
    for (let value = 0; value < 0x10100; value++) {
      const bytes = value < 256 ? Uint8Array.of(value) : Uint8Array.of((value >> 8) - 1, value);
      if (isValid(bytes) !== (decodeFatal(bytes) !== undefined)) wrong.push(toHex(bytes));
    }
    expect(wrong).toEqual([]);
  });

  it("agrees with a fatal TextDecoder on three and four bytes at every border", () => {
    const wrong: string[] = [];
    const compare = (bytes: Uint8Array): void => {
      if (isValid(bytes) !== (decodeFatal(bytes) !== undefined)) wrong.push(toHex(bytes));
    };
    for (const first of borders) {
      for (const second of borders) {
        for (const third of borders) {
          compare(Uint8Array.of(first, second, third));
          if (first >= 0xe0 && third >= 0x80) {
            for (const last of [0x7f, 0x80, 0xbf, 0xc0]) {
              compare(Uint8Array.of(first, second, third, last));
            }
          }
        }
      }
    }
    expect(wrong).toEqual([]);
  });

  it("agrees with a fatal TextDecoder on random sequences of four bytes", () => {
    const random = seededRandom(4);
    const wrong: string[] = [];
    for (let run = 0; run < 20_000; run++) {
      const lead = run % 2 === 0 ? 0xf0 + random() * 6 : random() * 256;
      const rest = [0x80, 0x40, 0x70].map((base) => base + random() * (256 - base));
      const bytes = Uint8Array.of(lead, ...rest.map((byte) => (run % 3 ? byte & 0xbf : byte)));
      if (isValid(bytes) !== (decodeFatal(bytes) !== undefined)) wrong.push(toHex(bytes));
    }
    expect(wrong).toEqual([]);
  });

  it("says no exactly at the first invalid byte, for up to three bytes", () => {
    const wrong: string[] = [];
    compareBelow([], boundary, 3, wrong);
    expect(wrong).toEqual([]);
  });

  it("says no at the last byte of characters of four, at the borders of the third", () => {
    const wrong: string[] = [];
    let count = 0;
    for (let lead = 0xf000; lead < 0x10000; lead++) {
      for (const third of [0x80, 0x9f, 0xbf]) {
        const bytes = [lead >> 8, lead & 0xff, third];
        const node = nodeBehind(bytes);
        if (node === undefined || node === boundary) continue;
        compareBelow(bytes, node, 1, wrong);
        count++;
      }
    }
    expect(wrong).toEqual([]);
    expect(count).toBe(256 * 3);
  });

  it("accepts every character", () => {
    const validator = new Utf8Validator();
    for (let point = 0; point <= 0x10ffff; point += 0x400) {
      if (point >= 0xd800 && point <= 0xdfff) continue;
      const units = Array.from({ length: 0x400 }, (_, index) =>
        String.fromCodePoint(point + index),
      );
      if (!validator.write(encodeUtf8(units.join("")))) expect.fail(`near ${point.toString(16)}`);
    }
    expect(validator.isComplete).toBe(true);
  });

  it.each(badTexts)("refuses %s: %s", (_, wire) => {
    expect(isValid(hex(wire))).toBe(false);
  });

  it("fails at the first bad byte, wherever it stands in a longer text", () => {
    const wrong: string[] = [];
    const good = encodeUtf8("0123456789a\u00FC\u20AC\u{1F600}bcdefghijklmnop");
    for (let at = 0; at < good.length; at++) {
      for (const byte of borders) {
        const bytes = good.slice();
        bytes[at] = byte;
        const bad = firstBadByte(bytes);
        const before = new Utf8Validator().write(bytes, 0, bad);
        const after = new Utf8Validator().write(bytes, 0, Math.min(bad + 1, bytes.length));
        if (!before || after !== (bad === bytes.length)) wrong.push(`${toHex(bytes)} at ${bad}`);
      }
    }
    expect(wrong).toEqual([]);
  });

  it("gives the same answer wherever the text is cut", () => {
    const texts = [
      encodeUtf8("ab\u00FCcd\u20ACefgh\u{1F600}ijklm"),
      ...badTexts.map(([, wire]) => hex(wire)),
    ];
    for (const bytes of texts) {
      for (const pieces of cuts(bytes)) {
        const validator = new Utf8Validator();
        const isGood = pieces.every((piece) => validator.write(piece)) && validator.isComplete;
        expect(isGood).toBe(isValid(bytes));
      }
    }
  });

  it("keeps saying no until it is reset", () => {
    const validator = new Utf8Validator();
    expect(validator.write(hex("ff"))).toBe(false);
    expect(validator.write(hex("41 42 43 44 45"))).toBe(false);
    expect(validator.write(new Uint8Array(0))).toBe(false);
    expect(validator.isComplete).toBe(false);
    validator.reset();
    expect(validator.isComplete).toBe(true);
    expect(validator.write(hex("41"))).toBe(true);
  });

  it("forgets half a character when it is reset", () => {
    const validator = new Utf8Validator();
    expect(validator.write(hex("e2 82"))).toBe(true);
    expect(validator.isComplete).toBe(false);
    validator.reset();
    expect(validator.write(hex("ac"))).toBe(false);
  });

  it("reads a range, and nothing outside it", () => {
    const validator = new Utf8Validator();
    expect(validator.write(hex("ff ff c3 bc 41 ff"), 2, 5)).toBe(true);
    expect(validator.write(hex("ff"), 0, 0)).toBe(true);
    expect(validator.isComplete).toBe(true);
  });
});

describe("Utf8Validator.write()", () => {
  it("refuses a range outside its bytes, and goes on where it was", () => {
    const validator = new Utf8Validator();
    validator.write(hex("c3"));
    expectRangesChecked((bytes, start, end) => validator.write(bytes, start, end));
    expect(validator.write(hex("bc"))).toBe(true);
    expect(validator.isComplete).toBe(true);
  });
});

describe("decodeUtf8()", () => {
  it("refuses a range outside its bytes", () => {
    expectRangesChecked((bytes, start, end) => decodeUtf8(bytes, start, end));
  });

  it.each([0, 1, 31, 32, 33, 200])("decodes a text of %i ASCII bytes", (length) => {
    const text = "abcdefghij".repeat(20).slice(0, length);
    expect(decodeUtf8(encodeUtf8(text))).toBe(text);
  });

  it.each(["\u00FC", "\u20AC", "\u{1F600}", "\uFEFF", "\uFEFFa\uFEFF", "\0", "\uFFFD\uFFFF"])(
    "decodes %j, alone and inside a longer text",
    (text) => {
      expect(decodeUtf8(encodeUtf8(text))).toBe(text);
      const long = `${text}${"x".repeat(40)}${text}`;
      expect(decodeUtf8(encodeUtf8(long))).toBe(long);
    },
  );

  it.each(badTexts)("refuses %s: %s", (_, wire) => {
    expect(decodeUtf8(hex(wire))).toBeUndefined();
    expect(decodeUtf8(hex(`${"41".repeat(40)} ${wire}`))).toBeUndefined();
  });

  it.each(["c3", "e2 82", "f0 9f 98"])(
    "refuses a text that ends inside a character: %s",
    (wire) => {
      expect(decodeUtf8(hex(wire))).toBeUndefined();
    },
  );

  it("keeps nothing of a bad text for the next one", () => {
    for (const wire of ["e2 82", "ff", "61 c3"]) {
      expect(decodeUtf8(hex(wire))).toBeUndefined();
      expect(decodeUtf8(hex("e2 82 ac"))).toBe("\u20AC");
    }
  });

  it("decodes a range, and nothing outside it", () => {
    const bytes = hex("ff ff c3 bc 41 ff");
    expect(decodeUtf8(bytes, 2, 5)).toBe("\u00FCA");
    expect(decodeUtf8(bytes, 4, 5)).toBe("A");
    expect(decodeUtf8(bytes, 1, 1)).toBe("");
  });
});

describe("characterEnd()", () => {
  it.each([NaN, -1, 0.5])("refuses an end of %s", (end) => {
    expect(() => characterEnd(new Uint8Array(4), end)).toThrow(RangeError);
  });

  it("refuses a value that is not bytes, and an end that is no number", () => {
    expect(() => characterEnd("Hello" as never, 2)).toThrow(TypeError);
    expect(() => characterEnd(new Uint8Array(4), "2" as never)).toThrow(TypeError);
  });

  it("finds the end of the last whole character", () => {
    const bytes = encodeUtf8("a\u00FC\u20AC\u{1F600}b");
    const ends = Array.from(bytes, (_, end) => characterEnd(bytes, end));
    expect(ends).toEqual([0, 1, 1, 3, 3, 3, 6, 6, 6, 6, 10]);
    expect(characterEnd(bytes, bytes.length)).toBe(bytes.length);
  });

  it("gives 0 if no character begins before the end", () => {
    expect(characterEnd(hex("80 80 80"), 2)).toBe(0);
  });

  it("gives the length for an end at or after it", () => {
    expect(characterEnd(encodeUtf8("\u20AC"), 3)).toBe(3);
    expect(characterEnd(encodeUtf8("\u20AC"), 123)).toBe(3);
    expect(characterEnd(new Uint8Array(0), 0)).toBe(0);
  });
});

describe("decodeText()", () => {
  it("gives the text of a range", () => {
    expect(decodeText(hex("ff c3 a4 41 ff"), 1, 4, webText)).toBe("\u00E4A");
  });

  it("refuses what is not UTF-8 with 1007", () => {
    expect(() => decodeText(hex("41 ff"), 0, 2, webText)).toThrow(
      expect.objectContaining({ code: "INVALID_UTF8", status: 1007 }),
    );
  });
});

describe("isUtf8()", () => {
  const codecs: [string, TextCodec][] = [
    ["of the runtime", bufferText()],
    ["of the Web, which has nothing for it", webText],
  ];

  it.each(codecs)("says what decodeUtf8 says, with the codec %s", (_, codec) => {
    const texts = [
      "",
      "a",
      "a".repeat(40),
      "é",
      "é".repeat(40),
      "\u{10FFFF}",
      "a".repeat(40) + "é",
    ];
    for (const text of texts) {
      const bytes = Uint8Array.of(0xff, ...new TextEncoder().encode(text), 0xbf);
      const end = bytes.length - 1;
      expect(isUtf8(bytes, 1, end, codec)).toBe(true);
      if (text === "") continue;
      expect(isUtf8(bytes, 0, end, codec)).toBe(false);
      // Cut inside of its last character.
      if (bytes[end - 1]! >= 0x80) expect(isUtf8(bytes, 1, end - 1, codec)).toBe(false);
    }
  });

  it("agrees with what checkUtf8 throws for", () => {
    const bytes = Uint8Array.of(0x61, 0xff);
    expect(() => {
      checkUtf8(bytes, 0, 1, webText);
    }).not.toThrow();
    expect(() => {
      checkUtf8(bytes, 0, 2, webText);
    }).toThrow(new ProtocolError("INVALID_UTF8"));
  });
});
