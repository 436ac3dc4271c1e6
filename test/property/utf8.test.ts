import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { concat, encodeUtf8 } from "../../src/bytes.ts";
import { characterEnd, decodeUtf8, Utf8Validator } from "../../src/frame/utf8.ts";
import { anyCharacter } from "../support/any-character.ts";
import { cutAt } from "../support/cuts.ts";
import { hex } from "../support/frames.ts";

const parameters = { seed: 3629, numRuns: 1000 };
const fatal = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

function decodeFatal(bytes: Uint8Array): string | undefined {
  try {
    return fatal.decode(bytes);
  } catch {
    return undefined;
  }
}

/** One of these completes every character that is cut somewhere. */
const endings = ["", "80", "80 80", "80 80 80", "a0 80", "90 80 80"].map(hex);

/** Index of the first byte after which no ending makes the text valid; the length where there is none. */
function firstBadByte(bytes: Uint8Array): number {
  for (let end = 1; end <= bytes.length; end++) {
    const begun = bytes.slice(0, end);
    if (endings.every((ending) => decodeFatal(concat([begun, ending])) === undefined))
      return end - 1;
  }
  return bytes.length;
}

const texts = fc.string({ unit: anyCharacter, maxLength: 40 });
const borders = fc.constantFrom(
  ...hex("00 41 7f 80 8f 90 9f a0 bf c0 c1 c2 df e0 e1 ed ee ef f0 f1 f4 f5 ff"),
);
const byteStrings = fc.oneof(
  fc.uint8Array({ maxLength: 12 }),
  fc.array(borders, { maxLength: 12 }).map((bytes) => Uint8Array.from(bytes)),
  texts.map(encodeUtf8),
  fc
    .tuple(texts, fc.array(borders, { maxLength: 3 }), texts)
    .map(([before, bytes, after]) =>
      concat([encodeUtf8(before), Uint8Array.from(bytes), encodeUtf8(after)]),
    ),
);

describe("Utf8Validator", () => {
  it("says no exactly at the first byte after which nothing makes the text valid", () => {
    fc.assert(
      fc.property(byteStrings, (bytes) => {
        const validator = new Utf8Validator();
        let good = 0;
        while (good < bytes.length && validator.write(bytes, good, good + 1)) good++;
        expect(good).toBe(firstBadByte(bytes));
        expect(new Utf8Validator().write(bytes)).toBe(good === bytes.length);
      }),
      parameters,
    );
  });

  it("agrees with a fatal TextDecoder under every cut", () => {
    fc.assert(
      fc.property(byteStrings, fc.array(fc.nat(), { maxLength: 6 }), (bytes, cuts) => {
        const positions = cuts.map((at) => at % (bytes.length + 1)).sort((a, b) => a - b);
        const validator = new Utf8Validator();
        const isGood = cutAt(bytes, positions).every((piece) => validator.write(piece));
        expect(isGood && validator.isComplete).toBe(decodeFatal(bytes) !== undefined);
      }),
      parameters,
    );
  });
});

describe("decodeUtf8()", () => {
  it("agrees with a fatal TextDecoder", () => {
    fc.assert(
      fc.property(byteStrings, (bytes) => {
        expect(decodeUtf8(bytes)).toBe(decodeFatal(bytes));
      }),
      parameters,
    );
  });

  it("gives back what was encoded", () => {
    fc.assert(
      fc.property(texts, (text) => {
        expect(decodeUtf8(encodeUtf8(text))).toBe(text);
      }),
      parameters,
    );
  });
});

describe("characterEnd()", () => {
  it("cuts a text into a valid part that lacks less than a character", () => {
    fc.assert(
      fc.property(texts, fc.nat(100), (text, end) => {
        const bytes = encodeUtf8(text);
        const cut = characterEnd(bytes, end);
        expect(text.startsWith(decodeUtf8(bytes, 0, cut)!)).toBe(true);
        expect(cut).toBeLessThanOrEqual(Math.max(end, 0));
        expect(Math.min(end, bytes.length) - cut).toBeLessThan(4);
      }),
      parameters,
    );
  });
});
