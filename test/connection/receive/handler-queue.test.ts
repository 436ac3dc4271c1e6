import { describe, expect, it } from "vitest";
import type { Connection } from "../../../src/connection/connection.ts";
import { linkOf } from "../../support/link.ts";
import type { IncomingMessage } from "../../../src/connection/receive/incoming.ts";
import type { ServeOptions } from "../../../src/connection/server/serve.ts";
import { type Deferred, newDeferred } from "../../../src/deferred.ts";
import { openPair } from "../../support/pair.ts";
import { nameOf, type TestServer, testServer } from "../../support/server.ts";
import { macrotask } from "../../support/turns.ts";

type Opened = Awaited<ReturnType<TestServer["open"]>>;

describe("streams that wait for their handler", () => {
  it("are handled one at a time, in their order, each with what came of it", async () => {
    const gates: (() => void)[] = [];
    const lines: string[] = [];
    const { ours, theirs } = await openPair({
      handlers: {
        async stream(_, message) {
          lines.push("begin");
          await new Promise<void>((resolve) => gates.push(resolve));
          lines.push(await message.text());
        },
      },
    });
    void theirs.send("one");
    const writer = theirs.beginMessage();
    void writer.write("tw");
    await macrotask();
    void writer.write("o");
    void writer.close();
    void theirs.send("three");
    await macrotask();
    expect(lines).toEqual(["begin"]);
    for (let i = 0; i < 3; i++) {
      gates.shift()!();
      await macrotask();
    }
    expect(lines).toEqual(["begin", "one", "begin", "two", "begin", "three"]);
    await theirs.close();
    expect(await ours.closed).toMatchObject({ clean: true });
  });

  it("are handled even if they are not complete yet", async () => {
    const gate = newDeferred<void>();
    const lines: string[] = [];
    const { theirs } = await openPair({
      handlers: {
        async stream(_, message) {
          for await (const piece of message) {
            lines.push(piece as string);
            if (piece === "wait") await gate.promise;
          }
          lines.push("end");
        },
      },
    });
    void theirs.send("wait");
    const writer = theirs.beginMessage();
    void writer.write("begun");
    await macrotask();
    gate.resolve();
    await macrotask();
    expect(lines).toEqual(["wait", "end", "begun"]);
    await writer.close();
    await macrotask();
    expect(lines).toEqual(["wait", "end", "begun", "end"]);
  });

  it("fail in their handler if the connection ended in the middle, which does not count as a failure of the handler", async () => {
    const gates: (() => void)[] = [];
    const lines: string[] = [];
    const { ours, theirs } = await openPair({
      handlers: {
        async stream(_, message) {
          await new Promise<void>((resolve) => gates.push(resolve));
          lines.push(
            await message.text().catch((error: unknown) => {
              lines.push(nameOf(error));
              throw error;
            }),
          );
        },
        error: (_, error) => void lines.push(`error ${nameOf(error)}`),
        close: () => void lines.push("close"),
      },
    });
    void theirs.send("whole");
    void theirs.beginMessage().write("half");
    await macrotask();
    theirs.terminate();
    await ours.closed;
    for (let i = 0; i < 2; i++) {
      gates.shift()!();
      await macrotask();
    }
    // Nothing waits behind the last one: it is at work while the end is told.
    expect(lines).toEqual(["error UNEXPECTED_END", "whole", "close", "CLOSED"]);
  });

  const pieces = 100;

  it.each<[string, (message: IncomingMessage) => unknown]>([
    [
      "leaves its loop",
      async (message) => {
        for await (const piece of message) {
          if (piece.length > 0) break;
        }
      },
    ],
    ["returns without reading", () => undefined],
    [
      "returns later without reading",
      async () => {
        await macrotask();
        await macrotask();
      },
    ],
  ])("hold up nothing if their handler %s", async (_, read) => {
    const lengths: number[] = [];
    const { theirs, accepted } = await openPair({
      options: { receiveHighWaterMark: 1000 },
      handlers: {
        async stream(_ws, message) {
          if (lengths.length === 0) {
            lengths.push(-1);
            await read(message);
          } else {
            lengths.push((await message.bytes()).length);
          }
        },
      },
    });
    let isPaused = false;
    const { pause } = accepted;
    accepted.pause = () => {
      isPaused = true;
      pause.call(accepted);
    };
    for (let count = 0; count < 2; count++) {
      const writer = theirs.beginMessage({ binary: true });
      for (let i = 0; i < pieces; i++) void writer.write(new Uint8Array(100));
      void writer.close();
    }
    // Time enough for the peer to be held back, and read on again.
    for (let i = 0; i < 50 && lengths.length < 2; i++) await macrotask();
    expect(lengths).toEqual([-1, 100 * pieces]);
    expect(isPaused || read.length === 0).toBe(true);
    await theirs.close();
  });
});

