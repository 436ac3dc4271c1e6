import { describe, expect, it } from "vitest";
import { fieldBytes, OptionScanner, tokenEnd } from "../../src/http/option-scanner.ts";

/** What a scanner sees of a list: names, and parameters in brackets behind them. */
function seen(text: string): string[] {
  const scanner = new OptionScanner(fieldBytes(text), 0, text.length);
  const lines: string[] = [];
  while (scanner.nextOption()) {
    let line = scanner.nameText;
    while (scanner.nextParameter()) line += " [parameter]";
    lines.push(line);
  }
  if (scanner.isMalformed) lines.push("malformed");
  return lines;
}

describe("OptionScanner", () => {
  it.each<[text: string, lines: string[]]>([
    ["a, b;c; d=e", ["a", "b [parameter] [parameter]"]],
    [", a ,, b", ["a", "b"]],
    ["a; =b", ["a", "malformed"]],
  ])("splits %j into its parts", (text, lines) => {
    expect(seen(text)).toEqual(lines);
  });

  it("gives nothing more once the list broke the grammar", () => {
    const scanner = new OptionScanner(fieldBytes("a b, c"), 0, 6);
    expect([scanner.nextOption(), scanner.nextParameter()]).toEqual([true, false]);
    expect([scanner.nextOption(), scanner.isMalformed]).toEqual([false, true]);
  });

  it("ignores a quote after its range", () => {
    const scanner = new OptionScanner(fieldBytes('a; b="c"'), 0, 7);
    expect([scanner.nextOption(), scanner.nextParameter()]).toEqual([true, false]);
    expect(scanner.isMalformed).toBe(true);
  });
});

describe("fieldBytes()", () => {
  it("gives bytes back as they are", () => {
    const bytes = Uint8Array.of(1, 2);
    expect(fieldBytes(bytes)).toBe(bytes);
  });

  it("turns a character that is no byte into NUL", () => {
    expect([...fieldBytes("a\u00FF\u0100\u{1F361}")]).toEqual([0x61, 0xff, 0, 0, 0]);
  });
});

describe("tokenEnd()", () => {
  it.each([
    ["abc,", 0, 4, 3],
    ["abc,", 0, 2, 2],
    ["abc,", 3, 4, 3],
    ["abc,", 1, 1, 1],
  ])("gives in %j from %i to %i: %i", (text, start, end, expected) => {
    expect(tokenEnd(fieldBytes(text), start, end)).toBe(expected);
  });
});
