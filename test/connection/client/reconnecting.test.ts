import { describe, expect, it } from "vitest";
import { memoryPair } from "../../../adapters/memory/index.ts";
import { connectOn } from "../../../src/connection/client/connect.ts";
import type { Connection } from "../../../src/connection/connection.ts";
import { reconnecting } from "../../../src/connection/client/reconnect.ts";
import type {
  Reconnecting,
  ReconnectOptions,
} from "../../../src/connection/client/reconnecting.ts";
import type { Server } from "../../../src/connection/server/serve.ts";
import { PreparedMessage } from "../../../src/endpoint/prepared.ts";
import {
  ClosedError,
  DialError,
  LimitError,
  TimeoutError,
  TransportError,
} from "../../../src/errors.ts";
import { rejectConnection } from "../../../src/handshake/server/reject.ts";
import { newDeferred } from "../../../src/deferred.ts";
import type { Connect } from "../../../src/transport.ts";
import { FakeClock } from "../../support/fake-clock.ts";
import { type FakeAttempt, FakeConnection, newAttempts } from "../../support/fake-connection.ts";
import { collectGarbage } from "../../support/runtime.ts";
import { testServer } from "../../support/server.ts";
import { macrotask } from "../../support/turns.ts";

const refused = new TransportError("REFUSED");
const lost = { status: 1006, clean: false, initiator: "transport" } as const;

interface TestFeed {
  readonly feed: Reconnecting<FakeConnection>;
  readonly clock: FakeClock;
  readonly attempts: FakeAttempt[];
  /** Lets the latest attempt succeed; the next one is made first where a wait is on. */
  succeed(): Promise<FakeConnection>;
  /** Lets the latest attempt fail. */
  fail(error?: unknown): Promise<void>;
}

function testFeed(options: ReconnectOptions<FakeConnection> = {}): TestFeed {
  const clock = new FakeClock();
  const { attempts, open } = newAttempts();
  const feed = reconnecting(open, { clock, random: () => 0, ...options });
  return {
    feed,
    clock,
    attempts,
    async succeed() {
      await macrotask();
      if (feed.state === "waiting") clock.advance(100);
      await macrotask();
      const ws = attempts.at(-1)!.succeed();
      await macrotask();
      return ws;
    },
    async fail(error = refused) {
      await macrotask();
      attempts.at(-1)!.fail(error);
      await macrotask();
    },
  };
}

/** Collects garbage, in turns of their own: a WeakRef holds what was looked at in the same turn. */
async function settleAndCollect(): Promise<void> {
  for (let i = 0; i < 5; i++) {
    await macrotask();
    collectGarbage();
  }
}

function failure(work: Promise<unknown>): Promise<unknown> {
  return work.then(
    () => "no failure",
    (error: unknown) => error,
  );
}

/** What a loop over the messages saw, and how it ended. */
async function loop(feed: Reconnecting<FakeConnection>, lines: string[]): Promise<void> {
  try {
    for await (const message of feed) lines.push(String(message));
    lines.push("end");
  } catch (error) {
    lines.push(`error ${(error as Error).message}`);
  }
}

describe("reconnecting()", () => {
  it("refuses options out of their range at once", () => {
    const { open } = newAttempts();
    expect(() => reconnecting(open, { factor: 0 })).toThrow("factor must be a number from 1 on: 0");
    expect(() => reconnecting(open, { maxWaiting: -1 })).toThrow(
      "maxWaiting must be from 0 on, or Infinity: -1",
    );
    expect(() => reconnecting(open, { maxUnread: NaN })).toThrow(
      "maxUnread must be from 0 on, or Infinity: NaN",
    );
  });

  it("has the type that the opener of connections returns", async () => {
    const { open } = newAttempts();
    const states: string[] = [];
    const feed: Reconnecting<FakeConnection> = reconnecting((attempt) => {
      states.push(feed.state);
      return open(attempt);
    });
    await macrotask();
    expect(states).toEqual(["connecting"]);
    await feed.close();
  });

  it("uses the runtime's own clock if none is given", async () => {
    const { attempts, open } = newAttempts();
    const feed = reconnecting(open);
    await macrotask();
    attempts[0]!.succeed();
    await feed.ready;
    expect(feed.state).toBe("open");
    await feed.close();
    expect(feed.state).toBe("closed");
  });
});

