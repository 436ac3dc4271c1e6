import { describe, expect, it } from "vitest";
import type { MemoryTransport } from "../../../adapters/memory/index.ts";
import { linkOf } from "../../support/link.ts";
import { newDeferred } from "../../../src/deferred.ts";
import { ClosedError } from "../../../src/errors.ts";
import { testServer } from "../../support/server.ts";
import { macrotask } from "../../support/turns.ts";

/** Notes when a transport is paused and when it goes on. */
function watch(transport: MemoryTransport): string[] {
  const calls: string[] = [];
  for (const name of ["pause", "resume"] as const) {
    const call = transport[name].bind(transport);
    transport[name] = () => {
      calls.push(name);
      call();
    };
  }
  return calls;
}

/** Counts what is written. */
function countWrites(transport: MemoryTransport): () => number {
  let writes = 0;
  const write = transport.write.bind(transport);
  transport.write = (bytes) => {
    writes++;
    return write(bytes);
  };
  return () => writes;
}

describe("a handler that returns a promise", () => {
  it("is awaited before the next message, while the transport is read on", async () => {
    const gates: (() => void)[] = [];
    const { open, lines } = testServer({
      message: () => new Promise<void>((resolve) => gates.push(resolve)),
    });
    const { peer, transport } = await open();
    const calls = watch(transport);
    peer.endpoint.sendText("one");
    peer.endpoint.sendText("two");
    peer.flush();
    peer.text("three");
    await macrotask();
    expect(lines).toEqual(["open", "message one"]);
    gates.shift()!();
    await macrotask();
    expect(lines).toEqual(["open", "message one", "message two"]);
    gates.shift()!();
    await macrotask();
    expect(lines).toEqual(["open", "message one", "message two", "message three"]);
    gates.shift()!();
    peer.close(1000);
    await peer.seen("closed");
    expect(lines.at(-1)).toBe("close 1000 clean peer");
    expect(calls).toEqual([]);
  });

  it("lets its messages leave while it goes on", async () => {
    const gate = newDeferred<void>();
    const { open } = testServer({
      async message(ws) {
        void ws.send("first");
        await gate.promise;
      },
    });
    const { peer } = await open();
    peer.text("go");
    await peer.seen("text first");
    gate.resolve();
    peer.close(1000);
    await peer.seen("closed");
  });

  it("gets what came before the peer's end, which is seen at once, and close comes last", async () => {
    const gate = newDeferred<void>();
    const { open, lines, server } = testServer({ message: () => gate.promise });
    const { peer, ws } = await open();
    peer.endpoint.sendText("one");
    peer.endpoint.sendText("two");
    peer.flush();
    peer.transport.end();
    expect(await ws.closed).toMatchObject({ status: 1006, error: { code: "UNEXPECTED_END" } });
    expect(server.counters.open).toBe(0);
    expect(lines).toEqual(["open", "message one", "error UNEXPECTED_END"]);
    gate.resolve();
    await macrotask();
    expect(lines).toEqual([
      "open",
      "message one",
      "error UNEXPECTED_END",
      "message two",
      "close 1006 unclean transport",
    ]);
  });

  it("gets what came before a reset, which is seen at once, while its sends are refused", async () => {
    const gate = newDeferred<void>();
    const results: unknown[] = [];
    const { open, lines } = testServer({
      async message(ws) {
        await gate.promise;
        results.push(await ws.send("late").catch((error: unknown) => error));
      },
    });
    const { peer, transport, ws } = await open();
    peer.endpoint.sendText("one");
    peer.endpoint.sendText("two");
    peer.flush();
    await macrotask();
    transport.reset(new Error("ECONNRESET"));
    const { status, error } = await ws.closed;
    expect([ws.state, status]).toEqual(["closed", 1006]);
    expect((error as Error).cause).toEqual(new Error("ECONNRESET"));
    expect(lines).toEqual(["open", "message one", "error RESET"]);
    gate.resolve();
    await macrotask();
    expect(lines).toEqual([
      "open",
      "message one",
      "error RESET",
      "message two",
      "close 1006 unclean transport",
    ]);
    expect(results).toEqual([expect.any(ClosedError), expect.any(ClosedError)]);
  });

  it("may await the end of its own connection", async () => {
    const { open, lines } = testServer({
      async message(ws) {
        const { clean } = await ws.close(1008, "Go away");
        lines.push(`closed ${clean ? "clean" : "unclean"}`);
      },
    });
    const { peer } = await open();
    peer.endpoint.sendText("one");
    peer.endpoint.sendText("two");
    peer.flush();
    await peer.seen("closed");
    await macrotask();
    expect(peer.lines).toEqual(["open", "close 1008 Go away", "end", "closed"]);
    expect(lines).toEqual([
      "open",
      "message one",
      "close 1008 Go away clean local",
      "closed clean",
    ]);
  });

  it("keeps its messages until the end of the turn, but not a close frame", async () => {
    const turns: (() => void)[] = [];
    const gate = newDeferred<void>();
    const { open } = testServer(
      {
        async message(ws, data) {
          void ws.send(data);
          await gate.promise;
          await ws.close();
          await new Promise(() => {});
        },
      },
      {},
      { afterTurn: (task) => void turns.push(task) },
    );
    const { peer, ws } = await open();
    peer.text("keep");
    await macrotask();
    expect([peer.lines, turns.length]).toEqual([["open"], 1]);
    gate.resolve();
    await ws.closed;
    expect(peer.lines).toEqual(["open", "text keep", "close 1000", "end", "closed"]);
  });

  it("may close after it has waited for something else", async () => {
    const gate = newDeferred<void>();
    const { open, lines } = testServer({
      async message(ws) {
        await gate.promise;
        await ws.close();
      },
    });
    const { peer } = await open();
    peer.text("one");
    peer.text("two");
    await macrotask();
    gate.resolve();
    await peer.seen("closed");
    expect(lines).toEqual(["open", "message one", "close 1000 clean local"]);
  });

  it("is awaited before the first message if it is the open handler", async () => {
    const gate = newDeferred<void>();
    const { open, lines } = testServer({ open: () => gate.promise });
    const { peer } = await open();
    peer.text("one");
    await macrotask();
    expect(lines).toEqual(["open"]);
    gate.resolve();
    peer.close(1000);
    await peer.seen("closed");
    expect(lines).toEqual(["open", "message one", "close 1000 clean peer"]);
  });
});

