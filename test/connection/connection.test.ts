import { encodeUtf8 } from "../../src/bytes.ts";
import type { ConnectionOptions } from "../../src/connection/options.ts";
import { prepareMessage } from "../../src/connection/send/prepare.ts";
import type { NewBytes } from "../../src/connection/settings.ts";
import { linkOf } from "../support/link.ts";
import { ShiftExtension } from "../support/shift-extension.ts";
import { describe, expect, it } from "vitest";
import type { Connection } from "../../src/connection/connection.ts";
import type { ServeOptions } from "../../src/connection/server/serve.ts";
import {
  ClosedError,
  type Closure,
  LimitError,
  ProtocolError,
  TimeoutError,
  TransportError,
} from "../../src/errors.ts";
import { HoldingClock } from "../support/holding-clock.ts";
import { text } from "../support/frames.ts";
import { openPair } from "../support/pair.ts";
import { upgradeRequest } from "../support/peer.ts";
import { macrotask } from "../support/turns.ts";
import { type TestServer, testServer } from "../support/server.ts";

describe("send()", () => {
  it("resolves at once below the high-water mark", async () => {
    const { open } = testServer();
    const { ws } = await open();
    await ws.send("Hello");
    expect(ws.send("a")).toBe(ws.send("b")); // one promise for all, since none has to wait
  });

  it("waits above the mark until the peer has read", async () => {
    const { server, connect } = testServer({}, { highWaterMark: 1000 });
    const { peer } = connect(10_000);
    peer.send(upgradeRequest());
    await peer.seen("open");
    const ws = server.connections[0]!;
    peer.transport.pause();
    void ws.send(new Uint8Array(20_000));
    await macrotask();
    let isDone = false;
    const second = ws.send(new Uint8Array(20_000)).then(() => {
      isDone = true;
    });
    await macrotask();
    expect(isDone).toBe(false);
    expect(ws.bufferedAmount).toBeGreaterThan(20_000);
    peer.transport.resume();
    await second;
    expect(ws.bufferedAmount).toBeLessThanOrEqual(1000);
  });

  it("rejects and drops the connection if too much is unsent", async () => {
    const { server, connect, lines } = testServer({}, { maxBufferedAmount: 50_000 });
    const { peer } = connect(10_000);
    peer.send(upgradeRequest());
    await peer.seen("open");
    peer.transport.pause();
    const ws = server.connections[0]!;
    void ws.send(new Uint8Array(20_000)); // with the peer
    await macrotask();
    void ws.send(new Uint8Array(40_000)); // waits
    const error: unknown = await ws.send(new Uint8Array(20_000)).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(LimitError);
    expect(error).toMatchObject({ code: "TOO_MUCH_BUFFERED", limit: 50_000 });
    await ws.closed;
    expect(lines).toEqual(["open", "error TOO_MUCH_BUFFERED", "close 1006 unclean local"]);
  });

  it("accepts one message of any size if nothing is unsent", async () => {
    const { open } = testServer({}, { maxBufferedAmount: 1000 });
    const { peer, ws } = await open();
    await ws.send(new Uint8Array(100_000));
    await peer.seen("binary 100000 bytes");
  });

  it("rejects with how the connection ended, after it has", async () => {
    const { open } = testServer();
    const { peer, ws } = await open();
    peer.close(4001, "bye");
    await ws.closed;
    await expect(ws.send("late")).rejects.toMatchObject({
      name: "ClosedError",
      code: "CLOSED",
      status: 4001,
      reason: "bye",
      clean: true,
      initiator: "peer",
    });
    await expect(ws.ping()).rejects.toBeInstanceOf(ClosedError);
  });

  it("rejects for those who wait when the connection is lost", async () => {
    const { server, connect } = testServer({}, { highWaterMark: 10 });
    const { peer, transport } = connect(10);
    peer.send(upgradeRequest());
    await peer.seen("open");
    peer.transport.pause();
    const ws = server.connections[0]!;
    void ws.send(new Uint8Array(100));
    const waiting = ws.send(new Uint8Array(100));
    await macrotask();
    transport.reset(new Error("ECONNRESET"));
    await expect(waiting).rejects.toBeInstanceOf(ClosedError);
  });
});