describe("a handler at work while its connection ends", () => {
  const kinds = ["open", "message", "ping", "pong", "stream"] as const;
  const works: Record<string, (ws: Connection) => Promise<unknown>> = {
    "awaits the end": (ws) => ws.closed,
    "never settles": () => new Promise(() => {}),
    "rejects when it is over": (ws) =>
      ws.closed.then(() => {
        throw new Error("late");
      }),
    "throws a ClosedError when it is over": (ws) => ws.closed.then(() => ws.send("late")),
  };
  const ends: Record<string, (made: Opened & Pick<TestServer, "clock">) => void> = {
    "the peer closes": ({ peer }) => void peer.close(1000),
    "the peer ends its stream": ({ peer }) => void peer.transport.end(),
    "the network resets it": ({ transport }) => void transport.reset(new Error("ECONNRESET")),
    "the peer vanishes": ({ peer, clock }) => {
      peer.transport.pause();
      clock.advance(10_000);
    },
    "this side closes": ({ ws }) => void ws.close(),
    "this side terminates": ({ ws }) => void ws.terminate(),
  };

  /** Begins what the handler is called for. */
  const begin = (kind: (typeof kinds)[number], { peer, ws }: Opened): void => {
    if (kind === "ping") {
      peer.endpoint.sendPing(new Uint8Array(0));
      peer.flush();
    } else if (kind === "pong") {
      void ws.ping();
    } else if (kind !== "open") {
      peer.text("go");
    }
  };

  const cases = kinds.flatMap((kind) =>
    Object.keys(works).flatMap((work) =>
      Object.keys(ends).map((end) => [kind, work, end] as const),
    ),
  );

  it.each(cases)(
    "of kind %s that %s does not hold up the end if %s: close is called once, and last",
    async (kind, work, end) => {
      let calls = 0;
      const made = testServer(
        {
          [kind]: (ws: Connection) => {
            calls++;
            return works[work]!(ws);
          },
        },
        { pingInterval: 2000, pongTimeout: 1000 },
      );
      const opened = await made.open();
      begin(kind, opened);
      await macrotask();
      expect(calls).toBe(1);
      ends[end]!({ ...opened, clock: made.clock });
      await opened.ws.closed;
      expect([opened.ws.state, made.server.counters.open]).toEqual(["closed", 0]);
      await macrotask();
      const closes = made.lines.filter((line) => line.startsWith("close"));
      expect([closes.length, made.lines.at(-1)]).toEqual([1, closes[0]]);
      // Nothing waits any more, however long its handler goes on.
      expect(made.clock.running).toBe(0);
    },
  );

  it.each(["open", "ping", "pong", "stream"] as const)(
    "of kind %s that throws ends it with 1011, once",
    async (kind) => {
      const made = testServer({
        [kind]: () => {
          throw new Error("oops");
        },
      });
      const opened = await made.open();
      begin(kind, opened);
      await opened.peer.seen("closed");
      expect(opened.peer.lines).toContain("close 1011");
      expect(made.lines).toEqual(["open", "error oops", "close 1006 unclean local"]);
      expect(made.server.counters.open).toBe(0);
    },
  );
});

