import { describe, expect, it } from "vitest";
import { copyOfJson } from "../../src/nodes/json.ts";

describe("copyOfJson()", () => {
  it("gives a copy, as JSON has it, and undefined as it is", () => {
    const value = { list: [1, "two", null], date: new Date(0), none: undefined };
    const copy = copyOfJson("state", value, 100);
    expect(copy).toEqual({ list: [1, "two", null], date: "1970-01-01T00:00:00.000Z" });
    expect(copy).not.toBe(value);
    expect(copyOfJson("state", undefined, 0)).toBeUndefined();
  });

  it("refuses what JSON cannot hold, and what is too long, and says which", () => {
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
