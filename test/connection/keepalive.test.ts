import { describe, expect, it } from "vitest";
import { type Deadline, Deadlines, tick } from "../../src/clock.ts";
import { isKeepalive, Keepalive, needsKeepalive } from "../../src/connection/keepalive.ts";
import type { Times } from "../../src/connection/settings.ts";
import type { ServeOptions } from "../../src/connection/server/serve.ts";
import { newDeferred } from "../../src/deferred.ts";
import type { TimeoutError } from "../../src/errors.ts";
import { text, toHex } from "../support/frames.ts";
import { JumpingClock } from "../support/jumping-clock.ts";
import { type TestServer, testServer } from "../support/server.ts";
import { macrotask } from "../support/turns.ts";

const never: Times = {
  pingInterval: Infinity,
  pongTimeout: Infinity,
  idleTimeout: Infinity,
  maxLifetime: Infinity,
  minProgress: 250,
};

/** Milliseconds of life that a byte buys here. */
const lifeOfByte = 4;

/** Watches nothing but time; `lines` hold what it asks for, with the time. */
function watch(times: Partial<Times>, start = 0) {
  const clock = new JumpingClock();
  clock.advance(start);
  const deadlines = new Deadlines(clock);
  const lines: string[] = [];
  const note = (line: string): void => void lines.push(`${clock.now()} ${line}`);
  const events = {
    isReading: true,
    isStuck: false,
    isHeld: true,
    pings: [] as Uint8Array[],
    sendPing(payload: Uint8Array) {
      events.pings.push(payload);
      note("ping");
      liveness.pinged();
    },
    onLost(error: TimeoutError) {
      note(`lost ${error.code} ${error.limit}`);
    },
    onDue(error: TimeoutError) {
      note(`due ${error.code} ${error.limit}`);
      liveness.stop();
    },
  };
  const liveness = new Keepalive(events, deadlines, { ...never, ...times });
  liveness.start();
  return { liveness, clock, lines, events };
}

describe("needsLiveness()", () => {
  it.each(["pingInterval", "pongTimeout", "idleTimeout", "maxLifetime"])(
    "says yes if there is a %s, and no if there is none",
    (name) => {
      expect(needsKeepalive(never)).toBe(false);
      expect(needsKeepalive({ ...never, [name]: 1000 })).toBe(true);
    },
  );
});

