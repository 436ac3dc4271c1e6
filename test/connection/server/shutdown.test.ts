import { describe, expect, it, vi } from "vitest";
import { memoryPair } from "../../../adapters/memory/index.ts";
import { encodeUtf8 } from "../../../src/bytes.ts";
import { newDeferred } from "../../../src/deferred.ts";
import { type ServeOptions, serveOn } from "../../../src/connection/server/serve.ts";
import { Peer, upgradeRequest } from "../../support/peer.ts";
import { macrotask } from "../../support/turns.ts";
import { testServer } from "../../support/server.ts";
import { fakeListener } from "../../support/fake-listener.ts";

describe("shutdown() of a server whose handlers are at work", () => {
  /** A connection whose handler waits for a gate, and then answers; behind its message waits another one. */
  async function openWorking(options: ServeOptions = { port: 0 }) {
    const gate = newDeferred<void>();
    const made = testServer(
      {
        async message(ws, data) {
          await gate.promise;
          await ws.send(data);
        },
      },
      options,
    );
    const opened = await made.open();
    opened.peer.text("one");
    opened.peer.text("two");
    await macrotask();
    return { ...made, ...opened, gate };
  }

  it("lets them answer what has come, closes after that, and reads nothing more", async () => {
    const { server, peer, gate, lines } = await openWorking();
    const over = server.shutdown();
    peer.text("too late");
    await macrotask();
    gate.resolve();
    expect(await over).toEqual({ closed: 1, dropped: 0 });
    expect(peer.lines.slice(0, 4)).toEqual(["open", "text one", "text two", "close 1001"]);
    expect(lines).toEqual(["open", "message one", "message two", "close 1001 clean local"]);
  });

  it.each([
    ["half of the deadline", { deadline: 4000 }, 2000],
    ["10 seconds where there is no deadline", { deadline: Infinity }, 10_000],
  ])("gives them %s", async (_, options, time) => {
    const { server, peer, clock } = await openWorking({ port: 0, closeTimeout: 60_000 });
    const over = server.shutdown(options);
    clock.advance(time - 500);
    await macrotask();
    expect(peer.lines).toEqual(["open"]);
    clock.advance(600);
    await peer.seen("close 1001");
    await macrotask();
    // Its handlers are never done: they are not waited for beyond that, either.
    clock.advance(time + 500);
    expect(await over).toEqual({ closed: 1, dropped: 0 });
  });

  it("closes at once if told not to wait, and does not wait for `open`, nor for partial messages", async () => {
    const working = await openWorking();
    void working.server.shutdown({ drain: false });
    await working.peer.seen("close 1001");
    const opening = testServer({ open: () => new Promise(() => {}), message() {} });
    const { peer } = await opening.open();
    peer.text("waits for open");
    await macrotask();
    expect(await opening.server.shutdown()).toEqual({ closed: 1, dropped: 0 });
    const streaming = testServer({ stream: (_, message) => message.text() });
    const half = await streaming.open();
    half.peer.send(Uint8Array.of(0x01, 0x81, 0, 0, 0, 0, 0x61));
    await macrotask();
    void streaming.server.shutdown();
    await half.peer.seen("close 1001");
  });

  it("is over if the connections end by themselves meanwhile", async () => {
    const { server, transport, gate } = await openWorking();
    const over = server.shutdown();
    await macrotask();
    transport.reset(new Error("ECONNRESET"));
    await macrotask();
    gate.resolve();
    expect(await over).toEqual({ closed: 0, dropped: 1 });
  });

  it("waits for the `close` of each connection, not of the first alone", async () => {
    const gates = [newDeferred<void>(), newDeferred<void>()];
    const order: string[] = [];
    let ended = 0;
    const { server, open } = testServer({ close: () => gates[ended++]!.promise });
    await open();
    await open();
    const over = server.shutdown().then(() => order.push("over"));
    await macrotask();
    expect(ended).toBe(2);
    order.push("first done");
    gates[0]!.resolve();
    await macrotask();
    await macrotask();
    order.push("second done");
    gates[1]!.resolve();
    await over;
    expect(order).toEqual(["first done", "second done", "over"]);
  });

  it("waits for the promises of `close`, up to the deadline", async () => {
    const gate = newDeferred<void>();
    const made = testServer({ close: () => gate.promise });
    await made.open();
    let isOver = false;
    const over = made.server.shutdown().then(() => {
      isOver = true;
    });
    await macrotask();
    await macrotask();
    expect(isOver).toBe(false);
    gate.resolve();
    await over;
    const never = testServer({ close: () => new Promise(() => {}) });
    await never.open();
    const late = never.server.shutdown({ deadline: 1000 });
    await macrotask();
    await macrotask();
    never.clock.advance(1200);
    expect(await late).toEqual({ closed: 1, dropped: 0 });
  });
});

