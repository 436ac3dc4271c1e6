import process from "node:process";
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import { expectNoRejections, seeded } from "../hostile/play.ts";
import { below, mutate } from "./mutate.ts";
import { Finding, type Target, targets } from "./targets.ts";

/*
 * Mutants of the battery's inputs and of recorded sessions: whatever they are, what is said in targets.ts holds.
 *
 * Here a few of a fixed seed, the same on each run. `npm run fuzz` goes on for FUZZ_SECONDS, with FUZZ_SEED or a seed
 * that it tells. What it finds becomes a case in test/hostile/cases.
 */

const seconds = Number(process.env["FUZZ_SECONDS"] ?? 0);
const firstSeed = Number(process.env["FUZZ_SEED"] ?? 1);
/** Steps that a run without FUZZ_SECONDS takes; a step of a connection takes several turns of the event loop. */
const steps = 150;

// Responses tell the time, which is the same in all that are compared.
beforeAll(() => void vi.useFakeTimers({ toFake: ["Date"] }));
afterAll(() => void vi.useRealTimers());

afterEach(expectNoRejections);

/** Takes a step with a seed of its own, which is all that is needed to take it again. */
async function step(target: Target, seed: number): Promise<number> {
  try {
    return await target.step(seeded(seed));
  } catch (error) {
    if (!(error instanceof Finding)) throw error;
    throw new Error(`FUZZ_SEED=${seed}`, { cause: error });
  }
}

describe("mutants", () => {
  it.each(targets.map((target) => [target.name, target] as const))(
    "leave %s whole",
    async (_, target) => {
      let count = 0;
      const end = performance.now() + (seconds * 1000) / targets.length;
      let told = performance.now();
      for (let i = 0; seconds > 0 ? performance.now() < end : i < steps; i++) {
        count += await step(target, firstSeed + i);
        if (seconds > 0 && performance.now() - told > 1000) {
          told = performance.now();
          process.stdout.write(`${target.name}: ${count} mutants, seeds from ${firstSeed}\n`);
        }
      }
      expect(count).toBeGreaterThanOrEqual(Math.min(steps, 1));
    },
    seconds * 1000 + 60_000,
  );
});

describe("mutate()", () => {
  it("gives the same for the same seed, changes nearly every input, and leaves its argument as it is", () => {
    const input = Uint8Array.from({ length: 100 }, (_, i) => i);
    const others = [input.slice().reverse()];
    let changed = 0;
    for (let seed = 0; seed < 200; seed++) {
      const mutant = mutate(input, seeded(seed), others);
      expect(mutate(input, seeded(seed), others)).toEqual(mutant);
      if (mutant.length !== input.length || mutant.some((byte, i) => byte !== input[i])) changed++;
    }
    expect(changed).toBeGreaterThan(190);
    expect(input).toEqual(Uint8Array.from({ length: 100 }, (_, i) => i));
  });

  it("accepts an empty input", () => {
    for (let seed = 0; seed < 200; seed++) {
      expect(mutate(new Uint8Array(0), seeded(seed), [new Uint8Array(1)]).length).toBeLessThan(600);
    }
    expect(below(0, seeded(1))).toBe(0);
  });
});