describe("pingInterval", () => {
  it("sends a ping each time, with a payload of its own", () => {
    const { clock, lines, events } = watch({ pingInterval: 1000 });
    clock.advance(3000);
    expect(lines).toEqual(["1000 ping", "2000 ping", "3000 ping"]);
    expect(events.pings.map((payload) => toHex(payload))).toEqual([
      "667700000001",
      "667700000002",
      "667700000003",
    ]);
  });

  it("sends each at its time, even if the one before was late", () => {
    const { clock, lines } = watch({ pingInterval: 1000 });
    clock.advance(990);
    clock.jump(150);
    clock.advance(2500);
    expect(lines).toEqual(["1150 ping", "2050 ping", "3050 ping"]);
  });

  it("omits pings that were missed, and keeps to the times of the others", () => {
    const { clock, lines } = watch({ pingInterval: 1000 });
    clock.advance(500);
    clock.jump(3000);
    clock.advance(2500);
    expect(lines).toEqual(["3700 ping", "4000 ping", "5000 ping", "6000 ping"]);
  });

  it("keeps the pings of a crowd spread over the interval after all were held up together", () => {
    const clock = new JumpingClock();
    const deadlines = new Deadlines(clock);
    const interval = 30_000;
    const crowd = 3000;
    let pings = 0;
    for (let i = 0; i < crowd; i++) {
      const events = {
        isReading: true,
        isStuck: false,
        isHeld: true,
        sendPing: () => void pings++,
        onLost() {},
        onDue() {},
      };
      new Keepalive(events, deadlines, { ...never, pingInterval: interval }).start();
      clock.advance(interval / crowd);
    }
    /** Pings in each tick of an interval. */
    const perTick = (): number[] =>
      Array.from({ length: interval / tick }, () => {
        const before = pings;
        clock.advance(tick);
        return pings - before;
      });
    const even = perTick();
    expect([Math.min(...even), Math.max(...even)]).toEqual([10, 10]);
    clock.jump(3000);
    const late = perTick();
    // Those of the 3 s, of the tick that was late and of the one that waited for what had come.
    expect(Math.max(...late)).toBe(320);
    expect(late.filter((count) => count !== 10)).toEqual([0, 320]);
    expect(perTick()).toEqual(even);
  });

  it("recognizes the pongs of its own pings only", () => {
    const { clock, events } = watch({ pingInterval: 1000 });
    clock.advance(1030);
    const [first] = events.pings;
    expect(isKeepalive(first!)).toBe(true);
    expect(isKeepalive(first!.subarray(1))).toBe(false);
    expect(isKeepalive(new TextEncoder().encode("a ping"))).toBe(false);
  });

  it("measures the round trip of the last ping, by its own pong alone", () => {
    const { clock, liveness, events } = watch({ pingInterval: 1000 });
    const pong = (bytes: Uint8Array): void => {
      const chunk = new Uint8Array(bytes.length + 5);
      chunk.set(bytes, 3);
      liveness.ponged(chunk, 3, 3 + bytes.length);
    };
    clock.advance(1030);
    expect(liveness.roundTripTime).toBeUndefined();
    const [first] = events.pings;
    for (const other of [
      new Uint8Array(0),
      first!.subarray(0, 5),
      new Uint8Array([...first!, 0]),
      Uint8Array.of(0x65, ...first!.subarray(1)),
      Uint8Array.of(0x66, 0x78, ...first!.subarray(2)),
      Uint8Array.of(...first!.subarray(0, 5), 2),
    ]) {
      pong(other);
    }
    expect(liveness.roundTripTime).toBeUndefined();
    pong(first!);
    expect(liveness.roundTripTime).toBe(30);
    clock.advance(1000);
    pong(first!); // late, and no answer to the second one
    expect(liveness.roundTripTime).toBe(30);
    clock.advance(20);
    pong(events.pings[1]!);
    expect(liveness.roundTripTime).toBe(50);
  });

  it("drops no peer without pongTimeout", () => {
    const { clock, lines } = watch({ pingInterval: 1000 });
    clock.advance(100_000);
    expect(lines).toHaveLength(100);
    expect(lines.filter((line) => !line.endsWith("ping"))).toEqual([]);
  });
});