describe("connection and ready", () => {
  it("give the present connection, or the next one while there is none", async () => {
    const { feed, succeed } = testFeed();
    expect(feed.connection).toBeUndefined();
    const ready = feed.ready;
    const first = await succeed();
    expect(feed.connection).toBe(first);
    expect(await ready).toBe(first);
    first.end(lost);
    await macrotask();
    expect(feed.connection).toBeUndefined();
    const next = feed.ready;
    const second = await succeed();
    expect(await next).toBe(second);
    expect(await feed.ready).toBe(second);
    await feed.close();
  });

  it("reject with the end if no connection comes any more", async () => {
    const { feed, fail } = testFeed();
    const ready = failure(feed.ready);
    const error = new DialError("BAD_STATUS", { status: 401 });
    await fail(error);
    expect(await ready).toBe(error);
    expect(await failure(feed.ready)).toBe(error);
    expect(await feed.closed).toEqual({ cause: "final", closure: undefined, error });
  });
});

describe("send()", () => {
  it("sends on the present connection", async () => {
    const { feed, succeed } = testFeed();
    const ws = await succeed();
    await feed.send("Hello");
    expect(ws.sent).toEqual(["Hello"]);
    await feed.close();
  });

  it("rejects before the first connection", async () => {
    const { feed } = testFeed();
    const error = await failure(feed.send("early"));
    expect(error).toBeInstanceOf(ClosedError);
    expect(error).toMatchObject({ status: 1006, initiator: "transport", clean: false });
    await feed.close();
  });

  it("rejects while disconnected with how the last connection ended", async () => {
    const { feed, succeed } = testFeed();
    const ws = await succeed();
    ws.end({ status: 1001, reason: "restart" });
    await macrotask();
    expect(await failure(feed.send("late"))).toMatchObject({
      name: "ClosedError",
      status: 1001,
      reason: "restart",
    });
    await feed.close();
  });

  it("rejects while disconnected with the error of the last attempt as the cause", async () => {
    const { feed, fail } = testFeed();
    await fail();
    const error = await failure(feed.send("late"));
    expect(error).toBeInstanceOf(ClosedError);
    expect((error as ClosedError).cause).toBe(refused);
    await feed.close();
  });

  it("rejects while the connection closes", async () => {
    const { feed, succeed } = testFeed();
    const ws = await succeed();
    ws.state = "closing";
    expect(await failure(feed.send("late"))).toBeInstanceOf(ClosedError);
    expect(ws.sent).toEqual([]);
    await feed.close();
  });

  it("rejects after the end", async () => {
    const { feed } = testFeed({ whileAway: "wait" });
    await feed.close(4000, "bye");
    expect(await failure(feed.send("late"))).toMatchObject({
      name: "ClosedError",
      status: 4000,
      reason: "bye",
      initiator: "local",
    });
  });

  it("does not report a rejection that nobody awaits", async () => {
    const { feed } = testFeed();
    void feed.send("early");
    await macrotask();
    await feed.close();
  });
});

