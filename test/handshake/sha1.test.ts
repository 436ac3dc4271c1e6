import { createHash } from "node:crypto";
import { describe, expect, it } from "vitest";
import { encodeUtf8 } from "../../src/bytes.ts";
import { sha1, sha1Into, sha1Size } from "../../src/handshake/sha1.ts";
import { seededBytes } from "../support/cuts.ts";
import { hex, toHex } from "../support/frames.ts";

function nodeSha1(bytes: Uint8Array): string {
  return createHash("sha1").update(bytes).digest("hex");
}

describe("sha1()", () => {
  it.each([
    ["abc", "abc", "a9993e36 4706816a ba3e2571 7850c26c 9cd0d89d"],
    [
      "two blocks",
      "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
      "84983e44 1c3bd26e baae4aa1 f95129e5 e54670f1",
    ],
    ["a million a", "a".repeat(1_000_000), "34aa973c d4c4daa4 f61eeb2b dbad2731 6534016f"],
    ["80 digits", "01234567".repeat(80), "dea356a2 cddd90c7 a7ecedc5 ebb56393 4f460452"],
  ])("hashes the test of RFC 3174, 7.3: %s", (_, text, expected) => {
    expect(sha1(encodeUtf8(text))).toEqual(hex(expected));
  });

  it("agrees with node:crypto on 0 to 200 bytes", () => {
    const wrong: number[] = [];
    for (let length = 0; length <= 200; length++) {
      const bytes = seededBytes(length, length);
      if (toHex(sha1(bytes)) !== nodeSha1(bytes)) wrong.push(length);
    }
    expect(wrong).toEqual([]);
  });

  it.each([0x00, 0x80, 0xff])("agrees with node:crypto on blocks of the byte %i", (byte) => {
    for (const length of [55, 56, 63, 64, 65, 119, 120, 128]) {
      const bytes = new Uint8Array(length).fill(byte);
      expect(toHex(sha1(bytes))).toBe(nodeSha1(bytes));
    }
  });

  it("hashes a view of a larger buffer", () => {
    const bytes = seededBytes(100).subarray(3, 90);
    expect(toHex(sha1(bytes))).toBe(nodeSha1(bytes));
  });

  it("gives a new array each time", () => {
    const first = sha1(encodeUtf8("abc"));
    sha1(encodeUtf8("abd"));
    expect(toHex(first, 0, 4)).toBe("a9993e36");
  });
});

describe("sha1Into()", () => {
  it("writes 20 bytes, and none after them", () => {
    const hash = new Uint8Array(sha1Size + 1).fill(0xee);
    sha1Into(hash, encodeUtf8("abc"));
    expect(toHex(hash)).toBe("a9993e364706816aba3e25717850c26c9cd0d89dee");
  });
});
