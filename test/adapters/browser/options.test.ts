import { describe, expect, it } from "vitest";
import { resolveOptions } from "../../../adapters/browser/options.ts";
import { systemClock } from "../../../src/clock.ts";

const resolve = resolveOptions as (options: object, handlers: object) => unknown;

describe("resolveOptions()", () => {
  it("fills in defaults, and takes 0 as no limit", () => {
    const defaults = {
      timeout: 30_000,
      closeTimeout: 10_000,
      highWaterMark: 256 * 1024,
      maxBufferedAmount: 16 * 1024 ** 2,
      maxUnread: 16 * 1024 ** 2,
      clock: systemClock,
    };
    expect(resolve({ timeout: undefined, protocols: ["a"] }, { open: undefined })).toEqual(
      defaults,
    );
    expect(resolve({ timeout: 0, maxUnread: 5 }, {})).toEqual({
      ...defaults,
      timeout: Infinity,
      maxUnread: 5,
    });
  });

  it.each(["headers", "proxy", "tls", "auth", "pingInterval", "compression", "maxPayload"])(
    "says that a browser has no %s",
    (name) => {
      const act = (): unknown => resolve({ [name]: 1 }, {});
      expect(act).toThrow(TypeError);
      expect(act).toThrow(`A browser's WebSocket has no option ${name}, but timeout, closeTimeout`);
    },
  );

  it.each(["stream", "ping", "pong", "drain", "onmessage"])(
    "says that a browser has no handler %s",
    (name) => {
      expect(() => resolve({}, { [name]() {} })).toThrow(
        `A browser's WebSocket has no handler ${name}, but open, message, error, close`,
      );
    },
  );

  it("refuses what is of a wrong type or range", () => {
    expect(() => resolve({ timeout: "5" }, {})).toThrow("timeout must be a number: String");
    expect(() => resolve({ maxUnread: NaN }, {})).toThrow(RangeError);
    expect(() => resolve({}, { message: "no" })).toThrow("message must be a function");
  });
});
