import { describe, expect, it } from "vitest";
import { Asked } from "../../../adapters/nats/asked.ts";
import { newDeferred } from "../../../src/deferred.ts";

describe("Asked", () => {
  it("gives the answer, or the error with which all are given up, whichever comes first", async () => {
    const asked = new Asked();
    const late = newDeferred<number>();
    expect(await asked.until(Promise.resolve(1))).toBe(1);
    await expect(asked.until(Promise.reject(new Error("no")))).rejects.toThrow("no");
    const waiting = [asked.until(late.promise), asked.until(new Promise(() => {}))];
    asked.giveUp(new Error("lost"));
    late.resolve(2);
    for (const answer of waiting) await expect(answer).rejects.toThrow("lost");
    // Nothing is left of it for those that come then.
    expect(await asked.until(late.promise)).toBe(2);
  });
});
