import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Fifo } from "../src/fifo.ts";

describe("Fifo", () => {
  it("does what an array's push() and shift() do, whatever the order of the calls", () => {
    const step = fc.oneof(
      { weight: 5, arbitrary: fc.integer({ min: 1, max: 200 }).map((count) => ({ push: count })) },
      { weight: 5, arbitrary: fc.integer({ min: 1, max: 200 }).map((count) => ({ shift: count })) },
      { weight: 1, arbitrary: fc.constant({ takeAll: true }) },
    );
    fc.assert(
      fc.property(fc.array(step), (steps) => {
        const fifo = new Fifo<number>();
        const twin: number[] = [];
        let next = 0;
        for (const { push = 0, shift = 0, takeAll } of steps as Record<string, number>[]) {
          for (let i = 0; i < push; i++) {
            fifo.push(next);
            twin.push(next++);
          }
          for (let i = 0; i < shift; i++) expect(fifo.shift()).toBe(twin.shift());
          if (takeAll) expect(fifo.takeAll()).toEqual(twin.splice(0));
          expect([...fifo]).toEqual(twin);
          expect([fifo.length, fifo.first]).toEqual([twin.length, twin[0]]);
        }
      }),
    );
  });
});
