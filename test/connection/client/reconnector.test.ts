import { describe, expect, it } from "vitest";
import type { BackoffOptions } from "../../../src/connection/client/backoff.ts";
import {
  Reconnector,
  type ReconnectorOptions,
  type ReconnectEnd,
} from "../../../src/connection/client/reconnector.ts";
import { newDeferred } from "../../../src/deferred.ts";
import { ClosedError, DialError, TransportError } from "../../../src/errors.ts";
import { rules } from "../../../src/connection/client/reconnect.ts";
import { FakeClock } from "../../support/fake-clock.ts";
import {
  closure,
  type FakeAttempt,
  type FakeConnection,
  newAttempts,
} from "../../support/fake-connection.ts";
import { oddThenables } from "../../support/thenables.ts";
import { macrotask } from "../../support/turns.ts";

const refused = new TransportError("REFUSED");

interface TestReconnector {
  readonly reconnector: Reconnector<FakeConnection>;
  readonly clock: FakeClock;
  readonly attempts: FakeAttempt[];
  /** "ready", "connected", "disconnected 1000 after CAUSE", "lost", "end CAUSE". */
  readonly lines: string[];
  readonly end: Promise<ReconnectEnd>;
  /** Lets happen what is due, moves time on, and lets happen what follows. */
  pass(milliseconds: number): Promise<void>;
  /** Lets the latest attempt succeed. */
  succeed(): Promise<FakeConnection>;
  /** Lets the latest attempt fail. */
  fail(error?: unknown): Promise<void>;
}

/** Waits take as long as they may, unless a test says otherwise. */
const always: BackoffOptions = { random: () => 1 };

async function testReconnector(
  options: ReconnectorOptions<FakeConnection> = {},
  isAwaited = true,
): Promise<TestReconnector> {
  const clock = new FakeClock();
  const lines: string[] = [];
  const { attempts, open } = newAttempts();
  const end = newDeferred<ReconnectEnd>();
  const reconnector = new Reconnector<FakeConnection>(
    open,
    {
      clock,
      ...always,
      connected() {
        lines.push("connected");
      },
      disconnected(loss, delay) {
        const cause = loss.closure?.status ?? (loss.error as Error).message;
        lines.push(`disconnected ${delay} after ${cause}`);
      },
      ...options,
    },
    rules,
    {
      onReady: () => lines.push("ready"),
      onLost: () => lines.push("lost"),
      onEnd(how) {
        lines.push(`end ${how.cause}`);
        end.resolve(how);
      },
      isAwaited: () => isAwaited,
    },
  );
  await macrotask();
  return {
    reconnector,
    clock,
    attempts,
    lines,
    end: end.promise,
    async pass(milliseconds) {
      await macrotask();
      clock.advance(milliseconds);
      await macrotask();
    },
    async succeed() {
      const ws = attempts.at(-1)!.succeed();
      await macrotask();
      return ws;
    },
    async fail(error = refused) {
      attempts.at(-1)!.fail(error);
      await macrotask();
    },
  };
}

/** A signal that a test aborts. */
function testSignal(): AbortController {
  return new AbortController();
}

