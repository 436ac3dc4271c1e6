import { describe, expect, it } from "vitest";
import {
  defaultMessageLimits,
  type MessageLimits,
  resolveLimits,
} from "../../src/endpoint/limits.ts";

describe("defaultMessageLimits", () => {
  it("are 16 MiB and 16384 fragments", () => {
    expect(defaultMessageLimits).toEqual({
      maxFrameSize: 16_777_216,
      maxMessageSize: 16_777_216,
      maxFragments: 16_384,
    });
  });
});

describe("resolveLimits()", () => {
  const defaults = { a: 10, b: 20 };

  it.each<[given: { a?: number | undefined }, a: number]>([
    [{}, 10],
    [{ a: undefined }, 10],
    [{ a: 1 }, 1],
    [{ a: 0 }, Infinity],
    [{ a: Infinity }, Infinity],
    [{ a: 2 ** 53 - 1 }, 2 ** 53 - 1],
  ])("makes of %o the limit %d, and fills in the defaults", (given, a) => {
    expect(resolveLimits(given, defaults)).toEqual({ a, b: 20 });
  });

  it.each([-1, 0.5, NaN, -Infinity])("refuses %d", (limit) => {
    const act = (): unknown => resolveLimits({ b: limit }, defaults);
    expect(act).toThrow(RangeError);
    expect(act).toThrow(/^b must be from 0 to Infinity/);
  });

  it("omits options without a default", () => {
    const given = { a: 1, c: -1 };
    expect(resolveLimits(given, defaults)).toEqual({ a: 1, b: 20 });
  });

  it("leaves the defaults as they are", () => {
    resolveLimits<MessageLimits>({ maxFrameSize: 1 }, defaultMessageLimits);
    expect(defaultMessageLimits.maxFrameSize).toBe(16_777_216);
  });
});
