import { describe, expect, it } from "vitest";
import { newDeferred } from "../../src/deferred.ts";
import { nameOf, testServer } from "../support/server.ts";
import { macrotask } from "../support/turns.ts";

describe("a handler that fails", () => {
  it.each([
    [
      "throws in error",
      {
        error: () => {
          throw new Error("again");
        },
      },
    ],
    ["rejects in error", { error: () => Promise.reject(new Error("again")) }],
    [
      "throws in close",
      {
        close: () => {
          throw new Error("again");
        },
      },
    ],
  ])("and then %s reports both in closed", async (_, handlers) => {
    const { open } = testServer({
      message() {
        throw new Error("oops");
      },
      ...handlers,
    });
    const { peer, ws } = await open();
    peer.text("one");
    const { error } = await ws.closed;
    expect(error).toBeInstanceOf(AggregateError);
    expect((error as AggregateError).errors).toEqual([new Error("oops"), new Error("again")]);
  });

  it("is reported by closed if it is the close handler alone", async () => {
    const { open } = testServer({
      close() {
        throw new Error("late");
      },
    });
    const { peer, ws } = await open();
    peer.close(1000);
    expect(await ws.closed).toEqual({
      status: 1000,
      reason: "",
      clean: true,
      initiator: "peer",
      error: new Error("late"),
    });
  });
});

describe("a handler for the end that rejects", () => {
  it("comes too late for closed, and is told to the observer", async () => {
    for (const message of [undefined, () => Promise.reject(new Error("oops"))]) {
      const failures: unknown[] = [];
      const { open, lines } = testServer(
        {
          ...(message && { message }),
          close: () => Promise.reject(new Error("late")),
        },
        {},
        {
          observer: {
            opened() {},
            closed() {},
            failed: (_, error) => void failures.push(nameOf(error)),
            refused() {},
          },
        },
      );
      const { peer, ws } = await open();
      peer.text("go");
      await macrotask();
      peer.close(1000);
      const { error } = await ws.closed;
      await macrotask();
      const before = message === undefined ? [] : ["oops"];
      expect(failures).toEqual([...before, "late"]);
      expect(error).toEqual(message && new Error("oops"));
      expect(lines.filter((line) => line.startsWith("error"))).toEqual(
        before.map((name) => `error ${name}`),
      );
    }
  });

  it("is ignored if there is no observer", async () => {
    // The runner fails for a rejection that is not handled.
    const { open } = testServer({ close: () => Promise.reject(new Error("late")) });
    const { peer, ws } = await open();
    peer.close(1000);
    expect(await ws.closed).not.toHaveProperty("error");
    await macrotask();
  });
});

describe("closed", () => {
  const closure = { status: 1000, reason: "", clean: true, initiator: "peer" };

  it("resolves when the connection is over, even while the close handler works", async () => {
    const gate = newDeferred<void>();
    const { open, server } = testServer({ close: () => gate.promise });
    const { peer, ws } = await open();
    peer.close(1000);
    expect(await ws.closed).toEqual(closure);
    expect(server.counters.open).toBe(0);
    gate.resolve();
  });

  it("resolves when the connection is over, even while messages are delivered", async () => {
    const gate = newDeferred<void>();
    const { open, server, lines } = testServer({ message: () => gate.promise });
    const { peer, ws } = await open();
    peer.text("one");
    peer.text("two");
    peer.close(1000);
    expect(await ws.closed).toEqual(closure);
    expect([server.counters.open, ws.state]).toEqual([0, "closed"]);
    expect(lines).toEqual(["open", "message one"]);
    gate.resolve();
    await macrotask();
    expect(lines).toEqual(["open", "message one", "message two", "close 1000 clean peer"]);
    expect(await ws.closed).toEqual(closure);
  });

  it("does not change any more, even if something fails meanwhile", async () => {
    const gate = newDeferred<void>();
    const { open, lines } = testServer({
      message: () => gate.promise,
      error() {
        throw new Error("in error");
      },
    });
    const { peer, ws } = await open();
    peer.text("one");
    peer.text("two");
    peer.close(1000);
    expect(await ws.closed).toEqual(closure);
    gate.reject(new Error("late"));
    await macrotask();
    expect(await ws.closed).toEqual(closure);
    expect(lines).toEqual(["open", "message one", "error late", "close 1000 clean peer"]);
  });

  it("resolves even if it is first read when all is over", async () => {
    const { open } = testServer({});
    const { peer, ws } = await open();
    peer.close(1000);
    await peer.seen("closed");
    await macrotask();
    expect(await ws.closed).toEqual(closure);
  });
});
