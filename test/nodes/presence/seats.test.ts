import { describe, expect, it } from "vitest";
import { Seats } from "../../../src/nodes/presence/seats.ts";
import { TestConnection } from "../../support/test-nodes.ts";
import { macrotask } from "../../support/turns.ts";

describe("Seats", () => {
  it("remembers where a connection is, and reports its end once, however often it came and went", async () => {
    const over: string[][] = [];
    const seats = new Seats((ws) => void over.push(seats.of(ws)));
    const ws = new TestConnection();
    expect([seats.get(ws, "t"), seats.of(ws)]).toEqual([undefined, []]);
    seats.delete(ws, "t");
    seats.set(ws, "t", "ann");
    seats.delete(ws, "t");
    seats.set(ws, "t", "ann");
    seats.set(ws, "u", "bob");
    expect([seats.get(ws, "t"), seats.get(ws, "u")]).toEqual(["ann", "bob"]);
    ws.end();
    await macrotask();
    expect(over).toEqual([["t", "u"]]);
    expect(seats.of(ws)).toEqual([]);
  });

  it("treats a connection as closed if its end cannot be observed", async () => {
    const over: unknown[] = [];
    const seats = new Seats((ws) => void over.push(ws));
    const ws = { state: "open", closed: Promise.reject(new Error("broken")) };
    seats.set(ws, "t", "ann");
    await macrotask();
    expect(over).toEqual([ws]);
  });
});
