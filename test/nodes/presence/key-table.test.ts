import { describe, expect, it } from "vitest";
import { type KeyChange, type KeyEntry, KeyTable } from "../../../src/nodes/presence/key-table.ts";

const entry = (connections: number, stamp = 0, state?: unknown): KeyEntry => ({
  connections,
  stamp,
  state,
});

function line(change: KeyChange | undefined): string {
  if (change === undefined) return "";
  const { key, connections, state } = change.member;
  return `${change.type} ${key} ${connections} ${String(state)}`;
}

describe("KeyTable", () => {
  it("reports the first connection of a key and the last, once for all nodes", () => {
    const table = new KeyTable();
    expect([
      line(table.set("a", "ann", entry(1))),
      line(table.set("b", "ann", entry(2))),
      line(table.remove("a", "ann")),
      line(table.remove("a", "ann")),
      line(table.remove("b", "ann")),
      line(table.remove("b", "ann")),
    ]).toEqual(["joined ann 1 undefined", "", "", "", "left ann 0 undefined", ""]);
    expect(table.members()).toEqual([]);
  });

  it("shows the state that was given last, whichever node reports first", () => {
    const table = new KeyTable();
    expect([
      line(table.set("a", "ann", entry(1, 5, "away"))),
      line(table.set("b", "ann", entry(1, 4, "here"))),
      line(table.set("b", "ann", entry(1, 6, "busy"))),
      line(table.remove("b", "ann")),
    ]).toEqual(["joined ann 1 away", "", "updated ann 2 busy", "updated ann 1 away"]);
  });

  it("chooses the greater node's state of two that were given at once", () => {
    const [one, other] = [new KeyTable(), new KeyTable()];
    for (const [table, nodes] of [
      [one, ["a", "b"]],
      [other, ["b", "a"]],
    ] as const) {
      for (const node of nodes) table.set(node, "ann", entry(1, 3, `of ${node}`));
    }
    expect(one.members()).toEqual([{ key: "ann", state: "of b", connections: 2 }]);
    expect(other.members()).toEqual(one.members());
  });

  it("reports nothing if a state is another object with the same content", () => {
    const table = new KeyTable();
    table.set("a", "ann", entry(1, 1, { mood: "good" }));
    expect(table.set("a", "ann", entry(1, 2, { mood: "good" }))).toBeUndefined();
    expect(line(table.set("a", "ann", entry(2, 3, 1)))).toBe("updated ann 2 1");
  });
});