describe("send() that waits while away", () => {
  it("sends what has waited in order, and before what comes later", async () => {
    const { feed, succeed } = testFeed({
      whileAway: "wait",
      resume: (ws) => ws.send("resume"),
      connected: (ws) => ws.send("connected"),
    });
    const ready = feed.ready.then((ws) => ws.send("ready"));
    const sent = [feed.send("a"), feed.send(new Uint8Array(3)), feed.send("b")];
    const ws = await succeed();
    await Promise.all([ready, ...sent]);
    expect(ws.sent).toEqual(["resume", "a", new Uint8Array(3), "b", "connected", "ready"]);
    await feed.close();
  });

  it("waits across attempts that fail", async () => {
    const { feed, succeed, fail } = testFeed({ whileAway: "wait" });
    const sent = feed.send("a");
    await fail();
    const ws = await succeed();
    await sent;
    expect(ws.sent).toEqual(["a"]);
    await feed.close();
  });

  it.each([0, Infinity])("sets no limit on what waits if maxWaiting is %d", async (maxWaiting) => {
    const { feed, succeed } = testFeed({ whileAway: "wait", maxWaiting });
    const large = "x".repeat(2 * 1024 ** 2);
    const sent = [feed.send(large), feed.send("more")];
    const ws = await succeed();
    await Promise.all(sent);
    expect(ws.sent).toEqual([large, "more"]);
    await feed.close();
  });

  it("keeps at most maxWaiting bytes", async () => {
    const { feed, succeed } = testFeed({ whileAway: "wait", maxWaiting: 10 });
    const prepared = new PreparedMessage("1234");
    const sent = [feed.send("abc"), feed.send(prepared), feed.send(new ArrayBuffer(3))];
    const error = await failure(feed.send("d"));
    expect(error).toBeInstanceOf(LimitError);
    expect(error).toMatchObject({ code: "TOO_MUCH_BUFFERED", limit: 10, actual: 11 });
    const ws = await succeed();
    await Promise.all(sent);
    expect(ws.sent).toEqual(["abc", prepared, new ArrayBuffer(3)]);
    ws.end(lost);
    await macrotask();
    const again = feed.send("0123456789"); // there is room again
    expect((await succeed()).sent).toEqual(["0123456789"]);
    await again;
    await feed.close();
  });

  it("keeps a mebibyte by default", async () => {
    const { feed } = testFeed({ whileAway: "wait" });
    void feed.send(new Uint8Array(1024 ** 2));
    expect(await failure(feed.send("a"))).toMatchObject({ limit: 1024 ** 2 });
    await feed.close();
  });

  it("refuses a value that is no data at once", async () => {
    const { feed } = testFeed({ whileAway: "wait" });
    expect(() => feed.send(5 as never)).toThrow(TypeError);
    await feed.close();
  });

  it("rejects with what the connection rejects with", async () => {
    const { feed, succeed, attempts } = testFeed({ whileAway: "wait" });
    const sent = failure(feed.send("a"));
    await macrotask();
    const ws = attempts[0]!.succeed();
    ws.send = () => Promise.reject(refused);
    expect(await sent).toBe(refused);
    ws.end(lost);
    await succeed();
    await feed.close();
  });

  it("rejects what waits when the client ends", async () => {
    const { feed } = testFeed({ whileAway: "wait" });
    const sent = failure(feed.send("a"));
    await feed.close(1001);
    expect(await sent).toMatchObject({ name: "ClosedError", status: 1001 });
  });
});