describe("close()", () => {
  it("begins the closing handshake and resolves with its end", async () => {
    const { open, lines } = testServer();
    const { peer, ws } = await open();
    const closed = ws.close(4000, "bye");
    expect(ws.state).toBe("closing");
    expect(await closed).toEqual({ status: 4000, reason: "bye", clean: true, initiator: "local" });
    expect(ws.state).toBe("closed");
    expect(peer.lines).toContain("close 4000 bye");
    expect(lines).toEqual(["open", "close 4000 bye clean local"]);
  });

  it("sends one close frame, however often it is called", async () => {
    const { open } = testServer();
    const { peer, ws } = await open();
    void ws.close(4000);
    void ws.close(4001);
    await ws.close(4002);
    expect(peer.lines.filter((line) => line.startsWith("close "))).toEqual(["close 4000"]);
  });

  it("drops a peer at closeTimeout if it does not answer", async () => {
    const { open, clock, lines } = testServer({}, { closeTimeout: 5000 });
    const { peer, ws } = await open();
    peer.transport.handler = { onData() {}, onDrain() {}, onEnd() {}, onClose() {} };
    const closed = ws.close();
    await macrotask();
    clock.advance(5200);
    expect(await closed).toMatchObject({ status: 1006, clean: false, initiator: "local" });
    expect((await closed).error).toBeInstanceOf(TimeoutError);
    expect(lines).toEqual(["open", "error CLOSE_TIMEOUT", "close 1006 unclean local"]);
    expect(clock.running).toBe(0);
  });

  it("drops a peer that answers but does not end its stream, without an error", async () => {
    const { open, clock, lines } = testServer({}, { closeTimeout: 5000 });
    const { peer, ws } = await open();
    peer.endsWithServer = false;
    const closed = ws.close();
    await peer.seen("end");
    clock.advance(5200);
    expect(await closed).toEqual({ status: 1000, reason: "", clean: true, initiator: "local" });
    expect(lines).toEqual(["open", "close 1000 clean local"]);
  });

  it.each([0, 999, 1004, 1006, 1015, 1016, 2999, 5000, 1000.5])(
    "refuses status %d",
    async (status) => {
      const { open } = testServer();
      const { ws } = await open();
      expect(() => ws.close(status)).toThrow(RangeError);
      expect(ws.state).toBe("open");
    },
  );

  it("sends a close frame without a status for 1005, and the peer sees 1005", async () => {
    const { open, lines } = testServer();
    const { peer, ws } = await open();
    const closed = ws.close(1005);
    await peer.seen("close 1005");
    expect(await closed).toEqual({ status: 1005, reason: "", clean: true, initiator: "local" });
    expect(lines).toEqual(["open", "close 1005 clean local"]);
  });

  it("sends no reason with 1005, and checks the deadline all the same", async () => {
    const { ours } = await openPair();
    expect(() => ours.close(1005, "bye")).toThrow(RangeError);
    expect(() => ours.close(1005, "", { deadline: -1 })).toThrow(RangeError);
    expect(ours.state).toBe("open");
  });

  it("passes on how another connection was closed, whatever its status and reason", async () => {
    const closures: Closure[] = [
      { status: 1005, reason: "", clean: true, initiator: "peer" },
      { status: 4000, reason: "bye", clean: true, initiator: "peer" },
    ];
    for (const { status, reason } of closures) {
      const { ours, theirs } = await openPair();
      void ours.close(status, reason);
      expect(await theirs.closed).toMatchObject({ status, reason, clean: true });
    }
  });

  it("refuses a reason of more than 123 bytes and one that is no string", async () => {
    const { open } = testServer();
    const { ws } = await open();
    expect(() => ws.close(1000, "é".repeat(62))).toThrow("Reason must have at most 123 bytes: 124");
    expect(() => ws.close(1000, new Uint8Array(2) as never)).toThrow(TypeError);
    expect(ws.state).toBe("open");
  });
});

describe("terminate()", () => {
  it("drops the connection at once, however often it is called", async () => {
    const { open, lines } = testServer();
    const { peer, ws } = await open();
    void ws.send("lost");
    ws.terminate();
    ws.terminate();
    expect(await ws.closed).toEqual({ status: 1006, reason: "", clean: false, initiator: "local" });
    ws.terminate();
    expect(lines).toEqual(["open", "close 1006 unclean local"]);
    await peer.seen("closed");
    expect(peer.lines).toEqual(["open", "closed"]);
  });

  it("ends a connection whose handler never settles", async () => {
    const { open, lines } = testServer({ message: () => new Promise(() => {}) });
    const { peer, ws } = await open();
    peer.text("one");
    peer.text("two");
    await macrotask();
    expect(lines).toEqual(["open", "message one"]);
    ws.terminate();
    await ws.closed;
    expect(lines).toEqual(["open", "message one", "close 1006 unclean local"]);
  });

  it("stops delivery after the network has ended the connection, if a handler never settles", async () => {
    const { open, lines } = testServer({ message: () => new Promise(() => {}) });
    const { peer, ws, transport } = await open();
    peer.text("one");
    peer.text("two");
    await macrotask();
    transport.reset(new Error("ECONNRESET"));
    await macrotask();
    expect(lines).toEqual(["open", "message one", "error RESET"]);
    ws.terminate();
    await macrotask();
    expect(lines).toEqual(["open", "message one", "error RESET", "close 1006 unclean transport"]);
  });

  it("stops delivery in the middle of a message", async () => {
    const { open, lines } = testServer({
      message(ws) {
        ws.terminate();
      },
    });
    const { peer, ws } = await open();
    peer.endpoint.sendText("one");
    peer.endpoint.sendText("two");
    peer.flush();
    await ws.closed;
    expect(lines).toEqual(["open", "message one", "close 1006 unclean local"]);
  });
});

