import { describe, expect, it } from "vitest";
import { Tail } from "../../../src/connection/backplane/tail.ts";

const item = (size: number): { message: { size: number } } => ({ message: { size } });

describe("Tail", () => {
  it("gives what came, once and in order", () => {
    const tail = new Tail();
    const [a, b] = [item(1), item(2)];
    tail.add(a);
    tail.add(b);
    expect(tail.take()).toEqual([a, b]);
    expect([tail.take(), tail.isCut]).toEqual([[], false]);
  });

  it.each([
    ["1 024 messages", 1024, 1],
    ["a mebibyte", 1, 1024 ** 2],
  ])("keeps no more than %s, and says that it has left some out", (_, count, size) => {
    const tail = new Tail();
    for (let at = 0; at < count; at++) tail.add(item(size));
    expect(tail.isCut).toBe(false);
    tail.add(item(1));
    tail.add(item(1));
    expect(tail.isCut).toBe(true);
    expect([tail.take(), tail.isCut]).toEqual([[], false]);
  });
});
