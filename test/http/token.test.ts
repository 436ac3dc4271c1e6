import { describe, expect, it } from "vitest";
import { latin1, writeLatin1 } from "../../src/bytes.ts";
import {
  addListRanges,
  addListTokens,
  isBlank,
  isFieldValue,
  isToken,
  listHasToken,
  targetBytes,
  tokenBytes,
  valueBytes,
} from "../../src/http/token.ts";
import { expectRangeNeeded, expectRangesChecked } from "../support/ranges.ts";

const characters = Array.from({ length: 256 }, (_, byte) => String.fromCharCode(byte));

describe("lists and texts of plain JavaScript", () => {
  it("are refused if a range is outside the bytes", () => {
    expectRangesChecked((bytes, start, end) => listHasToken(bytes, start, end, "upgrade"));
    expectRangesChecked((bytes, start, end) => addListTokens([], bytes, start, end));
    expectRangeNeeded((bytes, start, end) => listHasToken(bytes, start, end, "upgrade"));
    expectRangeNeeded((bytes, start, end) => addListTokens([], bytes, start, end));
  });

  it.each([5, null, undefined, ["a"], new Uint8Array(1)])("are refused if they are %s", (text) => {
    expect(() => isFieldValue(text as never)).toThrow(TypeError);
    expect(() => isToken(text as never)).toThrow(TypeError);
    expect(() => listHasToken(new Uint8Array(1), 0, 1, text as never)).toThrow(TypeError);
  });
});

/** A text's bytes with others around them. */
function around(text: string): { bytes: Uint8Array; start: number; end: number } {
  const bytes = new Uint8Array(text.length + 6);
  writeLatin1(bytes, 0, `,a,${text},a`);
  return { bytes, start: 3, end: 3 + text.length };
}

describe("tokenBytes", () => {
  it("holds tchar of RFC 9110, 5.6.2", () => {
    const members = characters.filter((_, byte) => tokenBytes[byte] === 1);
    expect(members).toEqual(
      characters.filter((text) => /^[!#$%&'*+\-.^_`|~0-9A-Za-z]$/.test(text)),
    );
  });
});

describe("valueBytes", () => {
  it("holds tab, space, visible ASCII and obs-text of RFC 9110, 5.5", () => {
    const members = characters.filter((_, byte) => valueBytes[byte] === 1);
    expect(members).toEqual(characters.filter((text) => /^[\t\x20-\x7e\x80-\xff]$/.test(text)));
  });
});

describe("targetBytes", () => {
  it("holds visible ASCII without a number sign", () => {
    const members = characters.filter((_, byte) => targetBytes[byte] === 1);
    expect(members).toEqual(characters.filter((text) => /^[\x21\x22\x24-\x7e]$/.test(text)));
  });
});

describe("isBlank()", () => {
  it("accepts space and tab", () => {
    expect(characters.filter((_, byte) => isBlank(byte))).toEqual(["\t", " "]);
  });
});

describe("isToken()", () => {
  it.each([
    ["chat.v2", true],
    ["a", true],
    ["", false],
    ["a b", false],
    ["a,", false],
    ["\u00FC", false],
    ["\u0141", false],
  ])("says for %j: %s", (text, expected) => {
    expect(isToken(text)).toBe(expected);
  });
});

describe("isFieldValue()", () => {
  it.each([
    ["", true],
    ["a=b; c\t\u00FC", true],
    ["a\r\nb", false],
    ["a\nb", false],
    ["a\0", false],
    ["a\x7f", false],
    ["\u0141", false],
    ["\u{1F600}", false],
  ])("says for %j: %s", (text, expected) => {
    expect(isFieldValue(text)).toBe(expected);
  });
});

describe("listHasToken()", () => {
  it.each([
    ["upgrade", true],
    ["Upgrade", true],
    ["keep-alive, Upgrade", true],
    ["keep-alive,\t upgrade\t,x", true],
    [",, ,upgrade", true],
    ["", false],
    [" , ", false],
    ["upgrades", false],
    ["up grade", false],
    ["keep-alive upgrade", false],
    ["keep-alive; upgrade", false],
  ])("%j lists upgrade: %s", (list, expected) => {
    const { bytes, start, end } = around(list);
    expect(listHasToken(bytes, start, end, "upgrade")).toBe(expected);
  });

  it("reads nothing outside the range", () => {
    const { bytes, start, end } = around("upgrade");
    expect(listHasToken(bytes, start, end, "a")).toBe(false);
    expect(listHasToken(bytes, start, end - 1, "upgrade")).toBe(false);
    expect(listHasToken(bytes, start, start, "upgrade")).toBe(false);
    expect(listHasToken(around("upgraded").bytes, start, end, "upgrade")).toBe(true);
  });
});

describe("addListRanges()", () => {
  it.each<[list: string, tokens: string[]]>([
    ["chat", ["chat"]],
    [" chat\t,\tsuperchat ", ["chat", "superchat"]],
    [",chat,, ,superchat,", ["chat", "superchat"]],
    ["", []],
    [" , ", []],
    ["a,a,A", ["a", "a", "A"]],
  ])("adds the positions of the elements of %j", (list, tokens) => {
    const { bytes, start, end } = around(list);
    const ranges = [7, 8];
    expect(addListRanges(ranges, bytes, start, end)).toBe(true);
    expect(ranges.splice(0, 2)).toEqual([7, 8]);
    const found: string[] = [];
    for (let at = 0; at < ranges.length; at += 2) {
      found.push(latin1(bytes, ranges[at]!, ranges[at + 1]!));
    }
    expect(found).toEqual(tokens);
  });

  it.each(["a b", "a, b/c", '"a"', "\u00FC", "a,\0"])("refuses %j", (list) => {
    const { bytes, start, end } = around(list);
    expect(addListRanges([], bytes, start, end)).toBe(false);
  });
});

describe("addListTokens()", () => {
  it.each<[list: string, tokens: string[]]>([
    ["chat", ["chat"]],
    ["chat, superchat", ["chat", "superchat"]],
    [" chat\t,\tsuperchat ", ["chat", "superchat"]],
    [",chat,,superchat,", ["chat", "superchat"]],
    ["", []],
    [" ", []],
    ["a,a,A", ["a", "a", "A"]],
  ])("adds the elements of %j", (list, tokens) => {
    const { bytes, start, end } = around(list);
    const into = ["before"];
    expect(addListTokens(into, bytes, start, end)).toBe(true);
    expect(into).toEqual(["before", ...tokens]);
  });

  it.each(["a b", "a, b/c", '"a"', "\u00FC"])("refuses %j", (list) => {
    const { bytes, start, end } = around(list);
    expect(addListTokens([], bytes, start, end)).toBe(false);
  });
});
