import { describe, expect, it } from "vitest";
import { RecentMap } from "../../../src/connection/backplane/recent.ts";

describe("RecentMap", () => {
  it("keeps the entries used last, and always fewer than twice its size", () => {
    const map = new RecentMap<number, string>(10);
    for (let key = 0; key < 1000; key++) {
      map.set(key, `value ${key}`);
      expect(map.size).toBeLessThan(20);
    }
    for (let key = 990; key < 1000; key++) expect(map.get(key)).toBe(`value ${key}`);
    expect(map.get(0)).toBeUndefined();
  });

  it("keeps an entry that is used again and again", () => {
    const map = new RecentMap<number, string>(10);
    map.set(-1, "kept");
    for (let key = 0; key < 1000; key++) {
      map.set(key, "other");
      expect(map.get(-1)).toBe("kept");
    }
  });
});
