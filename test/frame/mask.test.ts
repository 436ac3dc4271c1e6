import { describe, expect, it, vi } from "vitest";
import { newMask } from "../../src/frame/mask.ts";

describe("newMask()", () => {
  it("gives int32 keys that fill their range", () => {
    // 4000 keys all miss one bit pattern of these four by chance once in 10^500 runs.
    const keys = Array.from({ length: 4000 }, () => newMask());
    expect(keys.every((key) => key === (key | 0))).toBe(true);
    for (const shift of [0, 8, 16, 24]) {
      expect(new Set(keys.map((key) => (key >>> shift) & 3)).size).toBe(4);
    }
  });

  // The last test, since Bun 1.4 cannot restore a function of `crypto`.
  it("gives each key of the runtime's strong random numbers once, and draws 1024 at a time", async () => {
    vi.resetModules();
    const fresh = await import("../../src/frame/mask.ts");
    let next = -1500;
    const draw = vi.spyOn(crypto, "getRandomValues").mockImplementation((keys) => {
      const pool = keys as unknown as Int32Array;
      for (let i = 0; i < pool.length; i++) pool[i] = next++;
      return keys;
    });
    const keys = Array.from({ length: 3000 }, () => fresh.newMask());
    expect(keys).toEqual(Array.from({ length: 3000 }, (_, index) => index - 1500));
    expect(draw).toHaveBeenCalledTimes(3);
  });
});