describe("receive()", () => {
  it("gives messages of one connection after another, each once", async () => {
    const { feed, succeed } = testFeed();
    const lines: string[] = [];
    const looped = loop(feed, lines);
    const first = await succeed();
    first.deliver("a");
    first.deliver("b");
    await macrotask();
    first.end(lost);
    const second = await succeed();
    second.deliver("c");
    await macrotask();
    await feed.close();
    await looped;
    expect(lines).toEqual(["a", "b", "c", "end"]);
  });

  it("gives what an ended connection still holds before the next one's", async () => {
    const { feed, succeed } = testFeed();
    const first = await succeed();
    first.deliver("a");
    expect(await feed.receive()).toBe("a");
    first.deliver("b");
    first.deliver("c");
    first.end(lost);
    const second = await succeed();
    second.deliver("d");
    const third = [await feed.receive(), await feed.receive(), await feed.receive()];
    expect(third).toEqual(["b", "c", "d"]);
    await feed.close();
  });

  it("gives what is left after the end", async () => {
    const { feed, succeed } = testFeed();
    const ws = await succeed();
    const first = feed.receive();
    ws.deliver("a");
    await first;
    ws.deliver("b");
    ws.end({ status: 1000 });
    await feed.closed;
    expect(await feed.receive()).toBe("b");
    expect(await failure(feed.receive())).toMatchObject({ name: "ClosedError", status: 1000 });
  });

  it("begins with the present connection, however many there were before", async () => {
    const { feed, succeed } = testFeed();
    const first = await succeed();
    first.deliver("never asked for");
    first.end(lost);
    const second = await succeed();
    second.deliver("a");
    expect(await feed.receive()).toBe("a");
    await feed.close();
  });

  it("serves all who wait, even across connections", async () => {
    const { feed, succeed } = testFeed();
    const received = Promise.all([feed.receive(), feed.receive()]);
    const first = await succeed();
    first.end(lost);
    const second = await succeed();
    second.deliver("a");
    second.deliver("b");
    expect((await received).sort()).toEqual(["a", "b"]);
    await feed.close();
  });

  it("serves all who ask when one has ended and the next is there", async () => {
    const { feed, succeed } = testFeed();
    const first = await succeed();
    first.deliver("a");
    await feed.receive();
    first.end(lost);
    const second = await succeed();
    second.deliver("b");
    second.deliver("c");
    const both = await Promise.all([feed.receive(), feed.receive()]);
    expect(both.sort()).toEqual(["b", "c"]);
    await feed.close();
  });

  it("waits for the end of a connection that is closing", async () => {
    const { feed, succeed } = testFeed();
    const received = feed.receive();
    const first = await succeed();
    first.answersClose = false;
    void first.close(4000);
    await macrotask();
    first.end(lost);
    const second = await succeed();
    second.deliver("a");
    expect(await received).toBe("a");
    await feed.close();
  });

  it("keeps no connection that has ended, whether anybody asks for its messages or not", async () => {
    const clock = new FakeClock();
    const refs: WeakRef<FakeConnection>[] = [];
    const open = (): Promise<FakeConnection> => {
      const ws = new FakeConnection();
      refs.push(new WeakRef(ws));
      return Promise.resolve(ws);
    };
    const feed = reconnecting(open, { clock, random: () => 0 });
    const liveAndDie = async (message: string): Promise<void> => {
      const ws = await feed.ready;
      ws.deliver(message);
      if (refs.length === 1) await feed.receive();
      ws.end(lost);
      await macrotask();
      clock.advance(100);
    };
    for (let i = 0; i < 20; i++) await liveAndDie(`message ${i}`);
    const left = (): number => refs.filter((ref) => ref.deref() !== undefined).length;
    // The present one, and one that the engine may still have somewhere. On Bun others may be found on its stack for a while.
    for (let i = 0; i < 10 && left() > 2; i++) await settleAndCollect();
    expect(left()).toBeLessThanOrEqual(2);
    // Of their messages, none is lost.
    for (let i = 1; i < 20; i++) expect(await feed.receive()).toBe(`message ${i}`);
    await feed.close();
  });

  it("keeps at most maxUnread bytes of connections before the one that has ended last", async () => {
    const { feed, succeed } = testFeed({ maxUnread: 5 });
    const liveAndDie = async (...messages: (string | Uint8Array)[]): Promise<void> => {
      const ws = await succeed();
      for (const message of messages) ws.deliver(message);
      if (messages[0] === "first") await feed.receive();
      ws.end(lost);
      await macrotask();
    };
    await liveAndDie("first", "aaa", "bbb");
    await liveAndDie("ccc", "ddd");
    await liveAndDie(Uint8Array.of(1, 2, 3), "eeeeee");
    const left = [await feed.receive(), await feed.receive(), await feed.receive()];
    expect(left).toEqual(["ddd", Uint8Array.of(1, 2, 3), "eeeeee"]);
    await feed.close();
    expect(await failure(feed.receive())).toBeInstanceOf(ClosedError);
  });

  it.each([0, Infinity])(
    "sets no limit on unread messages if maxUnread is %d",
    async (maxUnread) => {
      const { feed, succeed } = testFeed({ maxUnread });
      const messages = ["first", "x".repeat(1024 ** 2), "y".repeat(1024 ** 2), "z"];
      const ws = await succeed();
      for (const message of messages) ws.deliver(message);
      expect(await feed.receive()).toBe("first");
      ws.end(lost);
      await macrotask();
      const next = await succeed();
      next.deliver("last");
      next.end(lost);
      await macrotask();
      for (const message of [...messages.slice(1), "last"])
        expect(await feed.receive()).toBe(message);
      await feed.close();
    },
  );

  it("gives in their order messages of ended connections that come late", async () => {
    const { feed, succeed } = testFeed();
    const first = await succeed();
    first.deliver("a");
    expect(await feed.receive()).toBe("a");
    // As where a large message is still being decompressed when its connection has ended.
    const late = newDeferred<string>();
    const rest = [() => late.promise, () => Promise.resolve("c")];
    first.receive = () =>
      rest.shift()?.() ?? Promise.reject(new ClosedError({ ...lost, reason: "" }));
    first.end(lost);
    const second = await succeed();
    second.deliver("d");
    second.end(lost);
    const third = await succeed();
    third.deliver("e");
    const received = Promise.all([feed.receive(), feed.receive(), feed.receive(), feed.receive()]);
    await macrotask();
    late.resolve("b");
    expect(await received).toEqual(["b", "c", "d", "e"]);
    await feed.close();
  });

  it("passes on an error that is not the end of a connection", async () => {
    const { feed, succeed } = testFeed();
    const ws = await succeed();
    const misuse = new TypeError("There is a message handler");
    ws.receive = () => Promise.reject(misuse);
    expect(await failure(feed.receive())).toBe(misuse);
    expect(await failure(feed[Symbol.asyncIterator]().next())).toBe(misuse);
    await feed.close();
  });
});