describe("pongTimeout", () => {
  it("drops a peer that sends nothing after a ping, a tick after the time", () => {
    const { clock, lines } = watch({ pingInterval: 1000, pongTimeout: 500 });
    clock.advance(1500);
    expect(lines).toEqual(["1000 ping"]);
    clock.advance(tick);
    expect(lines).toEqual(["1000 ping", "1600 lost PONG_TIMEOUT 500"]);
  });

  it("counts any whole frame as an answer", () => {
    const { clock, lines, liveness } = watch({ pingInterval: 1000, pongTimeout: 500 });
    clock.advance(1400);
    liveness.framed();
    clock.advance(599);
    expect(lines).toEqual(["1000 ping"]);
    clock.advance(1000);
    expect(lines).toEqual(["1000 ping", "2000 ping", "2600 lost PONG_TIMEOUT 500"]);
  });

  it("counts what comes while it looks for the last time", () => {
    const { clock, lines, liveness } = watch({ pingInterval: 10_000, pongTimeout: 500 });
    clock.advance(10_550);
    liveness.framed();
    clock.advance(1000);
    expect(lines).toEqual(["10000 ping"]);
  });

  it("counts from the first ping that is unanswered where pings overlap", () => {
    const { clock, lines, liveness } = watch({ pingInterval: 300, pongTimeout: 1000 });
    clock.advance(350);
    liveness.framed();
    clock.advance(1300); // pings at 600, 900, 1200, 1500 are not answered
    expect(lines.at(-1)).toBe("1500 ping");
    clock.advance(50);
    expect(lines.at(-1)).toBe("1700 lost PONG_TIMEOUT 1000");
  });

  it("does not drop the peer while this side does not read", () => {
    const { clock, lines, events, liveness } = watch({ pingInterval: 1000, pongTimeout: 500 });
    events.isReading = false;
    clock.advance(10_000);
    expect(lines.filter((line) => !line.endsWith("ping"))).toEqual([]);
    events.isReading = true;
    clock.advance(tick);
    liveness.framed();
    clock.advance(800);
    expect(lines.filter((line) => !line.endsWith("ping"))).toEqual([]);
  });

  it("gives a peer a tick more than this side needs to read again", () => {
    const { clock, lines, events, liveness } = watch({ pingInterval: 60_000, pongTimeout: 500 });
    events.isReading = false;
    clock.advance(60_490);
    events.isReading = true; // and what has come is not read yet
    clock.advance(10);
    expect(lines).toEqual(["60000 ping"]);
    liveness.framed();
    clock.advance(5000);
    expect(lines).toEqual(["60000 ping"]);
  });

  it("gives the whole time again if this side stops reading while it looks for the last time", () => {
    const { clock, lines, events } = watch({ pingInterval: 60_000, pongTimeout: 500 });
    clock.advance(60_500);
    events.isReading = false;
    clock.advance(tick);
    events.isReading = true;
    clock.advance(599);
    expect(lines).toEqual(["60000 ping"]);
    clock.advance(1);
    expect(lines.at(-1)).toBe("61200 lost PONG_TIMEOUT 500");
  });

  it("holds for a ping of the application, too", () => {
    const { clock, lines, liveness } = watch({ pongTimeout: 500 });
    clock.advance(5000);
    expect(lines).toEqual([]);
    liveness.pinged();
    clock.advance(700);
    expect(lines).toEqual(["5600 lost PONG_TIMEOUT 500"]);
  });

  it("starts no deadline for a ping after the end", () => {
    const { clock, lines, liveness } = watch({ pongTimeout: 500 });
    liveness.stop();
    liveness.pinged();
    expect(clock.running).toBe(0);
    clock.advance(5000);
    expect(lines).toEqual([]);
  });

  it("keeps no memory of answered pings, however many", () => {
    let cancelled = 0;
    class CountingDeadlines extends Deadlines {
      override after(milliseconds: number, task: () => void): Deadline {
        const deadline = super.after(milliseconds, task);
        return {
          cancel() {
            cancelled++;
            deadline.cancel();
          },
          hold() {},
        };
      }
    }
    const clock = new JumpingClock();
    const events = {
      isReading: true,
      isStuck: false,
      isHeld: true,
      sendPing() {},
      onLost() {},
      onDue() {},
    };
    const times = { ...never, pongTimeout: 10_000 };
    const liveness = new Keepalive(events, new CountingDeadlines(clock), times);
    for (let count = 0; count < 100; count++) {
      liveness.pinged();
      liveness.framed();
    }
    cancelled = 0;
    liveness.stop();
    expect([cancelled, clock.running]).toEqual([1, 0]);
  });

  it("begins anew if the process was held up while it pinged", () => {
    const { clock, lines } = watch({ pingInterval: 60_000, pongTimeout: 500 });
    clock.advance(60_000);
    clock.jump(2000);
    clock.advance(599);
    expect(lines).toEqual(["60000 ping"]);
    clock.advance(tick);
    expect(lines).toEqual(["60000 ping", "62600 lost PONG_TIMEOUT 500"]);
  });

  it("drops no peer whose bytes have come while the process was held up", () => {
    const { clock, lines, liveness } = watch({ pingInterval: 1000, pongTimeout: 500 });
    clock.advance(1000);
    clock.jump(2000);
    clock.advance(tick);
    liveness.framed(); // what lay in the socket meanwhile
    clock.advance(tick);
    expect(lines.filter((line) => !line.endsWith("ping"))).toEqual([]);
  });
});

/** Lets time pass tick by tick; `step` is called behind each. */
function ticks(clock: JumpingClock, milliseconds: number, step: () => void): void {
  for (let passed = 0; passed < milliseconds; passed += tick) {
    clock.advance(tick);
    step();
  }
}

