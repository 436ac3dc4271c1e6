import { runInNewContext } from "node:vm";
import { describe, expect, it } from "vitest";
import type { HeaderPairs } from "../../src/errors.ts";
import { type GivenHeaders, headersKind, toHeaderPairs } from "../../src/http/headers.ts";

describe("toHeaderPairs()", () => {
  it("gives pairs as they are", () => {
    const pairs: HeaderPairs = [
      ["B", "1"],
      ["A", "2"],
      ["B", "3"],
    ];
    expect(toHeaderPairs(pairs)).toBe(pairs);
  });

  it("makes a line for each value of a record, and none for undefined and for an empty list", () => {
    const record = { B: "1", "Set-Cookie": ["a=1", "b=2"], None: undefined, Empty: [] };
    expect(toHeaderPairs(record)).toEqual([
      ["B", "1"],
      ["Set-Cookie", "a=1"],
      ["Set-Cookie", "b=2"],
    ]);
  });

  it("accepts records without a prototype, and of another realm", () => {
    const bare = Object.assign(Object.create(null) as Record<string, string>, { A: "1" });
    const foreign = runInNewContext('({ A: "1", B: ["2"] })') as Record<string, string>;
    expect(toHeaderPairs(bare)).toEqual([["A", "1"]]);
    expect(toHeaderPairs(foreign)).toEqual([
      ["A", "1"],
      ["B", "2"],
    ]);
  });

  it("accepts Headers, in which cookies stay separate", () => {
    const headers = new Headers({ "X-User": "ann" });
    headers.append("Set-Cookie", "a=1");
    headers.append("Set-Cookie", "b=2");
    // The order of names is the runtime's.
    const pairs = toHeaderPairs(headers).toSorted(([one], [other]) => (one < other ? -1 : 1));
    expect(pairs).toEqual([
      ["set-cookie", "a=1"],
      ["set-cookie", "b=2"],
      ["x-user", "ann"],
    ]);
  });

  it("accepts any object with pairs and get, such as a Map", () => {
    expect(toHeaderPairs(new Map([["A", "1"]]))).toEqual([["A", "1"]]);
  });

  const expected = headersKind.expected;
  it.each<[string, unknown, string]>([
    ["null", null, `headers must be ${expected}: Null`],
    ["a text", "A: 1", `headers must be ${expected}: "A: 1" is a string`],
    ["a pair", ["A", "1"], `headers must be ${expected}: Array; write [["A", "1"]]`],
    ["a pair of one", [["A"]], `headers must be ${expected}: Array`],
    ["a pair with a number", [["A", 1]], `headers must be ${expected}: Array`],
    ["a Set", new Set(["A"]), `headers must be ${expected}: Set`],
    ["a Date", new Date(0), `headers must be ${expected}: Date`],
    [
      "a record with a number",
      { "X-Count": 5 },
      'headers["X-Count"] must be a string or a list of strings: 5 is a number; write "5"',
    ],
    ["one with null", { A: null }, 'headers["A"] must be a string or a list of strings: Null'],
    ["one with a list", { A: [1] }, 'headers["A"] must be a string or a list of strings: Array'],
    [
      "a Map with a number",
      new Map([["A", 1]]),
      `headers must be ${expected}: Map, with a pair that is not two strings`,
    ],
  ])("refuses %s, and says what is wrong", (_, given, message) => {
    expect(() => toHeaderPairs(given as GivenHeaders)).toThrow(new TypeError(message));
  });

  it("reads the pairs of a list only once if an option is checked", () => {
    expect(headersKind.look!([["A", "1"]], "headers")).toBeUndefined();
  });

  it("names the option in its errors", () => {
    expect(() => toHeaderPairs({ A: 1 } as never, "header")).toThrow(/^header\["A"\] must/);
  });
});
