import { describe, expect, it } from "vitest";
import { encodeUtf8 } from "../../src/bytes.ts";
import { addTraffic, countersOf } from "../../src/connection/counters.ts";
import type { Connection } from "../../src/connection/connection.ts";
import type { TracedFrame } from "../../src/connection/options.ts";
import { Traffic } from "../../src/endpoint/traffic.ts";
import { text } from "../support/frames.ts";
import { upgradeRequest } from "../support/peer.ts";
import { testServer } from "../support/server.ts";
import { macrotask } from "../support/turns.ts";

const none = { messages: 0, payload: 0, frames: 0, bytes: 0, ratio: 0 };

describe("countersOf()", () => {
  it("copies the counts, and adds the ratio", () => {
    const traffic = new Traffic();
    expect(countersOf(traffic)).toEqual(none);
    Object.assign(traffic, { messages: 2, payload: 300, frames: 3, bytes: 120 });
    const counters = countersOf(traffic);
    expect(counters).toEqual({ messages: 2, payload: 300, frames: 3, bytes: 120, ratio: 2.5 });
    traffic.messages++;
    expect(counters.messages).toBe(2);
  });
});

describe("addTraffic()", () => {
  it("adds each number to its own sum", () => {
    const sum = new Traffic();
    for (let count = 0; count < 2; count++) {
      addTraffic(
        sum,
        Object.assign(new Traffic(), { messages: 1, payload: 2, frames: 3, bytes: 4 }),
      );
    }
    expect(sum).toMatchObject({ messages: 2, payload: 4, frames: 6, bytes: 8 });
  });
});

describe("the counters of a connection", () => {
  it("begin at 0", async () => {
    const { open } = testServer();
    const { ws } = await open();
    expect(ws.counters).toEqual({
      received: none,
      sent: none,
      queued: 0,
      dropped: 0,
      roundTripTime: undefined,
    });
  });

  it("count messages, their bytes, frames and the bytes on the wire, each way", async () => {
    const { open } = testServer({ message: (ws) => ws.send("four") });
    const { peer, ws } = await open();
    peer.text("Hello"); // 2 + 4 + 5 bytes
    peer.send(
      text("Hel", { masked: true, fin: false }),
      new Uint8Array([0x80, 0x82, 0, 0, 0, 0, 108, 111]),
    );
    await macrotask();
    void ws.send(new Uint8Array(3));
    await ws.ping("ab");
    await peer.seen("ping ab");
    await macrotask();
    const bytes = 11 + 9 + 8 + 8; // and the pong
    expect(ws.counters).toMatchObject({
      received: { messages: 2, payload: 10, frames: 4, bytes, ratio: 10 / bytes },
      sent: { messages: 3, payload: 11, frames: 4, bytes: 6 + 6 + 5 + 4, ratio: 11 / 21 },
    });
    peer.close(1000);
    await ws.closed;
    expect(ws.counters).toMatchObject({
      received: { frames: 5, bytes: bytes + 8 },
      sent: { frames: 5, bytes: 21 + 4 },
    });
  });

  it("say how much waits for the network", async () => {
    const { connect, server } = testServer();
    const { peer } = connect(10);
    peer.send(upgradeRequest());
    await peer.seen("open");
    const [ws] = server.connections;
    peer.transport.pause();
    for (let count = 0; count < 2; count++) {
      void ws!.send(new Uint8Array(100)); // the first one is with the peer
      await macrotask();
    }
    expect(ws!.counters.queued).toBe(ws!.bufferedAmount);
    expect(ws!.counters.queued).toBe(102);
    expect(server.counters.queued).toBe(ws!.counters.queued);
  });

  it("say how many messages were dropped, those of slow receivers included", async () => {
    const options = { overflow: "drop", maxBufferedAmount: 150, highWaterMark: 10 } as const;
    const { connect, server } = testServer({}, options);
    const { peer, transport } = connect(10);
    peer.send(upgradeRequest());
    await peer.seen("open");
    const [ws] = server.connections;
    peer.transport.pause();
    for (let count = 0; count < 4; count++) {
      ws!.send(new Uint8Array(100)).catch(() => {});
      await macrotask();
    }
    const { dropped } = ws!.counters;
    expect(dropped).toBeGreaterThan(0);
    server.broadcast("one more", { slow: "drop" });
    expect(ws!.counters.dropped).toBe(dropped + 1);
    transport.destroy();
    await ws!.closed;
    expect(server.counters.dropped).toBe(dropped + 1);
  });
});

