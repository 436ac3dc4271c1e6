import { describe, expect, it } from "vitest";
import { encodeUtf8, latin1, writeLatin1 } from "../../src/bytes.ts";
import { base64Into, isBase64Of16 } from "../../src/handshake/base64.ts";
import { seededBytes } from "../support/cuts.ts";

function base64(bytes: Uint8Array): string {
  const target = new Uint8Array(4 * Math.ceil(bytes.length / 3));
  const written = base64Into(target, 0, bytes);
  return latin1(target, 0, written);
}

function is16(text: string): boolean {
  const bytes = new Uint8Array(text.length + 2).fill(0x41);
  writeLatin1(bytes, 1, text);
  return isBase64Of16(bytes, 1, 1 + text.length);
}

describe("base64Into()", () => {
  it.each([
    ["", ""],
    ["f", "Zg=="],
    ["fo", "Zm8="],
    ["foo", "Zm9v"],
    ["foob", "Zm9vYg=="],
    ["fooba", "Zm9vYmE="],
    ["foobar", "Zm9vYmFy"],
  ])("encodes the test of RFC 4648, 10: %j", (text, expected) => {
    expect(base64(encodeUtf8(text))).toBe(expected);
  });

  it("agrees with node:buffer on 0 to 100 bytes", () => {
    for (let length = 0; length <= 100; length++) {
      const bytes = seededBytes(length, length);
      expect(base64(bytes)).toBe(Buffer.from(bytes).toString("base64"));
    }
  });

  it("uses every letter of the alphabet", () => {
    const bytes = Uint8Array.from({ length: 48 }, (_, index) => {
      const word = Math.floor(index / 3) * 4;
      const bits = (word << 18) | ((word + 1) << 12) | ((word + 2) << 6) | (word + 3);
      return bits >> (16 - 8 * (index % 3));
    });
    expect(base64(bytes)).toBe("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/");
  });

  it("writes at any index, and nothing around it", () => {
    const target = new Uint8Array(10).fill(0x2e);
    expect(base64Into(target, 3, encodeUtf8("f"))).toBe(4);
    expect(latin1(target, 0, 10)).toBe("...Zg==...");
  });
});

describe("isBase64Of16()", () => {
  it("accepts the key of RFC 6455, 1.3, and any other of 16 bytes", () => {
    expect(is16("dGhlIHNhbXBsZSBub25jZQ==")).toBe(true);
    for (let seed = 0; seed < 64; seed++) expect(is16(base64(seededBytes(16, seed)))).toBe(true);
  });

  it("accepts unused bits that are set", () => {
    expect(is16("dGhlIHNhbXBsZSBub25jZR==")).toBe(true);
  });

  it("accepts the 64 letters at every index and no other byte", () => {
    const wrong: string[] = [];
    for (let index = 0; index < 22; index++) {
      for (let byte = 0; byte < 256; byte++) {
        const letter = String.fromCharCode(byte);
        const text = `${"A".repeat(index)}${letter}${"A".repeat(21 - index)}==`;
        if (is16(text) !== /^[A-Za-z0-9+/]$/.test(letter)) wrong.push(`${byte} at ${index}`);
      }
    }
    expect(wrong).toEqual([]);
  });

  it.each([
    ["15 bytes", base64(seededBytes(15))],
    ["17 bytes", base64(seededBytes(17))],
    ["18 bytes", base64(seededBytes(18))],
    ["13 bytes", base64(seededBytes(13))],
    ["19 bytes", base64(seededBytes(19))],
    ["no padding", "A".repeat(22)],
    ["one letter too many", `${"A".repeat(23)}=`],
    ["padding that ends early", `${"A".repeat(22)}=A`],
    ["nothing", ""],
  ])("refuses %s: %s", (_, text) => {
    expect(is16(text)).toBe(false);
  });
});
