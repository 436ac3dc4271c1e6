import fc from "fast-check";
import { afterEach, describe, expect, it, vi } from "vitest";
import {
  type Clock,
  type Deadline,
  Deadlines,
  deadlinesOn,
  systemClock,
  tick,
} from "../src/clock.ts";
import { LinkedList } from "../src/linked-list.ts";
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

  it("call no task early, in whatever part of a tick the timer began", () => {
    const clock = new FakeClock();
    const deadlines = new Deadlines(clock);
    clock.advance(37);
    const lines: string[] = [];
    deadlines.after(150, () => lines.push("due"));
    deadlines.after(10_000, () => {});
    clock.advance(149);
    expect(lines).toEqual([]);
    clock.advance(tick);
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

  it("accept a new deadline from a task", () => {
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

describe("Deadlines after a time that is none", () => {
  it.each([NaN, -1, -Infinity, undefined as unknown as number])(
    "refuse %s, and begin nothing",
    (milliseconds) => {
      const clock = new FakeClock();
      const deadlines = new Deadlines(clock);
      expect(() => deadlines.after(milliseconds, () => {})).toThrow(RangeError);
      expect(clock.running).toBe(0);
    },
  );

  it("take 0 for the next tick", () => {
    const clock = new FakeClock();
    const lines: string[] = [];
    new Deadlines(clock).after(0, () => lines.push("due"));
    clock.advance(tick);
    expect(lines).toEqual(["due"]);
  });
});

describe("Deadlines that are due in the same tick", () => {
  it("are called in the order of their times, and those of one time as they were added", () => {
    const clock = new FakeClock();
    const deadlines = new Deadlines(clock);
    const lines: string[] = [];
    for (const [milliseconds, name] of [
      [190, "fifth"],
      [110, "second"],
      [150, "fourth"],
      [110, "third"],
      [101, "first"],
    ] as const) {
      deadlines.after(milliseconds, () => lines.push(name));
    }
    clock.advance(2 * tick);
    expect(lines).toEqual(["first", "second", "third", "fourth", "fifth"]);
  });

  it("are called in that order even if many ticks did not come", () => {
    const clock = new JumpingClock();
    const deadlines = new Deadlines(clock);
    const lines: number[] = [];
    for (const milliseconds of [5000, 100, 70_000, 3000, 5000, 100_000, 50]) {
      deadlines.after(milliseconds, () => lines.push(milliseconds));
    }
    clock.jump(80_000);
    clock.advance(2 * tick);
    expect(lines).toEqual([50, 100, 3000, 5000, 5000, 70_000]);
    clock.advance(20_000);
    expect(lines.at(-1)).toBe(100_000);
  });

  it("can cancel one another", () => {
    const clock = new FakeClock();
    const deadlines = new Deadlines(clock);
    const lines: string[] = [];
    deadlines.after(110, () => {
      lines.push("first");
      second.cancel();
    });
    const second = deadlines.after(120, () => lines.push("second"));
    clock.advance(10 * tick);
    expect(lines).toEqual(["first"]);
    expect(clock.running).toBe(0);
  });

  it("are all called if one throws, and the timer gets the error afterwards", () => {
    const clock = new FakeClock();
    const deadlines = new Deadlines(clock);
    const lines: string[] = [];
    const error = new Error("thrown by a task");
    deadlines.after(10, () => {
      throw error;
    });
    deadlines.after(20, () => lines.push("second"));
    deadlines.after(1000, () => lines.push("later"));
    expect(() => {
      clock.advance(tick);
    }).toThrow(error);
    expect(lines).toEqual(["second"]);
    clock.advance(1000);
    expect(lines).toEqual(["second", "later"]);
    expect(clock.running).toBe(0);
  });

  it("report every error if several throw", () => {
    const clock = new FakeClock();
    const deadlines = new Deadlines(clock);
    for (const name of ["first", "second"]) {
      deadlines.after(10, () => {
        throw new Error(name);
      });
    }
    let thrown: unknown;
    try {
      clock.advance(tick);
    } catch (error) {
      thrown = error;
    }
    expect(thrown).toBeInstanceOf(AggregateError);
    expect((thrown as AggregateError).errors).toEqual([new Error("first"), new Error("second")]);
  });
});

afterEach(() => {
  vi.restoreAllMocks();
});

/** Counts the deadlines and the buckets that are looked at while `work` runs. */
function lookedAtBy(work: () => void): number {
  let count = 0;
  const iterate = LinkedList.prototype[Symbol.iterator];
  vi.spyOn(LinkedList.prototype, Symbol.iterator).mockImplementation(function* (
    this: LinkedList<never>,
  ) {
    for (const member of iterate.call(this)) {
      count++;
      yield member as never;
    }
  });
  const { get, entries } = Map.prototype;
  const getCounted = vi.spyOn(Map.prototype, "get").mockImplementation(function (
    this: Map<unknown, unknown>,
    key,
  ) {
    count++;
    return get.call(this, key) as unknown;
  });
  const walkCounted = vi.spyOn(Map.prototype, Symbol.iterator).mockImplementation(function (
    this: Map<unknown, unknown>,
  ) {
    count += this.size;
    return entries.call(this);
  });
  work();
  getCounted.mockRestore();
  walkCounted.mockRestore();
  vi.restoreAllMocks();
  return count;
}

describe("a tick among 100 000 deadlines", () => {
  const existing = 100_000;

  /** Idle connections, whose deadlines are spread over a minute that begins in 10 s. */
  function crowd() {
    const clock = new JumpingClock();
    const deadlines = new Deadlines(clock);
    let calls = 0;
    const all = Array.from({ length: existing }, (_, i) =>
      deadlines.after(10_000 + (i * 60_000) / existing, () => calls++),
    );
    return { clock, deadlines, all, calls: () => calls };
  }

  it("looks at none of them if none is due", () => {
    const { clock, calls } = crowd();
    const counts = Array.from({ length: 10 }, () =>
      lookedAtBy(() => {
        clock.advance(tick);
      }),
    );
    expect(Math.max(...counts)).toBeLessThan(5);
    expect(calls()).toBe(0);
  });

  it("looks at those that are due by it or by the next one", () => {
    const { clock, calls } = crowd();
    clock.advance(20_037);
    const before = calls();
    const looked = lookedAtBy(() => {
      clock.advance(tick);
    });
    const due = calls() - before;
    expect(due).toBeGreaterThan(100);
    // Each that is due is looked at before, when it is, and when it is taken out.
    expect(looked).toBeLessThan(4 * due);
  });

  it("looks at each at most twice if a few of them are due at a time", () => {
    const clock = new FakeClock();
    const deadlines = new Deadlines(clock);
    clock.advance(33);
    let calls = 0;
    for (let i = 0; i < existing; i++) deadlines.after(100 + i / 10, () => calls++);
    const looked = lookedAtBy(() => {
      clock.advance(1000);
    });
    expect(calls).toBeGreaterThan(8000);
    expect(looked).toBeLessThan(4 * calls);
  });

  it("looks at buckets, and not at each tick that did not come, after a night of sleep", () => {
    const { clock, deadlines, all } = crowd();
    for (const deadline of all) deadline.cancel();
    deadlines.after(1000, () => {});
    deadlines.after(200_000_000, () => {});
    clock.jump(100_000_000);
    const looked = lookedAtBy(() => {
      clock.advance(2 * tick);
    });
    expect(looked).toBeLessThan(200);
  });

  it("makes adding and cancelling no more expensive", () => {
    for (const { deadlines } of [crowd(), { deadlines: new Deadlines(new FakeClock()) }]) {
      const looked = lookedAtBy(() => {
        for (let i = 0; i < 100; i++) deadlines.after(30_000, () => {}).cancel();
      });
      expect(looked).toBe(200);
    }
  });
});

describe("Deadlines on a clock that goes back, which no clock should", () => {
  it("lose nothing", () => {
    let now = 10_000;
    let check = (): void => {};
    const clock: Clock = {
      now: () => now,
      every(_, task) {
        check = task;
        return () => {};
      },
    };
    const deadlines = new Deadlines(clock);
    const lines: string[] = [];
    deadlines.after(1000, () => lines.push("first"));
    now = 10_100;
    check();
    now = 5000;
    deadlines.after(1000, () => lines.push("second"));
    now = 10_200;
    check();
    expect(lines).toEqual(["second"]);
    now = 10_900;
    check();
    now = 11_000;
    check();
    expect(lines).toEqual(["second", "first"]);
  });
});

/** Deadlines as they might be written where nobody counts: all are looked at in each tick. */
class PlainDeadlines {
  readonly #clock: Clock;
  #entries: { at: number; task: () => void }[] = [];
  #checkedAt = 0;
  #wasLate = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  after(milliseconds: number, task: () => void): Deadline {
    const entry = { at: this.#clock.now() + milliseconds, task };
    if (this.#entries.length === 0) {
      this.#checkedAt = this.#clock.now();
      this.#wasLate = false;
    }
    this.#entries.push(entry);
    return {
      cancel: () => {
        this.#entries = this.#entries.filter((other) => other !== entry);
      },
      hold() {},
    };
  }

  check(): void {
    const now = this.#clock.now();
    this.#wasLate = now - this.#checkedAt > 5 * tick && !this.#wasLate;
    this.#checkedAt = now;
    if (this.#wasLate) return;
    const due = this.#entries.filter(({ at }) => at <= now).sort((a, b) => a.at - b.at);
    this.#entries = this.#entries.filter(({ at }) => at > now);
    for (const { task } of due) task();
  }
}

describe("Deadlines that are added, cancelled, met and slept over", () => {
  it("call what a look at each of them in each tick would call, in that order", () => {
    const step = fc.oneof(
      fc.record({ add: fc.oneof(fc.nat(500), fc.nat(100_000)) }),
      fc.record({ cancel: fc.nat(20) }),
      fc.record({ advance: fc.nat(1500) }),
      fc.record({ jump: fc.oneof(fc.nat(2000), fc.nat(1_000_000)) }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        const clock = new JumpingClock();
        const sides = [
          { deadlines: new Deadlines(clock), lines: [] as string[], all: [] as Deadline[] },
          { deadlines: new PlainDeadlines(clock), lines: [] as string[], all: [] as Deadline[] },
        ] as const;
        const plain = sides[1].deadlines;
        // One that is never met keeps both on one timer's time.
        sides[0].deadlines.after(1e9, () => {});
        plain.after(1e9, () => {});
        clock.every(tick, () => {
          plain.check();
        });
        for (const [number, one] of steps.entries()) {
          if ("advance" in one) clock.advance(one.advance);
          if ("jump" in one) clock.jump(one.jump);
          for (const { deadlines, lines, all } of sides) {
            if ("cancel" in one) all[one.cancel]?.cancel();
            if (!("add" in one)) continue;
            all.push(deadlines.after(one.add, () => lines.push(`${clock.now()} ${number}`)));
          }
        }
        clock.advance(1000);
        expect(sides[0].lines).toEqual(sides[1].lines);
      }),
    );
  });
});

describe("Deadlines on a clock", () => {
  it("tell the clock's time, exactly and as of the last tick", () => {
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

  it("have the right coarse time when the timer runs again after a while", () => {
    const clock = new FakeClock();
    const deadlines = new Deadlines(clock);
    deadlines.after(10, () => {});
    clock.advance(5000);
    expect(clock.running).toBe(0);
    deadlines.after(10, () => {});
    expect(deadlines.coarseNow).toBe(5000);
  });

  it("take the end of the tick as the latest time that a coarse time can mean", () => {
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

  it("call nothing that was cancelled by what was read meanwhile", () => {
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

  it("keep their times if the process is held up again and again", () => {
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

  it("give the next deadline a tick more, too, even if the timer did not run in between", () => {
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

  it("do not treat a tick that is half a second late as such a delay", () => {
    const clock = new JumpingClock();
    const lines: string[] = [];
    new Deadlines(clock).after(400, () => lines.push("due"));
    clock.jump(400);
    clock.advance(tick);
    expect(lines).toEqual(["due"]);
  });
});

describe("deadlinesOn()", () => {
  it("gives all users of the system's time one timer", () => {
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

describe("Deadlines, and whether the process lives on for them", () => {
  /** A clock that writes down what its timer is told. */
  function newClock(): { clock: Clock; told: string[]; next: () => void } {
    const told: string[] = [];
    let now = 0;
    let run = (): void => {};
    const clock: Clock = {
      now: () => now,
      every(_, task) {
        run = task;
        return Object.assign(() => void told.push("stop"), {
          ref: () => void told.push("ref"),
          unref: () => void told.push("unref"),
        });
      },
    };
    const next = (): void => {
      now += tick;
      run();
    };
    return { clock, told, next };
  }

  it("keep the process alive while one deadline holds it, and no longer", () => {
    const { clock, told, next } = newClock();
    const deadlines = new Deadlines(clock);
    const free = deadlines.after(500, () => {}, false);
    expect(told).toEqual(["unref"]);
    deadlines.after(100, () => {});
    const second = deadlines.after(200, () => {});
    expect(told).toEqual(["unref", "ref"]);
    next();
    second.cancel();
    expect(told).toEqual(["unref", "ref", "unref"]);
    free.cancel();
    expect(told.pop()).toBe("stop");
  });

  it("let each deadline be changed while it is due, and not afterwards", () => {
    const { clock, told } = newClock();
    const deadlines = new Deadlines(clock);
    const one = deadlines.after(500, () => {});
    const other = deadlines.after(500, () => {}, false);
    told.length = 0;
    one.hold(true);
    one.hold(false);
    other.hold(true);
    other.hold(true);
    one.cancel();
    one.hold(true);
    other.cancel();
    other.hold(false);
    expect(told).toEqual(["unref", "ref", "unref", "stop"]);
    deadlines.after(Infinity, () => {}).hold(false);
  });

  it("never keep the process alive if they may not", () => {
    const { clock, told } = newClock();
    const deadlines = new Deadlines(clock);
    deadlines.hold(false);
    deadlines.after(500, () => {});
    expect(told).toEqual(["unref"]);
    deadlines.hold(true);
    deadlines.hold(false);
    expect(told).toEqual(["unref", "ref", "unref"]);
    new Deadlines(clock).hold(true);
    expect(told).toHaveLength(3);
  });

  it("call no such method on a clock that has none", () => {
    const deadlines = new Deadlines(new FakeClock());
    const one = deadlines.after(500, () => {});
    one.hold(false);
    one.hold(true);
    deadlines.hold(false);
    deadlines.hold(true);
    one.cancel();
  });
});