describe("what waits for a handler when the connection ends", () => {
  /** Opens a connection whose handler for messages waits for a gate each time, and sends it four things. */
  async function openWaiting(options: Partial<ServeOptions> = {}) {
    const gates: Deferred<void>[] = [];
    const made = testServer(
      {
        message() {
          const gate = newDeferred<void>();
          gates.push(gate);
          return gate.promise;
        },
        ping: () => void made.lines.push("ping"),
        pong: () => void made.lines.push("pong"),
      },
      options,
    );
    const opened = await made.open();
    const { peer, ws } = opened;
    peer.text("one");
    peer.text("two");
    peer.endpoint.sendPing(new Uint8Array(0));
    peer.flush();
    await ws.ping();
    await peer.seen("ping ");
    peer.text("three");
    await macrotask();
    expect(made.lines).toEqual(begun);
    return { ...made, ...opened, gates };
  }

  // Pings and pongs wait for no message.
  const begun = ["open", "message one", "ping", "pong"];
  const rest = ["message two", "message three"];

  it.each<[string, (made: Opened) => void, string[], string]>([
    ["the peer closes", ({ peer }) => void peer.close(1000), [], "close 1000 clean peer"],
    [
      "the peer ends its stream",
      ({ peer }) => void peer.transport.end(),
      ["error UNEXPECTED_END"],
      "close 1006 unclean transport",
    ],
    [
      "the network resets it",
      ({ transport }) => void transport.reset(new Error("ECONNRESET")),
      ["error RESET"],
      "close 1006 unclean transport",
    ],
    [
      "the peer breaks a rule",
      ({ peer }) => void peer.send(Uint8Array.of(0x83, 0x80, 0, 0, 0, 0)),
      ["error OPCODE_RESERVED"],
      "close 1006 unclean peer",
    ],
  ])("is delivered first if %s, in its order", async (_, end, errors, close) => {
    const made = await openWaiting();
    const { ws, lines, gates, server, clock } = made;
    end(made);
    await ws.closed;
    expect([lines, server.counters.open]).toEqual([[...begun, ...errors], 0]);
    for (let i = 0; i < 3; i++) {
      await macrotask();
      gates[i]!.resolve();
    }
    await macrotask();
    // The last one is called: nothing waits behind it, and so it is not waited for.
    expect(lines).toEqual([...begun, ...errors, ...rest, close]);
    expect(clock.running).toBe(0);
  });

  it.each<[string, (made: Opened) => void]>([
    ["this side closes", ({ ws }) => void ws.close()],
    ["this side terminates", ({ ws }) => void ws.terminate()],
  ])("is dropped if %s", async (_, end) => {
    const made = await openWaiting();
    end(made);
    await made.ws.closed;
    for (const gate of made.gates) gate.resolve();
    await macrotask();
    expect(made.lines).toHaveLength(begun.length + 1);
    expect(made.lines.at(-1)).toMatch(/^close/);
  });

  it("is dropped if its handler fails", async () => {
    const { ws, lines, gates } = await openWaiting();
    gates[0]!.reject(new Error("oops"));
    await ws.closed;
    await macrotask();
    expect(lines).toEqual([...begun, "error oops", "close 1006 unclean local"]);
  });

  it("is dropped if a handler before it does not settle within closeTimeout", async () => {
    const { ws, peer, lines, gates, clock } = await openWaiting({ closeTimeout: 5000 });
    peer.close(1000);
    await ws.closed;
    clock.advance(4000);
    expect(lines).toEqual(begun);
    clock.advance(2000);
    expect(lines).toEqual([...begun, "error HANDLER_TIMEOUT", "close 1000 clean peer"]);
    gates[0]!.resolve();
    await macrotask();
    expect(lines).toHaveLength(begun.length + 2);
    expect(await ws.closed).not.toHaveProperty("error");
    expect(clock.running).toBe(0);
  });

  it("has that time anew for each handler", async () => {
    const { ws, peer, lines, gates, clock } = await openWaiting({ closeTimeout: 5000 });
    peer.close(1000);
    await ws.closed;
    clock.advance(4000);
    gates[0]!.resolve();
    await macrotask();
    clock.advance(4000);
    expect(lines).toEqual([...begun, "message two"]);
    clock.advance(2000);
    expect(lines).toEqual([
      ...begun,
      "message two",
      "error HANDLER_TIMEOUT",
      "close 1000 clean peer",
    ]);
  });

  it("waits for its time-out after an error that was reported before, and adds no error", async () => {
    const { ws, transport, lines, clock } = await openWaiting({ closeTimeout: 5000 });
    transport.reset(new Error("ECONNRESET"));
    await ws.closed;
    clock.advance(6000);
    expect(lines).toEqual([...begun, "error RESET", "close 1006 unclean transport"]);
  });
});

