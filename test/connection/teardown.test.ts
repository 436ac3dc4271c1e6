import type { Handlers } from "../../src/connection/handlers.ts";
import type { ConnectionOptions } from "../../src/connection/options.ts";
import { linkOf } from "../support/link.ts";
import { describe, expect, it, vi } from "vitest";
import { newDeferred } from "../../src/deferred.ts";
import { ClosedError } from "../../src/errors.ts";
import { openPair } from "../support/pair.ts";
import { nameOf, type TestServer, testServer } from "../support/server.ts";
import { ShiftExtension } from "../support/shift-extension.ts";
import { macrotask } from "../support/turns.ts";

describe("a handler that ends its connection", () => {
  it.each(["terminate", "close"] as const)(
    "by %s() gets nothing more, also where the peer is gone already",
    async (end) => {
      const gate = newDeferred<void>();
      const { open, lines, server } = testServer({
        message(ws, data) {
          if (data === "one") return gate.promise;
          void ws[end]();
          return undefined;
        },
      });
      const { peer, ws } = await open();
      for (const text of ["one", "two", "three"]) peer.text(text);
      await macrotask();
      peer.transport.destroy();
      await ws.closed;
      expect(server.counters.open).toBe(0);
      gate.resolve();
      await macrotask();
      expect(lines).toEqual([
        "open",
        "message one",
        "error UNEXPECTED_END",
        "message two",
        "close 1006 unclean transport",
      ]);
    },
  );

  it.each(["terminate", "close"] as const)(
    "by %s() while the peer's close frame is answered gets nothing more",
    async (end) => {
      const gate = newDeferred<void>();
      const { open, lines } = testServer({ message: () => gate.promise });
      const { peer, ws } = await open();
      peer.endsWithServer = false;
      peer.text("one");
      peer.text("two");
      peer.close(1000);
      await peer.seen("end");
      expect(ws.state).toBe("closing");
      void ws[end]();
      gate.resolve();
      peer.transport.end();
      await peer.seen("closed");
      await macrotask();
      expect(lines).toEqual(["open", "message one", "close 1000 clean peer"]);
    },
  );

  it.each(["terminate", "close"] as const)(
    "is not waited for any more where somebody else calls %s() behind the end",
    async (end) => {
      const { open, lines, clock } = testServer({ message: () => new Promise(() => {}) });
      const { peer, ws } = await open();
      peer.text("one");
      peer.text("two");
      peer.close(1000);
      await ws.closed;
      expect(lines).toEqual(["open", "message one"]);
      void ws[end]();
      void ws[end]();
      // Never inside of the call.
      expect(lines).toEqual(["open", "message one"]);
      await macrotask();
      expect(lines).toEqual(["open", "message one", "close 1000 clean peer"]);
      expect(clock.running).toBe(0);
    },
  );
});

describe("a connection that is lost", () => {
  it("has no deadline set for its end, which follows at once", async () => {
    const { open, clock } = testServer({}, { pingInterval: Infinity, idleTimeout: Infinity });
    const { ws, transport } = await open();
    expect(clock.running).toBe(0);
    const every = vi.spyOn(clock, "every");
    transport.reset(new Error("ECONNRESET"));
    await ws.closed;
    expect(every).not.toHaveBeenCalled();
  });
});

describe("ws.signal", () => {
  it("is aborted when either side begins to close, or the connection breaks", async () => {
    const ends: [string, (made: Awaited<ReturnType<TestServer["open"]>>) => void, object][] = [
      ["close", ({ ws }) => void ws.close(4000), { clean: false, initiator: "local" }],
      ["terminate", ({ ws }) => void ws.terminate(), { clean: false, initiator: "local" }],
      [
        "the peer's close",
        ({ peer }) => void peer.close(4001),
        { clean: true, initiator: "peer", status: 4001 },
      ],
      ["a lost peer", ({ peer }) => void peer.transport.destroy(), { initiator: "transport" }],
      [
        "a reset",
        ({ transport }) => void transport.reset(new Error("ECONNRESET")),
        { initiator: "transport", cause: { code: "RESET" } },
      ],
    ];
    for (const [name, end, expected] of ends) {
      const made = await testServer().open();
      const { signal } = made.ws;
      expect([name, signal.aborted, made.ws.signal === signal]).toEqual([name, false, true]);
      let events = 0;
      signal.addEventListener("abort", () => events++);
      end(made);
      await made.ws.closed;
      expect([name, signal.aborted, events]).toEqual([name, true, 1]);
      expect(signal.reason, name).toBeInstanceOf(ClosedError);
      expect(signal.reason, name).toMatchObject(expected);
      // Asked for behind the end.
      const late = await testServer().open();
      end(late);
      await late.ws.closed;
      expect([name, late.ws.signal.aborted]).toEqual([name, true]);
      expect(late.ws.signal.reason, name).toMatchObject({
        initiator: (expected as { initiator: string }).initiator,
      });
    }
  });

  it("is aborted by the time that close() returns, and while a handler is at work on what came", async () => {
    const { ws } = await testServer().open();
    const { signal } = ws;
    void ws.close();
    expect(signal.aborted).toBe(true);
    const aborted: string[] = [];
    const { open } = testServer({
      message(one) {
        one.signal.addEventListener("abort", () => aborted.push(one.state));
        return new Promise(() => {});
      },
    });
    const { peer } = await open();
    peer.text("work");
    peer.close(1000);
    await peer.seen("end");
    expect(aborted).toEqual(["closing"]);
  });

  it("gives what send() rejects with", async () => {
    const { peer, ws } = await testServer().open();
    peer.close(4001, "bye");
    await ws.closed;
    const refusal: unknown = await ws.send("late").catch((error: unknown) => error);
    expect(ws.signal.reason).toEqual(refusal);
    expect(ws.signal.reason).toMatchObject({ code: "CLOSED", status: 4001, reason: "bye" });
  });
});