describe("Reconnector, at its attempts,", () => {
  it("makes the first one at once, but not inside the call", async () => {
    const { attempts, open } = newAttempts();
    const events = { onReady() {}, onLost() {}, onEnd() {}, isAwaited: () => true };
    const reconnector = new Reconnector<FakeConnection>(open, {}, rules, events);
    expect(attempts).toHaveLength(0);
    await macrotask();
    expect(attempts).toMatchObject([{ number: 1, last: undefined }]);
    expect(reconnector.state).toBe("connecting");
    reconnector.finish({ cause: "closed", closure: undefined, error: undefined });
  });

  it("connects again when the connection is lost", async () => {
    const { reconnector, attempts, lines, pass, succeed } = await testReconnector();
    const first = await succeed();
    expect(reconnector.state).toBe("open");
    first.end({ status: 1006, initiator: "transport" });
    await macrotask();
    expect(reconnector.state).toBe("waiting");
    expect(attempts).toHaveLength(1);
    await pass(1000);
    expect(attempts).toHaveLength(2);
    expect(reconnector.state).toBe("connecting");
    await succeed();
    expect(lines).toEqual([
      "ready",
      "connected",
      "lost",
      "disconnected 1000 after 1006",
      "ready",
      "connected",
    ]);
  });

  it("tells each attempt what was lost before it", async () => {
    const { attempts, pass, succeed, fail } = await testReconnector();
    await fail();
    await pass(1000);
    const ws = await succeed();
    ws.end({ status: 1011, reason: "oops" });
    await pass(2000);
    expect(attempts.map(({ last }) => last)).toEqual([
      undefined,
      { closure: undefined, error: refused },
      { closure: closure({ status: 1011, reason: "oops" }), error: undefined },
    ]);
  });

  it("waits twice as long after each failure, and counts attempts", async () => {
    const { attempts, lines, pass, fail } = await testReconnector();
    for (const delay of [1000, 2000, 4000]) {
      await fail();
      await pass(delay - 1);
      expect(lines.at(-1)).toBe(`disconnected ${delay} after ${refused.message}`);
      const before = attempts.length;
      await pass(101); // deadlines are kept to the tick
      expect(attempts.length).toBe(before + 1);
    }
    expect(attempts.map(({ number }) => number)).toEqual([1, 2, 3, 4]);
  });

  it("begins again with short waits after a connection that was stable", async () => {
    const { attempts, lines, pass, succeed, fail } = await testReconnector({ stableAfter: 5000 });
    await fail();
    await pass(1000);
    await fail();
    await pass(2000);
    const ws = await succeed();
    await pass(5000);
    ws.end({ status: 1001 });
    await pass(1000);
    expect(lines.at(-1)).toBe("disconnected 1000 after 1001");
    expect(attempts.map(({ number }) => number)).toEqual([1, 2, 3, 1]);
  });

  it("counts a connection that ends soon as a failure, so that the server is not hammered", async () => {
    const { attempts, lines, pass, succeed } = await testReconnector({ stableAfter: 5000 });
    for (const delay of [1000, 2000, 4000]) {
      const ws = await succeed();
      await pass(4900);
      ws.end({ status: 1001 });
      await macrotask();
      expect(lines.at(-1)).toBe(`disconnected ${delay} after 1001`);
      await pass(delay);
    }
    expect(attempts.at(-1)!.number).toBe(4);
  });

  it("counts an opener that throws as a failure like others", async () => {
    const events = { onReady() {}, onLost() {}, onEnd() {}, isAwaited: () => true };
    const clock = new FakeClock();
    let calls = 0;
    const open = (): Promise<FakeConnection> => {
      calls++;
      throw refused;
    };
    const reconnector = new Reconnector<FakeConnection>(open, { clock, ...always }, rules, events);
    await macrotask();
    expect(reconnector.state).toBe("waiting");
    clock.advance(1000);
    await macrotask();
    expect(calls).toBe(2);
    reconnector.finish({ cause: "closed", closure: undefined, error: undefined });
  });

  it("leaves no listener on the signal of an attempt that is over", async () => {
    const { attempts, reconnector, succeed, end } = await testReconnector();
    let aborted = 0;
    attempts[0]!.signal.addEventListener("abort", () => aborted++);
    await succeed();
    reconnector.finish({ cause: "closed", closure: undefined, error: undefined });
    await end;
    expect(aborted).toBe(0);
  });
});