describe("a connection whose handler is at work", () => {
  it("answers pings, and sees the peer's close", async () => {
    const { open, server } = testServer({ message: () => new Promise(() => {}) });
    const { peer, ws } = await open();
    peer.text("work");
    peer.endpoint.sendPing(Uint8Array.of(65));
    peer.flush();
    await peer.seen("pong A");
    peer.endpoint.sendPing(Uint8Array.of(66));
    peer.flush();
    await peer.seen("pong B");
    peer.close(4000, "bye");
    expect(await ws.closed).toMatchObject({ status: 4000, reason: "bye", clean: true });
    expect(server.counters.open).toBe(0);
  });

  it("calls no handler for a ping that comes after its own close", async () => {
    let pings = 0;
    const { open } = testServer({ ping: () => void pings++ });
    const { peer, ws } = await open();
    void ws.close();
    peer.endpoint.sendPing(new Uint8Array(0));
    peer.flush();
    await ws.closed;
    await macrotask();
    expect(pings).toBe(0);
  });

  it("gives it bytes that stay as they are although they had to wait, with and without borrow", async () => {
    for (const borrow of [true, false]) {
      const gate = newDeferred<void>();
      const kept: Uint8Array[] = [];
      const { open } = testServer(
        {
          message(_, data) {
            kept.push(data as Uint8Array);
            return gate.promise;
          },
        },
        { borrow },
      );
      const { peer, transport } = await open();
      const { handler } = transport;
      const onData = handler.onData.bind(handler);
      handler.onData = (chunk) => {
        onData(chunk);
        // Whoever gave it takes it back.
        chunk.fill(0);
      };
      for (const byte of [1, 2, 3]) peer.endpoint.sendBinary(new Uint8Array(50).fill(byte));
      peer.flush();
      await macrotask();
      gate.resolve();
      await macrotask();
      expect(kept.slice(1)).toEqual([new Uint8Array(50).fill(2), new Uint8Array(50).fill(3)]);
      // Nothing of the chunk is kept alive for them.
      expect(kept.slice(1).map((bytes) => bytes.buffer.byteLength)).toEqual([50, 50]);
    }
  });

  it("counts pings and pongs that wait for the handler of another one, too", async () => {
    const gate = newDeferred<void>();
    let pings = 0;
    const { open } = testServer(
      {
        message() {},
        ping() {
          pings++;
          return gate.promise;
        },
      },
      { receiveHighWaterMark: 64 * 10 },
    );
    const { peer, ws, transport } = await open();
    let isPaused = false;
    transport.pause = () => {
      isPaused = true;
    };
    peer.text("work");
    for (let i = 0; i < 20; i++) peer.endpoint.sendPing(new Uint8Array(0));
    peer.flush();
    await macrotask();
    await macrotask();
    expect([pings, isPaused, ws.counters.received.frames]).toEqual([1, true, 12]);
    gate.resolve();
    await macrotask();
    expect([pings, ws.counters.received.frames]).toEqual([20, 21]);
  });

  it("hands out pings and pongs in their order, when those that waited make room for more", async () => {
    const gate = newDeferred<void>();
    const heard: number[] = [];
    const note = (payload: Uint8Array): void => void heard.push(payload[0]!);
    const { open } = testServer(
      {
        message() {},
        ping(_, payload) {
          note(payload);
          return payload[0] === 0 ? gate.promise : undefined;
        },
        pong(_, payload) {
          note(payload);
        },
      },
      { receiveHighWaterMark: 64 * 10 },
    );
    const { peer } = await open();
    const all = Array.from({ length: 40 }, (_, i) => i);
    for (const i of all) {
      if (i % 2 === 0) peer.endpoint.sendPing(Uint8Array.of(i));
      else peer.endpoint.sendPong(Uint8Array.of(i));
    }
    peer.flush();
    await macrotask();
    expect(heard).toEqual([0]);
    gate.resolve();
    await macrotask();
    expect(heard).toEqual(all);
  });
});