describe("a network that is gone while a message takes a while", () => {
  async function openGone() {
    const lines: string[] = [];
    const extension = new ShiftExtension({ slice: 4 });
    const pair = await openPair({
      options: { extensions: [extension] },
      handlers: {
        message: (_, data) => void lines.push(`message ${data as string}`),
        error: (_, error) => void lines.push(`error ${nameOf(error)}`),
        close: () => void lines.push("close"),
      },
      clientOptions: { extensions: [new ShiftExtension()] },
    });
    const writer = pair.ours.beginMessage({ compress: false });
    void writer.write("begun");
    void pair.theirs.send("Hello");
    await macrotask();
    pair.transport.destroy();
    await macrotask();
    expect([pair.ours.state, lines]).toEqual(["closed", []]);
    return { ...pair, extension, writer, lines };
  }

  it("is what went wrong, though a message is given up then", async () => {
    const { ours, writer, extension, lines } = await openGone();
    writer.abort(new Error("changed my mind"));
    extension.next();
    expect(await ours.closed).toMatchObject({ error: { code: "UNEXPECTED_END" } });
    expect(lines).toEqual(["message Hello", "error UNEXPECTED_END", "close"]);
  });

  it("is not waited for where this side terminates", async () => {
    const { ours, extension, lines, accepted } = await openGone();
    let destroyed = 0;
    accepted.destroy = () => void destroyed++;
    ours.terminate();
    expect(await ours.closed).toMatchObject({ initiator: "local" });
    extension.next();
    await macrotask();
    expect([lines, destroyed]).toEqual([["close"], 0]);
  });
});

describe("the end of the stream behind a message that takes a while", () => {
  it("does not wait for somebody to read what comes out, however much it is", async () => {
    const extension = new ShiftExtension({ slice: 4 });
    const { ours, theirs, transport } = await openPair({
      options: { extensions: [extension], receiveHighWaterMark: 100 },
      clientOptions: { extensions: [new ShiftExtension()] },
    });
    void theirs.send("Hello");
    await theirs.send("x".repeat(1000), { compress: false });
    await macrotask();
    transport.destroy();
    await macrotask();
    extension.next();
    expect(await ours.closed).toMatchObject({ status: 1006, clean: false });
    expect([await ours.receive(), await ours.receive()]).toEqual(["Hello", "x".repeat(1000)]);
    await expect(ours.receive()).rejects.toThrow(ClosedError);
  });
});

