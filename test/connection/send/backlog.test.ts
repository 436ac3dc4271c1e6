import { describe, expect, it } from "vitest";
import { Backlog, type BacklogHolder } from "../../../src/connection/send/backlog.ts";
import type { LimitError } from "../../../src/errors.ts";

/** Connections with so many unsent bytes, and a backlog that was told of them. */
function newHolders(most: number, ...amounts: number[]) {
  const dropped: { nth: number; error: LimitError }[] = [];
  const holders = amounts.map((unsent, nth) => {
    const holder = {
      outbox: { unsent },
      onOverflow(error: LimitError): void {
        dropped.push({ nth, error });
        backlog.change(-holder.outbox.unsent);
        holder.outbox.unsent = 0;
      },
    };
    return holder satisfies BacklogHolder;
  });
  const looked: number[] = [];
  const backlog = new Backlog(most, () => {
    looked.push(backlog.bytes);
    return holders;
  });
  return { backlog, holders, dropped, looked };
}

describe("Backlog", () => {
  it("drops no connection up to the limit", async () => {
    const { backlog, dropped, looked } = newHolders(100, 60, 40);
    backlog.change(60);
    backlog.change(40);
    await Promise.resolve();
    expect(backlog.bytes).toBe(100);
    expect({ dropped, looked }).toEqual({ dropped: [], looked: [] });
  });

  it("drops those that hold the most beyond it, until an eighth of it is free", async () => {
    const { backlog, dropped } = newHolders(80, 10, 30, 0, 25, 20);
    backlog.change(85);
    // Not inside of the call.
    expect(dropped).toEqual([]);
    await Promise.resolve();
    expect(dropped.map(({ nth }) => nth)).toEqual([1]);
    expect(dropped[0]!.error).toMatchObject({
      code: "TOO_MUCH_BUFFERED",
      limit: 80,
      actual: 85,
      message: "More than maxTotalBufferedAmount: 85 > 80",
    });
    expect(backlog.bytes).toBe(55);
    backlog.change(30);
    await Promise.resolve();
    // 85, then 60 without the one that held 25: that is at most 70.
    expect(dropped.map(({ nth }) => nth)).toEqual([1, 3]);
  });

  it("drops as many connections as needed", async () => {
    const { backlog, dropped } = newHolders(80, 10, 30, 0, 25, 20);
    backlog.change(150);
    await Promise.resolve();
    // Those without unsent bytes stay, whatever the sum says.
    expect(dropped.map(({ nth }) => nth)).toEqual([1, 3, 4, 0].slice(0, dropped.length));
    expect(dropped).toHaveLength(4);
  });

  it("drops no connection if the bytes have left by the end of the turn", async () => {
    const { backlog, dropped, looked } = newHolders(100, 200);
    backlog.change(200);
    backlog.change(-150);
    await Promise.resolve();
    expect({ dropped, looked }).toEqual({ dropped: [], looked: [] });
    // And it looks again the next time.
    backlog.change(100);
    await Promise.resolve();
    expect(dropped).toHaveLength(1);
  });

  it("looks once for all changes of a turn", async () => {
    const { backlog, looked } = newHolders(100, 500, 500);
    for (let i = 0; i < 10; i++) backlog.change(100);
    await Promise.resolve();
    expect(looked).toEqual([1000]);
  });
});
