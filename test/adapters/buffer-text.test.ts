import { Buffer } from "node:buffer";
import { describe, expect, it } from "vitest";
import { bufferText } from "../../adapters/buffer-text.ts";
import { webText } from "../../src/frame/text-codec.ts";
import { describeCodec } from "../support/codec-rules.ts";

describeCodec("bufferText()", bufferText());

describe("bufferText()", () => {
  it("finds the methods that it needs on this runtime", () => {
    expect(bufferText()).not.toBe(webText);
  });

  it("gives the Web's codec if one of the methods is missing", () => {
    const { utf8Slice, utf8Write } = Buffer.prototype as unknown as Record<string, never>;
    expect(bufferText({ utf8Slice: utf8Slice! })).toBe(webText);
    expect(bufferText({ utf8Write: utf8Write! })).toBe(webText);
  });

  it("refuses what is longer than a string may be", () => {
    const { decode } = bufferText({
      utf8Slice() {
        throw new RangeError("Cannot create a string longer than 0x1fffffe8 characters");
      },
      utf8Write: () => 0,
    });
    expect(decode(new Uint8Array(1), 0, 1)).toBeUndefined();
  });
});
