import { describe, expect, it } from "vitest";
import { resolveConnectionOptions } from "../../src/connection/options.ts";

describe("resolveConnectionOptions()", () => {
  it("fills in what protects a server on the Internet", () => {
    expect(resolveConnectionOptions({})).toEqual({
      highWaterMark: 256 * 1024,
      maxBufferedAmount: 16 * 1024 ** 2,
      closeTimeout: 10_000,
      messages: {
        maxFrameSize: 16 * 1024 ** 2,
        maxMessageSize: 16 * 1024 ** 2,
        maxFragments: 16_384,
      },
      strictLength: false,
      borrow: false,
    });
  });

  it("reads 0 as no limit", () => {
    const settings = resolveConnectionOptions({ maxBufferedAmount: 0, maxMessageSize: 0 });
    expect(settings.maxBufferedAmount).toBe(Infinity);
    expect(settings.messages.maxMessageSize).toBe(Infinity);
  });

  it.each([
    ["highWaterMark", -1],
    ["closeTimeout", Number.NaN],
    ["maxFragments", 1.5],
  ])("refuses %s of %s and names it", (name, value) => {
    expect(() => resolveConnectionOptions({ [name]: value })).toThrow(RangeError);
    expect(() => resolveConnectionOptions({ [name]: value })).toThrow(name);
  });
});