describe("Reconnector, with resume(),", () => {
  it("gives a connection out when it is resumed, and not before", async () => {
    const resumed = newDeferred<void>();
    const seen: unknown[] = [];
    const { attempts, lines, succeed } = await testReconnector({
      resume(ws, attempt) {
        seen.push(ws, attempt.number, attempt.last);
        return resumed.promise;
      },
    });
    const ws = await succeed();
    expect(seen).toEqual([ws, attempts[0]!.number, undefined]);
    expect(lines).toEqual([]);
    resumed.resolve();
    await macrotask();
    expect(lines).toEqual(["ready", "connected"]);
  });

  it("closes a connection that cannot be resumed with 1011, and tries again", async () => {
    const { reconnector, lines, clock, pass, succeed } = await testReconnector({
      stableAfter: 0,
      resume: () => Promise.reject(new Error("No such session")),
    });
    const ws = await succeed();
    expect(ws.closes).toEqual(["1011"]);
    expect(lines).toEqual(["disconnected 1000 after No such session"]);
    await pass(1000);
    await succeed();
    expect(lines.at(-1)).toBe("disconnected 2000 after No such session");
    expect(reconnector.last).toEqual({ closure: undefined, error: new Error("No such session") });
    expect(clock.running).toBe(1);
  });

  it("treats a hook that throws like one that rejects", async () => {
    const { lines, succeed } = await testReconnector({
      resume() {
        throw new Error("No token");
      },
    });
    expect((await succeed()).closes).toEqual(["1011"]);
    expect(lines).toEqual(["disconnected 1000 after No token"]);
  });

  it("does not wait for a hook whose connection ends meanwhile", async () => {
    const { lines, succeed } = await testReconnector({ resume: () => new Promise(() => {}) });
    const ws = await succeed();
    ws.end({ status: 1001 });
    await macrotask();
    expect(lines).toEqual(["disconnected 1000 after 1001"]);
    expect(ws.closes).toEqual([]);
  });

  it("reports how the connection ended, if the hook failed because of that", async () => {
    const { lines, end, succeed } = await testReconnector({ resume: (ws) => ws.receive() });
    const ws = await succeed();
    ws.end({ status: 1008, reason: "Bad token" });
    expect(await end).toMatchObject({
      cause: "final",
      closure: { status: 1008, reason: "Bad token" },
    });
    expect(lines).toEqual(["end final"]);
  });

  it("closes the connection, and waits for its end, if the client ends meanwhile", async () => {
    const { reconnector, lines, end, succeed } = await testReconnector({
      resume: () => new Promise(() => {}),
    });
    const ws = await succeed();
    ws.answersClose = false;
    reconnector.finish({ cause: "closed", closure: undefined, error: undefined }, 4000, "bye");
    await macrotask();
    expect(ws.closes).toEqual(["4000 bye"]);
    expect(lines).toEqual([]);
    ws.end({ status: 4000, initiator: "local" });
    expect((await end).closure).toMatchObject({ status: 4000 });
  });
});

