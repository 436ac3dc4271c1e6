import { describe, expect, it } from "vitest";
import { copyOfJson, isShortJson } from "../../src/nodes/json.ts";

describe("copyOfJson()", () => {
  it("gives a copy, as JSON has it, and undefined as it is", () => {
    const value = { list: [1, "two", null], date: new Date(0), none: undefined };
    const copy = copyOfJson("state", value, 100);
    expect(copy).toEqual({ list: [1, "two", null], date: "1970-01-01T00:00:00.000Z" });
    expect(copy).not.toBe(value);
    expect(copyOfJson("state", undefined, 0)).toBeUndefined();
  });

  it("refuses values that JSON cannot hold or that are too long, and says which", () => {
    const circle: { self?: unknown } = {};
    circle.self = circle;
    for (const value of [circle, 1n, () => {}, Symbol("x")]) {
      expect(() => copyOfJson("state", value, 100)).toThrow(
        new TypeError(
          `state must be what JSON can hold: ${Object.prototype.toString.call(value).slice(8, -1)}`,
        ),
      );
    }
    expect(() => copyOfJson("info", "xxxx", 5)).toThrow(
      new RangeError("info must be 5 characters of JSON at the most: 6"),
    );
  });
});

describe("isShortJson()", () => {
  it("accepts every valid copy, and no value that is much longer", () => {
    const deep = JSON.parse("[".repeat(100_000) + "]".repeat(100_000)) as unknown;
    const longKey = { ["k".repeat(50)]: 1 };
    const many = Array<number>(100).fill(1);
    const manyKeys = Object.fromEntries(many.map((_, at) => [at, null]));
    const bad = ["x".repeat(39), deep, { deep }, longKey, many, manyKeys, [{}, longKey]];
    expect(bad.map((value) => isShortJson(value, 40))).toEqual(bad.map(() => false));
    const good = [undefined, null, "x".repeat(38), -1.5, [[[]], {}], { a: ["b", true], c: {} }];
    expect(good.map((value) => isShortJson(value, 40))).toEqual(good.map(() => true));
    for (const value of good.slice(1)) {
      expect(isShortJson(value, JSON.stringify(value).length)).toBe(true);
    }
  });
});