describe("a queue of messages that a handler is slow to take", () => {
  /** Opens a connection whose handler waits for a gate at each message; three messages of 100 units fill its queue. */
  async function openSlow() {
    const gates: (() => void)[] = [];
    const made = testServer(
      { message: () => new Promise<void>((resolve) => gates.push(resolve)) },
      { receiveHighWaterMark: 400 },
    );
    const opened = await made.open();
    const calls = watch(opened.transport);
    const send = (...names: string[]): void => {
      for (const name of names) opened.peer.endpoint.sendText(name.padEnd(100, "."));
      opened.peer.flush();
    };
    const seen = (): string[] =>
      made.lines
        .filter((line) => line.startsWith("message"))
        .map((line) => line.replace("message ", "").replace(/\.+$/, ""));
    const next = async (): Promise<void> => {
      gates.shift()!();
      await macrotask();
    };
    return { ...made, ...opened, calls, send, seen, next, gates };
  }

  it("holds the peer back when it is full, and reads on when half of it is taken; none is lost", async () => {
    const { send, seen, next, calls, peer, ws } = await openSlow();
    send("1", "2", "3");
    await macrotask();
    expect(calls).toEqual([]);
    send("4", "5");
    await macrotask();
    expect([seen(), calls]).toEqual([["1"], ["pause"]]);
    expect(linkOf(ws).isReading).toBe(false);
    // 3 and 4 wait still.
    await next();
    expect([seen(), calls]).toEqual([["1", "2"], ["pause"]]);
    await next();
    expect([seen(), calls]).toEqual([
      ["1", "2", "3"],
      ["pause", "resume"],
    ]);
    for (let i = 0; i < 3; i++) await next();
    expect(seen()).toEqual(["1", "2", "3", "4", "5"]);
    expect(linkOf(ws).isReading).toBe(true);
    peer.close(1000);
    await peer.seen("closed");
  });

  it("holds back a chunk that comes while it is full, and gives it in its order", async () => {
    const { send, seen, next, calls, transport } = await openSlow();
    // A transport that has one more on its way.
    transport.pause = () => void calls.push("pause");
    send("1", "2", "3", "4");
    await macrotask();
    send("5");
    send("6");
    await macrotask();
    expect([seen(), calls]).toEqual([["1"], ["pause"]]);
    for (let i = 0; i < 6; i++) await next();
    expect(seen()).toEqual(["1", "2", "3", "4", "5", "6"]);
  });

  it("does not hold the peer back if its handler makes room before the turn is over", async () => {
    const { open, lines } = testServer(
      {
        async message() {
          await Promise.resolve();
        },
      },
      { receiveHighWaterMark: 100 },
    );
    const { peer, transport } = await open();
    const calls = watch(transport);
    for (let i = 0; i < 20; i++) peer.endpoint.sendText("x".repeat(100));
    peer.flush();
    await macrotask();
    await macrotask();
    expect([lines.length, calls]).toEqual([21, []]);
  });

  it("is delivered if the connection ends while it is full: the end is seen at once, and close comes last", async () => {
    const { send, seen, next, lines, ws, peer, server } = await openSlow();
    send("1", "2", "3", "4", "5", "6");
    await macrotask();
    peer.transport.destroy();
    await ws.closed;
    expect([seen(), server.counters.open]).toEqual([["1"], 0]);
    for (let i = 0; i < 6; i++) await next();
    expect(seen()).toEqual(["1", "2", "3", "4", "5", "6"]);
    expect(lines.at(-1)).toBe("close 1006 unclean transport");
  });

  it("is dropped if this side closes, and the peer's answer after it is read", async () => {
    const { send, seen, lines, ws } = await openSlow();
    send("1", "2", "3", "4", "5", "6");
    await macrotask();
    expect(await ws.close(4000)).toMatchObject({ clean: true, initiator: "local" });
    expect([seen(), lines.at(-1)]).toEqual([["1"], "close 4000 clean local"]);
  });

  it("is dropped with what still comes if this side terminates", async () => {
    const { send, seen, lines, ws, transport } = await openSlow();
    transport.pause = () => {};
    send("1", "2", "3", "4", "5", "6");
    await macrotask();
    ws.terminate();
    send("7");
    await ws.closed;
    await macrotask();
    expect([seen(), lines.at(-1)]).toEqual([["1"], "close 1006 unclean local"]);
  });

  it("is answered in one write once it is delivered, as a chunk is", async () => {
    const gate = newDeferred<void>();
    const { open } = testServer({
      async message(ws, data) {
        if (data === "wait") await gate.promise;
        await ws.send(data);
      },
    });
    const { peer, transport } = await open();
    peer.text("wait");
    for (let i = 0; i < 16; i++) peer.text(`${i}`);
    await macrotask();
    // The turn of the chunk is over.
    await macrotask();
    const writes = countWrites(transport);
    gate.resolve();
    await peer.seen("text 15");
    // The one that was waited for, and then all of them.
    expect(writes()).toBe(2);
  });
});