describe("pongTimeout, while bytes come that are no whole frame", () => {
  const times = { pingInterval: 60_000, pongTimeout: 1000 };

  it("waits as long as they come fast enough, and then its time from the last one on", () => {
    const { clock, lines, liveness } = watch(times);
    clock.advance(60_000);
    ticks(clock, 30_000, () => {
      liveness.heard(tick / lifeOfByte, true);
    });
    expect(lines).toEqual(["60000 ping"]);
    clock.advance(1000 + tick - 1);
    expect(lines).toEqual(["60000 ping"]);
    clock.advance(1);
    expect(lines).toEqual(["60000 ping", "91100 lost PONG_TIMEOUT 1000"]);
  });

  it("waits a tenth longer for a peer that sends a tenth of that", () => {
    const { clock, lines, liveness } = watch({ ...times, pongTimeout: 9000 });
    clock.advance(60_000);
    ticks(clock, 15_000, () => {
      liveness.heard(tick / lifeOfByte / 10, true);
    });
    expect(lines).toEqual(["60000 ping", "70100 lost PONG_TIMEOUT 9000"]);
  });

  it("does not wait for a peer that sends a byte now and then", () => {
    const { clock, lines, liveness } = watch(times);
    clock.advance(60_000);
    ticks(clock, 2000, () => {
      if (clock.now() % 500 === 0) liveness.heard(1, true);
    });
    expect(lines).toEqual(["60000 ping", "61200 lost PONG_TIMEOUT 1000"]);
  });

  it("credits a peer with no more than the time that has passed", () => {
    const { clock, lines, liveness } = watch(times);
    clock.advance(60_300);
    liveness.heard(1_000_000, true);
    clock.advance(1099);
    expect(lines).toEqual(["60000 ping"]);
    clock.advance(1);
    expect(lines.at(-1)).toBe("61400 lost PONG_TIMEOUT 1000");
  });

  it("does not credit a peer with what came before the ping", () => {
    const { clock, lines, liveness } = watch(times);
    clock.advance(59_900);
    liveness.heard(1_000_000, true);
    clock.advance(1200);
    expect(lines).toEqual(["60000 ping", "61100 lost PONG_TIMEOUT 1000"]);
  });

  it("counts each byte as progress if there is no floor, and no bytes as none", () => {
    const { clock, lines, liveness } = watch({ ...times, minProgress: Infinity });
    clock.advance(60_000);
    ticks(clock, 9000, () => {
      liveness.heard(clock.now() % 1000 === 0 ? 1 : 0, true);
    });
    expect(lines).toEqual(["60000 ping"]);
    ticks(clock, 2000, () => {
      liveness.heard(0, true);
    });
    expect(lines).toEqual(["60000 ping", "70100 lost PONG_TIMEOUT 1000"]);
  });

  it("does not drop a peer because this process was held up after its bytes were read", () => {
    const { clock, lines, liveness } = watch(times);
    clock.advance(60_000);
    clock.jump(3000);
    liveness.heard(1000, true); // now is 63 000, the last tick 60 000
    clock.advance(1000);
    expect(lines).toEqual(["60000 ping"]);
    clock.advance(tick);
    expect(lines.at(-1)).toBe("64100 lost PONG_TIMEOUT 1000");
  });
});

describe("pongTimeout, while a peer takes what is sent", () => {
  const times = { pingInterval: 60_000, pongTimeout: 1000 };

  it("waits as long as writes end that were under way at a tick", () => {
    const { clock, lines, liveness, events } = watch(times);
    events.isStuck = true;
    clock.advance(60_000);
    ticks(clock, 10_000, () => {
      if (clock.now() % 500 !== 0) return;
      liveness.took(500 / lifeOfByte);
      liveness.blocked();
    });
    expect(lines).toEqual(["60000 ping"]);
    clock.advance(1100);
    expect(lines.at(-1)).toBe("71100 lost PONG_TIMEOUT 1000");
  });

  it("ignores writes that end at once, since a kernel with room takes bytes even for a dead peer", () => {
    const { clock, lines, liveness } = watch(times);
    clock.advance(60_000);
    ticks(clock, 2000, () => {
      liveness.blocked();
      liveness.took(1_000_000);
    });
    expect(lines).toEqual(["60000 ping", "61100 lost PONG_TIMEOUT 1000"]);
  });

  it("does not wait for a peer that takes a byte now and then", () => {
    const { clock, lines, liveness, events } = watch(times);
    events.isStuck = true;
    clock.advance(60_000);
    ticks(clock, 2000, () => {
      liveness.took(1);
      liveness.blocked();
    });
    expect(lines).toEqual(["60000 ping", "61200 lost PONG_TIMEOUT 1000"]);
  });
});

