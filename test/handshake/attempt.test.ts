import { describe, expect, it } from "vitest";
import { Deadlines } from "../../src/clock.ts";
import { newDeferred } from "../../src/deferred.ts";
import { Attempt } from "../../src/handshake/attempt.ts";
import { FakeClock } from "../support/fake-clock.ts";
import { macrotask } from "../support/turns.ts";
import { settled } from "./streams.ts";

interface Times {
  readonly timeout?: number;
  readonly signal?: AbortSignal;
}

function attempting({ timeout = 1000, signal }: Times = {}): {
  attempt: Attempt;
  clock: FakeClock;
} {
  const clock = new FakeClock();
  const deadlines = new Deadlines(clock);
  const attempt = new Attempt({ timeout, code: "DIAL_TIMEOUT", signal, deadlines });
  return { attempt, clock };
}

const never = new Promise<never>(() => {});
const timedOut = { name: "TimeoutError", code: "DIAL_TIMEOUT", limit: 1000 };

describe("Attempt.race()", () => {
  it("gives the result of the work", async () => {
    const { attempt } = attempting();
    expect(await attempt.race(Promise.resolve(1))).toBe(1);
    const error = new Error("no");
    await expect(attempt.race(Promise.reject(error))).rejects.toBe(error);
  });

  it("fails when time is up, and not before", async () => {
    const { attempt, clock } = attempting();
    clock.advance(900);
    expect(attempt.aborted).toBe(false);
    clock.advance(200);
    await expect(attempt.race(never)).rejects.toMatchObject(timedOut);
  });

  it.each([0, Infinity])("waits for ever with a timeout of %d", (timeout) => {
    const { attempt, clock } = attempting({ timeout });
    expect(clock.running).toBe(0);
    clock.advance(1e9);
    expect(attempt.aborted).toBe(false);
  });

  it("fails with the reason of the signal", async () => {
    const controller = new AbortController();
    const { attempt } = attempting({ signal: controller.signal });
    const result = settled(attempt.race(never));
    controller.abort("enough");
    expect(await result).toEqual({ error: "enough" });
  });

  it("fails at once if the signal is aborted already", async () => {
    const { attempt, clock } = attempting({ signal: AbortSignal.abort("too late") });
    expect([attempt.aborted, attempt.reason, clock.running]).toEqual([true, "too late", 0]);
    expect(await settled(attempt.race(never))).toEqual({ error: "too late" });
  });

  it("leaves no rejection unhandled, neither its own nor that of late work", async () => {
    const { attempt, clock } = attempting();
    const work = newDeferred<never>();
    const result = settled(attempt.race(work.promise));
    clock.advance(1100);
    expect(await result).toMatchObject({ error: timedOut });
    work.reject(new Error("late"));
    attempting({ signal: AbortSignal.abort("nobody awaits this") });
    await macrotask();
  });
});

describe("Attempt.check()", () => {
  it("throws the reason once the attempt has ended", () => {
    const controller = new AbortController();
    const { attempt } = attempting({ signal: controller.signal });
    expect(() => {
      attempt.check();
    }).not.toThrow();
    const reason = new Error("enough");
    controller.abort(reason);
    expect(() => {
      attempt.check();
    }).toThrow(reason);
  });
});

describe("Attempt.end()", () => {
  it("keeps the attempt from being given up afterwards", () => {
    const controller = new AbortController();
    const { attempt, clock } = attempting({ signal: controller.signal });
    const lines: string[] = [];
    attempt.addEventListener("abort", () => lines.push("abort"));
    attempt.end();
    controller.abort();
    clock.advance(2000);
    expect([attempt.aborted, lines, clock.running]).toEqual([false, [], 0]);
  });
});

describe("Attempt.addEventListener()", () => {
  it("calls its listeners once, whatever ends the attempt first", () => {
    const controller = new AbortController();
    const { attempt, clock } = attempting({ signal: controller.signal });
    const lines: unknown[] = [];
    const removed = (): void => {
      lines.push("removed");
    };
    attempt.addEventListener("abort", () => lines.push(attempt.reason));
    attempt.addEventListener("abort", removed);
    attempt.removeEventListener("abort", removed);
    clock.advance(1100);
    controller.abort("later");
    clock.advance(1100);
    expect(lines).toMatchObject([timedOut]);
  });

  it("passes on an abort of the signal", () => {
    const controller = new AbortController();
    const { attempt, clock } = attempting({ signal: controller.signal });
    const lines: unknown[] = [];
    attempt.addEventListener("abort", () => lines.push(attempt.aborted, attempt.reason));
    controller.abort("enough");
    expect([lines, clock.running]).toEqual([[true, "enough"], 0]);
  });
});

describe("Attempt", () => {
  it("keeps time by itself if no deadlines are given", async () => {
    const attempt = new Attempt({ timeout: 1, code: "HANDSHAKE_TIMEOUT" });
    await expect(attempt.race(never)).rejects.toMatchObject({ code: "HANDSHAKE_TIMEOUT" });
  });
});
