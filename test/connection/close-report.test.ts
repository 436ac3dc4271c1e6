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

  it("in close alone is what closed reports", async () => {
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
  it("comes too late for closed: whoever watches all connections is told", async () => {
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

  it("is nobody's to hear where nobody watches", async () => {
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

  it("resolves when the connection is over, whatever the handler for the end is at", async () => {
    const gate = newDeferred<void>();
    const { open, server } = testServer({ close: () => gate.promise });
    const { peer, ws } = await open();
    peer.close(1000);
    expect(await ws.closed).toEqual(closure);
    expect(server.counters.open).toBe(0);
    gate.resolve();
  });

  it("resolves when the connection is over, whatever is delivered still", async () => {
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

  it("does not change any more, also where something fails while it is told", async () => {
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

  it("resolves also for who asks when all is over", async () => {
    const { open } = testServer({});
    const { peer, ws } = await open();
    peer.close(1000);
    await peer.seen("closed");
    await macrotask();
    expect(await ws.closed).toEqual(closure);
  });
});