describe("pongTimeout, while this side does not read", () => {
  const times = { pingInterval: 60_000, pongTimeout: 1000 };

  function deaf(): ReturnType<typeof watch> {
    const watched = watch(times);
    watched.events.isReading = false;
    return watched;
  }

  it("drops a peer that takes nothing for the whole time", () => {
    const { clock, lines, liveness, events } = deaf();
    clock.advance(60_000);
    events.isStuck = true;
    liveness.blocked();
    clock.advance(1099);
    expect(lines).toEqual(["60000 ping"]);
    clock.advance(1);
    expect(lines).toEqual(["60000 ping", "61100 lost PONG_TIMEOUT 1000"]);
  });

  it("counts from the write that got stuck, not from the ping", () => {
    const { clock, lines, liveness, events } = deaf();
    clock.advance(60_900);
    events.isStuck = true;
    liveness.blocked();
    clock.advance(1099);
    expect(lines).toEqual(["60000 ping"]);
    clock.advance(1);
    expect(lines.at(-1)).toBe("62000 lost PONG_TIMEOUT 1000");
  });

  it("waits as long as writes end, one after the other, fast enough", () => {
    const { clock, lines, liveness, events } = deaf();
    clock.advance(60_000);
    events.isStuck = true;
    liveness.blocked();
    ticks(clock, 10_000, () => {
      if (clock.now() % 900 !== 0) return;
      liveness.took(900 / lifeOfByte);
      liveness.blocked();
    });
    expect(lines).toEqual(["60000 ping"]);
  });

  it("does not wait for a peer that takes a byte now and then", () => {
    const { clock, lines, liveness, events } = deaf();
    clock.advance(60_000);
    events.isStuck = true;
    liveness.blocked();
    ticks(clock, 2000, () => {
      liveness.took(1);
      liveness.blocked();
    });
    expect(lines).toEqual(["60000 ping", "61200 lost PONG_TIMEOUT 1000"]);
  });

  it("counts progress from the write that got stuck, not from the ping", () => {
    const { clock, lines, liveness, events } = deaf();
    clock.advance(60_900);
    events.isStuck = true;
    liveness.blocked();
    ticks(clock, 4000, () => {
      liveness.took(20); // a little too slow
      liveness.blocked();
    });
    expect(lines).toEqual(["60000 ping"]);
  });

  it("credits the peer with what came before this side stopped reading", () => {
    const { clock, lines, liveness, events } = watch(times);
    clock.advance(59_000);
    events.isStuck = true;
    liveness.blocked();
    clock.advance(1500);
    liveness.heard(1000, true);
    events.isReading = false;
    clock.advance(1000);
    expect(lines).toEqual(["60000 ping"]);
    clock.advance(100);
    expect(lines.at(-1)).toBe("61600 lost PONG_TIMEOUT 1000");
  });

  it("counts progress from when this side was last seen not to read", () => {
    const { clock, lines, liveness, events } = deaf();
    clock.advance(61_000);
    events.isReading = true;
    ticks(clock, 4000, () => {
      liveness.heard(20, true); // a little too slow
    });
    expect(lines).toEqual(["60000 ping"]);
  });

  it("begins anew with a write that nothing waited for", () => {
    const { clock, lines, liveness, events } = deaf();
    clock.advance(60_000);
    ticks(clock, 10_000, () => {
      if (clock.now() % 800 === 0) {
        events.isStuck = true;
        liveness.blocked();
      } else if (clock.now() % 800 === 600) {
        events.isStuck = false;
        liveness.took(1);
      }
    });
    expect(lines).toEqual(["60000 ping"]);
  });

  it("gives a tick to a peer whose bytes this side reads again at last", () => {
    const { clock, lines, liveness, events } = deaf();
    clock.advance(60_000);
    events.isStuck = true;
    liveness.blocked();
    clock.advance(1050); // it has been looked once
    events.isReading = true;
    events.isStuck = false;
    clock.advance(50);
    expect(lines).toEqual(["60000 ping"]);
    liveness.framed();
    clock.advance(5000);
    expect(lines).toEqual(["60000 ping"]);
  });
});

