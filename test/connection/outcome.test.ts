import { describe, expect, it } from "vitest";
import { newDeferred } from "../../src/deferred.ts";
import { testServer } from "../support/server.ts";
import { oddThenables } from "../support/thenables.ts";
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
    ["rejects in close", { close: () => Promise.reject(new Error("again")) }],
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

  it.each(oddThenables)("by %s is taken for what `await` makes of it", async (_, make, outcome) => {
    const { open } = testServer({ close: make });
    const { peer, ws } = await open();
    peer.close(1000);
    const { error } = await ws.closed;
    const failed = error === undefined ? "done: undefined" : `failed: ${(error as Error).message}`;
    expect(failed).toBe(outcome);
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

describe("closed", () => {
  const closure = { status: 1000, reason: "", clean: true, initiator: "peer" };

  it("resolves once the handler for the end is done, and not before", async () => {
    const gate = newDeferred<void>();
    const { open } = testServer({ close: () => gate.promise });
    const { peer, ws } = await open();
    let isClosed = false;
    void ws.closed.then(() => {
      isClosed = true;
    });
    peer.close(1000);
    await peer.seen("closed");
    await macrotask();
    expect(isClosed).toBe(false);
    gate.resolve();
    expect(await ws.closed).toEqual(closure);
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
