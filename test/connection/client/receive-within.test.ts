import { describe, expect, it } from "vitest";
import { AbortSource } from "../../../src/connection/client/abort-source.ts";
import { receiveWithin } from "../../../src/connection/client/receive-within.ts";
import { TimeoutError } from "../../../src/errors.ts";
import { FakeClock } from "../../support/fake-clock.ts";

const receiveTimeout = (milliseconds: number): Error =>
  new TimeoutError("RECEIVE_TIMEOUT", milliseconds);

/** Waits for what never comes, and gives up as it is told. */
const never = (limit?: AbortSource): Promise<string> => limit!.race(new Promise(() => {}));

describe("receiveWithin()", () => {
  const clock = new FakeClock();
  const patience = { clock, holds: true, receiveTimeout };

  it("sets no limit if none is given", async () => {
    const limits: unknown[] = [];
    const data = await receiveWithin(patience, async (limit) => {
      limits.push(limit);
      return "here";
    });
    expect([data, limits, clock.running]).toEqual(["here", [undefined], 0]);
  });

  it("gives up when the time is over", async () => {
    const work = receiveWithin({ ...patience, timeout: 50, holds: false }, never);
    clock.advance(50);
    await expect(work).rejects.toMatchObject({ code: "RECEIVE_TIMEOUT", limit: 50 });
    expect(clock.running).toBe(0);
  });

  it("gives up with the signal's reason, even if it is aborted already", async () => {
    const signal = new AbortSource();
    const work = receiveWithin({ ...patience, signal }, never);
    signal.abort(new Error("enough"));
    await expect(work).rejects.toThrow("enough");
    await expect(receiveWithin({ ...patience, signal }, never)).rejects.toThrow("enough");
    expect(clock.running).toBe(0);
  });

  it("refuses an invalid time", async () => {
    await expect(receiveWithin({ ...patience, timeout: -1 }, never)).rejects.toThrow(RangeError);
  });
});