describe("the handlers for ping, pong and drain", () => {
  it("get their own copy of the payload", async () => {
    const lines: string[] = [];
    const kept: Uint8Array[] = [];
    const { ours, theirs } = await openPair({
      handlers: {
        ping(_, payload) {
          kept.push(payload);
          lines.push(`ping ${String.fromCharCode(...payload)}`);
        },
        pong: (_, payload) => void lines.push(`pong ${String.fromCharCode(...payload)}`),
      },
    });
    await theirs.ping("a");
    await ours.ping("b");
    await theirs.ping("c");
    await macrotask();
    expect(lines.sort()).toEqual(["ping a", "ping c", "pong b"]);
    expect(kept.map((bytes) => bytes.buffer.byteLength)).toEqual([1, 1]);
  });

  it("are awaited, and fail their connection", async () => {
    const gate = newDeferred<void>();
    const lines: string[] = [];
    const { theirs } = await openPair({
      handlers: { ping: () => gate.promise, message: (_, data) => void lines.push(data as string) },
    });
    await theirs.ping();
    await theirs.send("after");
    await macrotask();
    expect(lines).toEqual([]);
    gate.resolve();
    await macrotask();
    expect(lines).toEqual(["after"]);
    const { ours, theirs: other } = await openPair({
      handlers: {
        pong() {
          throw new Error("oops");
        },
      },
    });
    await ours.ping();
    expect(await other.closed).toMatchObject({ status: 1011 });
  });
});