describe("a limit of messages", () => {
  it("stops what comes until it is lifted, and pauses the transport meanwhile", async () => {
    const { open, lines } = testServer();
    const { peer, ws, transport } = await open();
    const calls = watch(transport);
    const { pacer } = linkOf(ws);
    pacer.limit();
    pacer.limit();
    peer.text("held");
    await macrotask();
    expect([lines, calls]).toEqual([["open"], ["pause"]]);
    pacer.lift(false);
    await macrotask();
    expect([lines, calls]).toEqual([
      ["open", "message held"],
      ["pause", "resume"],
    ]);
    // Lifted when there is none, it changes nothing.
    pacer.lift(true);
    peer.text("more");
    await macrotask();
    expect(lines).toEqual(["open", "message held", "message more"]);
  });

  it("waits for room if too much is unread, and then goes on", async () => {
    const { open, lines } = testServer();
    const { peer, ws } = await open();
    const { pacer } = linkOf(ws);
    pacer.limit();
    peer.text("held");
    await macrotask();
    pacer.lift(true);
    await macrotask();
    expect([lines, pacer.isPaused]).toEqual([["open"], true]);
    pacer.onRoom();
    expect([lines, pacer.isPaused]).toEqual([["open", "message held"], false]);
  });

  it("does not hold back anything while the connection ends", async () => {
    const { open, lines } = testServer();
    const { peer, ws } = await open();
    const { pacer } = linkOf(ws);
    peer.endsWithServer = false;
    void ws.close(4000);
    pacer.limit();
    await peer.seen("close 4000");
    pacer.limit();
    peer.transport.end();
    await peer.seen("closed");
    expect(lines.at(-1)).toMatch(/^close 4000/);
  });
});
