import { describe, expect, it } from "vitest";
import { cookie, type CookieSyntax, parseCookies, scanCookie } from "../../src/http/cookie.ts";
import { fieldBytes } from "../../src/http/option-scanner.ts";
import { headerText } from "../../src/http/view.ts";

const characters = Array.from({ length: 256 }, (_, byte) => String.fromCharCode(byte));

/** A line for each pair that `scanCookie` shows, then what it says. */
function calls(source: Uint8Array | string, syntax?: CookieSyntax, most = Infinity): string[] {
  const lines: string[] = [];
  const visit = (name: Uint8Array, value: Uint8Array): boolean => {
    lines.push(`${headerText(name)}=${headerText(value)}`);
    return lines.length < most;
  };
  lines.push(`${scanCookie(source, visit, syntax)}`);
  return lines;
}

/** Text that counts how often its bytes are read. Views of it do not count. */
function counted(text: string): { bytes: Uint8Array; reads: () => number } {
  let reads = 0;
  const bytes = new Proxy(fieldBytes(text), {
    get(target, key): unknown {
      const value: unknown = Reflect.get(target, key, target);
      if (typeof value === "number" && key !== "length" && key !== "byteLength") reads++;
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
  return { bytes, reads: () => reads };
}

/** What keeps to the grammar of RFC 6265, 4.2.1. */
const exact: [header: string, lines: string[]][] = [
  ["SID=31d4d96e407aad42", ["SID=31d4d96e407aad42", "true"]],
  ["SID=31d4d96e; lang=en-US", ["SID=31d4d96e", "lang=en-US", "true"]],
  ["a=", ["a=", "true"]],
  ["a=; b=", ["a=", "b=", "true"]],
  ['a="b"', ['a="b"', "true"]],
  ['a=""', ['a=""', "true"]],
  ["a=b=c==", ["a=b=c==", "true"]],
  ["a=1; a=2", ["a=1", "a=2", "true"]],
  ["__proto__=1; !#$%&'*+-.^_`|~=2", ["__proto__=1", "!#$%&'*+-.^_`|~=2", "true"]],
];

/** What does not: the pairs of a scan that is not strict, and of one that is. */
const inexact: [header: string, lax: string[], strict: string[]][] = [
  ["", ["true"], ["false"]],
  [" ", ["true"], ["false"]],
  [";", ["true"], ["false"]],
  ["a=1;", ["a=1", "true"], ["a=1", "false"]],
  ["a=1; ", ["a=1", "true"], ["a=1", "false"]],
  ["a=1;b=2", ["a=1", "b=2", "true"], ["a=1", "false"]],
  ["a=1;\tb=2", ["a=1", "b=2", "true"], ["a=1", "false"]],
  ["a=1;  b=2", ["a=1", "b=2", "true"], ["a=1", "false"]],
  ["a=1;; b=2", ["a=1", "b=2", "true"], ["a=1", "false"]],
  [" a=1", ["a=1", "true"], ["false"]],
  ["a=1 ; b=2", ["a=1", "b=2", "true"], ["false"]],
  ["a =1; b= \t2\t ", ["a=1", "b=2", "true"], ["false"]],
  ["a; b=2", ["b=2", "false"], ["false"]],
  ["=1; b=2", ["b=2", "false"], ["false"]],
  ["a b=1; b=2", ["b=2", "false"], ["false"]],
  ["a[b]=1; b=2", ["b=2", "false"], ["false"]],
  ['"a"=1; b=2', ["b=2", "false"], ["false"]],
  ["\u00FC=1; b=2", ["b=2", "false"], ["false"]],
  ["a=1 2, 3; b=2", ["a=1 2, 3", "b=2", "true"], ["false"]],
  ['a="1; b=2"; c=3', ['a="1', 'b=2"', "c=3", "true"], ["false"]],
  ['a="; b=2', ['a="', "b=2", "true"], ["false"]],
  ['a="1"2; b=2', ['a="1"2', "b=2", "true"], ["false"]],
  ['a="1 2"', ['a="1 2"', "true"], ["false"]],
  ["a=\\; b=2", ["a=\\", "b=2", "true"], ["false"]],
  ["a=\u00E9; b=2", ["a=\u00E9", "b=2", "true"], ["false"]],
  ["a=1\r\n; b=2", ["b=2", "false"], ["false"]],
  ["a=\0; b=2", ["b=2", "false"], ["false"]],
  ["a=\x7f; b=2", ["b=2", "false"], ["false"]],
];

describe("scanCookie()", () => {
  it.each(exact)("shows %j as %j", (header, lines) => {
    expect(calls(header)).toEqual(lines);
    expect(calls(fieldBytes(header))).toEqual(lines);
    expect(calls(header, { strict: true })).toEqual(lines);
  });

  it.each(inexact)("shows of %j %j, and %j if it is strict", (header, lax, strict) => {
    expect(calls(header)).toEqual(lax);
    expect(calls(header, { strict: true })).toEqual(strict);
  });

  it("splits nothing at a character that only ends in a semicolon's byte", () => {
    expect(calls("a=1\u013Bb=2; c=\u{1F361}; d=4")).toEqual(["d=4", "false"]);
    expect(calls("a=1\u013Bb=2", { strict: true })).toEqual(["false"]);
  });

  it.each<[header: string, strict: boolean, lines: string[]]>([
    ['a="b"; c=d; e=""', true, ["a=b", "c=d", "e=", "true"]],
    ['a="b"; c="', false, ["a=b", 'c="', "true"]],
    ['a="b c"; d="e"f; g=h"', false, ["a=b c", 'd="e"f', 'g=h"', "true"]],
    ['a=""b""', false, ['a="b"', "true"]],
  ])("removes the quotes of %j if told to (strict: %s)", (header, strict, lines) => {
    expect(calls(header, { unquote: true, strict })).toEqual(lines);
  });

  it("returns false for a bad pair at any place, and goes on after it", () => {
    for (const header of ["/; a=1; b=2", "a=1; /; b=2", "a=1; b=2; /", "a=1; =; b=2"]) {
      expect(calls(header)).toEqual(["a=1", "b=2", "false"]);
    }
  });

  it("returns true if the visitor ended the scan, even after a bad pair", () => {
    expect(calls("/; a=1; b=2", {}, 1)).toEqual(["a=1", "true"]);
  });

  it("ends if the visitor says so, and reads no further", () => {
    expect(calls("a=1; b=2; /", { strict: true }, 1)).toEqual(["a=1", "true"]);
    expect(calls("a=1; b=2; /", { strict: true }, 2)).toEqual(["a=1", "b=2", "true"]);
  });

  it.each(characters)("accepts %j in a strict value if it is a cookie-octet", (character) => {
    const isOctet = /^[\x21\x23-\x2b\x2d-\x3a\x3c-\x5b\x5d-\x7e]$/.test(character);
    expect(scanCookie(`a=b${character}c`, () => true, { strict: true })).toBe(isOctet);
    expect(scanCookie(`a="b${character}c"`, () => true, { strict: true })).toBe(isOctet);
  });
});

describe("parseCookies()", () => {
  it("gives the first cookie of each name, as it was sent", () => {
    const cookies = parseCookies('a=1; b="x%20y"; a=2; bad; c=\u00E9; __proto__=3; A=4');
    expect([...cookies]).toEqual([
      ["a", "1"],
      ["b", '"x%20y"'],
      ["c", "\u00E9"],
      ["__proto__", "3"],
      ["A", "4"],
    ]);
  });

  it("reads a header that is given as bytes", () => {
    expect([...parseCookies(fieldBytes("a=1"))]).toEqual([["a", "1"]]);
  });

  it("gives an empty map if there are no cookies", () => {
    expect(parseCookies("").size).toBe(0);
  });
});

describe("cookie()", () => {
  it.each<[name: string, value: string | undefined]>([
    ["a", "1"],
    ["ab", "2"],
    ["b", '"q"'],
    ["e", ""],
    ["A", undefined],
    ["bad", undefined],
    ["", undefined],
    ["toString", undefined],
  ])("finds %j: %j", (name, value) => {
    const header = 'ab=2; a=1; a=3; bad; b="q"; e=; =x';
    expect(cookie(header, name)).toBe(value);
    expect(cookie(fieldBytes(header), name)).toBe(value);
  });
});

describe("cookies of plain JavaScript", () => {
  it.each([5, null, undefined, ["a=b"]])("are refused if they are %s", (source) => {
    const wrong = source as never;
    expect(() => scanCookie(wrong, () => true)).toThrow(TypeError);
    expect(() => parseCookies(wrong)).toThrow(TypeError);
    expect(() => cookie(wrong, "a")).toThrow(TypeError);
    expect(() => cookie("a=b", wrong)).toThrow(TypeError);
  });
});

describe("the cost of hostile cookies", () => {
  const units = [...';"\\= \t,a'].map((unit) => unit.repeat(64 * 1024));
  const pieces = ["a=", "a=;", "; ", "a =", 'a=" ', "a=1; "].map((piece) => piece.repeat(4096));

  it.each([...units, ...pieces].map((text) => [text.slice(0, 8), text]))(
    "is at most four reads a byte: %j and so on",
    (_, text) => {
      for (const header of [text, `a=1; b=${text};`]) {
        for (const strict of [false, true]) {
          const { bytes, reads } = counted(header);
          scanCookie(bytes, () => true, { strict, unquote: true });
          expect(reads()).toBeLessThan(header.length * 4);
        }
      }
    },
  );
});
