import { describe, expect, it } from "vitest";
import { ProtocolError } from "../../src/errors.ts";
import {
  MaxReasonSize,
  newCloseFrameBody,
  parseCloseFrameData,
  putCloseFrameBody,
} from "../../src/frame/close.ts";
import { hex, toHex } from "../support/frames.ts";
import { expectRangesChecked } from "../support/ranges.ts";

const bodies: [status: number, reason: string, wire: string][] = [
  [1000, "", "03 e8"],
  [1001, "bye", "03 e9 62 79 65"],
  [4999, "\u00FC\u20AC\u{1F600}", "13 87 c3 bc e2 82 ac f0 9f 98 80"],
  [65535, "\uFEFFa", "ff ff ef bb bf 61"],
];

describe("MaxReasonSize", () => {
  it("leaves room for the status in a control frame", () => {
    expect(MaxReasonSize).toBe(123);
  });
});

describe("parseCloseFrameData()", () => {
  it("reads an empty body as status 0", () => {
    expect(parseCloseFrameData(new Uint8Array(0))).toEqual({ status: 0, reason: "" });
  });

  it.each(bodies)("reads %i %j", (status, reason, wire) => {
    expect(parseCloseFrameData(hex(wire))).toEqual({ status, reason });
  });

  it.each([0, 999, 1005, 5000])("does not judge the status %i", (status) => {
    const { status: read } = parseCloseFrameData(Uint8Array.of(status >> 8, status));
    expect(read).toBe(status);
  });

  it("refuses a range outside its bytes", () => {
    expectRangesChecked((bytes, start, end) => parseCloseFrameData(bytes, start, end));
  });

  it("reads a range, and nothing outside it", () => {
    const bytes = hex("ff 03 e8 6f 6b ff");
    expect(parseCloseFrameData(bytes, 1, 5)).toEqual({ status: 1000, reason: "ok" });
    expect(parseCloseFrameData(bytes, 1, 3)).toEqual({ status: 1000, reason: "" });
    expect(parseCloseFrameData(bytes, 1, 1)).toEqual({ status: 0, reason: "" });
    expect(() => parseCloseFrameData(bytes, 1, 2)).toThrow(
      expect.objectContaining({ code: "CLOSE_BODY_TOO_SHORT" }),
    );
  });

  it.each([
    ["of one byte", "03", "CLOSE_BODY_TOO_SHORT", 1002],
    ["whose reason is not UTF-8", "03 e8 ff", "INVALID_UTF8", 1007],
    ["whose reason ends inside a character", "03 e8 61 e2 82", "INVALID_UTF8", 1007],
    ["whose reason holds a surrogate", "03 e8 ed a0 80", "INVALID_UTF8", 1007],
  ])("refuses a body %s: %s", (_, wire, code, status) => {
    const act = (): unknown => parseCloseFrameData(hex(wire));
    expect(act).toThrow(ProtocolError);
    expect(act).toThrow(expect.objectContaining({ code, status }));
  });
});

describe("newCloseFrameBody()", () => {
  it("makes an empty body of status 0, whatever the reason", () => {
    expect(newCloseFrameBody(0, "lost")).toEqual(new Uint8Array(0));
  });

  it.each(bodies)("makes the body of %i %j", (status, reason, wire) => {
    expect(newCloseFrameBody(status, reason)).toEqual(hex(wire));
  });

  it("has no reason if none is given", () => {
    expect(newCloseFrameBody(1000)).toEqual(hex("03 e8"));
  });

  it.each([
    ["123 bytes", "a".repeat(123), 123],
    ["124 bytes", "a".repeat(124), 123],
    ["two bytes across the end", `${"a".repeat(122)}\u00FC`, 122],
    ["three bytes, one inside", `${"a".repeat(122)}\u20AC`, 122],
    ["three bytes, two inside", `${"a".repeat(121)}\u20AC`, 121],
    ["three bytes, all inside", `${"a".repeat(120)}\u20AC!`, 123],
    ["four bytes, three inside", `${"a".repeat(120)}\u{1F600}`, 120],
    ["four bytes, all inside", `${"a".repeat(119)}\u{1F600}!`, 123],
  ])("cuts a long reason at the end of a whole character: %s", (_, reason, size) => {
    const body = newCloseFrameBody(1000, reason);
    expect(body.length).toBe(2 + size);
    expect(reason.startsWith(parseCloseFrameData(body).reason)).toBe(true);
  });
});

describe("a status that two bytes do not hold", () => {
  it.each([70_000, 65_536, -1, 1000.5, NaN])("is refused: %s", (status) => {
    const refused = new RangeError(`status must be from 0 to 65535: ${status}`);
    expect(() => newCloseFrameBody(status)).toThrow(refused);
    const bytes = new Uint8Array(2);
    expect(() => putCloseFrameBody(bytes, status)).toThrow(refused);
    expect(bytes).toEqual(new Uint8Array(2));
  });

  it.each(["1000", undefined, null])("is refused if it is no number: %j", (status) => {
    const bytes = new Uint8Array(2);
    expect(() => newCloseFrameBody(status as never)).toThrow(TypeError);
    expect(() => putCloseFrameBody(bytes, status as never)).toThrow(TypeError);
    expect(bytes).toEqual(new Uint8Array(2));
  });
});

describe("a reason that is no string", () => {
  it("is refused", () => {
    const refused = new TypeError("reason must be a string: Number");
    expect(() => newCloseFrameBody(1000, 7 as never)).toThrow(refused);
    expect(() => putCloseFrameBody(new Uint8Array(9), 1000, 7 as never)).toThrow(refused);
  });
});

describe("putCloseFrameBody()", () => {
  it.each(bodies)("writes the body of %i %j, and nothing after it", (status, reason, wire) => {
    const expected = hex(wire);
    const bytes = new Uint8Array(expected.length + 1).fill(0xee);
    expect(putCloseFrameBody(bytes, status, reason)).toBe(expected.length);
    expect(toHex(bytes)).toBe(`${toHex(expected)}ee`);
  });

  it("writes a status alone", () => {
    const bytes = new Uint8Array(2);
    expect(putCloseFrameBody(bytes, 1000)).toBe(2);
    expect(bytes).toEqual(hex("03 e8"));
  });

  it("refuses less room than it needs, before it writes", () => {
    const bytes = new Uint8Array(4);
    expect(() => putCloseFrameBody(bytes, 1000, "bye")).toThrow(RangeError);
    expect(bytes).toEqual(new Uint8Array(4));
  });
});
