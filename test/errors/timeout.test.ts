import { describe, expect, it } from "vitest";
import { type TimeoutCode, TimeoutError } from "../../src/errors/timeout.ts";

describe("TimeoutError", () => {
  it.each<[TimeoutCode, string]>([
    ["HANDSHAKE_TIMEOUT", "handshake took too long: 250 ms"],
    ["DIAL_TIMEOUT", "timeout: 250 ms"],
    ["RECEIVE_TIMEOUT", "timeout: 250 ms"],
    ["PONG_TIMEOUT", "pongTimeout: 250 ms"],
    ["IDLE_TIMEOUT", "idleTimeout: 250 ms"],
    ["MAX_LIFETIME", "maxLifetime: 250 ms"],
    ["CLOSE_TIMEOUT", "closeTimeout: 250 ms"],
    ["SHUTDOWN_TIMEOUT", "shutdown: 250 ms"],
    ["HANDLER_TIMEOUT", "the messages behind it were dropped: 250 ms"],
  ])("says for %s which deadline passed", (code, ending) => {
    const error = new TimeoutError(code, 250);
    expect(error).toMatchObject({ name: "TimeoutError", code, limit: 250 });
    expect(error.message.endsWith(ending)).toBe(true);
  });
});