describe("a connection with the option deliverAfterClose, that has closed", () => {
  /** Both ends; this side's handler writes down what it gets, and may take its time. */
  async function closing(handlers: Handlers = {}, options: ConnectionOptions = {}) {
    const lines: string[] = [];
    const pair = await openPair({
      handlers: {
        message: (_, data) => void lines.push(`message ${String(data)}`),
        error: (_, error) => void lines.push(`error ${nameOf(error)}`),
        close: (_, { status, clean }) =>
          void lines.push(`close ${status} ${clean ? "clean" : "lost"}`),
        ...handlers,
      },
      options: { deliverAfterClose: true, ...options },
      // The peer's own takes no time.
      clientOptions: { extensions: options.extensions && [new ShiftExtension()] },
    });
    return { ...pair, lines };
  }

  it("delivers what the peer sends until its own close frame, and then ends", async () => {
    const { ours, theirs, lines } = await closing();
    void theirs.send("before");
    void theirs.send("behind");
    const closed = ours.close();
    expect(ours.state).toBe("closing");
    await expect(ours.send("late")).rejects.toThrow(ClosedError);
    expect(await closed).toMatchObject({ status: 1000, clean: true, initiator: "local" });
    await macrotask();
    expect(lines).toEqual(["message before", "message behind", "close 1000 clean"]);
  });

  it("drops it where the option is not given", async () => {
    const { ours, theirs, lines } = await closing({}, { deliverAfterClose: false });
    void theirs.send("behind");
    await ours.close();
    expect(lines).toEqual(["close 1000 clean"]);
  });

  it("delivers the rest of a chunk in whose handler it has closed, also of a message that an extension works on", async () => {
    const shift = new ShiftExtension({ slice: 1, isAuto: true });
    const { theirs, lines } = await closing(
      {
        message(ws, data) {
          lines.push(String(data));
          if (data === "one") void ws.close();
        },
      },
      { extensions: [shift] },
    );
    void theirs.send("one");
    void theirs.send("two");
    void theirs.send("three");
    await theirs.closed;
    await macrotask();
    expect(lines).toEqual(["one", "two", "three", "close 1000 clean"]);
  });

  it("delivers what waits for a handler at work, also where close() is called once more", async () => {
    const gate = newDeferred<void>();
    const { ours, theirs, lines } = await closing({
      async message(_, data) {
        lines.push(`message ${String(data)}`);
        if (data !== "one") return;
        await gate.promise;
      },
    });
    void theirs.send("one");
    void theirs.send("two");
    await macrotask();
    void ours.close();
    await theirs.closed;
    void ours.close();
    gate.resolve();
    await macrotask();
    expect(lines).toEqual(["message one", "message two", "close 1000 clean"]);
  });

  it("reads on behind a shutdown that has waited for a handler, as far as it did before", async () => {
    const gate = newDeferred<void>();
    const { ours, theirs, clock, lines } = await closing(
      { ping: () => gate.promise },
      { receiveHighWaterMark: 1000 },
    );
    void theirs.ping();
    await macrotask();
    const link = linkOf(ours);
    link.shut();
    void theirs.send("behind");
    await macrotask();
    expect([link.isReading, lines]).toEqual([false, []]);
    gate.resolve();
    await macrotask();
    expect(await ours.close(1001)).toMatchObject({ status: 1001, clean: true });
    await macrotask();
    expect([lines, clock.now()]).toEqual([["message behind", "close 1001 clean"], 0]);
  });

  it("is held back behind a shutdown where too much is unread", async () => {
    const { ours, theirs, lines } = await closing(
      { message: () => new Promise(() => {}) },
      { receiveHighWaterMark: 1000, closeTimeout: 1000 },
    );
    for (let i = 0; i < 10; i++) void theirs.send("x".repeat(1000));
    await macrotask();
    linkOf(ours).shut();
    void ours.close();
    const { messages } = ours.counters.received;
    for (let i = 0; i < 10; i++) void theirs.send("x".repeat(1000));
    await macrotask();
    expect([linkOf(ours).isReading, ours.counters.received.messages]).toEqual([false, messages]);
    expect(lines).toHaveLength(0);
  });

  it("gives it to those who ask for messages, who may begin to ask behind the close", async () => {
    const { ours, theirs } = await openPair({ options: { deliverAfterClose: true } });
    void theirs.send("one");
    void theirs.send("two");
    void ours.close();
    const received: unknown[] = [];
    for await (const data of ours) received.push(data);
    expect(received).toEqual(["one", "two"]);
  });

  it("holds a peer back that goes on to send more than is read, until the time to close is up", async () => {
    const { ours, theirs, clock, lines } = await closing(
      { message: () => new Promise(() => {}) },
      { receiveHighWaterMark: 1000, closeTimeout: 1000 },
    );
    void ours.close();
    for (let i = 0; i < 100; i++) void theirs.send("x".repeat(1000));
    await macrotask();
    expect(ours.counters.received.messages).toBeLessThan(20);
    expect(linkOf(ours).isReading).toBe(false);
    clock.advance(1200);
    expect(await ours.closed).toMatchObject({ clean: false, error: { code: "CLOSE_TIMEOUT" } });
    expect(lines).toContain("error CLOSE_TIMEOUT");
  });

  it("goes on to hold a peer back that was held back before, and to wait for an extension at work", async () => {
    const full = await closing(
      { message: () => new Promise(() => {}) },
      { receiveHighWaterMark: 1000 },
    );
    for (let i = 0; i < 100; i++) void full.theirs.send("x".repeat(1000));
    await macrotask();
    void full.ours.close();
    await macrotask();
    expect(full.ours.counters.received.messages).toBeLessThan(20);
    full.ours.terminate();
    const shift = new ShiftExtension({ slice: 1 });
    const busy = await closing({}, { extensions: [shift] });
    void busy.theirs.send("ab");
    await macrotask();
    void busy.ours.close();
    expect(linkOf(busy.ours).endpoint.isBusy).toBe(true);
    for (let i = 0; i < 3; i++) shift.next();
    await busy.ours.closed;
    await macrotask();
    expect(busy.lines).toEqual(["message ab", "close 1000 clean"]);
  });

  it("delivers nothing more where a handler fails, or it is dropped", async () => {
    const failing = await closing({
      message(_, data) {
        failing.lines.push(`message ${String(data)}`);
        throw new Error("handler");
      },
    });
    void failing.theirs.send("one");
    void failing.theirs.send("two");
    void failing.ours.close();
    expect(await failing.ours.closed).toMatchObject({ status: 1006, clean: false });
    await macrotask();
    expect(failing.lines).toEqual(["message one", "error handler", "close 1006 lost"]);
    const dropped = await closing();
    void dropped.theirs.send("one");
    void dropped.ours.close();
    dropped.ours.terminate();
    await dropped.ours.closed;
    await macrotask();
    expect(dropped.lines).toEqual(["close 1006 lost"]);
  });
});
