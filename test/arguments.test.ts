import { describe, expect, it } from "vitest";
import { checkMilliseconds } from "../src/arguments.ts";

describe("checkMilliseconds()", () => {
  it.each([undefined, 0, 0.5, 1000, Infinity])("takes %s", (milliseconds) => {
    expect(() => {
      checkMilliseconds("timeout", milliseconds);
    }).not.toThrow();
  });

  it.each([NaN, -1, -Infinity])("refuses %s by a RangeError that names the option", (given) => {
    expect(() => {
      checkMilliseconds("timeout", given);
    }).toThrow(new RangeError(`timeout must be milliseconds from 0 on, or Infinity: ${given}`));
  });

  it.each(["1000", null, {}, 1n, Symbol("soon")])("refuses %s by a TypeError", (given) => {
    expect(() => {
      checkMilliseconds("timeout", given as never);
    }).toThrow(new TypeError(`timeout must be a number of milliseconds: ${String(given)}`));
  });
});