describe("a connection", () => {
  it("answers a ping at once, also between the fragments of a message", async () => {
    const { open } = testServer();
    const { peer } = await open();
    peer.endpoint.sendPing(new TextEncoder().encode("hey"));
    peer.flush();
    await peer.seen("pong hey");
  });

  it("sends pings", async () => {
    const { open } = testServer();
    const { peer, ws } = await open();
    await ws.ping("you?");
    await peer.seen("ping you?");
    expect(() => ws.ping(new Uint8Array(126))).toThrow(RangeError);
  });

  it("sends nothing after its close frame, even if a pong was kept back", async () => {
    const { server, connect } = testServer();
    const { peer } = connect(1000);
    peer.send(upgradeRequest());
    await peer.seen("open");
    peer.transport.pause();
    const ws = server.connections[0]!;
    void ws.send(new Uint8Array(10_000)); // with the peer
    await macrotask();
    void ws.send(new Uint8Array(10_000)); // waits, so that the next pong is kept back
    await macrotask();
    peer.endpoint.sendPing(new TextEncoder().encode("late"));
    peer.flush();
    await macrotask();
    const wire: number[] = [];
    const onData = peer.onData.bind(peer);
    peer.onData = (chunk) => {
      wire.push(...chunk);
      onData(chunk);
    };
    const closed = ws.close(4000);
    peer.transport.resume();
    expect(await closed).toMatchObject({ clean: true });
    expect(wire.slice(-4)).toEqual([0x88, 2, 4000 >> 8, 4000 & 0xff]);
  });

  it("answers only the last ping while much is unsent", async () => {
    const { server, connect } = testServer();
    const { peer } = connect(1000);
    peer.send(upgradeRequest());
    await peer.seen("open");
    peer.transport.pause();
    const ws = server.connections[0]!;
    void ws.send(new Uint8Array(10_000));
    await macrotask();
    void ws.send(new Uint8Array(10_000));
    await macrotask();
    for (const payload of ["one", "two", "three"]) {
      peer.endpoint.sendPing(new TextEncoder().encode(payload));
    }
    peer.flush();
    await macrotask();
    expect(ws.bufferedAmount).toBe(10_004);
    peer.transport.resume();
    await peer.seen("pong three");
    expect(peer.lines.filter((line) => line.startsWith("pong"))).toEqual(["pong three"]);
  });

  it("reports a peer's violation once, with the status that it answers", async () => {
    const { open, lines } = testServer();
    const { peer, ws } = await open();
    peer.send(new Uint8Array([0x83, 0x80, 0, 0, 0, 0]));
    await peer.seen("closed");
    expect(peer.lines).toEqual(["open", "close 1002", "end", "closed"]);
    expect(lines).toEqual(["open", "error OPCODE_RESERVED", "close 1006 unclean peer"]);
    expect((await ws.closed).error).toMatchObject({ code: "OPCODE_RESERVED", status: 1002 });
  });

  it("closes with await using", async () => {
    const { open } = testServer();
    const { peer, ws } = await open();
    await ws[Symbol.asyncDispose]();
    expect(peer.lines).toEqual(["open", "close 1000", "end", "closed"]);
  });

  it("knows how it was opened", async () => {
    const { server, connect } = testServer({
      upgrade: (request) => ({ protocol: request.protocols[1], context: { user: "ann" } }),
    });
    const { peer } = connect();
    peer.send(upgradeRequest({ "Sec-WebSocket-Protocol": "v1, v2" }, "/room?id=1"));
    await peer.seen("open");
    const ws = server.connections[0] as Connection<{ user: string }>;
    expect(ws.protocol).toBe("v2");
    expect(ws.target).toBe("/room?id=1");
    expect(ws.context.user).toBe("ann");
    expect(ws.remoteAddress).toBe("memory");
    expect(ws.remotePort).toBeUndefined();
  });

  it("asks its transport for facts when it is asked itself", async () => {
    const { ours, accepted } = await openPair();
    const bare = {
      localAddress: undefined,
      localPort: undefined,
      encrypted: false,
      tls: undefined,
    };
    expect(ours).toMatchObject(bare);
    const facts = { localAddress: "::2", localPort: 443, encrypted: true, tls: {} };
    Object.assign(accepted, facts);
    expect(ours).toMatchObject(facts);
  });

  it.each([
    ["an ArrayBuffer", new Uint8Array([1, 2, 3]).buffer],
    ["a view on a part of one", new DataView(new Uint8Array([0, 1, 2, 3, 4]).buffer, 1, 3)],
    ["shared memory", new Uint8Array(new SharedArrayBuffer(3))],
  ])("sends %s", async (_, data) => {
    const { open } = testServer();
    const { peer, ws } = await open();
    await ws.send(data);
    await peer.seen("binary 3 bytes");
  });

  it.each([[undefined], [null], [5], [[1, 2]], [{}]])("refuses to send %s", async (data) => {
    const { open } = testServer();
    const { ws } = await open();
    expect(() => ws.send(data as never)).toThrow(TypeError);
  });
});

