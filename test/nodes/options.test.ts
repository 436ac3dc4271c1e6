import { describe, expect, it } from "vitest";
import { systemClock } from "../../src/clock.ts";
import { resolveNodes } from "../../src/nodes/options.ts";

describe("resolveNodes()", () => {
  it("fills in defaults, and reads 0 as no limit", () => {
    expect(resolveNodes({}, {})).toEqual({
      info: undefined,
      heartbeat: 3000,
      silence: 10_000,
      timeout: 5000,
      maxNodes: 1024,
      maxMessageSize: 524_288,
      maxWaiting: 16_777_216,
      maxRequests: 1024,
      unhandledErrors: undefined,
      clock: systemClock,
    });
    const none = { timeout: 0, maxNodes: 0, maxMessageSize: 0, maxWaiting: 0, maxRequests: 0 };
    expect(Object.values(resolveNodes(none, {})).filter((value) => value === Infinity).length).toBe(
      5,
    );
    expect(resolveNodes({ heartbeat: 60_000 }, {}).silence).toBe(180_000);
  });

  it("refuses wrong options, and says what would be right", () => {
    const cases: [object, string][] = [
      [{ heartbeats: 1 }, "Unknown option heartbeats: did you mean heartbeat?"],
      [{ heartbeat: 99 }, "heartbeat must be a whole number from 100 to 3600000: 99"],
      [{ heartbeat: NaN }, "heartbeat must be a whole number from 100 to 3600000: NaN"],
      [
        { heartbeat: 1000, silence: 2999 },
        "silence must be 3 times heartbeat at least, 3000: 2999",
      ],
      [{ silence: NaN }, "silence must be milliseconds from 0 on, or Infinity: NaN"],
      [{ timeout: -1 }, "timeout must be milliseconds from 0 on, or Infinity: -1"],
      [{ maxNodes: NaN }, "maxNodes must be from 0 on, or Infinity: NaN"],
      [{ info: () => {} }, "info must be what JSON can hold: Function"],
      [{ info: "x".repeat(1023) }, "info must be 1024 characters of JSON at the most: 1025"],
      [
        { joined: () => {} },
        "Unknown option joined: joined is a handler, and goes into the object after this one",
      ],
    ];
    for (const [options, message] of cases) {
      expect(() => resolveNodes(options, {})).toThrow(message);
    }
    expect(() => resolveNodes({}, { message: 1 as never })).toThrow(
      "message must be a function: 1 is a number",
    );
  });
});
