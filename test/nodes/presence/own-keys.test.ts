import { describe, expect, it } from "vitest";
import { allOf, OwnKeys } from "../../../src/nodes/presence/own-keys.ts";

const entry = { connections: 1, stamp: 0, state: undefined };

describe("OwnKeys", () => {
  it("sends all keys at first, then changes, each with the next number", () => {
    const own = new OwnKeys("t", 7);
    expect(own.takeChanges()).toEqual([]);
    own.set("ann", entry);
    own.set("bob", { ...entry, connections: 2 });
    expect(own.takeChanges()).toEqual([
      allOf("t", 8, [
        ["ann", 1, 0],
        ["bob", 2, 0],
      ]),
    ]);
    own.set("ann", undefined);
    own.set("eve", entry);
    expect(own.takeChanges()).toEqual([
      { topic: "t", at: 9, keys: [["eve", 1, 0]], gone: ["ann"] },
    ]);
    expect([own.at, own.size, own.get("bob")?.connections]).toEqual([9, 2, 2]);
    expect([...own.entries()].map(([key]) => key)).toEqual(["bob", "eve"]);
    expect(own.takeChanges()).toEqual([]);
  });

  it("sends all keys again once it has been empty, so that nodes that missed the end need not ask", () => {
    const own = new OwnKeys("t", 0);
    for (const has of [true, false, true]) {
      own.set("ann", has ? entry : undefined);
      expect(own.takeChanges()[0]!.full).toBe(has ? true : undefined);
    }
    expect(own.at).toBe(3);
  });

  it("cuts long lists: parts of all keys have one number, and each change has its own", () => {
    const own = new OwnKeys("t", 0);
    const state = "x".repeat(1000);
    const setAll = (): void => {
      for (let at = 0; at < 100; at++) own.set(`key ${at}`, { ...entry, state });
    };
    setAll();
    const parts = own.takeChanges();
    expect(parts.length).toBeGreaterThan(3);
    expect(parts.map(({ at, part, last }) => [at, part, last])).toEqual(
      parts.map((_, part) => [1, part, part === parts.length - 1]),
    );
    setAll();
    const changes = own.takeChanges();
    expect(changes.map(({ at }) => at)).toEqual(changes.map((_, at) => at + 2));
  });
});