describe("the end of a connection", () => {
  type Opened = Awaited<ReturnType<TestServer["open"]>> & TestServer;

  /** Lets time pass until the connection is over. */
  async function wait({ clock, ws }: Opened): Promise<void> {
    for (let count = 0; count < 300 && ws.state !== "closed"; count++) {
      clock.advance(100);
      await macrotask();
    }
  }

  /** A peer that neither reads nor says anything more. */
  function mute({ peer }: Opened): void {
    peer.transport.handler = { onData() {}, onDrain() {}, onEnd() {}, onClose() {} };
  }

  const reset = new Error("ECONNRESET");
  const aborted = new Error("Source failed");

  it.each<{
    readonly how: string;
    readonly end: (opened: Opened) => unknown;
    readonly expected: Closure;
    readonly options?: Partial<ServeOptions>;
  }>([
    {
      how: "this side closes",
      end: ({ ws }) => ws.close(4000, "bye"),
      expected: { status: 4000, reason: "bye", clean: true, initiator: "local" },
    },
    {
      how: "the peer closes",
      end: ({ peer }) => peer.close(4001, "so long"),
      expected: { status: 4001, reason: "so long", clean: true, initiator: "peer" },
    },
    {
      how: "the peer closes without a status",
      end: ({ peer }) => peer.close(0),
      expected: { status: 1005, reason: "", clean: true, initiator: "peer" },
    },
    {
      how: "both close at the same time",
      end({ ws, peer }) {
        void ws.close(4000, "mine");
        peer.close(4001, "theirs");
      },
      expected: { status: 4001, reason: "theirs", clean: true, initiator: "local" },
    },
    {
      how: "this side drops it",
      end: ({ ws }) => ws.terminate(),
      expected: { status: 1006, reason: "", clean: false, initiator: "local" },
    },
    {
      how: "this side drops it inside its closing handshake",
      end({ ws }) {
        void ws.close(4000);
        ws.terminate();
      },
      expected: { status: 1006, reason: "", clean: false, initiator: "local" },
    },
    {
      how: "the peer ends its stream without a close frame",
      end: ({ peer }) => peer.transport.end(),
      expected: {
        status: 1006,
        reason: "",
        clean: false,
        initiator: "transport",
        error: new TransportError("UNEXPECTED_END"),
      },
    },
    {
      how: "the peer is gone",
      end: ({ peer }) => peer.transport.destroy(),
      expected: {
        status: 1006,
        reason: "",
        clean: false,
        initiator: "transport",
        error: new TransportError("UNEXPECTED_END"),
      },
    },
    {
      how: "the network fails",
      end: ({ transport }) => transport.reset(reset),
      expected: {
        status: 1006,
        reason: "",
        clean: false,
        initiator: "transport",
        error: new TransportError("RESET", { cause: reset }),
      },
    },
    {
      how: "the network fails inside this side's closing handshake",
      end(opened) {
        mute(opened);
        void opened.ws.close(4000);
        opened.transport.reset(reset);
      },
      expected: {
        status: 1006,
        reason: "",
        clean: false,
        initiator: "local",
        error: new TransportError("RESET", { cause: reset }),
      },
    },
    {
      how: "the network fails behind the peer's close frame",
      async end({ peer, transport }) {
        peer.endsWithServer = false;
        peer.close(4001, "so long");
        await peer.seen("end");
        transport.reset(reset);
      },
      expected: { status: 4001, reason: "so long", clean: true, initiator: "peer" },
    },
    {
      how: "the peer breaks a rule",
      end: ({ peer }) => peer.send(text("not masked")),
      expected: {
        status: 1006,
        reason: "",
        clean: false,
        initiator: "peer",
        error: new ProtocolError("MASK_REQUIRED"),
      },
    },
    {
      how: "the peer sends what is no UTF-8",
      end: ({ peer }) => peer.send(text(Uint8Array.of(0xff), { masked: true })),
      expected: {
        status: 1006,
        reason: "",
        clean: false,
        initiator: "peer",
        error: new ProtocolError("INVALID_UTF8"),
      },
    },
    {
      how: "the peer passes a limit",
      options: { maxMessageSize: 4 },
      end: ({ peer }) => peer.text("Hello"),
      expected: {
        status: 1006,
        reason: "",
        clean: false,
        initiator: "peer",
        error: new LimitError("MESSAGE_TOO_BIG", 4, 5),
      },
    },
    {
      how: "the peer does not answer its close frame in time",
      end(opened) {
        mute(opened);
        void opened.ws.close(4000);
      },
      expected: {
        status: 1006,
        reason: "",
        clean: false,
        initiator: "local",
        error: new TimeoutError("CLOSE_TIMEOUT", 10_000),
      },
    },
    {
      how: "the peer does not end its stream in time",
      end({ ws, peer }) {
        peer.endsWithServer = false;
        void ws.close(4000);
      },
      expected: { status: 4000, reason: "", clean: true, initiator: "local" },
    },
    {
      how: "nothing answers a ping",
      options: { pingInterval: 1000, pongTimeout: 500 },
      end: mute,
      expected: {
        status: 1006,
        reason: "",
        clean: false,
        initiator: "local",
        error: new TimeoutError("PONG_TIMEOUT", 500),
      },
    },
    {
      how: "nothing goes over it",
      options: { idleTimeout: 1000 },
      end() {},
      expected: {
        status: 1001,
        reason: "",
        clean: true,
        initiator: "local",
        error: new TimeoutError("IDLE_TIMEOUT", 1000),
      },
    },
    {
      how: "its time is over, and the peer is gone",
      options: { maxLifetime: 1000 },
      end: mute,
      expected: {
        status: 1006,
        reason: "",
        clean: false,
        initiator: "local",
        error: new TimeoutError("MAX_LIFETIME", 1000),
      },
    },
    {
      how: "a message that was begun cannot be completed",
      async end({ ws }) {
        const writer = ws.beginMessage();
        await writer.write("begun");
        writer.abort(aborted);
      },
      expected: {
        status: 1006,
        reason: "",
        clean: false,
        initiator: "local",
        error: aborted,
      },
    },
    {
      how: "the server is shut down",
      end: ({ server }) => server.shutdown({ reason: "Restart" }),
      expected: { status: 1001, reason: "Restart", clean: true, initiator: "local" },
    },
    {
      how: "the server is shut down and the peer does not answer",
      end(opened) {
        mute(opened);
        void opened.server.shutdown({ deadline: 2000 });
      },
      expected: {
        status: 1006,
        reason: "",
        clean: false,
        initiator: "local",
        error: new TimeoutError("SHUTDOWN_TIMEOUT", 2000),
      },
    },
  ])("is reported the same everywhere: $how", async ({ end, expected, options }) => {
    const closures: Closure[] = [];
    const errors: unknown[] = [];
    const made = testServer(
      {
        close: (_, closure) => void closures.push(closure),
        error: (_, error) => void errors.push(error),
      },
      options,
    );
    const opened = { ...made, ...(await made.open()) };
    const { ws, clock } = opened;
    const before = ws.closed;
    await end(opened);
    await macrotask();
    await wait(opened);
    await macrotask();
    expect(await before).toEqual(expected);
    expect(await ws.closed).toEqual(expected);
    expect(closures).toEqual([expected]);
    expect(errors).toEqual("error" in expected ? [expected.error] : []);
    expect((await before).error?.constructor).toBe(expected.error?.constructor);
    expect(ws.state).toBe("closed");
    // Whoever comes late is told the same.
    const { status, reason, clean, initiator } = expected;
    const late = { name: "ClosedError", status, reason, clean, initiator };
    await expect(ws.send("late")).rejects.toMatchObject(late);
    await expect(ws.ping()).rejects.toMatchObject(late);
    expect(() => ws.beginMessage()).toThrow(expect.objectContaining(late));
    await expect(ws.sendStream(["late"])).rejects.toMatchObject(late);
    expect(await ws.close(4999)).toEqual(expected);
    ws.terminate();
    await macrotask();
    expect(closures).toHaveLength(1);
    expect(clock.running).toBe(0);
  });
});

