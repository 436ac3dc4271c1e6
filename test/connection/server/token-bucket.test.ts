import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { TokenBucket } from "../../../src/connection/server/token-bucket.ts";

describe("TokenBucket", () => {
  it("lets a burst through, and then as many as come back", () => {
    const bucket = new TokenBucket({ perSecond: 2, burst: 3 }, 1000);
    expect([1, 2, 3, 4].map(() => bucket.take(1000))).toEqual([true, true, true, false]);
    expect(bucket.wait(1000)).toBe(500);
    expect(bucket.take(1499)).toBe(false);
    expect(bucket.take(1500)).toBe(true);
    expect(bucket.take(1500)).toBe(false);
  });

  it("fills up to the burst and no further", () => {
    const bucket = new TokenBucket({ perSecond: 2, burst: 3 }, 0);
    expect(bucket.isFull(0)).toBe(true);
    bucket.take(0);
    expect(bucket.isFull(499)).toBe(false);
    expect(bucket.isFull(500)).toBe(true);
    expect([1, 2, 3, 4].map(() => bucket.take(1e9))).toEqual([true, true, true, false]);
  });

  it("owes what was used without being there", () => {
    const bucket = new TokenBucket({ perSecond: 1, burst: 1 }, 0);
    bucket.spend(0);
    bucket.spend(0);
    expect(bucket.wait(0)).toBe(2000);
    expect(bucket.take(1999)).toBe(false);
    expect(bucket.wait(2000)).toBe(0);
    expect(bucket.take(2000)).toBe(true);
  });

  it("lets through no more than the burst and the rate, whenever it is asked", () => {
    fc.assert(
      fc.property(
        fc.array(fc.nat(300), { maxLength: 200 }),
        fc.integer({ min: 1, max: 9 }),
        fc.integer({ min: 1, max: 9 }),
        (pauses, perSecond, burst) => {
          const bucket = new TokenBucket({ perSecond, burst }, 0);
          let now = 0;
          let taken = 0;
          for (const pause of pauses) {
            now += pause;
            if (bucket.take(now)) taken++;
            expect(taken).toBeLessThanOrEqual(burst + (now * perSecond) / 1000 + 1e-6);
          }
        },
      ),
      { seed: 1 },
    );
  });
});