describe("idleTimeout", () => {
  it("is due when nothing was used for that long, and never sooner", () => {
    const { clock, lines, liveness } = watch({ idleTimeout: 1000 });
    clock.advance(999);
    liveness.used(); // the tick of 900
    clock.advance(999);
    expect(lines).toEqual([]);
    clock.advance(2 * tick);
    expect(lines).toEqual(["2000 due IDLE_TIMEOUT 1000"]);
    expect(clock.running).toBe(0);
  });

  it("is due if nothing was ever used", () => {
    const { clock, lines } = watch({ idleTimeout: 1000 });
    clock.advance(1200);
    expect(lines).toEqual(["1100 due IDLE_TIMEOUT 1000"]);
  });

  it("counts from the beginning of the connection", () => {
    const { clock, lines } = watch({ idleTimeout: 1000 }, 5000);
    clock.advance(1200);
    expect(lines).toEqual(["6100 due IDLE_TIMEOUT 1000"]);
  });

  it("does not count pings, nor their answers", () => {
    const { clock, lines, liveness } = watch({ idleTimeout: 1000, pingInterval: 300 });
    for (let time = 0; time < 1200; time += 100) {
      clock.advance(100);
      liveness.heard(8, false);
      liveness.framed();
      liveness.blocked();
      liveness.took(8, false);
    }
    expect(lines).toEqual(["300 ping", "600 ping", "900 ping", "1100 due IDLE_TIMEOUT 1000"]);
  });

  const progress: Record<string, (liveness: Keepalive, bytes: number) => void> = {
    come: (liveness, bytes) => {
      liveness.heard(bytes, true);
    },
    "are taken": (liveness, bytes) => {
      liveness.blocked();
      liveness.took(bytes);
    },
  };

  it.each(Object.entries(progress))(
    "is not due while the bytes of a message %s fast enough",
    (_, move) => {
      const { clock, lines, liveness } = watch({ idleTimeout: 1000 });
      ticks(clock, 10_000, () => {
        move(liveness, tick / lifeOfByte);
      });
      expect(lines).toEqual([]);
      clock.advance(1099);
      expect(lines).toEqual([]);
      clock.advance(1);
      expect(lines).toEqual(["11100 due IDLE_TIMEOUT 1000"]);
    },
  );

  it.each(Object.entries(progress))(
    "is due, hardly later, if they %s one now and then",
    (_, move) => {
      const { clock, lines, liveness } = watch({ idleTimeout: 1000 });
      ticks(clock, 2000, () => {
        move(liveness, 1);
      });
      expect(lines).toEqual(["1200 due IDLE_TIMEOUT 1000"]);
    },
  );

  it.each(Object.entries(progress))(
    "is not due if they %s one now and then, and there is no floor",
    (_, move) => {
      const { clock, lines, liveness } = watch({ idleTimeout: 1000, minProgress: Infinity });
      ticks(clock, 10_000, () => {
        if (clock.now() % 1000 === 0) move(liveness, 1);
      });
      expect(lines).toEqual([]);
    },
  );

  it("is not due for a message that was read after the process was held up, before its next tick", () => {
    const { clock, lines, liveness } = watch({ idleTimeout: 1000 });
    clock.advance(500);
    clock.jump(2000);
    liveness.used(); // now is 2500, the last tick 500
    clock.advance(900);
    expect(lines).toEqual([]);
    clock.advance(1000);
    expect(lines).toEqual(["3600 due IDLE_TIMEOUT 1000"]);
  });
});

describe("maxLifetime", () => {
  it("is due once, whatever happens", () => {
    const { clock, lines, liveness } = watch({ maxLifetime: 1000 });
    for (let time = 0; time < 5000; time += 100) {
      clock.advance(100);
      liveness.framed();
      liveness.used();
    }
    expect(lines).toEqual(["1000 due MAX_LIFETIME 1000"]);
  });
});