describe("close() with a deadline", () => {
  it.each([NaN, -1])("refuses %d, and closes nothing", async (deadline) => {
    const { open } = testServer();
    const { ws } = await open();
    expect(() => ws.close(1000, "", { deadline })).toThrow(RangeError);
    expect(ws.state).toBe("open");
  });

  it.each([
    [500, 10_000],
    [2000, 1000],
  ])(
    "of %d ms drops a peer at that time, not at closeTimeout of %d ms",
    async (deadline, closeTimeout) => {
      const { open, clock } = testServer({}, { closeTimeout });
      const { peer, ws } = await open();
      peer.transport.handler = { onData() {}, onDrain() {}, onEnd() {}, onClose() {} };
      const closed = ws.close(1000, "", { deadline });
      clock.advance(deadline - 1);
      await macrotask();
      expect(ws.state).toBe("closing");
      clock.advance(100);
      expect((await closed).error).toEqual(new TimeoutError("CLOSE_TIMEOUT", deadline));
      expect(clock.running).toBe(0);
    },
  );

  it("holds for the end of the stream, too", async () => {
    const { open, clock } = testServer();
    const { peer, ws } = await open();
    peer.endsWithServer = false;
    const closed = ws.close(1000, "", { deadline: 500 });
    await peer.seen("end");
    clock.advance(600);
    expect(await closed).toEqual({ status: 1000, reason: "", clean: true, initiator: "local" });
    expect(clock.running).toBe(0);
  });

  it("keeps the first deadline if it is called again", async () => {
    const { open, clock } = testServer();
    const { peer, ws } = await open();
    peer.transport.handler = { onData() {}, onDrain() {}, onEnd() {}, onClose() {} };
    void ws.close(1000, "", { deadline: 2000 });
    void ws.close(1000, "", { deadline: 100 });
    clock.advance(1000);
    await macrotask();
    expect(ws.state).toBe("closing");
    clock.advance(1100);
    await ws.closed;
  });

  it("of Infinity waits for ever", async () => {
    const { open, clock } = testServer();
    const { peer, ws } = await open();
    peer.transport.handler = { onData() {}, onDrain() {}, onEnd() {}, onClose() {} };
    void ws.close(1000, "", { deadline: Infinity });
    clock.advance(1e9);
    await macrotask();
    expect([ws.state, clock.running]).toEqual(["closing", 0]);
    ws.terminate();
    await ws.closed;
  });
});

