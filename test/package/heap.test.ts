import { describe, expect, it } from "vitest";
import { measure } from "../../bench/heap.mjs";

/*
 * What an echoed message costs the heap at each level of the built package, as the benchmark counts it: in a program of its
 * own, since what measures coverage allocates, too.
 */

/** Bytes that are allocated for a message of 16 bytes at the most: half as much again as was measured on V8. */
const most: Readonly<Record<string, number>> = {
  "low level: decodeHeader, cipher, encodeHeader in one buffer": 50,
  "low level: readHeader, read, cipher, writeHeader, write": 400,
  "middle level: Reader and Writer": 1000,
  "high level: serve": 250,
};

describe("an echoed message", () => {
  it.each(["node", "deno", "bun"])(
    "takes little of the heap on %s, and keeps nothing",
    (runtime) => {
      const costs = measure(runtime);
      expect(costs.map(({ loop }) => loop)).toEqual(Object.keys(most));
      for (const { loop, allocated, stays } of costs) {
        if (runtime !== "bun") expect(allocated, loop).toBeLessThan(most[loop]!);
        expect(stays, loop).toBeLessThan(2);
      }
    },
    60_000,
  );
});
