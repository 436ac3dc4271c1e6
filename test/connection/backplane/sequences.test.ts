import { describe, expect, it } from "vitest";
import {
  IncomingSequences,
  OutgoingSequences,
} from "../../../src/connection/backplane/sequences.ts";

describe("OutgoingSequences", () => {
  it("count from 1 on, for each topic by itself", () => {
    const outgoing = new OutgoingSequences();
    expect(["a", "a", "b", "a"].map((topic) => ({ ...outgoing.next(topic) }))).toEqual([
      { series: 0, sequence: 1 },
      { series: 0, sequence: 2 },
      { series: 1, sequence: 1 },
      { series: 0, sequence: 3 },
    ]);
  });

  it("begin a later series for a topic that was forgotten among too many others", () => {
    const outgoing = new OutgoingSequences();
    outgoing.next("a");
    for (let i = 0; i < 50_000; i++) outgoing.next(`other ${i}`);
    expect(outgoing.next("a")).toEqual({ series: 50_001, sequence: 1 });
  });
});

describe("IncomingSequences", () => {
  it("find nothing missing from a new node, wherever it begins", () => {
    const incoming = new IncomingSequences();
    expect(incoming.take("t", "n", 3, 17)).toBe(0);
    expect(incoming.take("t", "m", 0, 1)).toBe(0);
    expect(incoming.take("t", "n", 3, 18)).toBe(0);
  });

  it("count what is missing", () => {
    const incoming = new IncomingSequences();
    incoming.take("t", "n", 0, 1);
    expect(incoming.take("t", "n", 0, 5)).toBe(3);
    expect(incoming.take("t", "n", 0, 6)).toBe(0);
  });

  it("recognize a message that has come before, and one that comes too late", () => {
    const incoming = new IncomingSequences();
    incoming.take("t", "n", 1, 4);
    expect(incoming.take("t", "n", 1, 4)).toBe(-1);
    expect(incoming.take("t", "n", 1, 3)).toBe(-1);
    expect(incoming.take("t", "n", 0, 9)).toBe(-1);
    expect(incoming.take("t", "n", 1, 5)).toBe(0);
  });

  it("recognize the beginning of a later series, and count what is missing from it", () => {
    const incoming = new IncomingSequences();
    incoming.take("t", "n", 1, 4);
    expect(incoming.take("t", "n", 7, 1)).toBe(0);
    expect(incoming.take("t", "n", 9, 3)).toBe(2);
  });

  it("do not report again what a gap of all topics has reported, and still recognize repeated messages", () => {
    const incoming = new IncomingSequences();
    incoming.take("t", "n", 0, 1);
    incoming.toldGap();
    expect(incoming.take("t", "n", 0, 1)).toBe(-1);
    expect(incoming.take("t", "n", 0, 9)).toBe(0);
    expect(incoming.take("t", "n", 0, 11)).toBe(1);
  });

  it("keep topics and nodes apart, and forget a topic", () => {
    const incoming = new IncomingSequences();
    incoming.take("t", "n", 0, 1);
    incoming.take("u", "n", 0, 5);
    expect(incoming.take("t", "n", 0, 2)).toBe(0);
    incoming.forget("t");
    expect(incoming.take("t", "n", 0, 1)).toBe(0);
    expect(incoming.take("u", "n", 0, 5)).toBe(-1);
  });
});