describe("receive() with a time-out", () => {
  it.each([NaN, -1])("refuses %d at the call", async (timeout) => {
    const { open } = testServer({ message: undefined } as never);
    const { ws } = await open();
    expect(() => ws.receive({ timeout })).toThrow(RangeError);
    expect(() => ws.receiveStream({ timeout })).toThrow(RangeError);
  });
});

describe("await using", () => {
  it("closes with 1000, and waits for the end", async () => {
    const { open } = testServer();
    const { peer, ws } = await open();
    await ws[Symbol.asyncDispose]();
    expect(ws.state).toBe("closed");
    expect(peer.lines).toContain("close 1000");
    expect(await ws.closed).toMatchObject({ status: 1000, clean: true, initiator: "local" });
  });

  it("does nothing to a connection that is over", async () => {
    const { open } = testServer();
    const { peer, ws } = await open();
    peer.close(4000);
    await ws.closed;
    await ws[Symbol.asyncDispose]();
    expect(await ws.closed).toMatchObject({ status: 4000, initiator: "peer" });
  });
});

describe("beginMessage()", () => {
  it.each(["close", "terminate"] as const)("throws ClosedError after %s()", async (end) => {
    const { open } = testServer();
    const { ws } = await open();
    void ws[end]();
    expect(() => ws.beginMessage()).toThrow(ClosedError);
    await ws.closed;
    expect(() => ws.beginMessage()).toThrow(ClosedError);
  });
});

describe("the topics of a connection", () => {
  it("are those that it is subscribed to, and none once it is closed", async () => {
    const { ours, theirs, server } = await openPair();
    void ours.subscribe("news");
    void ours.subscribe("news");
    void ours.subscribe("weather");
    expect(ours.topics).toEqual(["news", "weather"]);
    expect(await ours.subscribe("news", { since: undefined })).toMatchObject({ complete: true });
    expect(await ours.subscribe("news", { since: { epoch: "e", offset: "1" } })).toEqual({
      ...{ complete: false, replayed: 0, position: undefined },
    });
    expect(() => ours.subscribe("news", { since: 1 as never })).toThrow(TypeError);
    expect(() => ours.subscribe("news", { from: 1 } as never)).toThrow(TypeError);
    ours.unsubscribe("news");
    expect([ours.topics, server.subscribersOf("news")]).toEqual([["weather"], 0]);
    await theirs.close();
    await ours.closed;
    expect(await ours.subscribe("late")).toBe(false);
    const nothing = { complete: false, replayed: 0, position: undefined };
    expect(await ours.subscribe("late", { since: undefined })).toEqual(nothing);
    expect([ours.topics, server.subscribersOf("late"), server.subscribersOf("weather")]).toEqual([
      [],
      0,
      0,
    ]);
  });

  it("exist only on a server", async () => {
    const { theirs } = await openPair();
    expect(() => theirs.topics).toThrow(TypeError);
    for (const call of ["subscribe", "unsubscribe"] as const) {
      expect(() => {
        void theirs[call]("news");
      }).toThrow("this is a client's");
    }
  });
});

/** Makes a transport write down whether the process is to live on for it. */
function heldBy(transport: object): string[] {
  const told: string[] = [];
  return Object.assign(transport, {
    ref: () => told.push("ref"),
    unref: () => told.push("unref"),
    told,
  }).told;
}

