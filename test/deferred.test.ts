import { describe, expect, it } from "vitest";
import { isPromise, newDeferred, rejected } from "../src/deferred.ts";

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

describe("isPromise()", () => {
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
