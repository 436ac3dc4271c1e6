import { describe, expect, it, vi } from "vitest";
import { ReturningMap } from "../src/returning-map.ts";
import { seededRandom } from "./support/cuts.ts";

describe("ReturningMap", () => {
  it("has the same entries as a Map, whatever comes and goes", () => {
    const random = seededRandom(5);
    const map = new ReturningMap<string, number>();
    const model = new Map<string, number>();
    for (let step = 0; step < 5000; step++) {
      // Times of growing and of shrinking.
      const isAdding = random() < (step % 1000 < 500 ? 0.8 : 0.2);
      const key = `${Math.floor(random() * 300)}`;
      if (isAdding) {
        map.set(key, step);
        model.set(key, step);
      } else {
        expect(map.delete(key)).toBe(model.delete(key));
      }
      expect([map.size, map.get(key)]).toEqual([model.size, model.get(key)]);
    }
    expect(map.keys().sort()).toEqual([...model.keys()].sort());
    expect(map.values().sort()).toEqual([...model.values()].sort());
  });

  it("keeps no more empty places than used ones, and a few", () => {
    const places = vi.spyOn(Map.prototype, "set");
    const map = new ReturningMap<number, string>();
    for (let key = 0; key < 10_000; key++) {
      map.set(key, "here");
      map.delete(key);
    }
    const inside = places.mock.contexts.at(-1) as ReadonlyMap<unknown, unknown>;
    places.mockRestore();
    expect([map.size, inside.size <= 33]).toEqual([0, true]);
  });
});