describe("receive() with a limit", () => {
  it.each([NaN, -1])("refuses a time-out of %d", async (timeout) => {
    await expect(testFeed().feed.receive({ timeout })).rejects.toThrow(RangeError);
  });

  it("counts timeout across connections", async () => {
    const { feed, clock, succeed } = testFeed();
    const received = failure(feed.receive({ timeout: 1000 }));
    const ws = await succeed();
    clock.advance(500);
    ws.end(lost);
    await succeed();
    clock.advance(500);
    const error = await received;
    expect(error).toBeInstanceOf(TimeoutError);
    expect(error).toMatchObject({ code: "RECEIVE_TIMEOUT", limit: 1000 });
    await feed.close();
    expect(clock.running).toBe(0);
  });

  it("gives up at the next tick if timeout is 0", async () => {
    const { feed, clock } = testFeed();
    const received = failure(feed.receive({ timeout: 0 }));
    clock.advance(100);
    expect(await received).toBeInstanceOf(TimeoutError);
    await feed.close();
  });

  it("loses no message by a time-out, and leaves no timer", async () => {
    const { feed, clock, succeed } = testFeed();
    const ws = await succeed();
    const received = failure(feed.receive({ timeout: 100 }));
    clock.advance(200);
    expect(await received).toBeInstanceOf(TimeoutError);
    expect(clock.running).toBe(0);
    ws.deliver("a");
    expect(await feed.receive({ timeout: 100 })).toBe("a");
    expect(clock.running).toBe(0);
    await feed.close();
  });

  it("gives up when the signal aborts, before the call or during it", async () => {
    const { feed, succeed } = testFeed();
    const controller = new AbortController();
    const { signal } = controller;
    const waiting = failure(feed.receive({ signal }));
    controller.abort("enough");
    expect(await waiting).toBe("enough");
    const ws = await succeed();
    ws.deliver("a");
    expect(await failure(feed.receive({ signal }))).toBe("enough");
    expect(await feed.receive()).toBe("a");
    await feed.close();
  });

  it("gives up while a connection closes", async () => {
    const { feed, clock, succeed } = testFeed();
    const ws = await succeed();
    const received = failure(feed.receive({ timeout: 1000 }));
    ws.answersClose = false;
    void ws.close();
    await macrotask();
    clock.advance(1000);
    expect(await received).toBeInstanceOf(TimeoutError);
    ws.end(lost);
    await feed.close();
  });
});

describe("a loop over the messages", () => {
  it("ends if the peer closes with 1000", async () => {
    const { feed, succeed } = testFeed();
    const lines: string[] = [];
    const looped = loop(feed, lines);
    (await succeed()).end({ status: 1000 });
    await looped;
    expect(lines).toEqual(["end"]);
  });

  it("ends if this side has closed the connection", async () => {
    const { feed, succeed } = testFeed();
    const lines: string[] = [];
    const looped = loop(feed, lines);
    void (await succeed()).close(4000);
    await looped;
    expect(lines).toEqual(["end"]);
    expect((await feed.closed).cause).toBe("final");
  });

  it("ends if the client is closed before there was a connection", async () => {
    const { feed } = testFeed();
    const lines: string[] = [];
    const looped = loop(feed, lines);
    await feed.close();
    await looped;
    expect(lines).toEqual(["end"]);
  });

  it("throws if the peer closes for good with another status", async () => {
    const { feed, succeed } = testFeed();
    const lines: string[] = [];
    const looped = loop(feed, lines);
    (await succeed()).end({ status: 1008, reason: "No" });
    await looped;
    expect(lines).toEqual(["error Connection is closed: 1008 No"]);
  });

  it("throws if the connection is lost for good", async () => {
    const { feed, succeed } = testFeed({ shouldReconnect: () => false });
    const lines: string[] = [];
    const looped = loop(feed, lines);
    (await succeed()).end(lost);
    await looped;
    expect(lines).toEqual(["error Connection is closed: 1006"]);
  });

  it("throws if this side has closed because something failed", async () => {
    const { feed, succeed } = testFeed({ shouldReconnect: () => false });
    const lines: string[] = [];
    const looped = loop(feed, lines);
    const error = new TimeoutError("IDLE_TIMEOUT", 10);
    (await succeed()).end({ status: 1001, initiator: "local", error });
    await looped;
    expect(lines).toEqual(["error Connection is closed: 1001"]);
  });

  it("throws if the last attempt fails", async () => {
    const { feed, fail } = testFeed({ maxAttempts: 1 });
    const lines: string[] = [];
    const looped = loop(feed, lines);
    await fail();
    await looped;
    expect(lines).toEqual([`error ${refused.message}`]);
  });

  it("throws the signal's reason if it aborts", async () => {
    const controller = new AbortController();
    const { feed, succeed } = testFeed({ signal: controller.signal });
    const lines: string[] = [];
    const looped = loop(feed, lines);
    await succeed();
    controller.abort(new Error("enough"));
    await looped;
    expect(lines).toEqual(["error enough"]);
  });
});