describe("unref()", () => {
  it("lets the process end, although the socket is open and the connection waits", async () => {
    const held: boolean[] = [];
    const clock = new HoldingClock(held);
    const times = { pingInterval: 500, pongTimeout: 4000, idleTimeout: 5000, maxLifetime: 9000 };
    const { server, ours: ws, accepted } = await openPair({ options: { ...times, clock } });
    const told = heldBy(accepted);
    expect(held.at(-1)).toBe(true);
    ws.unref();
    expect([told, held.at(-1)]).toEqual([["unref"], false]);
    void ws.receive({ timeout: 400 });
    clock.advance(600);
    expect(held.at(-1)).toBe(false);
    ws.ref();
    expect([told, held.at(-1)]).toEqual([["unref", "ref"], true]);
    ws.unref();
    void ws.close();
    expect(held.at(-1)).toBe(false);
    ws.terminate();
    await server.shutdown();
  });

  it("changes nothing if the transport does not keep the process alive", async () => {
    const { open, server } = testServer();
    const { ws } = await open();
    ws.unref();
    ws.ref();
    expect(ws.state).toBe("open");
    await server.shutdown();
  });
});

describe("pong()", () => {
  it("sends an unsolicited pong with its payload", async () => {
    const { open } = testServer();
    const { peer, ws } = await open();
    void ws.pong();
    void ws.pong("alive");
    await ws.pong(encodeUtf8("bytes"));
    await peer.seen("pong bytes");
    expect(peer.lines).toEqual(["open", "pong ", "pong alive", "pong bytes"]);
  });

  it("overtakes all messages that wait, however much is unsent", async () => {
    const { ours, accepted } = await openPair({ clientHandlers: { message() {} } });
    const pongs: string[] = [];
    accepted.write = () => false;
    void ours.send("x".repeat(10_000));
    await macrotask();
    for (const name of ["a", "b", "c"]) void ours.pong(name);
    const { output } = linkOf(ours).endpoint;
    output.giveBack();
    for (let bytes = output.take(); bytes !== undefined; bytes = output.take()) {
      pongs.push(String.fromCharCode(...bytes.slice(2)));
      output.giveBack();
    }
    expect(pongs).toEqual(["a", "b", "c"]);
  });

  it("refuses a payload that is too long or neither text nor bytes, and rejects on a closed connection", async () => {
    const { ours } = await openPair();
    expect(() => ours.pong("x".repeat(126))).toThrow(
      new RangeError("Pong payload must have at most 125 bytes: 126"),
    );
    expect(() => ours.pong(7 as never)).toThrow(TypeError);
    await ours.close();
    await expect(ours.pong()).rejects.toThrow(ClosedError);
  });

  it("answers pings if autoPong is false, when nothing else does", async () => {
    const { open } = testServer(
      { ping: (ws, payload) => ws.pong(`${String.fromCharCode(...payload)}!`) },
      { autoPong: false },
    );
    const { peer } = await open();
    peer.endpoint.sendPing(encodeUtf8("one"));
    peer.endpoint.sendPing(encodeUtf8("two"));
    peer.flush();
    await peer.seen("pong two!");
    expect(peer.lines).toEqual(["open", "pong one!", "pong two!"]);
  });
});

