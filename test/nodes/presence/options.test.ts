import { describe, expect, it } from "vitest";
import { resolvePresence } from "../../../src/nodes/presence/options.ts";

describe("resolvePresence()", () => {
  it("fills in defaults, and reads 0 as no limit", () => {
    expect(resolvePresence({}, {})).toEqual({ maxTopics: 10_000, maxKeys: 10_000 });
    expect(resolvePresence({ maxTopics: 0, maxKeys: 0 }, {})).toEqual({
      maxTopics: Infinity,
      maxKeys: Infinity,
    });
  });

  it("refuses wrong options", () => {
    expect(() => resolvePresence({ maxKeys: -1 }, {})).toThrow(
      "maxKeys must be from 0 on, or Infinity: -1",
    );
    expect(() => resolvePresence({ maxTopics: NaN }, {})).toThrow(
      "maxTopics must be from 0 on, or Infinity: NaN",
    );
    expect(() => resolvePresence({ joined() {} } as never, {})).toThrow("joined is a handler");
    expect(() => resolvePresence({}, { left: "x" as never })).toThrow("left must be a function");
  });
});
