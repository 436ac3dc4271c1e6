import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  type BackoffOptions,
  delayAfter,
  type Loss,
  resolveBackoff,
} from "../../../src/connection/client/backoff.ts";
import { TransportError } from "../../../src/errors.ts";
import { closure } from "../../support/fake-connection.ts";

function ofError(error: unknown): Loss {
  return { closure: undefined, error };
}

function ofClosure(how: Parameters<typeof closure>[0]): Loss {
  const ended = closure(how);
  return { closure: ended, error: ended.error };
}

/** The longest wait, as near as `random` comes to it. */
function longest(loss: Loss, failed: number, options: BackoffOptions = {}, asked = 0): number {
  return delayAfter(loss, failed, resolveBackoff({ random: () => 1, ...options }), asked);
}

const refused = ofError(new TransportError("REFUSED"));

describe("resolveBackoff()", () => {
  it("fills in defaults", () => {
    expect(resolveBackoff({})).toEqual({
      initialDelay: 1000,
      maxDelay: 30_000,
      factor: 2,
      maxAttempts: Infinity,
      stableAfter: 10_000,
      random: Math.random,
    });
  });

  it.each<[keyof BackoffOptions, number]>([
    ["initialDelay", 0],
    ["initialDelay", Infinity],
    ["maxDelay", 0.5],
    ["maxDelay", Infinity],
    ["factor", 0.9],
    ["factor", NaN],
    ["maxAttempts", 0],
    ["stableAfter", -1],
    ["stableAfter", Infinity],
  ])("refuses %s of %d", (name, value) => {
    expect(() => resolveBackoff({ [name]: value })).toThrow(RangeError);
    expect(() => resolveBackoff({ [name]: value })).toThrow(name);
  });

  it("counts connections as stable at once if stableAfter is 0", () => {
    expect(resolveBackoff({ stableAfter: 0 }).stableAfter).toBe(0);
  });
});

describe("delayAfter()", () => {
  it("begins with initialDelay at the most, after a stable connection as after a first attempt", () => {
    expect(longest(refused, 0)).toBe(1000);
    expect(longest(refused, 1)).toBe(1000);
  });

  it("doubles the limit with each further failure, up to maxDelay", () => {
    const limits = [2, 3, 4, 5, 6, 7, 2000].map((failed) => longest(refused, failed));
    expect(limits).toEqual([2000, 4000, 8000, 16_000, 30_000, 30_000, 30_000]);
  });

  it("respects factor and initialDelay", () => {
    expect(longest(refused, 3, { initialDelay: 10, factor: 3 })).toBe(90);
    expect(longest(refused, 1, { initialDelay: 500, maxDelay: 100 })).toBe(100);
  });

  it("gives any wait from 0 to the limit, by chance", () => {
    fc.assert(
      fc.property(
        fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true }),
        fc.integer({ min: 0, max: 5000 }),
        (chance, failed) => {
          const backoff = resolveBackoff({ random: () => chance });
          const limit = longest(refused, failed);
          expect(delayAfter(refused, failed, backoff, 0)).toBeCloseTo(chance * limit);
        },
      ),
    );
  });

  it.each([1012, 1013])("spreads clients over maxDelay at once after %d", (status) => {
    expect(longest(ofClosure({ status }), 0)).toBe(30_000);
  });

  it("does not spread clients after another status", () => {
    expect(longest(ofClosure({ status: 1001 }), 0)).toBe(1000);
  });

  it("is at least the time that the server has asked for, and spreads clients after it", () => {
    expect(longest(refused, 1, { random: () => 0 }, 5000)).toBe(5000);
    expect(longest(refused, 1, { random: () => 0.5 }, 5000)).toBe(5500);
  });

  it("waits no longer than maxDelay, whatever the server asks for", () => {
    expect(longest(refused, 1, {}, 3_600_000)).toBe(30_000);
  });
});
