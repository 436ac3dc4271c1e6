import { describe, expect, it } from "vitest";
import { isPromise, newDeferred, rejected, whenSettled } from "../src/deferred.ts";

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
  it("rejects for whoever awaits it", async () => {
    await expect(rejected(new Error("no"))).rejects.toThrow("no");
  });
});

/** What a careless or a hostile handler may return instead of a promise. */
const oddThenables: [what: string, make: () => unknown, outcome: string][] = [
  [
    "a thenable whose `then` throws",
    () => ({
      then() {
        throw new Error("thrown");
      },
    }),
    "failed: thrown",
  ],
  [
    "one whose `then` cannot be read",
    () => ({
      get then(): never {
        throw new Error("unreadable");
      },
    }),
    "failed: unreadable",
  ],
  [
    "one that calls back at once, twice and both ways",
    () => ({
      then(done: (value: unknown) => void, failed: (reason: unknown) => void) {
        done("first");
        done("second");
        failed(new Error("third"));
        throw new Error("fourth");
      },
    }),
    "done: first",
  ],
  [
    "a function that is a thenable",
    () =>
      Object.assign(() => {}, {
        then(done: (value: unknown) => void) {
          done("of a function");
        },
      }),
    "done: of a function",
  ],
  [
    "a promise whose own `then` throws",
    () =>
      Object.assign(Promise.resolve("good"), {
        then() {
          throw new Error("thrown");
        },
      }),
    "done: good",
  ],
  [
    "a promise whose `constructor` cannot be read",
    () =>
      Object.defineProperty(Promise.resolve(), "constructor", {
        get(): never {
          throw new Error("unreadable");
        },
      }),
    "failed: unreadable",
  ],
];

describe("isPromise()", () => {
  it.each(oddThenables)("tells that %s has to be waited for", (_, make) => {
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

  it("takes a value for settled", async () => {
    expect(await callsOf("plain")).toEqual(["returned", "done: plain"]);
  });

  it("calls nobody where only a failure matters, and there is none", async () => {
    expect(await callsOf(Promise.resolve(1), false)).toEqual(["returned"]);
  });
});
