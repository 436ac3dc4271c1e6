import { describe, expect, it } from "vitest";
import type { Connection } from "../../src/connection/connection.ts";
import { ClosedError, LimitError, TimeoutError } from "../../src/errors.ts";
import { upgradeRequest } from "../support/peer.ts";
import { macrotask } from "../support/turns.ts";
import { testServer } from "../support/server.ts";

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

  it("rejects and drops the connection where too much is unsent", async () => {
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

  it("takes one message of any size where nothing is unsent", async () => {
    const { open } = testServer({}, { maxBufferedAmount: 1000 });
    const { peer, ws } = await open();
    await ws.send(new Uint8Array(100_000));
    await peer.seen("binary 100000 bytes");
  });

  it("rejects with how the connection ended when it has", async () => {
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

  it("gives those who wait the end of a connection that is lost", async () => {
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

  it("drops a peer that does not answer at closeTimeout", async () => {
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

  it.each([0, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000, 1000.5])(
    "refuses status %d",
    async (status) => {
      const { open } = testServer();
      const { ws } = await open();
      expect(() => ws.close(status)).toThrow(RangeError);
      expect(ws.state).toBe("open");
    },
  );

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

  it("ends a connection whose handler never ends", async () => {
    const { open, lines } = testServer({ message: () => new Promise(() => {}) });
    const { peer, ws, transport } = await open();
    peer.text("one");
    await macrotask();
    transport.reset(new Error("ECONNRESET"));
    await macrotask();
    expect(lines).toEqual(["open", "message one"]);
    ws.terminate();
    await ws.closed;
    expect(lines).toEqual(["open", "message one", "close 1006 unclean local"]);
  });

  it("inside a message ends delivery", async () => {
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

  it("sends nothing behind its close frame, also where a pong was kept back", async () => {
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

  it("answers the last ping alone while much is unsent", async () => {
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

  it("closes by await using", async () => {
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
