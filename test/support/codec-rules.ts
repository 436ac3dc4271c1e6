import { describe, expect, it } from "vitest";
import type { TextCodec } from "../../src/frame/text-codec.ts";
import { seededRandom } from "./cuts.ts";

const fatal = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const encoder = new TextEncoder();

/** What a fatal `TextDecoder` makes of bytes; undefined where they are not valid. */
export function decodeFatal(bytes: Uint8Array): string | undefined {
  try {
    return fatal.decode(bytes);
  } catch {
    return undefined;
  }
}

/** Bytes at both ends of what may stand anywhere in UTF-8, and beside them. */
const edges = [
  0x00, 0x41, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc0, 0xc1, 0xc2, 0xdf, 0xe0, 0xe1, 0xec,
  0xed, 0xee, 0xef, 0xf0, 0xf1, 0xf3, 0xf4, 0xf5, 0xff,
];

/** Those that may stand behind the first of four. */
const continuations = [0x41, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc2, 0xf0];

/** All sequences of up to three of those bytes, and those of four that begin as characters of four do. */
function* sequences(length: number): Generator<number[]> {
  if (length === 0) {
    yield [];
    return;
  }
  const heads =
    length < 4 ? sequences(length - 1) : [...sequences(3)].filter(([first]) => first! >= 0xf0);
  for (const head of heads) {
    for (const byte of length < 4 ? edges : continuations) yield [...head, byte];
  }
}

const units = [
  "a",
  "\u00E4",
  "\u20AC",
  "\uD83D",
  "\uDE00",
  "\uFEFF",
  "\uFFFD",
  "\u0000",
  "\u{1F600}",
];

/** Texts with and without partners for their surrogates, of one byte a unit and of two, flat and in parts. */
function* texts(): Generator<string> {
  yield "";
  for (const first of units) {
    for (const second of units) {
      for (const third of units) {
        yield first + second + third;
        yield `${"x".repeat(40)}${first}${second}${"\u00FC".repeat(20)}${third}`;
      }
    }
  }
  const random = seededRandom(7);
  for (let i = 0; i < 300; i++) {
    const length = random() * 3000;
    let text = "";
    while (text.length < length) text += units[Math.floor(random() * units.length)];
    yield text;
    yield text.slice(Math.floor(random() * length));
  }
}

/** What every codec of text has to do, whatever it is made of. */
export function describeCodec(name: string, { decode, encodeInto }: TextCodec): void {
  describe(name, () => {
    it.each([1, 2, 3, 4])(
      "decodes valid text, and nothing else: %i bytes at the borders of what is allowed",
      (length) => {
        for (const sequence of sequences(length)) {
          for (const lead of length < 4 ? [0, 40] : [40]) {
            // Inside of other bytes, which must not matter.
            const bytes = Uint8Array.of(0xff, ...Array<number>(lead).fill(0x61), ...sequence, 0xbf);
            const wanted = decodeFatal(bytes.subarray(1, -1));
            const decoded = decode(bytes, 1, bytes.length - 1);
            if (decoded !== wanted) expect([sequence, decoded]).toEqual([sequence, wanted]);
          }
        }
      },
    );

    it("decodes an empty range", () => {
      expect(decode(Uint8Array.of(0xff), 1, 1)).toBe("");
    });

    it("keeps a U+FEFF at the start, and a U+FFFD that was sent", () => {
      for (const text of ["\uFEFF", "\uFEFFa\uFEFF", "\uFFFD", `${"\uFFFD".repeat(50)}\uFFFF`]) {
        const bytes = encoder.encode(text);
        expect(decode(bytes, 0, bytes.length)).toBe(text);
      }
    });

    it("refuses a bad byte wherever it stands", () => {
      for (const length of [1, 31, 32, 33, 64, 100, 1000, 70_000]) {
        for (const at of new Set([0, length >> 1, length - 1])) {
          const bytes = new Uint8Array(length).fill(0x61);
          bytes[at] = 0x80;
          expect(decode(bytes, 0, length)).toBeUndefined();
        }
      }
    });

    it("encodes as TextEncoder does, and writes nothing else", () => {
      for (const text of texts()) {
        const wanted = encoder.encode(text);
        const target = new Uint8Array(3 * text.length + 4).fill(0xee);
        const count = encodeInto(text, target, 2);
        const isRight =
          count === wanted.length &&
          wanted.every((byte, i) => target[2 + i] === byte) &&
          target.subarray(0, 2).every((byte) => byte === 0xee) &&
          target.subarray(2 + count).every((byte) => byte === 0xee);
        if (!isRight) expect([text, ...target]).toEqual([text, 0xee, 0xee, ...wanted]);
      }
    });
  });
}
