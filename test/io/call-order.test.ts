import { describe, expect, it } from "vitest";
import { type Deferred, newDeferred } from "../../src/deferred.ts";
import type { Awaitable } from "../../src/io/byte-stream.ts";
import { CallOrder, countOf } from "../../src/io/call-order.ts";
import { failure, plain } from "../support/streams.ts";

const error = new Error("no");
const wasReset = new TypeError("The writer was reset: what it had not written was dropped");

/** Something with calls that are done in their order, each as long as it is told. */
class Calls {
  readonly order = new CallOrder();
  readonly begun: string[] = [];
  readonly ends = new Map<string, Deferred<void>>();

  /** Takes its time where `isLong`. */
  call(name: string, isLong = false): Awaitable<void> {
    const act = (): Awaitable<void> => {
      this.begun.push(name);
      if (!isLong) return undefined;
      const end = newDeferred<void>();
      this.ends.set(name, end);
      return end.promise;
    };
    return this.order.remember(this.order.isWaiting ? this.order.inTurn(act) : act());
  }
}

describe("CallOrder", () => {
  it("makes no promise while nothing takes its time", () => {
    const calls = new Calls();
    expect([plain(calls.call("a")), plain(calls.call("b"))]).toEqual([undefined, undefined]);
    expect([calls.begun, calls.order.isBusy]).toEqual([["a", "b"], false]);
  });

  it("does each call after the one before, and is free again after the last", async () => {
    const calls = new Calls();
    const all = [calls.call("a", true), calls.call("b", true), calls.call("c")];
    expect(calls.begun).toEqual(["a"]);
    calls.ends.get("a")!.resolve();
    await all[0];
    await Promise.resolve();
    expect([calls.begun, calls.order.isBusy]).toEqual([["a", "b"], true]);
    calls.ends.get("b")!.resolve();
    await Promise.all(all);
    await Promise.resolve();
    expect([calls.begun, calls.order.isBusy]).toEqual([["a", "b", "c"], false]);
  });

  it.each([error, undefined])(
    "throws an error from then on, until it is reset: %s",
    async (reason) => {
      const { order } = new Calls();
      const { round } = order;
      const failing = order.remember(
        Promise.reject(new Error("first")).catch(() => order.fail(reason, round)),
      );
      const behind = failure(() => order.inTurn(() => undefined));
      expect(await failure(() => failing)).toBe(reason);
      expect(await behind).toBe(reason);
      expect(order.error).toBe(reason);
      let thrown = false;
      try {
        void order.isWaiting;
      } catch (seen) {
        thrown = seen === reason;
      }
      expect(thrown).toBe(true);
      order.reset();
      expect([order.isWaiting, order.error]).toEqual([false, undefined]);
    },
  );

  it("rejects what waits when it is reset, and ignores errors of what was under way", async () => {
    const calls = new Calls();
    const { round } = calls.order;
    const first = calls.call("a", true);
    const second = failure(() => calls.call("b"));
    calls.order.reset();
    expect(plain(calls.call("c"))).toBeUndefined();
    expect(await failure(() => calls.order.fail(error, round))).toBe(error);
    calls.ends.get("a")!.resolve();
    await first;
    expect([await second, calls.begun, calls.order.error]).toEqual([
      wasReset,
      ["a", "c"],
      undefined,
    ]);
    expect(() => {
      calls.order.check(round);
    }).toThrow(wasReset);
  });

  it("does a later task at once if there are no calls", async () => {
    const calls = new Calls();
    calls.order.afterCalls(() => void calls.begun.push("now"));
    void calls.call("a", true);
    calls.order.afterCalls(() => void calls.begun.push("then"));
    const last = calls.call("b");
    expect(calls.begun).toEqual(["now", "a"]);
    calls.ends.get("a")!.resolve();
    await last;
    expect(calls.begun).toEqual(["now", "a", "then", "b"]);
  });
});

describe("countOf()", () => {
  it("gives the count when the write is done, and rejects for those who wait", async () => {
    expect(countOf(undefined, 3)).toBe(3);
    expect(await countOf(Promise.resolve(), 3)).toBe(3);
    expect(await failure(() => countOf(Promise.reject(error), 3))).toBe(error);
  });
});
