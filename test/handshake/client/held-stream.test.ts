import { describe, expect, it } from "vitest";
import { Attempt } from "../../../src/handshake/attempt.ts";
import { HeldStream } from "../../../src/handshake/client/held-stream.ts";
import type { ByteStream } from "../../../src/io/byte-stream.ts";

/** A stream that counts how often it is closed. */
function countedStream(): ByteStream & { closed: number } {
  return {
    closed: 0,
    read: () => 0,
    write: (from) => from.length,
    close() {
      this.closed++;
    },
  };
}

describe("HeldStream", () => {
  it("keeps the last stream that it was given, and closes it once", () => {
    const attempt = new Attempt({ timeout: 0, code: "DIAL_TIMEOUT" });
    const held = new HeldStream(attempt);
    const [tcp, tls] = [countedStream(), countedStream()];
    held.hold(tcp);
    held.hold(tls);
    expect(held.stream).toBe(tls);
    held.close();
    held.close();
    expect([tcp.closed, tls.closed]).toEqual([0, 1]);
    attempt.end();
  });

  it("closes a stream that comes after the attempt was given up, and throws the reason", () => {
    const controller = new AbortController();
    const reason = new Error("enough");
    const attempt = new Attempt({
      timeout: 0,
      code: "DIAL_TIMEOUT",
      signal: controller.signal,
    });
    // Who races hears of the reason; here nobody does.
    attempt.race(new Promise(() => {})).catch(() => {});
    controller.abort(reason);
    const held = new HeldStream(attempt);
    const late = countedStream();
    expect(() => {
      held.hold(late);
    }).toThrow(reason);
    expect(late.closed).toBe(1);
    attempt.end();
  });

  it("closes nothing if no stream has come", () => {
    const attempt = new Attempt({ timeout: 0, code: "DIAL_TIMEOUT" });
    expect(() => {
      new HeldStream(attempt).close();
    }).not.toThrow();
    attempt.end();
  });
});
