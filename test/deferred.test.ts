import { describe, expect, it } from "vitest";
import { isPromise, newDeferred, rejected, watched, whenSettled } from "../src/deferred.ts";
import { oddThenables } from "./support/thenables.ts";
import { macrotask } from "./support/turns.ts";

describe("newDeferred()", () => {
  it("settles its promise from outside", async () => {
    const good = newDeferred<number>();
    good.resolve(1);
    expect(await good.promise).toBe(1);
    const bad = newDeferred<number>();
    bad.reject(new Error("no"));
    await expect(bad.promise).rejects.toThrow("no");
  });
});

describe("rejected()", () => {
  it("rejects for those who await it", async () => {
    await expect(rejected(new Error("no"))).rejects.toThrow("no");
  });
});

describe("isPromise()", () => {
  it.each(oddThenables)("says yes to %s", (_, make) => {
    expect(isPromise(make())).toBe(true);
  });

  it.each([
    [Promise.resolve(), true],
    [{ then() {} }, true],
    [{ then: 1 }, false],
    [undefined, false],
    [null, false],
    ["then", false],
  ])("%s → %s", (value, expected) => {
    expect(isPromise(value)).toBe(expected);
  });
});

describe("whenSettled()", () => {
  /** What is called, in which order, until nothing is left to do. */
  async function callsOf(result: unknown, hasDone = true): Promise<string[]> {
    const calls: string[] = [];
    const done = (value: unknown): void => void calls.push(`done: ${String(value)}`);
    whenSettled(result, hasDone ? done : undefined, (reason) => {
      calls.push(`failed: ${(reason as Error).message}`);
    });
    calls.push("returned");
    for (let turn = 0; turn < 5; turn++) await Promise.resolve();
    return calls;
  }

  it.each(oddThenables)("waits for %s as `await` does", async (_, make, outcome) => {
    expect(await callsOf(make())).toEqual(["returned", outcome]);
  });

  it("calls back when a promise is settled, either way", async () => {
    expect(await callsOf(Promise.resolve(1))).toEqual(["returned", "done: 1"]);
    expect(await callsOf(Promise.reject(new Error("no")))).toEqual(["returned", "failed: no"]);
  });

  it("treats a value as settled", async () => {
    expect(await callsOf("plain")).toEqual(["returned", "done: plain"]);
  });

  it("calls nothing if only a failure matters, and there is none", async () => {
    expect(await callsOf(Promise.resolve(1), false)).toEqual(["returned"]);
  });
});

describe("watched()", () => {
  const boom = new Error("boom");

  it("reports a rejection that nobody awaits", async () => {
    const seen: unknown[] = [];
    void watched(Promise.reject(boom), (reason) => seen.push(reason));
    await macrotask();
    expect(seen).toEqual([boom]);
  });

  it.each([
    ["awaits it", (promise: Promise<unknown>) => expect(promise).rejects.toBe(boom)],
    ["catches it", (promise: Promise<unknown>) => promise.catch(() => {})],
    ["waits for several", (promise: Promise<unknown>) => Promise.allSettled([promise])],
    [
      "gives it out of a function",
      async (promise: Promise<unknown>) => {
        await (async () => promise)().catch(() => {});
      },
    ],
  ])("reports nothing if somebody %s", async (_, act) => {
    const seen: unknown[] = [];
    await act(watched(Promise.reject(boom), (reason) => seen.push(reason)));
    await macrotask();
    expect(seen).toEqual([]);
  });

  it("gives the same result as the other promise", async () => {
    expect(await watched(Promise.resolve(7), () => {})).toBe(7);
  });
});
