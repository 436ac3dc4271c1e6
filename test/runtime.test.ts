import process from "node:process";
import { describe, expect, it } from "vitest";
import { runtime } from "./support/runtime.ts";

describe("the test run", () => {
  it("runs in the runtime that it was started for", () => {
    // Set by scripts/test.mjs; by hand, any runtime is right.
    const expected = process.env.FRAMEWIRE_RUNTIME ?? runtime;
    expect(runtime).toBe(expected);
    const version = {
      node: process.versions.node,
      deno: process.versions.deno,
      bun: process.versions.bun,
    };
    expect(version[expected as keyof typeof version]).toMatch(/^\d+\./);
  });
});
