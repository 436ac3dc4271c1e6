import { describe, expect, it } from "vitest";
import type { StopTimer } from "../src/clock.ts";
import { startTimer } from "../src/timer.ts";
import { FakeClock } from "./support/fake-clock.ts";

describe("startTimer()", () => {
  it("calls once, when the time is over", () => {
    const clock = new FakeClock();
    let calls = 0;
    startTimer(clock, 250, () => calls++);
    clock.advance(249);
    expect(calls).toBe(0);
    clock.advance(1000);
    expect([calls, clock.running]).toEqual([1, 0]);
  });

  it("waits a millisecond for 0, and for ever for Infinity", () => {
    const clock = new FakeClock();
    let calls = 0;
    startTimer(clock, 0, () => calls++);
    clock.advance(1);
    const never = startTimer(clock, Infinity, () => calls++);
    never.hold(true);
    never.cancel();
    clock.advance(1e12);
    expect([calls, clock.running]).toEqual([1, 0]);
  });

  it("can wait longer than a runtime's own timers", () => {
    const clock = new FakeClock();
    let calls = 0;
    startTimer(clock, 1e10, () => calls++);
    clock.advance(1e10 - 1);
    expect(calls).toBe(0);
    clock.advance(1);
    expect(calls).toBe(1);
  });

  it("calls nothing once it is cancelled", () => {
    const clock = new FakeClock();
    let calls = 0;
    const timer = startTimer(clock, 10, () => calls++);
    timer.cancel();
    clock.advance(100);
    timer.cancel();
    expect([calls, clock.running]).toEqual([0, 0]);
  });

  it("tells its clock whether it keeps the process alive, if the clock wants to know", () => {
    const told: string[] = [];
    const stop: StopTimer = () => {};
    stop.ref = () => told.push("ref");
    stop.unref = () => told.push("unref");
    const timer = startTimer({ now: () => 0, every: () => stop }, 10, () => {});
    timer.hold(false);
    timer.hold(true);
    expect(told).toEqual(["unref", "ref"]);
    const indifferent = startTimer(new FakeClock(), 10, () => {});
    indifferent.hold(false);
    indifferent.hold(true);
    indifferent.cancel();
  });
});
