import { beforeAll, beforeEach, inject } from "vitest";

/*
 * Tests that look at a hundred thousand inputs and more, or at large ones, take seconds where each step asks which
 * mutant it is, and a mutant that loops is found a hundred times later. They are left out, which can only make the score
 * lower.
 */
const long = [
  "is at most four reads a byte",
  "agrees with a fatal TextDecoder on every sequence",
  "agrees with a fatal TextDecoder on three and four bytes",
  "says no exactly at the first byte that no character has there",
  "says so for the last byte of characters of four",
  "accepts every character",
  "masks 65539 bytes",
  "unmasks a long payload the same way wherever it is cut",
  "hashes the test of RFC 3174, 7.3: a million a",
  "never throws, and tells and answers the same under every chunking",
];

/** What Stryker's own setup leaves here. */
interface Stryker {
  activeMutant?: string | undefined;
  /** How often the mutant was met. */
  hitCount?: number | undefined;
  /** How often it may be before it counts as a loop. */
  hitLimit?: number | undefined;
}

const stryker = ((globalThis as { __stryker__?: Stryker }).__stryker__ ??= {});
// Where the worker is kept these are of the mutant before. This one is set in front of the first test, or has been set by
// now if it counts while files are loaded.
stryker.hitCount = 0;
if (inject("mutantActivation" as never) !== "static") stryker.activeMutant = undefined;

beforeAll(() => {
  // A hundred times what it is without the mutant: in tests that call a function a million times that is minutes. Ten
  // times is a loop as well.
  if (stryker.hitLimit !== undefined) stryker.hitLimit /= 10;
});

beforeEach(({ task, skip }) => {
  if (long.some((beginning) => task.name.startsWith(beginning))) skip();
});