describe("a connection with pingInterval and pongTimeout", () => {
  const options: Partial<ServeOptions> = { pingInterval: 1000, pongTimeout: 500 };

  it("lives while the peer answers, and measures how long that takes", async () => {
    const { open, clock, lines } = testServer({}, options);
    const { peer, ws } = await open();
    expect(ws.roundTripTime).toBeUndefined();
    for (let count = 1; count <= 5; count++) {
      clock.advance(1000);
      await macrotask();
    }
    expect(peer.lines.filter((line) => line.startsWith("ping"))).toHaveLength(5);
    expect([ws.state, ws.roundTripTime, ws.counters.roundTripTime]).toEqual(["open", 0, 0]);
    peer.close(1000);
    await ws.closed;
    expect(lines).toEqual(["open", "close 1000 clean peer"]);
    expect(clock.running).toBe(0);
  });

  it("is dropped if nothing comes", async () => {
    const { open, clock, lines } = testServer({}, options);
    const { peer, ws } = await open();
    peer.transport.pause();
    clock.advance(1700);
    expect(await ws.closed).toMatchObject({
      status: 1006,
      clean: false,
      initiator: "local",
      error: { name: "TimeoutError", code: "PONG_TIMEOUT", limit: 500 },
    });
    expect(lines).toEqual(["open", "error PONG_TIMEOUT", "close 1006 unclean local"]);
    expect(clock.running).toBe(0);
  });

  it("lives while parts of a frame come instead of the pong", async () => {
    const { open, clock } = testServer({}, options);
    const { peer, ws } = await open();
    const size = 300;
    const frame = text("x".repeat(20 * size), { masked: true });
    peer.onData = () => {}; // it answers nothing
    for (let at = 0; at < 10; at++) {
      clock.advance(400);
      peer.send(frame.subarray(at * size, (at + 1) * size));
      await macrotask();
    }
    expect(ws.state).toBe("open");
    clock.advance(2000);
    await macrotask();
    expect(ws.state).toBe("closed");
  });

  it("is dropped if a byte of a frame comes now and then", async () => {
    const { open, clock } = testServer({}, options);
    const { peer, ws } = await open();
    const frame = text("Hello", { masked: true });
    peer.onData = () => {};
    for (let at = 0; at < 5; at++) {
      clock.advance(400);
      peer.send(frame.subarray(at, at + 1));
      await macrotask();
    }
    expect(await ws.closed).toMatchObject({ error: { code: "PONG_TIMEOUT" } });
  });

  it("is dropped if a handler waits for ever for a peer that reads nothing", async () => {
    const { open, clock, lines } = testServer(
      { message: (ws) => ws.send(new Uint8Array(1024 ** 2)) },
      options,
    );
    const { peer, ws } = await open();
    peer.transport.pause();
    peer.text("begin");
    await macrotask();
    for (let count = 0; count < 30; count++) {
      clock.advance(tick);
      await macrotask();
    }
    await ws.closed;
    expect(lines).toEqual([
      "open",
      "message begin",
      "error PONG_TIMEOUT",
      "close 1006 unclean local",
    ]);
    expect(clock.running).toBe(0);
  });

  it("lives while a handler is slow, and the pong waits behind what is not read", async () => {
    const gate = newDeferred<void>();
    const { open, clock, lines } = testServer({ message: () => gate.promise }, options);
    const { peer, ws } = await open();
    peer.text("slow");
    await macrotask();
    for (let count = 0; count < 20; count++) {
      clock.advance(500);
      await macrotask();
    }
    expect(lines).toEqual(["open", "message slow"]);
    gate.resolve();
    await macrotask();
    clock.advance(1000);
    await macrotask();
    clock.advance(800);
    expect(ws.state).toBe("open");
    peer.close(1000);
    await ws.closed;
  });

  it("counts from a ping of the application", async () => {
    const { open, clock, lines } = testServer({}, { pongTimeout: 500 });
    const { peer, ws } = await open();
    await ws.ping("mine");
    await peer.seen("ping mine");
    await macrotask();
    clock.advance(5000);
    expect(ws.state).toBe("open");
    peer.transport.pause();
    void ws.ping();
    clock.advance(700);
    await ws.closed;
    expect(lines.slice(1)).toEqual(["error PONG_TIMEOUT", "close 1006 unclean local"]);
  });

  it.each(["close", "terminate"] as const)(
    "has no timer for a ping that comes after %s()",
    async (end) => {
      const { open, clock } = testServer({}, options);
      const { ws } = await open();
      const { closed } = ws;
      void ws[end]();
      ws.ping().catch(() => {});
      await closed;
      ws.ping().catch(() => {});
      expect(clock.running).toBe(0);
    },
  );

  it("drops no peer whose bytes have come while the process was held up for two seconds", async () => {
    const clock = new JumpingClock();
    const { open, lines } = testServer({}, { ...options, clock });
    const { ws, peer } = await open();
    const second = await open();
    second.peer.onData = () => {}; // it answers nothing
    clock.advance(1000); // pings leave
    clock.jump(2000); // the pong comes meanwhile, and cannot be read
    clock.advance(tick);
    await macrotask();
    clock.advance(tick);
    await macrotask();
    expect([ws.state, second.ws.state]).toEqual(["open", "open"]);
    // The time that this process lost begins anew for its peer.
    clock.advance(500 - 2 * tick);
    expect(second.ws.state).toBe("open");
    clock.advance(tick);
    await second.ws.closed;
    expect([ws.state, lines.at(-2)]).toEqual(["open", "error PONG_TIMEOUT"]);
    peer.close(1000);
    await ws.closed;
    expect(clock.running).toBe(0);
  });
});

