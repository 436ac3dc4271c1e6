import { describe, expect, it } from "vitest";
import { deliverText } from "../../src/endpoint/deliver-text.ts";
import { webText } from "../../src/frame/text-codec.ts";
import { hex } from "../support/frames.ts";
import { MessageTrace } from "../support/trace.ts";

describe("deliverText()", () => {
  it("delivers the text of a range", () => {
    const trace = new MessageTrace();
    deliverText(trace, hex("ff c3 a4 41 ff"), 1, 4, webText);
    expect(trace.lines).toEqual(["text \u00E4A"]);
  });

  it("refuses what is not UTF-8, and delivers nothing of it", () => {
    const trace = new MessageTrace();
    expect(() => {
      deliverText(trace, hex("41 ff"), 0, 2, webText);
    }).toThrow(expect.objectContaining({ code: "INVALID_UTF8", status: 1007 }));
    expect(trace.lines).toEqual([]);
  });
});