describe("Reconnector, at its end,", () => {
  it("stops at a loss that is final", async () => {
    const { reconnector, lines, clock, end, fail } = await testReconnector();
    const error = new DialError("BAD_STATUS", { status: 403 });
    await fail(error);
    expect(await end).toEqual({ cause: "final", closure: undefined, error });
    expect(reconnector.state).toBe("closed");
    expect(lines).toEqual(["end final"]);
    expect(clock.running).toBe(0);
  });

  it.each([
    [false, [new Error("bug")]],
    [true, []],
  ])(
    "reports an error of the application's own code if nobody waits for it (waits: %s)",
    async (isAwaited, told) => {
      const errors: unknown[] = [];
      const unhandledErrors = (error: unknown): void => void errors.push(error);
      const { end, fail } = await testReconnector(
        { unhandledErrors, shouldReconnect: () => false },
        isAwaited,
      );
      await fail(new Error("bug"));
      await end;
      expect(errors).toEqual(told);
    },
  );

  it("reports a final end of the connection, and rejects with it", async () => {
    const { end, succeed } = await testReconnector();
    (await succeed()).end({ status: 1008, reason: "No" });
    const { cause, closure: last, error } = await end;
    expect(cause).toBe("final");
    expect(last).toEqual(closure({ status: 1008, reason: "No" }));
    expect(error).toBeInstanceOf(ClosedError);
    expect(error).toMatchObject({ status: 1008, reason: "No", initiator: "peer" });
  });

  it("asks shouldReconnect instead of its own rules", async () => {
    const { attempts, end, pass, succeed, fail } = await testReconnector({
      shouldReconnect: ({ closure: last }) => last?.status === 1008,
    });
    (await succeed()).end({ status: 1008 });
    await pass(1000);
    expect(attempts).toHaveLength(2);
    await fail();
    expect((await end).cause).toBe("final");
  });

  it("stops when maxAttempts have failed in a row", async () => {
    const { attempts, end, pass, fail } = await testReconnector({ maxAttempts: 3 });
    await fail();
    await pass(1000);
    await fail();
    await pass(2000);
    await fail();
    expect(await end).toEqual({ cause: "exhausted", closure: undefined, error: refused });
    expect(attempts).toHaveLength(3);
  });

  it("allows maxAttempts after each stable connection", async () => {
    const { attempts, end, pass, succeed, fail } = await testReconnector({
      maxAttempts: 1,
      stableAfter: 100,
    });
    const ws = await succeed();
    await pass(100);
    ws.end({ status: 1001 });
    await pass(1000);
    expect(attempts).toHaveLength(2);
    await fail();
    expect((await end).cause).toBe("exhausted");
  });

  it("aborts an attempt, and does not wait for it", async () => {
    const { reconnector, attempts, clock, end } = await testReconnector();
    const why = new Error("enough");
    const reasons: unknown[] = [];
    const { signal } = attempts[0]!;
    signal.addEventListener("abort", () => reasons.push(signal.reason));
    reconnector.finish({ cause: "closed", closure: undefined, error: why });
    expect(signal.aborted).toBe(true);
    expect(await end).toEqual({ cause: "closed", closure: undefined, error: why });
    expect(reasons).toEqual([why]);
    expect(clock.running).toBe(0);
  });

  it("closes a connection that comes too late", async () => {
    const { reconnector, lines, end, succeed } = await testReconnector();
    reconnector.finish({ cause: "closed", closure: undefined, error: undefined }, 4000, "bye");
    await end;
    const ws = await succeed();
    expect(ws.closes).toEqual(["4000 bye"]);
    expect(lines).toEqual(["end closed"]);
  });

  it("closes a connection that has just come, and gives it to nobody", async () => {
    const resumed = newDeferred<void>();
    const { reconnector, lines, end, succeed } = await testReconnector({
      resume: () => resumed.promise,
    });
    const ws = await succeed();
    resumed.resolve();
    // Some turns later it would be given out.
    for (let turn = 0; turn < 2; turn++) await Promise.resolve();
    reconnector.finish({ cause: "closed", closure: undefined, error: undefined });
    await end;
    expect(ws.closes).toEqual(["1000"]);
    expect(lines).toEqual(["end closed"]);
  });

  it("closes the connection and waits for its end", async () => {
    const { reconnector, lines, end, clock, succeed } = await testReconnector();
    const ws = await succeed();
    ws.answersClose = false;
    reconnector.finish({ cause: "closed", closure: undefined, error: undefined }, 4001);
    expect(reconnector.state).toBe("closing");
    await macrotask();
    expect(ws.closes).toEqual(["4001"]);
    expect(lines).toEqual(["ready", "connected"]);
    ws.end({ status: 4001, initiator: "local" });
    expect((await end).closure).toMatchObject({ status: 4001, initiator: "local" });
    expect(lines.slice(2)).toEqual(["lost", "end closed"]);
    expect(clock.running).toBe(0);
  });

  it("stops waiting for the next attempt", async () => {
    const { reconnector, attempts, clock, end, pass, fail } = await testReconnector();
    await fail();
    expect(clock.running).toBe(1);
    reconnector.finish({ cause: "closed", closure: undefined, error: undefined });
    await end;
    expect(clock.running).toBe(0);
    await pass(60_000);
    expect(attempts).toHaveLength(1);
  });

  it("ends once: a second end changes nothing", async () => {
    const { reconnector, end, succeed } = await testReconnector();
    const ws = await succeed();
    ws.answersClose = false;
    reconnector.finish({ cause: "closed", closure: undefined, error: undefined }, 4001);
    reconnector.finish({ cause: "aborted", closure: undefined, error: refused }, 4002);
    ws.end({ status: 4001 });
    expect((await end).cause).toBe("closed");
    expect(ws.closes).toEqual(["4001"]);
  });
});

describe("Reconnector, with a signal,", () => {
  it("ends with its reason, and closes the connection with 1000", async () => {
    const controller = testSignal();
    const { end, succeed } = await testReconnector({ signal: controller.signal });
    const ws = await succeed();
    const why = new Error("page left");
    controller.abort(why);
    expect(await end).toMatchObject({ cause: "aborted", closure: { status: 1000 }, error: why });
    expect(ws.closes).toEqual(["1000"]);
  });

  it("makes no attempt if it is aborted already", async () => {
    const controller = testSignal();
    controller.abort("before");
    const { attempts, end } = await testReconnector({ signal: controller.signal });
    expect(await end).toEqual({ cause: "aborted", closure: undefined, error: "before" });
    expect(attempts).toHaveLength(0);
  });

  it("leaves no listener on it", async () => {
    const listeners = new Set<() => void>();
    const signal = {
      aborted: false,
      reason: undefined,
      addEventListener: (_: "abort", listener: () => void) => void listeners.add(listener),
      removeEventListener: (_: "abort", listener: () => void) => void listeners.delete(listener),
    };
    const { reconnector, end } = await testReconnector({ signal });
    expect(listeners.size).toBe(1);
    reconnector.finish({ cause: "closed", closure: undefined, error: undefined });
    await end;
    expect(listeners.size).toBe(0);
  });
});