describe("the handler for drain", () => {
  /** Opens a connection whose handler for messages sends more than the mark, and whose transport takes it when told to. */
  async function openBlocked(drain: () => unknown) {
    let running = 0;
    let most = 0;
    const sent: string[] = [];
    const made = testServer(
      {
        async message(ws, data) {
          most = Math.max(most, ++running);
          await ws.send("x".repeat(100)).then(
            () => sent.push(`sent ${data as string}`),
            () => sent.push(`refused ${data as string}`),
          );
          running--;
        },
        drain() {
          made.lines.push("drain");
          return drain();
        },
      },
      { highWaterMark: 10 },
    );
    const opened = await made.open();
    const { transport, peer } = opened;
    let isBlocked = true;
    const write = transport.write.bind(transport);
    transport.write = (bytes) => {
      if (isBlocked) return false;
      return write(bytes);
    };
    peer.text("one");
    peer.text("two");
    await macrotask();
    return {
      ...made,
      ...opened,
      sent,
      most: () => most,
      async take() {
        isBlocked = false;
        transport.handler.onDrain();
        await macrotask();
      },
    };
  }

  it("is called while a handler waits for what it sent, and two handlers are never at work", async () => {
    const gate = newDeferred<void>();
    const { lines, sent, most, take, peer } = await openBlocked(() => gate.promise);
    expect(lines).toEqual(["open", "message one"]);
    await take();
    // The message behind waits for both.
    expect([lines, sent]).toEqual([["open", "message one", "drain"], ["sent one"]]);
    gate.resolve();
    await macrotask();
    expect(lines.filter((line) => line.startsWith("message"))).toEqual([
      "message one",
      "message two",
    ]);
    expect([sent, most()]).toEqual([["sent one", "sent two"], 1]);
    peer.close(1000);
    await peer.seen("closed");
  });

  it.each<[string, () => unknown]>([
    [
      "throws",
      () => {
        throw new Error("oops");
      },
    ],
    ["rejects", () => Promise.reject(new Error("oops"))],
  ])("fails its connection if it %s, even while a handler is at work", async (_, drain) => {
    const { lines, ws, take } = await openBlocked(drain);
    await take();
    expect(await ws.closed).toMatchObject({ error: { message: "oops" } });
    await macrotask();
    expect(lines).toEqual([
      "open",
      "message one",
      "drain",
      "error oops",
      "close 1006 unclean local",
    ]);
  });
});

describe("the handler for open", () => {
  it("ends the connection if it reads in a loop and throws while the inbox is full", async () => {
    const gate = newDeferred<void>();
    const lines: string[] = [];
    const { ours, theirs, server } = await openPair({
      options: { receiveHighWaterMark: 300 },
      handlers: {
        async open(ws) {
          for await (const message of ws) {
            lines.push((message as string).trim());
            await gate.promise;
            throw new Error("oops");
          }
        },
        error: (_, error) => void lines.push(`error ${nameOf(error)}`),
        close: () => void lines.push("close"),
      },
    });
    for (let i = 0; i < 20; i++) {
      void theirs.send(`${i}`.padEnd(100));
      await macrotask();
    }
    expect(linkOf(ours).isReading).toBe(false);
    gate.resolve();
    expect(await ours.closed).toMatchObject({ initiator: "local", error: { message: "oops" } });
    expect(await theirs.closed).toMatchObject({ status: 1011 });
    expect([lines, server.counters.open]).toEqual([["0", "error oops", "close"], 0]);
    await expect(ours.receive()).rejects.toMatchObject({ code: "CLOSED" });
  });

  it("is awaited before a stream, and not before a ping and a pong: it may last as long as the connection", async () => {
    for (const kind of ["stream", "ping", "pong"] as const) {
      const gate = newDeferred<void>();
      const lines: string[] = [];
      const { ours, theirs } = await openPair({
        handlers: {
          open: () => gate.promise,
          message() {},
          [kind]: () => void lines.push(kind),
        },
      });
      if (kind === "pong") await ours.ping();
      else if (kind === "ping") await theirs.ping();
      else await theirs.send("x");
      await macrotask();
      expect(lines).toEqual(kind === "stream" ? [] : [kind]);
      gate.resolve();
      await macrotask();
      expect(lines).toEqual([kind]);
    }
  });

  it("may ask for messages itself, if there is no message handler", async () => {
    const seen: unknown[] = [];
    const { theirs } = await openPair({
      handlers: {
        async open(ws) {
          for await (const message of ws) seen.push(message);
        },
      },
    });
    await theirs.send("a");
    await theirs.send("b");
    await theirs.close();
    expect(seen).toEqual(["a", "b"]);
  });

  it("fails its connection if it rejects later", async () => {
    const { ours, theirs } = await openPair({
      handlers: {
        async open(ws: Connection) {
          await ws.receive();
          throw new Error("oops");
        },
      },
    });
    await theirs.send("go");
    expect(await theirs.closed).toMatchObject({ status: 1011 });
    expect(await ours.closed).toMatchObject({ error: { message: "oops" } });
  });
});
