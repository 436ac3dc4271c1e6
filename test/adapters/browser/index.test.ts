import { describe, expect, it, vi } from "vitest";
import { reconnecting } from "../../../adapters/browser/index.ts";
import { LimitError, TimeoutError, TransportError } from "../../../adapters/browser/errors.ts";
import type { Closure } from "../../../src/errors.ts";
import { FakeClock } from "../../support/fake-clock.ts";
import { closure, newAttempts } from "../../support/fake-connection.ts";
import { macrotask } from "../../support/turns.ts";

const never = new Promise<never>(() => {});

describe("reconnecting() of framewire/browser", () => {
  it("reports what the application has thrown and nobody takes: to the console, or to the given function", async () => {
    const clock = new FakeClock();
    const thrown = new Error("thrown");
    const told: unknown[][] = [];
    const printed = vi.spyOn(console, "error").mockImplementation(() => {});
    for (const unhandledErrors of [
      (...given: unknown[]) => told.push(given),
      "ignore",
      undefined,
    ] as const) {
      const feed = reconnecting(() => Promise.reject(thrown), { clock, unhandledErrors });
      await macrotask();
      await feed.close();
    }
    const lost = reconnecting(() => Promise.reject(new TransportError("FAILED")), { clock });
    await macrotask();
    await lost.close();
    expect(told).toEqual([[thrown, { thrower: "reconnecting", side: "client" }]]);
    expect(printed.mock.calls).toEqual([[thrown]]);
    printed.mockRestore();
  });

  it("refuses handlers that are no functions, and unknown options", () => {
    const make = reconnecting as (...given: readonly unknown[]) => unknown;
    expect(() => make("wss://example.org/")).toThrow("open must be a function");
    expect(() => make(() => never, { maxRetries: 5 })).toThrow("no option maxRetries");
    expect(() => make(() => never, { maxWaiting: -1 })).toThrow(RangeError);
  });

  it("rejects a message that there is no room for, and a wait for a message that does not come", async () => {
    const clock = new FakeClock();
    const feed = reconnecting(() => never, { whileAway: "wait", maxWaiting: 3, clock });
    await expect(feed.send("long")).rejects.toBeInstanceOf(LimitError);
    const receiving = feed.receive({ timeout: 50 });
    clock.advance(50);
    await expect(receiving).rejects.toBeInstanceOf(TimeoutError);
    await feed.close();
  });

  it.each<[string, unknown, boolean]>([
    ["a server that is not there", new TransportError("FAILED"), true],
    ["a fetch that did not get through", new TypeError("Failed to fetch"), true],
    ["anything else", "thrown", true],
    ["a mistake in the call", new TypeError("x is not a function"), false],
    ["a number out of its range", new RangeError("timeout must be from 0 on"), false],
    ["an abort", Object.assign(new Error("aborted"), { name: "AbortError" }), false],
  ])(
    "decides after %s, with the error %j, whether it tries again: %s",
    async (_, error, isAgain) => {
      const clock = new FakeClock();
      const feed = reconnecting(() => Promise.reject(error as Error), {
        clock,
        unhandledErrors: "ignore",
      });
      await macrotask();
      expect(feed.state).toBe(isAgain ? "waiting" : "closed");
      await feed.close();
    },
  );

  it.each<[string, Partial<Closure>, boolean]>([
    ["a loss", { status: 1006, clean: false, initiator: "transport" }, true],
    ["1001 of the peer", { status: 1001 }, true],
    ["1000 of the peer", { status: 1000 }, false],
    ["1008 of the peer", { status: 1008 }, false],
    ["its own close", { status: 1000, initiator: "local" }, false],
    ["its own terminate()", { status: 1006, clean: false, initiator: "local" }, true],
    [
      "a closing handshake that took too long",
      { initiator: "local", error: new TimeoutError("CLOSE_TIMEOUT", 1) },
      false,
    ],
    ["a handler that threw", { initiator: "local", error: new Error("thrown") }, true],
  ])("decides after %s, with the end %j, whether it tries again: %s", async (_, how, isAgain) => {
    const clock = new FakeClock();
    const { attempts, open } = newAttempts();
    const feed = reconnecting(open, { clock });
    await macrotask();
    const ws = attempts[0]!.succeed();
    await macrotask();
    ws.end(closure(how));
    await macrotask();
    expect(feed.state).toBe(isAgain ? "waiting" : "closed");
    await feed.close();
  });
});
