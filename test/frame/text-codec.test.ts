import { describe, expect, it } from "vitest";
import { encodeUtf8 } from "../../src/bytes.ts";
import { webText, writeText } from "../../src/frame/text-codec.ts";
import { describeCodec } from "../support/codec-rules.ts";

describeCodec("webText", webText);

describe("writeText()", () => {
  it.each(["a", "\u00e9", "\u20ac", "\u{1f600}", "\ud800"])(
    "writes a text of 0 to 30 units with %j at its end as the codec does, and nothing in front of it",
    (last) => {
      for (let length = 0; length < 30; length++) {
        const text = "a".repeat(length) + last;
        const target = new Uint8Array(3 * text.length + 2).fill(0xff);
        const size = writeText(webText, text, target, 1);
        expect(target.subarray(1, 1 + size)).toEqual(encodeUtf8(text));
        expect(target[0]).toBe(0xff);
      }
    },
  );
});