describe("text as bytes", () => {
  const encoder = new TextEncoder();

  /** Sends texts and bytes to a server's handler. @returns What that got. */
  async function gotOf(
    sendAll: (theirs: Connection) => void,
    options: ConnectionOptions = {},
    waits = false,
  ): Promise<unknown[]> {
    const got: unknown[] = [];
    const { theirs } = await openPair({
      handlers: {
        async message(_, data, isText) {
          got.push([typeof data === "string" ? data : [...data], isText]);
          if (waits) await macrotask();
        },
      },
      options: { textAs: "bytes", ...options },
      clientOptions: options,
    });
    sendAll(theirs);
    await theirs.close();
    for (let i = 0; i < 10; i++) await macrotask();
    return got;
  }

  const both = (theirs: Connection): void => {
    void theirs.send("é1");
    void theirs.send(Uint8Array.of(1, 2));
    void theirs.send("");
  };
  const asBytes = [
    [[0xc3, 0xa9, 0x31], true],
    [[1, 2], false],
    [[], true],
  ];

  it("gives handlers the UTF-8 of texts, and says which messages are text", async () => {
    expect(await gotOf(both)).toEqual(asBytes);
    expect(await gotOf(both, {}, true)).toEqual(asBytes);
    expect(await gotOf(both, { borrow: true })).toEqual(asBytes);
    expect(await gotOf(both, { textAs: "string" })).toEqual([
      ["é1", true],
      [[1, 2], false],
      ["", true],
    ]);
  });

  it("gives handlers the UTF-8 of texts in pieces, and of texts that an extension has changed", async () => {
    const inPieces = (theirs: Connection): void => {
      const writer = theirs.beginMessage();
      void writer.write("é");
      void writer.write("1");
      void writer.close();
    };
    expect(await gotOf(inPieces)).toEqual([asBytes[0]]);
    const extensions = [new ShiftExtension()];
    expect(await gotOf(both, { extensions })).toEqual(asBytes);
    const large = "é".repeat(50_000);
    expect(await gotOf((theirs) => void theirs.send(large), { extensions })).toEqual([
      [[...encoder.encode(large)], true],
    ]);
  });

  it.each([
    ["whole", [] as ShiftExtension[]],
    ["changed by an extension", [new ShiftExtension()]],
  ])("fails with 1007 for what is no UTF-8, %s", async (_, extensions) => {
    const { theirs } = await openPair({
      handlers: { message() {} },
      options: { textAs: "bytes", extensions },
      clientOptions: { extensions },
    });
    void theirs.send(Uint8Array.of(0x61, 0xff), { text: "trusted" });
    expect(await theirs.closed).toMatchObject({ status: 1007 });
  });

  it("leaves text as a string for receive(), for loops and for streams", async () => {
    const { ours, theirs } = await openPair({ options: { textAs: "bytes" } });
    void theirs.send("text");
    expect(await ours.receive()).toBe("text");
    const texts: string[] = [];
    const streams = await openPair({
      handlers: { stream: async (_, message) => void texts.push(await message.text()) },
      options: { textAs: "bytes" },
    });
    void streams.theirs.send("streamed");
    await streams.theirs.close();
    expect(texts).toEqual(["streamed"]);
  });

  it("is sent as text, checked or trusted, alone, after others and when it waits for room", async () => {
    const got: unknown[] = [];
    const { ours, theirs } = await openPair({
      clientHandlers: { message: (_, data) => void got.push(data) },
      options: { overflow: "wait", maxBufferedAmount: 100 },
    });
    const bytes = encoder.encode("é");
    void ours.send(bytes, { text: true });
    void ours.send(bytes, { text: "trusted", compress: false });
    void ours.send(bytes, { text: false });
    void ours.send(encoder.encode("long".repeat(30)), { text: true });
    void ours.send(encoder.encode("behind"), { text: true });
    bytes.fill(0x78);
    await ours.close();
    await theirs.closed;
    expect(got).toEqual(["é", "é", Uint8Array.of(0xc3, 0xa9), "long".repeat(30), "behind"]);
  });

  it("refuses bytes that are no UTF-8, and options that contradict the data", async () => {
    const { ours } = await openPair();
    const wrong = Uint8Array.of(0xff);
    expect(() => ours.send(wrong, { text: true })).toThrow(
      new TypeError("data is not valid UTF-8: it cannot be sent as text"),
    );
    expect(() => ours.send("a", { text: false })).toThrow(
      new TypeError("A string is sent as text: give bytes to send binary"),
    );
    expect(() => ours.send(prepareMessage("a"), { text: true })).toThrow(
      new TypeError(
        "A prepared message is text or binary by itself: give text to prepareMessage()",
      ),
    );
    expect(() => ours.send(wrong, { text: "yes" as never })).toThrow(
      'text must be true, false or "trusted"',
    );
    await expect(ours.send("a", { text: true })).resolves.toBeUndefined();
    expect(ours.state).toBe("open");
  });
});

describe("the option newBytes", () => {
  /** Bytes of a class of one's own. */
  class Own extends Uint8Array {}

  it("makes the array of each binary message, once, for handlers and for receive()", async () => {
    const calls: unknown[] = [];
    const newBytes: NewBytes = (source, start, end, isOwned) => {
      calls.push([end - start, isOwned]);
      return Own.from(source.subarray(start, end));
    };
    const got: unknown[] = [];
    const { theirs } = await openPair({
      handlers: { message: (_, data) => void got.push(data) },
      options: { newBytes, textAs: "bytes" },
    });
    void theirs.send(Uint8Array.of(1, 2));
    void theirs.send("é");
    const writer = theirs.beginMessage({ binary: true });
    void writer.write(Uint8Array.of(3));
    void writer.write(Uint8Array.of(4));
    void writer.close();
    await theirs.close();
    expect(got).toEqual([Own.of(1, 2), Own.of(0xc3, 0xa9), Own.of(3, 4)]);
    expect(calls).toEqual([
      [2, false],
      [2, false],
      [2, true],
    ]);
    const pair = await openPair({ options: { newBytes } });
    void pair.theirs.send(Uint8Array.of(5));
    void pair.theirs.send("text");
    expect([await pair.ours.receive(), await pair.ours.receive()]).toEqual([Own.of(5), "text"]);
  });

  it("fails the connection with 1011 if it throws", async () => {
    const { ours, theirs } = await openPair({
      handlers: { message() {} },
      options: {
        newBytes() {
          throw new Error("no memory");
        },
      },
    });
    void theirs.send(Uint8Array.of(1));
    expect(await theirs.closed).toMatchObject({ status: 1011 });
    expect(await ours.closed).toMatchObject({ error: new Error("no memory") });
  });
});