describe("Reconnector, with a hook that fails,", () => {
  const bug = new Error("bug");
  const fails = (): never => {
    throw bug;
  };

  it.each([
    ["throws", fails],
    ["rejects", () => Promise.reject(bug)],
  ])("ends with the error if connected() %s, and closes with 1011", async (_, connected) => {
    const { end, succeed } = await testReconnector({ connected });
    const ws = await succeed();
    expect(await end).toMatchObject({ cause: "hook", closure: { status: 1011 }, error: bug });
    expect(ws.closes).toEqual(["1011"]);
  });

  it.each(oddThenables)("treats %s as `await` does", async (_, make, outcome) => {
    const { reconnector, end, succeed } = await testReconnector({ connected: make });
    await succeed();
    await macrotask();
    if (outcome.startsWith("done")) expect(reconnector.state).toBe("open");
    else expect(await end).toMatchObject({ cause: "hook", error: new Error(outcome.slice(8)) });
  });

  it.each([
    ["throws", fails],
    ["rejects", () => Promise.reject(bug)],
  ])("ends with the error if disconnected() %s", async (_, disconnected) => {
    const { attempts, clock, end, fail } = await testReconnector({ disconnected });
    await fail();
    expect(await end).toEqual({ cause: "hook", closure: undefined, error: bug });
    expect(clock.running).toBe(0);
    expect(attempts).toHaveLength(1);
  });

  it("ends with the error if shouldReconnect() throws", async () => {
    const { end, fail } = await testReconnector({ shouldReconnect: fails });
    await fail();
    expect(await end).toEqual({ cause: "hook", closure: undefined, error: bug });
  });

  it("ends with the error if random() throws", async () => {
    const { end, fail } = await testReconnector({ random: fails });
    await fail();
    expect(await end).toEqual({ cause: "hook", closure: undefined, error: bug });
  });

  it("goes on if it only sent on a connection that was lost meanwhile", async () => {
    const { attempts, pass, succeed } = await testReconnector({
      connected: () => Promise.reject(new ClosedError(closure({ status: 1006 }))),
    });
    const ws = await succeed();
    expect(ws.closes).toEqual([]);
    ws.end({ status: 1006 });
    await pass(1000);
    expect(attempts).toHaveLength(2);
  });

  it("does not wait for connected() before it notices the end of the connection", async () => {
    const { attempts, pass, succeed } = await testReconnector({
      connected: () => new Promise(() => {}),
    });
    (await succeed()).end({ status: 1001 });
    await pass(1000);
    expect(attempts).toHaveLength(2);
  });
});

describe("Reconnector.hold()", () => {
  /** A connection that writes down whether the process is to live on for it. */
  function heldBy(ws: FakeConnection): string[] {
    const told: string[] = [];
    Object.assign(ws, { ref: () => told.push("ref"), unref: () => told.push("unref") });
    return told;
  }

  it("passes on its argument to the connection, and to each later one", async () => {
    const { reconnector, attempts, succeed, pass } = await testReconnector({ resume: heldFirst });
    const all: string[][] = [];
    function heldFirst(ws: FakeConnection): void {
      all.push(heldBy(ws));
    }
    const first = await succeed();
    reconnector.hold(false);
    reconnector.hold(true);
    expect(all).toEqual([["unref", "ref"]]);
    reconnector.hold(false);
    first.end({ status: 1006, initiator: "transport" });
    await pass(1000);
    const second = attempts.at(-1)!.succeed();
    const told = heldBy(second);
    await macrotask();
    expect(told).toEqual(["unref"]);
    reconnector.finish({ cause: "closed", closure: undefined, error: undefined });
  });

  it("passes on its argument to the wait between two attempts, and not to connections without such a method", async () => {
    const { reconnector, fail, succeed, pass } = await testReconnector();
    await fail();
    reconnector.hold(false);
    reconnector.hold(true);
    await pass(1000);
    await succeed();
    reconnector.hold(false);
    reconnector.hold(true);
    reconnector.finish({ cause: "closed", closure: undefined, error: undefined });
  });
});
