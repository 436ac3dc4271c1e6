import { describe, expect, it } from "vitest";
import { memoryPair } from "../../../adapters/memory/index.ts";
import { silent } from "../../../adapters/silent.ts";
import type { WebSocketInstance as WebSocket } from "../../../adapters/websocket/types.ts";
import { ownBytes } from "../../../adapters/websocket/socket.ts";
import { handlersOf } from "../../../adapters/websocket/web-socket.ts";
import { adoptOn } from "../../../src/connection/adopt.ts";
import { type Connection, linkOf } from "../../../src/connection/connection.ts";
import type { Link } from "../../../src/connection/link.ts";
import { FakeClock } from "../../support/fake-clock.ts";
import { macrotask } from "../../support/turns.ts";
import { closeLine, eventsOf, next, untilClosed } from "./case-kit.ts";
import { memorySockets } from "./memory-sockets.ts";

/** The error that a failure is told with. */
async function failureOf(ws: WebSocket): Promise<unknown> {
  return ((await next(ws, "error")) as { readonly error: unknown }).error;
}

describe("Socket", () => {
  it("says in the error of its event why it has failed", async () => {
    const { WebSocket } = memorySockets({ upgrade: () => ({ status: 403 }) });
    const ws = new WebSocket("ws://memory/");
    expect(await failureOf(ws)).toMatchObject({ name: "DialError", status: 403 });
  });

  it("fails with the signal's reason if it is given up before it is open", async () => {
    const { WebSocket } = memorySockets();
    const abort = new AbortController();
    const ws = new WebSocket("ws://memory/", [], { signal: abort.signal });
    const lines = untilClosed(ws);
    const failure = failureOf(ws);
    abort.abort(new Error("enough"));
    expect(await failure).toMatchObject({ message: "enough" });
    expect(await lines).toEqual(["error", 'close 1006 "" false']);
  });

  it("ignores the signal once it is open", async () => {
    const { WebSocket } = memorySockets();
    const abort = new AbortController();
    const ws = new WebSocket("ws://memory/", [], { signal: abort.signal });
    await next(ws, "open");
    abort.abort();
    await macrotask();
    expect(ws.readyState).toBe(1);
  });

  it("fails if it is closed when it is open but the `open` event has not come yet", async () => {
    const { WebSocket, accepted } = memorySockets();
    const ws = new WebSocket("ws://memory/");
    const lines = untilClosed(ws);
    await accepted;
    expect(ws.readyState).toBe(0);
    ws.close(4000);
    expect(ws.readyState).toBe(2);
    expect(await lines).toEqual(["error", 'close 1006 "" false']);
  });

  it("sees that the peer has begun to close when no message is left to deliver", async () => {
    const { WebSocket } = memorySockets();
    const [ours, theirs] = memoryPair();
    theirs.handler = silent;
    let socket!: WebSocket;
    const handlers = handlersOf(WebSocket, (made) => {
      socket = made;
    });
    adoptOn(ours, { side: "client", clock: new FakeClock() }, handlers);
    const states: number[] = [];
    const told = next(socket, "message");
    socket.onmessage = () => {
      states.push(socket.readyState);
      queueMicrotask(() => states.push(socket.readyState));
    };
    // A message and a close frame; the stream does not end.
    theirs.write(Uint8Array.of(0x81, 1, 0x61, 0x88, 0));
    await told;
    await macrotask();
    socket.send("x");
    expect([...states, socket.readyState, socket.bufferedAmount]).toEqual([1, 2, 2, 1]);
  });

  it("waits for the peer's close frame as long as closeTimeout says, and then fails", async () => {
    const { WebSocket, clock, accepted } = memorySockets();
    const ws = new WebSocket("ws://memory/", [], { closeTimeout: 5000 });
    await next(ws, "open");
    const peer = await accepted;
    // It reads nothing any more.
    (linkOf(peer) as Link).shut();
    const lines = untilClosed(ws);
    const failure = failureOf(ws);
    ws.close();
    await macrotask();
    clock.advance(10_000);
    expect(await failure).toMatchObject({ code: "CLOSE_TIMEOUT" });
    expect(await lines).toEqual(["error", 'close 1006 "" false']);
  });

  it("fails if the peer does not answer pings in time", async () => {
    const { WebSocket, clock, accepted } = memorySockets();
    const options = { pingInterval: 1000, pongTimeout: 500 };
    const ws = new WebSocket("ws://memory/", [], options);
    await next(ws, "open");
    (linkOf(await accepted) as Link).shut();
    const lines = untilClosed(ws);
    const failure = failureOf(ws);
    for (let i = 0; i < 10; i++) {
      clock.advance(500);
      await macrotask();
    }
    expect(await failure).toMatchObject({ code: "PONG_TIMEOUT" });
    expect(await lines).toEqual(["error", 'close 1006 "" false']);
  });

  it("holds the peer back if more messages have come than were delivered", async () => {
    const { WebSocket, accepted, transports } = memorySockets();
    const ws = new WebSocket("ws://memory/");
    ws.binaryType = "arraybuffer";
    await next(ws, "open");
    const peer = await accepted;
    let paused = 0;
    const transport = transports[0]!;
    const pause = transport.pause.bind(transport);
    transport.pause = () => {
      paused++;
      pause();
    };
    let received = 0;
    ws.onmessage = ({ data }) => (received += (data as ArrayBuffer).byteLength);
    const size = 100_000;
    for (let i = 0; i < 20; i++) void peer.send(new Uint8Array(size));
    void peer.close();
    await next(ws, "close");
    expect(received).toBe(20 * size);
    expect(paused).toBeGreaterThan(0);
  });

  it("sends in one write what the listeners for the messages of one chunk send", async () => {
    const { WebSocket, accepted, transports } = memorySockets({ message() {} });
    const ws = new WebSocket("ws://memory/");
    await next(ws, "open");
    const peer: Connection = await accepted;
    const transport = transports[0]!;
    const writes: number[] = [];
    const write = transport.write.bind(transport);
    transport.write = (bytes) => {
      writes.push(bytes.length);
      return write(bytes);
    };
    let told = 0;
    ws.onmessage = async ({ data }) => {
      ws.send(data as string);
      // And in the microtasks behind it.
      await null;
      ws.send(data as string);
      told++;
    };
    for (let i = 0; i < 10; i++) void peer.send("0123456789");
    while (told < 10) await macrotask();
    // Each frame has a header of 2 bytes and a mask of 4.
    expect(writes.reduce((sum, one) => sum + one, 0)).toBe(20 * 16);
    expect(writes.length).toBeLessThanOrEqual(2);
  });

  it("fails if more is unsent than allowed, and still counts it as buffered", async () => {
    const { WebSocket, transports } = memorySockets();
    const ws = new WebSocket("ws://memory/", [], { maxBufferedAmount: 1000 });
    await next(ws, "open");
    // It takes nothing any more.
    transports[0]!.write = () => false;
    const lines = untilClosed(ws);
    const failure = failureOf(ws);
    ws.send(new Uint8Array(900));
    ws.send(new Uint8Array(200));
    expect(await failure).toMatchObject({ code: "TOO_MUCH_BUFFERED" });
    expect(await lines).toEqual(["error", 'close 1006 "" false']);
    expect(ws.bufferedAmount).toBe(1100);
  });

  it("delivers messages that came before the connection broke", async () => {
    const { WebSocket, accepted } = memorySockets();
    const ws = new WebSocket("ws://memory/");
    const lines = eventsOf(ws);
    await next(ws, "open");
    const peer = await accepted;
    await peer.send("last");
    await macrotask();
    peer.terminate();
    const event = await next(ws, "close");
    expect(closeLine(event)).toBe('close 1006 "" false');
    expect(lines).toEqual(["open", "message last", "error", 'close 1006 "" false']);
  });
});

describe("ownBytes()", () => {
  it("copies a range into an ArrayBuffer of its own", () => {
    const source = new Uint8Array([1, 2, 3, 4, 5, 6]).subarray(1);
    const bytes = ownBytes(source, 1, 3, false);
    source.fill(9);
    expect(bytes).toEqual(Uint8Array.of(3, 4));
    expect(bytes.buffer.byteLength).toBe(2);
  });

  it("does not copy bytes that are its own", () => {
    const source = Uint8Array.of(1, 2, 3);
    expect(ownBytes(source, 0, 3, true).buffer).toBe(source.buffer);
  });
});
