import { describe, expect, it } from "vitest";
import { resolveHttpSettings } from "../../../src/connection/http/settings.ts";

const times = { pingInterval: 1, pongTimeout: 1, idleTimeout: 1, maxLifetime: 1, minProgress: 250 };

describe("resolveHttpSettings()", () => {
  it("fills in defaults, and derives the header and the pace from them", () => {
    expect(resolveHttpSettings({ keepAliveTimeout: 2500 }, times)).toEqual({
      maxBodySize: 1024 ** 2,
      maxRequests: 1000,
      keepAliveTimeout: 2500,
      lifeOfByte: 4,
      keepAlive: "Connection: keep-alive\r\nKeep-Alive: timeout=2\r\n",
    });
  });

  it("reads 0 as no limit", () => {
    const { maxBodySize, keepAlive } = resolveHttpSettings(
      { maxBodySize: 0, keepAliveTimeout: 0 },
      times,
    );
    expect(maxBodySize).toBe(Infinity);
    expect(keepAlive).toBe("Connection: keep-alive\r\n");
  });

  it("accepts any pace if there is no floor", () => {
    const { lifeOfByte } = resolveHttpSettings({}, { ...times, minProgress: Infinity });
    expect(lifeOfByte).toBe(Number.MAX_VALUE);
  });

  it("refuses an invalid limit", () => {
    expect(() => resolveHttpSettings({ maxRequests: -1 }, times)).toThrow(RangeError);
  });
});
