import { describe, expect, it } from "vitest";
import type { WebSocketInstance as WebSocket } from "../../../adapters/websocket/types.ts";
import { newDeferred } from "../../../src/deferred.ts";
import { macrotask } from "../../support/turns.ts";
import { next, untilClosed } from "./case-kit.ts";
import { memorySockets } from "./memory-sockets.ts";

/** A Blob whose bytes are there when the test says so. */
function slowBlob(size: number): {
  readonly blob: Blob;
  give(): void;
  fail(error: unknown): void;
} {
  const bytes = newDeferred<ArrayBuffer>();
  const blob = new Blob([new Uint8Array(size)]);
  blob.arrayBuffer = () => bytes.promise;
  return {
    blob,
    give: () => bytes.resolve(new ArrayBuffer(size)),
    fail: bytes.reject,
  };
}

/** Opens a WebSocket; `lines` are what its server sees. */
async function open(): Promise<{ ws: WebSocket; lines: string[]; closePeer(): void }> {
  const lines: string[] = [];
  const { WebSocket, accepted } = memorySockets({
    message: (_, data) => void lines.push(typeof data === "string" ? data : `${data.length} bytes`),
    close: (_, { status }) => void lines.push(`close ${status}`),
  });
  const ws = new WebSocket("ws://memory/");
  await next(ws, "open");
  const peer = await accepted;
  return { ws, lines, closePeer: () => void peer.close(4000) };
}

describe("Outgoing", () => {
  it("keeps what follows a Blob until the Blob's bytes are there, whichever Blob is ready first", async () => {
    const { ws, lines } = await open();
    const [first, second] = [slowBlob(1), slowBlob(2)];
    ws.send("a");
    ws.send(first.blob);
    ws.send("b");
    ws.send(second.blob);
    ws.send("c");
    second.give();
    await macrotask();
    const before = [...lines];
    first.give();
    await macrotask();
    expect(before).toEqual(["a"]);
    expect(lines).toEqual(["a", "1 bytes", "b", "2 bytes", "c"]);
    await macrotask();
    expect(ws.bufferedAmount).toBe(0);
  });

  it("closes after a Blob has left", async () => {
    const { ws, lines } = await open();
    const { blob, give } = slowBlob(5);
    ws.send(blob);
    ws.close(4001);
    ws.send("too late");
    await macrotask();
    expect(lines).toEqual([]);
    give();
    await next(ws, "close");
    expect(lines).toEqual(["5 bytes", "close 4001"]);
    expect(ws.bufferedAmount).toBe("too late".length);
  });

  it("fails if the bytes of a Blob cannot be read, and still counts them as buffered", async () => {
    const { ws, lines } = await open();
    const { blob, fail } = slowBlob(5);
    ws.send(blob);
    ws.send("behind");
    const closed = untilClosed(ws);
    fail(new Error("gone"));
    expect(await closed).toEqual(["error", 'close 1006 "" false']);
    expect(lines).toEqual(["close 1011"]);
    expect(ws.bufferedAmount).toBe(11);
  });

  it("fails if a Blob throws when it is asked", async () => {
    const { ws } = await open();
    const blob = new Blob(["a"]);
    blob.arrayBuffer = () => {
      throw new Error("no Blob");
    };
    const closed = untilClosed(ws);
    ws.send(blob);
    expect(await closed).toEqual(["error", 'close 1006 "" false']);
  });

  it("still counts what waits behind a Blob as buffered when the peer closes", async () => {
    const { ws, lines, closePeer } = await open();
    const { blob, give } = slowBlob(5);
    ws.send(blob);
    ws.send("abc");
    closePeer();
    await next(ws, "close");
    give();
    await macrotask();
    expect(lines).toEqual(["close 4000"]);
    expect(ws.bufferedAmount).toBe(8);
  });

  it("ignores a Blob that fails when all is over", async () => {
    const { ws, closePeer } = await open();
    const { blob, fail } = slowBlob(5);
    ws.send(blob);
    closePeer();
    await next(ws, "close");
    fail(new Error("gone"));
    await macrotask();
    expect(ws.readyState).toBe(3);
  });
});