describe("close()", () => {
  it("closes the connection with status and reason, and resolves with its end", async () => {
    const { feed, clock, succeed } = testFeed();
    const ws = await succeed();
    const end = await feed.close(4000, "bye");
    expect(ws.closes).toEqual(["4000 bye"]);
    expect(end).toMatchObject({
      cause: "closed",
      closure: { status: 4000, reason: "bye", initiator: "local" },
    });
    expect(feed.state).toBe("closed");
    expect(clock.running).toBe(0);
  });

  it("sends 1000 without a reason by default", async () => {
    const { feed, succeed } = testFeed();
    const ws = await succeed();
    await feed.close();
    expect(ws.closes).toEqual(["1000"]);
  });

  it("refuses what may not be sent, and changes nothing", async () => {
    const { feed } = testFeed();
    expect(() => feed.close(1006)).toThrow("Status code may not be sent: 1006");
    expect(() => feed.close(1000, "é".repeat(62))).toThrow(
      "Reason must have at most 123 bytes: 124",
    );
    expect(feed.state).toBe("connecting");
    await feed.close(1000, "é".repeat(61));
  });

  it("is called at the end of a block with `await using`", async () => {
    const { feed, succeed } = testFeed();
    const ws = await succeed();
    await feed[Symbol.asyncDispose]();
    expect(ws.closes).toEqual(["1000"]);
    expect(feed.state).toBe("closed");
  });
});

describe("reconnecting() with connections of the library", () => {
  /** Connects in memory to a server of the library. */
  function connectTo(server: Server<unknown>): Connect {
    return (_, attach) => {
      const [ours, theirs] = memoryPair();
      server.accept(theirs);
      return Promise.resolve(attach(ours));
    };
  }

  it("goes on if the server leaves, and stops if it closes with 1000", async () => {
    let connections = 0;
    const { server, clock } = testServer({
      open: () => void connections++,
      async message(ws, data) {
        await ws.send(`${connections}: ${String(data)}`);
        void ws.close([1012, 1001, 1000][connections - 1], "done");
      },
    });
    const feed: Reconnecting<Connection> = reconnecting(
      ({ signal }) => connectOn(connectTo(server), "ws://localhost/", { signal, clock }),
      {
        clock,
        connected: (ws) => ws.send("Hello"),
        disconnected: () =>
          void macrotask().then(() => {
            clock.advance(60_000);
          }),
      },
    );
    const lines: unknown[] = [];
    for await (const message of feed) lines.push(message);
    expect(lines).toEqual(["1: Hello", "2: Hello", "3: Hello"]);
    expect(await feed.closed).toMatchObject({
      cause: "final",
      closure: { status: 1000, reason: "done", initiator: "peer" },
    });
    expect(clock.running).toBe(0);
  });

  it("gives up if the server refuses, and tells why", async () => {
    const { server, clock } = testServer({
      upgrade() {
        throw rejectConnection({ status: 403, body: "Members only" });
      },
    });
    const feed = reconnecting(
      ({ signal }) => connectOn(connectTo(server), "ws://localhost/", { signal, clock }),
      { clock },
    );
    expect(await failure(feed.ready)).toMatchObject({ code: "BAD_STATUS", status: 403 });
    expect((await feed.closed).cause).toBe("final");
    expect(clock.running).toBe(0);
  });
});

describe("Reconnecting.unref()", () => {
  it("lets the process end, connected or not, until ref() takes that back", async () => {
    const { feed, succeed } = testFeed();
    feed.unref();
    const told: string[] = [];
    const ws = await succeed();
    Object.assign(ws, { ref: () => told.push("ref"), unref: () => told.push("unref") });
    feed.unref();
    feed.ref();
    expect(told).toEqual(["unref", "ref"]);
    await feed.close();
  });
});
