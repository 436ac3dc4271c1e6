import { describe, expect, it } from "vitest";
import { Deadlines, deadlinesOn, systemClock, tick } from "../src/clock.ts";
import { FakeClock } from "./support/fake-clock.ts";
import { JumpingClock } from "./support/jumping-clock.ts";

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

describe("Deadlines on a clock", () => {
  it("tell its time, exactly and as of the last tick", () => {
    const clock = new FakeClock();
    const deadlines = new Deadlines(clock);
    clock.advance(250);
    deadlines.after(10_000, () => {});
    expect([deadlines.now(), deadlines.coarseNow]).toEqual([250, 250]);
    clock.advance(tick - 1);
    expect([deadlines.now(), deadlines.coarseNow]).toEqual([250 + tick - 1, 250]);
    clock.advance(1);
    expect([deadlines.now(), deadlines.coarseNow]).toEqual([250 + tick, 250 + tick]);
  });

  it("have the right coarse time again when the timer runs again after a while", () => {
    const clock = new FakeClock();
    const deadlines = new Deadlines(clock);
    deadlines.after(10, () => {});
    clock.advance(5000);
    expect(clock.running).toBe(0);
    deadlines.after(10, () => {});
    expect(deadlines.coarseNow).toBe(5000);
  });

  it("take the end of the tick for the latest that a coarse time can mean", () => {
    const clock = new JumpingClock();
    const deadlines = new Deadlines(clock);
    deadlines.after(60_000, () => {});
    clock.advance(1000);
    expect(deadlines.latest(deadlines.coarseNow)).toBe(1000 + tick);
    clock.jump(1900);
    clock.advance(tick); // the tick that began at 1000 ends at 3000
    expect(deadlines.coarseNow).toBe(3000);
    expect(deadlines.latest(1000)).toBe(3000);
    expect(deadlines.latest(900)).toBe(1000);
    expect(deadlines.latest(deadlines.coarseNow)).toBe(3000 + tick);
    clock.advance(tick);
    expect(deadlines.latest(1000)).toBe(3000);
  });
});

describe("Deadlines of a process that was held up for two seconds", () => {
  it("call what became due meanwhile one tick later, once", () => {
    const clock = new JumpingClock();
    const deadlines = new Deadlines(clock);
    const lines: string[] = [];
    deadlines.after(1000, () => lines.push("due"));
    deadlines.after(60_000, () => {});
    clock.advance(500);
    clock.jump(2000);
    clock.advance(tick); // what peers have sent is read after this tick
    expect(lines).toEqual([]);
    clock.advance(tick);
    expect(lines).toEqual(["due"]);
    clock.advance(10 * tick);
    expect(lines).toEqual(["due"]);
  });

  it("call nothing that what was read meanwhile has cancelled", () => {
    const clock = new JumpingClock();
    const deadlines = new Deadlines(clock);
    const lines: string[] = [];
    const deadline = deadlines.after(1000, () => lines.push("due"));
    clock.jump(2000);
    clock.advance(tick);
    deadline.cancel();
    clock.advance(10 * tick);
    expect(lines).toEqual([]);
    expect(clock.running).toBe(0);
  });

  it("hold everybody to their time where it is held up again and again", () => {
    const clock = new JumpingClock();
    const deadlines = new Deadlines(clock);
    const lines: string[] = [];
    deadlines.after(1000, () => lines.push("due"));
    clock.jump(2000);
    clock.advance(tick);
    clock.jump(2000);
    clock.advance(tick);
    expect(lines).toEqual(["due"]);
  });

  it("give the next time a tick more, too, also where the timer did not run between them", () => {
    const clock = new JumpingClock();
    const deadlines = new Deadlines(clock);
    const lines: string[] = [];
    for (const name of ["first", "second"]) {
      const deadline = deadlines.after(1000, () => lines.push(name));
      clock.jump(2000);
      clock.advance(tick);
      deadline.cancel();
    }
    expect(lines).toEqual([]);
  });

  it("do not take a tick that is half a second late for that", () => {
    const clock = new JumpingClock();
    const lines: string[] = [];
    new Deadlines(clock).after(400, () => lines.push("due"));
    clock.jump(400);
    clock.advance(tick);
    expect(lines).toEqual(["due"]);
  });
});

describe("deadlinesOn()", () => {
  it("gives all who use the system's time one timer", () => {
    expect(deadlinesOn()).toBe(deadlinesOn());
    expect(deadlinesOn(systemClock)).toBe(deadlinesOn());
  });

  it("gives each other clock's user deadlines on that clock", () => {
    const clock = new FakeClock();
    clock.advance(42);
    expect(deadlinesOn(clock)).not.toBe(deadlinesOn(clock));
    expect(deadlinesOn(clock).now()).toBe(42);
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