describe("a connection with idleTimeout", () => {
  const options: Partial<ServeOptions> = { idleTimeout: 1000, pingInterval: 300 };

  it("is closed with 1001 if only pings and pongs go over it", async () => {
    const { open, clock, lines } = testServer({}, options);
    const { peer, ws } = await open();
    for (let count = 0; count < 11; count++) {
      clock.advance(100);
      await macrotask();
    }
    expect(await ws.closed).toMatchObject({
      status: 1001,
      clean: true,
      initiator: "local",
      error: { code: "IDLE_TIMEOUT", limit: 1000 },
    });
    expect(lines).toEqual(["open", "error IDLE_TIMEOUT", "close 1001 clean local"]);
    expect(peer.lines.filter((line) => line.startsWith("ping")).length).toBeGreaterThan(2);
    expect(clock.running).toBe(0);
  });

  const uses: Record<
    string,
    (one: Awaited<ReturnType<TestServer["open"]>>, server: TestServer["server"]) => unknown
  > = {
    comes: ({ peer }) => peer.text("a"),
    "comes in pieces": ({ peer }) =>
      peer.send(text("a", { masked: true, fin: false }), new Uint8Array([0x80, 0x80, 0, 0, 0, 0])),
    "is sent": ({ ws }) => ws.send("a"),
    "is sent from a stream": ({ ws }) => ws.sendStream(["a", "b"]),
    "is written piece by piece": async ({ ws }) => {
      const writer = ws.beginMessage();
      await writer.write("a");
      await writer.close();
    },
    "is broadcast": (_, server) => server.broadcast("a"),
    "is published": async ({ ws }, server) => {
      void ws.subscribe("topic");
      server.publish("topic", "a");
    },
  };

  it.each(Object.keys(uses))("lives while a message %s", async (use) => {
    const { open, clock, server } = testServer({}, options);
    const opened = await open();
    for (let count = 0; count < 5; count++) {
      clock.advance(800);
      await macrotask();
      await uses[use]!(opened, server);
      await macrotask();
    }
    expect(opened.ws.state).toBe("open");
    clock.advance(1300);
    await opened.ws.closed;
  });

  it("is closed with 1001 if a message is begun and nothing follows: row 127 of the battery", async () => {
    const { open, clock, lines } = testServer({}, { idleTimeout: 1000 });
    const { peer, ws } = await open();
    peer.send(text("begun", { masked: true, fin: false }));
    await macrotask();
    clock.advance(1200);
    await ws.closed;
    expect(lines).toEqual(["open", "error IDLE_TIMEOUT", "close 1001 clean local"]);
    expect(peer.lines).toContain("close 1001");
    expect(clock.running).toBe(0);
  });
});

describe("a connection with maxLifetime", () => {
  it("is closed with 1001, however busy it is", async () => {
    const { open, clock, lines } = testServer(
      { message: (ws, data) => ws.send(data) },
      { maxLifetime: 1000 },
    );
    const { peer, ws } = await open();
    for (let count = 0; count < 10; count++) {
      peer.text(String(count));
      await peer.seen(`text ${count}`);
      clock.advance(100);
    }
    expect(await ws.closed).toMatchObject({
      status: 1001,
      clean: true,
      error: { code: "MAX_LIFETIME", limit: 1000 },
    });
    expect(lines.slice(-2)).toEqual(["error MAX_LIFETIME", "close 1001 clean local"]);
    expect(clock.running).toBe(0);
  });

  it("is ignored once the closing handshake has begun", async () => {
    const { open, clock, lines } = testServer({}, { maxLifetime: 1000, closeTimeout: 5000 });
    const { peer, ws } = await open();
    peer.endsWithServer = false;
    void ws.close(4000);
    await peer.seen("end");
    clock.advance(2000);
    expect(lines).toEqual(["open"]);
    clock.advance(3200);
    await ws.closed;
    expect(lines).toEqual(["open", "close 4000 clean local"]);
  });
});

describe("the times of all connections of a server", () => {
  it("are kept by one timer, and by none when all connections are over", async () => {
    const { open, clock, server } = testServer(
      {},
      { pingInterval: 1000, pongTimeout: 500, idleTimeout: 5000, maxLifetime: 60_000 },
    );
    for (let count = 0; count < 20; count++) await open();
    clock.advance(1000);
    await macrotask();
    expect(clock.running).toBe(1);
    await server.shutdown();
    expect(clock.running).toBe(0);
  });
});
