import { describe, expect, it } from "vitest";
import { Deadlines, systemClock, tick } from "../src/clock.ts";
import { FakeClock } from "./support/fake-clock.ts";

describe("Deadlines", () => {
  it("call a task once when it is due, and not before", () => {
    const clock = new FakeClock();
    const lines: string[] = [];
    new Deadlines(clock).after(1000, () => lines.push("due"));
    clock.advance(999);
    expect(lines).toEqual([]);
    clock.advance(tick);
    expect(lines).toEqual(["due"]);
    clock.advance(10_000);
    expect(lines).toEqual(["due"]);
  });

  it("share one timer, which runs only while something is due", () => {
    const clock = new FakeClock();
    const deadlines = new Deadlines(clock);
    expect(clock.running).toBe(0);
    const first = deadlines.after(1000, () => {});
    deadlines.after(2000, () => {});
    expect(clock.running).toBe(1);
    first.cancel();
    expect(clock.running).toBe(1);
    clock.advance(2000 + tick);
    expect(clock.running).toBe(0);
  });

  it("call nothing that was cancelled, however often", () => {
    const clock = new FakeClock();
    const lines: string[] = [];
    const deadline = new Deadlines(clock).after(10, () => lines.push("due"));
    deadline.cancel();
    deadline.cancel();
    clock.advance(1000);
    expect(lines).toEqual([]);
    expect(clock.running).toBe(0);
  });

  it("need no timer for what is never due", () => {
    const clock = new FakeClock();
    const deadline = new Deadlines(clock).after(Infinity, () => {});
    expect(clock.running).toBe(0);
    deadline.cancel();
  });

  it("take a new one from a task", () => {
    const clock = new FakeClock();
    const deadlines = new Deadlines(clock);
    const lines: string[] = [];
    deadlines.after(100, () => {
      lines.push("first");
      deadlines.after(100, () => lines.push("second"));
    });
    clock.advance(100 + tick);
    clock.advance(100 + tick);
    expect(lines).toEqual(["first", "second"]);
  });
});

describe("systemClock", () => {
  it("never goes back, and calls until it is stopped", async () => {
    const start = systemClock.now();
    await new Promise<void>((resolve) => {
      let calls = 0;
      const stop = systemClock.every(1, () => {
        if (++calls < 3) return;
        stop();
        resolve();
      });
    });
    expect(systemClock.now()).toBeGreaterThanOrEqual(start);
  });
});