describe("the counters of a server", () => {
  it("are sums over all connections, those included that are over", async () => {
    const { open, server } = testServer({ message: (ws, data) => ws.send(data) });
    const opened = [await open(), await open(), await open()];
    for (const { peer } of opened) {
      peer.text("Hello");
      await peer.seen("text Hello");
    }
    const { received, sent } = server.counters;
    expect(received).toEqual({ messages: 3, payload: 15, frames: 3, bytes: 33, ratio: 15 / 33 });
    expect(sent).toEqual({ messages: 3, payload: 15, frames: 3, bytes: 21, ratio: 15 / 21 });
    opened[0]!.peer.close(1000);
    opened[1]!.transport.destroy();
    await opened[0]!.ws.closed;
    await opened[1]!.ws.closed;
    expect(server.counters).toMatchObject({
      open: 1,
      opening: 0,
      opened: 3,
      refused: 0,
      received: { messages: 3, payload: 15, frames: 4, bytes: 33 + 8 },
      sent: { messages: 3, payload: 15, frames: 4, bytes: 21 + 4 },
    });
    await server.shutdown();
    expect(server.counters).toMatchObject({
      open: 0,
      received: { frames: 5 },
      sent: { frames: 5 },
    });
  });

  it("count openings, and those that were refused", async () => {
    const { connect, server } = testServer();
    const { peer } = connect();
    expect(server.counters).toMatchObject({ opening: 1, opened: 0 });
    peer.send(encodeUtf8("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"));
    await peer.seen("closed");
    await macrotask();
    expect(server.counters).toMatchObject({ open: 0, opening: 0, opened: 0, refused: 1 });
  });
});

describe("the option trace", () => {
  it("is called for each frame, either way, with its connection", async () => {
    const frames: [Connection, TracedFrame][] = [];
    const { open } = testServer(
      { message: (ws) => ws.send("no") },
      { trace: (connection, frame) => frames.push([connection, frame]) },
    );
    const { peer, ws } = await open();
    peer.text("Hello");
    await peer.seen("text no");
    peer.close(1000);
    await ws.closed;
    expect(frames.map(([connection]) => connection)).toEqual([ws, ws, ws, ws]);
    expect(frames.map(([, frame]) => frame)).toEqual([
      { direction: "received", fin: true, rsv: 0, opcode: 1, masked: true, length: 5 },
      { direction: "sent", fin: true, rsv: 0, opcode: 1, masked: false, length: 2 },
      { direction: "received", fin: true, rsv: 0, opcode: 8, masked: true, length: 2 },
      { direction: "sent", fin: true, rsv: 0, opcode: 8, masked: false, length: 2 },
    ]);
  });

  it("sees a frame that is refused", async () => {
    const frames: TracedFrame[] = [];
    const { open } = testServer({}, { trace: (_, frame) => frames.push(frame) });
    const { peer, ws } = await open();
    peer.send(text("Hello")); // not masked
    await ws.closed;
    expect(frames[0]).toMatchObject({ direction: "received", masked: false, length: 5 });
  });

  it("changes nothing if it throws", async () => {
    const { open, lines } = testServer(
      { message: (ws, data) => ws.send(data) },
      {
        trace() {
          throw new Error("log is full");
        },
      },
    );
    const { peer } = await open();
    peer.text("Hello");
    await peer.seen("text Hello");
    peer.close(1000);
    await peer.seen("closed");
    expect(lines).toEqual(["open", "message Hello", "close 1000 clean peer"]);
  });
});