describe("shutdown()", () => {
  it("says 1001 to all, waits for them, and counts", async () => {
    const { server, open } = testServer();
    const first = await open();
    const second = await open();
    expect(server.connections).toHaveLength(2);
    expect(await server.shutdown({ reason: "Restart" })).toEqual({ closed: 2, dropped: 0 });
    expect(first.peer.lines).toContain("close 1001 Restart");
    expect(second.peer.lines).toContain("close 1001 Restart");
    expect(server.connections).toEqual([]);
  });

  it("drops at the deadline what has not closed", async () => {
    const { server, open, clock, lines } = testServer();
    const { peer } = await open();
    await open();
    peer.transport.handler = { onData() {}, onDrain() {}, onEnd() {}, onClose() {} };
    const result = server.shutdown({ deadline: 2000, status: 1012 });
    await macrotask();
    clock.advance(2200);
    expect(await result).toEqual({ closed: 1, dropped: 1 });
    expect(lines).toContain("error SHUTDOWN_TIMEOUT");
    expect(clock.running).toBe(0);
  });

  it("stops accepting, answers opening connections with 503, and drops silent and late ones", async () => {
    const { listen, accept, closed } = fakeListener();
    const gate = newDeferred<undefined>();
    const causes: string[] = [];
    const server = await serveOn(
      listen,
      { port: 80 },
      {
        upgrade: () => gate.promise,
        refused: (error) => void causes.push(`${error.status} ${error.message}`),
      },
    );
    const request = upgradeRequest();
    const connect = (...sent: Uint8Array[]): Peer => {
      const [ours, theirs] = memoryPair();
      const peer = new Peer(theirs);
      accept(ours);
      for (const bytes of sent) peer.send(bytes);
      return peer;
    };
    const silent = connect();
    const asking = connect(request);
    const half = connect(request.slice(0, 30));
    const refused = connect(encodeUtf8("BREW / HTTP/1.1\r\nHost: a\r\n\r\n"));
    await macrotask();
    const result = server.shutdown();
    const late = connect(request);
    expect(await result).toEqual({ closed: 0, dropped: 0 });
    expect(closed()).toBe(1);
    gate.resolve(undefined);
    for (const peer of [silent, asking, half, refused, late]) await peer.seen("closed");
    expect([silent.lines, late.lines]).toEqual([["closed"], ["closed"]]);
    const told = ["refused 503", "end", "closed"];
    expect([asking.lines, half.lines]).toEqual([told, told]);
    expect(refused.lines.slice(1)).toEqual(["end", "closed"]);
    expect(causes.slice(1)).toEqual([
      "503 The server is shutting down",
      "503 The server is shutting down",
    ]);
  });

  it("drops at the deadline a peer that stays after a 503", async () => {
    const { server, connect, clock } = testServer({ upgrade: () => new Promise(() => {}) });
    const { peer, transport } = connect();
    peer.send(upgradeRequest());
    await macrotask();
    // A peer that never ends its side.
    vi.spyOn(transport, "end").mockImplementation(() => {});
    const destroy = vi.spyOn(transport, "destroy");
    const result = server.shutdown({ deadline: 1000 });
    await macrotask();
    clock.advance(1200);
    expect(await result).toEqual({ closed: 0, dropped: 0 });
    expect([peer.lines[0], destroy.mock.calls.length]).toEqual(["refused 503", 1]);
  });

  it.each([
    [{ status: 1005 }, RangeError, "Status code may not be sent: 1005"],
    [{ reason: "x".repeat(124) }, RangeError, "Reason must have at most 123 bytes: 124"],
    [{ deadline: NaN }, RangeError, "deadline must be milliseconds from 0 on, or Infinity: NaN"],
    [{ deadline: -1 }, RangeError, "deadline must be milliseconds from 0 on, or Infinity: -1"],
    [
      { deadline: "5" },
      TypeError,
      'deadline must be a number of milliseconds: "5" is a string; write 5',
    ],
  ])("refuses %o before anything has happened", async (options, kind, message) => {
    const { listen, accept, closed } = fakeListener();
    const server = await serveOn(listen, { port: 80 }, {});
    expect(() => server.shutdown(options as never)).toThrow(new kind(message));
    expect(closed()).toBe(0);
    const [ours, theirs] = memoryPair();
    accept(ours);
    const peer = new Peer(theirs);
    peer.send(upgradeRequest());
    await peer.seen("open");
    expect(await server.shutdown()).toEqual({ closed: 1, dropped: 0 });
    expect(() => server.shutdown(options as never)).toThrow(kind);
  });

  it.each(["the listener", "the backplane", "both"])(
    "rejects if %s cannot be left, when all connections have ended",
    async (what) => {
      const ends: string[] = [];
      const leaving = (who: string): Promise<void> => {
        ends.push(who);
        return what === who || what === "both" ? Promise.reject(new Error(who)) : Promise.resolve();
      };
      const server = await serveOn(
        async () => ({ port: 1, hostname: "", close: () => leaving("the listener") }),
        {
          port: 80,
          backplane: {
            join: () => ({
              publish() {},
              subscribe() {},
              unsubscribe() {},
              leave: () => leaving("the backplane"),
            }),
          },
        },
        {},
      );
      const [ours, theirs] = memoryPair();
      server.accept(ours);
      const peer = new Peer(theirs);
      peer.send(upgradeRequest());
      await peer.seen("open");
      const first = what === "both" ? "the backplane" : what;
      // Nobody awaits the first one.
      void server.shutdown();
      await macrotask();
      await expect(server.shutdown()).rejects.toThrow(first);
      expect(ends).toEqual(["the listener", "the backplane"]);
      expect(peer.lines).toContain("close 1001");
    },
  );

  it("joins the first call when it is called again", async () => {
    const { server } = testServer();
    expect(server.shutdown()).toBe(server.shutdown());
    expect(await server.shutdown()).toEqual({ closed: 0, dropped: 0 });
  });

  it("runs with await using", async () => {
    const { server, open } = testServer();
    const { peer } = await open();
    await server[Symbol.asyncDispose]();
    expect(peer.lines).toContain("close 1001");
  });
});

describe("stopListening()", () => {
  it("accepts no new connections, and those that have come open and go on", async () => {
    const { listen, accept, closed } = fakeListener();
    const server = await serveOn(listen, { port: 80 }, { message: (ws, data) => ws.send(data) });
    const [ours, theirs] = memoryPair();
    const peer = new Peer(theirs);
    accept(ours);
    await server.stopListening();
    expect(closed()).toBe(1);
    expect(server.counters.opening).toBe(1);
    peer.send(upgradeRequest());
    await peer.seen("open");
    peer.text("here");
    await peer.seen("text here");
    const over = server.shutdown();
    await peer.seen("close 1001");
    peer.transport.end();
    expect(await over).toMatchObject({ dropped: 0 });
  });
});
