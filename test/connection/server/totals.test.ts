import { describe, expect, it } from "vitest";
import { type CountedConnection, Totals } from "../../../src/connection/server/totals.ts";
import { Traffic } from "../../../src/endpoint/traffic.ts";

/** A connection that has received one message, and sent twice as much. */
function connection(unsent: number, dropped: number): CountedConnection {
  const one = { messages: 1, payload: 2, frames: 3, bytes: 4 };
  const two = { messages: 2, payload: 4, frames: 6, bytes: 8 };
  return {
    endpoint: {
      received: Object.assign(new Traffic(), one),
      sent: Object.assign(new Traffic(), two),
    },
    outbox: { unsent, dropped },
  };
}

describe("Totals", () => {
  it("begins at 0", () => {
    const nothing = { messages: 0, payload: 0, frames: 0, bytes: 0, ratio: 0 };
    expect(new Totals().countersOf([], 0)).toEqual({
      open: 0,
      opening: 0,
      opened: 0,
      refused: 0,
      received: nothing,
      sent: nothing,
      queued: 0,
      dropped: 0,
    });
  });

  it("sums open connections and those that are over, whose unsent bytes count no more", () => {
    const totals = new Totals();
    totals.opened = 3;
    totals.refused = 1;
    totals.add(connection(1000, 5));
    const counters = totals.countersOf([connection(10, 1), connection(20, 0)], 7);
    expect(counters).toMatchObject({
      open: 2,
      opening: 7,
      opened: 3,
      refused: 1,
      received: { messages: 3, payload: 6, frames: 9, bytes: 12, ratio: 0.5 },
      sent: { messages: 6, payload: 12, frames: 18, bytes: 24, ratio: 0.5 },
      queued: 30,
      dropped: 6,
    });
    expect(totals.countersOf([], 0).received.messages).toBe(1);
  });
});
