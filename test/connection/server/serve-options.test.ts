import { describe, expect, it } from "vitest";
import { checkOptions } from "../../../src/check-options.ts";
import { resolveLimits } from "../../../src/endpoint/limits.ts";
import {
  defaultServerLimits,
  type ServerLimits,
  serveTable,
} from "../../../src/connection/server/serve-options.ts";

describe("serveTable", () => {
  it.each(Object.keys(serveTable))("refuses null for %s, and names it", (name) => {
    const check = (): void => {
      checkOptions({ [name]: null }, serveTable);
    };
    expect(check).toThrow(TypeError);
    expect(check).toThrow(new RegExp(`^${name} must be `));
  });

  it("accepts undefined for each option", () => {
    const none = Object.fromEntries(Object.keys(serveTable).map((name) => [name, undefined]));
    checkOptions(none, serveTable);
  });
});

describe("defaultServerLimits", () => {
  it("hold if no options are given, and 0 means no limit", () => {
    expect(resolveLimits<ServerLimits>({}, defaultServerLimits)).toEqual(defaultServerLimits);
    expect(
      resolveLimits<ServerLimits>({ handshakeTimeout: 0, maxConnections: 7 }, defaultServerLimits),
    ).toEqual({ handshakeTimeout: Infinity, maxConnections: 7, maxTotalBufferedAmount: Infinity });
  });
});
